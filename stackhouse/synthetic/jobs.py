"""Jobs of a made account: when each runs, how long, on which compute, and how its runs end."""

import numpy as np
from numpy.typing import NDArray

from stackhouse.synthetic.account_parameters import AccountParameters
from stackhouse.synthetic.skus import ALL_PURPOSE, JOBS, SERVERLESS

DAY = 86_400

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Job:
    """Runs of one job: start and end in seconds since the first day's midnight, and how each ended."""

    def __init__(self, parameters: AccountParameters, workspace: int, number: int, kind: str, rng: np.random.Generator) -> None:
        self.id, self.kind = str(100 + number), kind
        sku = str(rng.choice([JOBS, SERVERLESS, ALL_PURPOSE], p=[0.5, 0.3, 0.2]))
        self.dbu_an_hour = float(rng.uniform(2, 12))
        days = np.arange(parameters.days)
        weekday = (days + parameters.first_day.weekday()) % 7
        creep = _creep(parameters.days, rng) if kind == "creeping" else np.zeros(parameters.days)
        failing = _probability(kind, weekday, creep, rng)
        a_day = int(rng.integers(1, 5))
        running = (
            np.flatnonzero(weekday < 5) if number and rng.random() < 0.2 else days
        )  # the first job leaves no day of its workspace empty
        day = np.repeat(running, a_day)
        slot = np.tile(np.arange(a_day), len(running)) * (DAY // a_day)
        self.start = (day * DAY + slot + int(rng.integers(0, DAY // a_day - 600)) + rng.integers(0, 600, len(day))).astype(np.int64)
        failed = rng.random(len(day)) < failing[day]
        minutes = float(rng.uniform(4, 40)) * float(rng.choice([1, 1, 4])) * (1 + creep[day]) * np.exp(rng.normal(0, 0.1, len(day)))
        shortened = rng.uniform(0.5, 1.0, len(day)) if kind != "creeping" else 1.0  # what has become too slow fails at its end
        minutes = np.where(failed, minutes * shortened, minutes)
        self.end = self.start + np.maximum(30, minutes * 60).astype(np.int64)
        self.skus = np.where(_on_serverless(parameters, workspace, number)[day], SERVERLESS, sku)
        aside = rng.random(len(day))
        self.state = np.where(failed, np.where(aside < 0.1, "TIMED_OUT", "FAILED"), np.where(aside < 0.005, "CANCELLED", "SUCCEEDED"))


def _on_serverless(parameters: AccountParameters, workspace: int, number: int) -> NDArray[np.bool_]:
    """On which days a job has moved to serverless compute, shape (days,). Drawn apart, so that all else stays what it is without moves."""
    rng = np.random.default_rng([parameters.seed, workspace, number])
    days, moves, returns = np.arange(parameters.days), rng.random() < parameters.serverless_moves, rng.random() < 1 / 3
    moved_at = int(rng.integers(0, parameters.days))
    stays = int(rng.integers(14, 43)) if returns else parameters.days
    on_serverless: NDArray[np.bool_] = moves & (days >= moved_at) & (days < moved_at + stays)
    return on_serverless


def _creep(days: int, rng: np.random.Generator) -> Floats:
    """How much longer runs take on each day, as a share: it grows by 5 % a day until the job is repaired, three to five weeks later."""
    share, age, repaired_at = np.zeros(days), int(rng.integers(0, 20)), int(rng.integers(21, 35))
    for day in range(days):
        share[day] = 0.05 * age
        age = age + 1 if age < repaired_at else 0
    return share


def _probability(kind: str, weekday: Ints, creep: Floats, rng: np.random.Generator) -> Floats:
    """Probability that a run of each day fails, shape (days,)."""
    usual = 0.02 if kind != "flaky" else float(rng.uniform(0.15, 0.35))
    probability = np.full(len(weekday), usual)
    if kind == "flaky":
        probability = np.where(weekday == 0, np.minimum(0.9, usual * 2.5), probability)
    probability = np.where(creep > 0.8, np.minimum(0.8, probability + (creep - 0.8) * 1.5), probability)
    incident = False
    for day in range(len(weekday)):
        incident = bool(rng.random() < (0.7 if incident else 0.02))
        if incident:
            probability[day] = max(probability[day], 0.8)
    return probability
