"""(a) The whole training process against the same work written by hand (`floor.py`), in fresh processes that take turns."""

import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

REPETITIONS = 3
TIMEOUT_SECONDS = 600
SPREAD = 1.25
TABLES = Path("feature_store/dev/flights")
PROJECT = Path(__file__).resolve().parents[1]
EXIT = "interpreter exit"


@dataclass(frozen=True)
class Process:
    """One timed process: wall-clock and CPU seconds, seconds by phase, and the metrics that it left in MLflow."""

    wall: float
    cpu: float
    phases: dict[str, float]
    metrics: dict[str, float]


def compare(folder: Path) -> None:
    """Measure both sides and print them.

    Raises:
        RuntimeError: where the two sides do not log equal metrics; they would not have done the same work.
    """
    folder.mkdir()
    home, template, floor = folder / "home", folder / "template", folder / "floor"
    environment = _environment(home)
    _child(["benchmarks.pipeline", "prepare"], environment)
    home.rename(template)
    ours: list[Process] = []
    theirs: list[Process] = []
    for _ in range(REPETITIONS + 1):  # the first of each fills the page cache and is not counted
        ours.append(_measure(lambda report: ["benchmarks.pipeline", "train", report], home, template, environment))
        tables, place = str(template / TABLES), str(floor)
        theirs.append(_measure(lambda report: ["benchmarks.floor", tables, place, report], floor, template / "artifacts", environment))  # noqa: B023
    ours, theirs = ours[1:], theirs[1:]
    _require_equal(ours[-1].metrics, theirs[-1].metrics)
    _print(ours, theirs)


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the user's ZenML or MLflow reaches the processes, and nothing of theirs leaves the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_", "STACKHOUSE_"))}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "ZENML_ANALYTICS_OPT_IN": "false"}
    return kept | quiet | {"ZENML_CONFIG_PATH": str(home / "zenml"), "STACKHOUSE_HOME": str(home)}


def _measure(command: Callable[[str], list[str]], place: Path, template: Path, environment: dict[str, str]) -> Process:
    """Put a fresh copy of what was prepared in place, run the process, and clean up."""
    report = place.with_suffix(".json")
    if template.name == "artifacts":
        place.mkdir()
        shutil.copy(template / "mlflow.db", place)
        database = place / "mlflow.db"
    else:
        shutil.copytree(template, place)
        database = place / "artifacts" / "mlflow.db"
    os.sync()
    cpu, started = _cpu_seconds(), time.time()
    _child([*command(str(report)), str(started)], environment)
    ended = time.time()
    phases = json.loads(report.read_text(encoding="utf-8"))
    phases[EXIT] = ended - started - sum(phases.values())
    found = Process(ended - started, _cpu_seconds() - cpu, phases, _metrics(database))
    shutil.rmtree(place)
    return found


def _child(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT,
        env=environment,
        timeout=TIMEOUT_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} left with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _metrics(database: Path) -> dict[str, float]:
    connection = sqlite3.connect(database)
    try:
        return dict(connection.execute("SELECT key, value FROM latest_metrics"))
    finally:
        connection.close()


def _require_equal(ours: dict[str, float], theirs: dict[str, float]) -> None:
    different = sorted(name for name, value in theirs.items() if abs(ours.get(name, 1e9) - value) > 1e-12)
    if different or not theirs:
        shown = {name: (ours.get(name), theirs.get(name)) for name in different}
        raise RuntimeError(f"the two sides log different metrics: {shown}")


def _print(ours: list[Process], theirs: list[Process]) -> None:
    def middle(values: Iterable[float]) -> float:
        return statistics.median(values)

    wall, floor = middle(run.wall for run in ours), middle(run.wall for run in theirs)
    cpu, floor_cpu = middle(run.cpu for run in ours), middle(run.cpu for run in theirs)
    print(f"\n(a) training: the whole process, median of {REPETITIONS} alternating runs of each")
    print("    Fresh processes; ZenML's and MLflow's databases are created and migrated beforehand (not part of training)")
    print("    and fresh copies each time, so nothing is served from the cache. What the script measures, both sides log alike (checked);")
    print("    Stackhouse also looks for leaks, explains the model, and logs intervals, losses and figures.")
    print(f"    {'':<44}{'Stackhouse':>12}{'by hand':>12}{'ratio':>9}")
    print(f"    {'wall clock, median, s':<44}{wall:>12.2f}{floor:>12.2f}{wall / floor:>8.2f}×   aim: 2.0× or less")
    best, floor_best = min(run.wall for run in ours), min(run.wall for run in theirs)
    print(f"    {'wall clock, best, s':<44}{best:>12.2f}{floor_best:>12.2f}{best / floor_best:>8.2f}×")
    print(f"    {'CPU, median, s':<44}{cpu:>12.2f}{floor_cpu:>12.2f}{cpu / floor_cpu:>8.2f}×")
    runs = "  ".join(f"{run.wall:.2f}/{other.wall:.2f}" for run, other in zip(ours, theirs, strict=True))
    print(f"    {'each run, s':<44}{runs}")
    if any(max(run.wall for run in side) > SPREAD * min(run.wall for run in side) for side in (ours, theirs)):
        print(f"    Runs of one side differ by more than {SPREAD - 1:.0%}: other work was in the way. The median says little;")
        print("    the best runs come nearer to the truth. Repeat on an idle machine before quoting either.")
    print("\n    where the seconds go (medians)")
    names = {name: None for run in (*theirs, *ours) for name in run.phases}
    rows = {
        name: (middle(run.phases.get(name, 0.0) for run in ours), middle(run.phases.get(name, 0.0) for run in theirs)) for name in names
    }
    shared = [name for name, (_, by_hand) in rows.items() if by_hand]
    added = sorted((name for name in rows if name not in shared), key=lambda name: -rows[name][0])
    for name in (*shared, *added):
        mine, by_hand = rows[name]
        print(f"    {name:<44}{mine:>12.2f}{by_hand:>12.2f}" if by_hand else f"    {name:<44}{mine:>12.2f}{'–':>12}")
