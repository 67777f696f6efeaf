"""What promotion promises, by simulation: a challenger that is better by noise is not promoted in 95 of 100 cases, a truly better one is.

Both models of a case share most of what they know of a row, and err beside that each for itself. The seeds are fixed.
"""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from stackhouse.evaluation.predicted import Predicted
from stackhouse.promotion.evidence import Evidence, gather
from stackhouse.promotion.rule import PromotionRule
from stackhouse.tasks import TASKS

CASES = 100
ROWS = 240
DAYS = np.arange(1600) // 40
BINARY, REGRESSION = TASKS["binary_classification"], TASKS["regression"]
Pair = tuple[Predicted, Predicted]


def classifiers(draw: np.random.Generator, gain: float) -> Pair:
    """Probabilities of class 1; the challenger's signal is stronger by the gain."""
    y, shared = draw.integers(0, 2, ROWS), draw.normal(0, 1, ROWS)
    signals = (y * (1 + more) + shared + draw.normal(0, 0.5, ROWS) - 0.5 for more in (gain, 0.0))
    scores = [1 / (1 + np.exp(-signal)) for signal in signals]
    challenger, champion = (Predicted(BINARY, y, one, BINARY.answer(one, 0.5), ("y",)) for one in scores)
    return challenger, champion


def regressions(draw: np.random.Generator, gain: float, days: np.ndarray | None = None) -> Pair:
    """Numbers; the challenger errs by a share less. With days, half of an error is the same for all rows of a day."""
    rows = ROWS if days is None else len(days)
    y, shared = draw.normal(0, 2, rows), draw.normal(0, 1, rows)
    whole = np.zeros((2, rows)) if days is None else draw.normal(0, 1, (2, days[-1] + 1))[:, days]
    told = [y + (1 - less) * (shared + draw.normal(0, 1, rows) + whole[one]) for one, less in enumerate((gain, 0.0))]
    challenger, champion = (Predicted(REGRESSION, y, one, one, ("y",)) for one in told)
    return challenger, champion


def regressions_of_days(draw: np.random.Generator, gain: float) -> Pair:
    return regressions(draw, gain, DAYS)


KINDS = [
    pytest.param(classifiers, "roc_auc", None, id="roc_auc of rows"),
    pytest.param(classifiers, "f1", None, id="f1 of rows"),
    pytest.param(regressions, "rmse", None, id="rmse of rows"),
    pytest.param(regressions_of_days, "rmse", DAYS, id="rmse of days"),
]
TRUE_GAINS = {classifiers: 1.0, regressions: 0.3, regressions_of_days: 0.3}


def cases(kind: Callable[[np.random.Generator, float], Pair], metric: str, days: np.ndarray | None, gain: float) -> Iterator[Evidence]:
    draw, seed = np.random.default_rng(2026), 0
    while True:
        rule = PromotionRule(metric=metric, resamples=300, seed=seed)
        yield gather(*kind(draw, gain), {}, days, rule)
        seed += 1


@pytest.mark.parametrize(("kind", "metric", "days"), KINDS)
def test_challenger_that_is_better_by_noise_is_not_promoted_in_95_of_100_cases(
    kind: Callable[[np.random.Generator, float], Pair], metric: str, days: np.ndarray | None
) -> None:
    """Both are equally good, and in half of the cases the challenger comes out better."""
    drawn = cases(kind, metric, days, gain=0.0)
    found = [next(drawn) for _ in range(CASES)]
    assert 35 <= sum(one.improvement > 0 for one in found) <= 65
    assert sum(one.convincing for one in found) <= 5


@pytest.mark.parametrize(("kind", "metric", "days"), KINDS[2:])
def test_of_those_alone_that_come_out_better_by_noise_one_in_twenty_is_promoted_in_the_long_run(
    kind: Callable[[np.random.Generator, float], Pair], metric: str, days: np.ndarray | None
) -> None:
    drawn = cases(kind, metric, days, gain=0.0)
    lucky = [one for one in (next(drawn) for _ in range(800)) if one.improvement > 0]
    assert sum(one.convincing for one in lucky) / len(lucky) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(("kind", "metric", "days"), KINDS)
def test_truly_better_challenger_is_promoted_in_95_of_100_cases(
    kind: Callable[[np.random.Generator, float], Pair], metric: str, days: np.ndarray | None
) -> None:
    drawn = cases(kind, metric, days, TRUE_GAINS[kind])
    assert sum(next(drawn).convincing for _ in range(CASES)) >= 95


def test_without_whole_days_noise_would_be_promoted_often() -> None:
    """The same pairs judged by rows: days that went well for the challenger look like proof."""
    drawn = cases(regressions_of_days, "rmse", None, 0.0)
    assert sum(next(drawn).convincing for _ in range(CASES)) >= 10


def test_larger_least_improvement_is_not_reached_by_a_small_true_one() -> None:
    draw = np.random.default_rng(3)
    pair = regressions(draw, 0.3)
    assert gather(*pair, {}, None, PromotionRule(metric="rmse", resamples=400)).convincing
    assert not gather(*pair, {}, None, PromotionRule(metric="rmse", resamples=400, min_effect=1.0)).convincing
