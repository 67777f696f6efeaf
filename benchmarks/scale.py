"""(f) Scale: the flights many times over through `feature_engineering`, and the engines against code written by hand.

Each copy of the flights has routes of its own, so features grow as flights do. Every measurement is a fresh process that says how
long it took and how much memory it held; this one only starts them, so that what it holds is in none of the numbers.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.memory import forget_peak, memory_gib, peak_gib

PROJECT = Path(__file__).resolve().parents[1]
COPIES = (1, 10, 100)
LIMIT_GIB, CORES = 6.0, 2
REPETITIONS = {1: 3, 10: 2}
"""How often each size is measured; the others once."""
SHARE_OF_MEMORY = 0.5
"""A contestant that is estimated to need more of the machine's memory than this is left out."""
TOLERANCE = 1e-9
TIMEOUT_SECONDS = 3600
OURS, HAND = ("polars", "duckdb", "pandas"), ("polars", "duckdb", "pandas")
NAMES = {"polars": "Polars", "duckdb": "DuckDB", "pandas": "pandas"}
KEYS = {"features": ("origin", "dest", "known_at"), "labels": ("origin", "dest", "label_time")}


@dataclass(frozen=True)
class PipelineRun:
    """A run of the pipeline: flights in, feature rows out, and seconds and the largest resident memory, of all and by step."""

    flights: int
    feature_rows: int
    wall: float
    steps: dict[str, dict[str, float]]
    peak_gib: float

    @property
    def step_seconds(self) -> float:
        """Seconds of all steps together, without the interpreter, imports and what lies between steps."""
        return sum(step["seconds"] for step in self.steps.values())


@dataclass(frozen=True)
class Computed:
    """What one contestant took for one size; `failure` says why there is nothing."""

    seconds: float = math.nan
    peak_gib: float = math.nan
    failure: str = ""
    left_out: bool = False


def compare(folder: Path, copies: tuple[int, ...] = COPIES) -> None:
    """Measure the pipeline and the engines and print both.

    Raises:
        RuntimeError: where a run of the pipeline fails.
        SystemExit: after everything is printed, where an aim is missed, or a contestant fails or computes something else.
    """
    folder.mkdir(parents=True)
    environment = _environment(folder / "home")
    flights = _run(["flights", folder / "flights", max(copies)], environment, folder)["rows"]
    sources = {number: _linked(folder, number) for number in copies}
    largest = f"{flights * max(copies):,}"
    print(f"\n(f) scale: the {flights:,} flights up to {max(copies)} times ({largest}), distinct routes, {CORES} cores, fresh processes")
    missed = _grow(folder, sources, environment)
    missed += _engines(folder, sources, environment, flights)
    if missed:
        sys.exit("\n".join(["", *(f"Missed: {what}" for what in missed)]))


def _grow(folder: Path, sources: dict[int, Path], environment: dict[str, str]) -> list[str]:
    """Run the pipeline once for each size; return what was missed."""
    template, home = folder / "template", folder / "home"
    _run(["stack"], environment, folder)
    home.rename(template)
    runs = []
    for number, source in sources.items():
        _copy(template, home)
        model = folder / f"model_{number}.json"
        started = time.time()
        found = _run(["pipeline", source, model], environment, folder)
        runs.append(PipelineRun(wall=time.time() - started, **found))
        _remove(home)
    return _print_growth(runs)


def _print_growth(runs: list[PipelineRun]) -> list[str]:
    print("\n    The pipeline feature_engineering: load, compute, clean, validate, write; a new home each time, so nothing is cached")
    print(f"    {'flights':<28}" + "".join(f"{run.flights:>20,}" for run in runs))
    print(f"    {'rows of the feature table':<28}" + "".join(f"{run.feature_rows:>20,}" for run in runs))
    print(f"    {'whole process, s':<28}" + "".join(f"{run.wall:>20.1f}" for run in runs))
    print(f"    {'all steps, s':<28}" + "".join(f"{run.step_seconds:>20.1f}" for run in runs))
    rates = [1e6 * run.step_seconds / run.flights for run in runs]
    print(f"    {'steps, s a million flights':<28}" + "".join(f"{rate:>20.2f}" for rate in rates) + "   aim: not growing")
    print(f"    {'largest resident, GiB':<28}" + "".join(f"{run.peak_gib:>20.2f}" for run in runs) + f"   aim: below {LIMIT_GIB:g}")
    print("    by step: seconds, and the largest resident memory while it ran, GiB")
    for name in runs[0].steps:
        cells = (f"{run.steps[name]['seconds']:>12.1f}{run.steps[name]['peak_gib']:>8.2f}" for run in runs)
        print(f"      {name:<26}" + "".join(cells))
    missed = [
        f"{run.flights:,} flights held {run.peak_gib:.2f} GiB, in step {max(run.steps, key=lambda name: run.steps[name]['peak_gib'])}"
        for run in runs
        if run.peak_gib >= LIMIT_GIB
    ]
    for before, after in pairwise(runs):
        more, longer = after.flights / before.flights, after.step_seconds / before.step_seconds
        print(
            f"    {after.flights:,} flights are {more:g} times {before.flights:,}: {longer:.1f} times the seconds   aim: {more:g} or less"
        )
        if longer > more:
            missed.append(f"{more:g} times the flights took {longer:.1f} times the seconds")
    return missed


def _engines(folder: Path, sources: dict[int, Path], environment: dict[str, str], flights: int) -> list[str]:
    """Measure every contestant for every size and print them; return what was missed."""
    contestants = [("ours", name) for name in OURS] + [("hand", name) for name in HAND]
    measured: dict[int, dict[tuple[str, str], Computed]] = {}
    for number, source in sources.items():
        measured[number] = _measure(contestants, folder, source, environment, number, measured)
    repeated = ", ".join(f"{REPETITIONS.get(number, 1)} at {number}×" for number in sources)
    print("\n    Features and labels, Parquet to Parquet (zstd): seconds of the work without imports, the best where a size is")
    print(f"    measured repeatedly ({repeated}); largest resident memory, GiB; seconds to those of the fastest.")
    print("    Compared with ours on Polars: every value at 1×; beyond, all keys and the sums of every column, to 1e-9.")
    print(f"    {'':<28}" + "".join(f"{f'{flights * number:,} flights':>28}" for number in sources))
    for contestant in contestants:
        print(f"    {_title(contestant):<28}" + "".join(_cell(measured[number], contestant) for number in sources))
    for number in sources:
        for contestant, found in measured[number].items():
            if found.failure:
                print(f"    {_title(contestant)} at {number}×: {found.failure}")
    broken = [
        f"{_title(contestant)} at {number}× {found.failure}"
        for number in sources
        for contestant, found in measured[number].items()
        if found.failure and not found.left_out
    ]
    return broken + _choose(measured[max(sources)], max(sources))


def _title(contestant: tuple[str, str]) -> str:
    side, name = contestant
    return f"{'Stackhouse on' if side == 'ours' else 'by hand:'} {NAMES[name]}"


def _measure(
    contestants: list[tuple[str, str]],
    folder: Path,
    source: Path,
    environment: dict[str, str],
    number: int,
    before: dict[int, dict[tuple[str, str], Computed]],
) -> dict[tuple[str, str], Computed]:
    """Take turns, so that a slow moment of the machine meets all; what the first round wrote is compared with ours on Polars."""
    best: dict[tuple[str, str], Computed] = {}
    expected = folder / "expected"
    for turn in range(REPETITIONS.get(number, 1)):
        for contestant in contestants:
            if turn and best[contestant].failure:
                continue
            if not turn and (needed := _estimate(contestant, number, before)) > SHARE_OF_MEMORY * memory_gib():
                rule = f"more than {SHARE_OF_MEMORY:.0%} of this machine's {memory_gib():.0f} GiB"
                best[contestant] = Computed(
                    failure=f"left out: {needed:.0f} GiB by a straight line through smaller sizes, {rule}", left_out=True
                )
                continue
            written = expected if not turn and contestant == contestants[0] else folder / "written"
            written.mkdir()
            found = _compute(contestant, source, written, environment, folder)
            if not turn and written != expected and not found.failure:
                found = _checked(found, expected, written, number, environment, folder)
            if turn and not found.failure:
                found = Computed(min(found.seconds, best[contestant].seconds), max(found.peak_gib, best[contestant].peak_gib))
            best[contestant] = found
            if written != expected:
                _remove(written)
    _remove(expected)
    return best


def _compute(contestant: tuple[str, str], source: Path, written: Path, environment: dict[str, str], folder: Path) -> Computed:
    try:
        return Computed(**_run(["compute", *contestant, source, written], environment, folder))
    except RuntimeError as error:
        return Computed(failure=f"failed: {str(error).strip().splitlines()[-1]}")


def _checked(found: Computed, expected: Path, written: Path, number: int, environment: dict[str, str], folder: Path) -> Computed:
    try:
        _run(["check", expected, written, number], environment, folder)
    except RuntimeError as error:
        reason = next((line for line in str(error).splitlines() if line.startswith("AssertionError")), str(error))
        return Computed(failure=f"not equal: {reason}")
    return found


def _estimate(contestant: tuple[str, str], number: int, before: dict[int, dict[tuple[str, str], Computed]]) -> float:
    """Memory in GiB by a straight line through the two largest sizes before; 0 where there are not two, infinite where one was left out."""
    known = [(copies, found[contestant]) for copies, found in before.items()]
    if any(found.left_out for _, found in known):
        return math.inf
    known = [(copies, found) for copies, found in known if not found.failure]
    if len(known) < 2:
        return 0.0
    (few, low), (many, high) = known[-2:]
    return high.peak_gib + (high.peak_gib - low.peak_gib) / (many - few) * (number - many)


def _cell(measured: dict[tuple[str, str], Computed], contestant: tuple[str, str]) -> str:
    found = measured[contestant]
    if found.failure:
        return f"{'–':>28}"
    fastest = min(other.seconds for other in measured.values() if not other.failure)
    return f"{found.seconds:>11.2f}{found.peak_gib:>8.2f}{found.seconds / fastest:>8.2f}×"


def _choose(measured: dict[tuple[str, str], Computed], number: int) -> list[str]:
    """Name the engine that is the fastest of ours within the limit at the largest size, and the one that is the default."""
    from stacks.engines import ENGINES

    within = {name: found.seconds for (side, name), found in measured.items() if side == "ours" and found.peak_gib < LIMIT_GIB}
    if not within:
        return [f"no engine computes {number}× below {LIMIT_GIB:g} GiB"]
    fastest = min(within, key=lambda name: within[name])
    print(f"    The fastest of ours below {LIMIT_GIB:g} GiB at {number}×: {NAMES[fastest]}; the local default is {NAMES[ENGINES[0]]}.")
    return [] if fastest == ENGINES[0] else [f"the local default is {NAMES[ENGINES[0]]}, and {NAMES[fastest]} is faster at {number}×"]


def _environment(home: Path) -> dict[str, str]:
    """Nothing of the user's ZenML or MLflow reaches the processes, and nothing of theirs leaves the folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_", "STACKHOUSE_"))}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "ZENML_ANALYTICS_OPT_IN": "false"}
    return kept | quiet | {"ZENML_CONFIG_PATH": str(home / "zenml"), "STACKHOUSE_HOME": str(home)}


def _run(command: Sequence[Any], environment: dict[str, str], folder: Path) -> dict[str, Any]:
    """Run one part of this module in a process of its own and return what it reports."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", str(report), *map(str, command)],
        cwd=PROJECT,
        env=environment,
        timeout=TIMEOUT_SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout[-2000:] + done.stderr[-2000:]).strip() or "it said nothing"
        raise RuntimeError(f"{' '.join(map(str, command))} left with {done.returncode}:\n{said}")
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def _linked(folder: Path, copies: int) -> Path:
    """A folder that holds the first so many copies and takes no room."""
    place = folder / f"flights_{copies}"
    place.mkdir()
    for file in sorted((folder / "flights").glob("*.parquet"))[:copies]:
        os.link(file, place / file.name)
    return place


def _copy(template: Path, place: Path) -> None:
    import shutil

    shutil.copytree(template, place)
    os.sync()


def _remove(place: Path) -> None:
    import shutil

    shutil.rmtree(place)


# What follows runs in the processes.


def write_flights(folder: Path, copies: int) -> dict[str, Any]:
    """Write one Parquet file for each copy; the destinations of all but the first end in the number of the copy."""
    import polars as pl

    from stackhouse.sources import FlightsSource
    from stacks.sources import read_source

    folder.mkdir()
    flights: pl.DataFrame = read_source(FlightsSource(), ["flights"])["flights"].collect().to_native()
    for number in range(copies):
        dest = pl.col("dest") + f"_{number:03d}" if number else pl.col("dest")
        flights.with_columns(dest).write_parquet(folder / f"flights_{number:03d}.parquet", compression="zstd")
    return {"rows": len(flights)}


def make_stack() -> dict[str, Any]:
    """Bring up the local stack in the home that the environment names; ZenML's database is made here and not in a timed run."""
    from commands import settings

    settings.apply()
    from stacks.definition import bring_up, read_definition

    return {"stack": bring_up(read_definition("local"))}


def run_pipeline(source: Path, model_file: Path) -> dict[str, Any]:
    """Run `feature_engineering` on the model file of the example with the Parquet files in place of its source."""
    from commands import settings

    settings.apply()
    import yaml
    from zenml.client import Client

    from pipelines.feature_engineering import feature_engineering

    configuration = yaml.safe_load((PROJECT / "configs" / "models" / "flight_delay.yaml").read_text(encoding="utf-8"))
    configuration["parameters"]["model"]["source"] = {"kind": "parquet", "path": str(source)}
    model_file.write_text(json.dumps(configuration), encoding="utf-8")
    peaks = _watch_steps()
    run = feature_engineering.with_options(config_path=str(model_file))()
    steps = Client().get_pipeline_run(run.id).steps
    if unfinished := sorted(name for name, step in steps.items() if step.status != "completed"):
        raise RuntimeError(f"Steps that did not run: {unfinished}")
    rows = steps["load_source"].outputs["source"][0].run_metadata["rows"]
    made = steps["write_feature_table"].outputs["table_version"][0].load()
    return {
        "flights": int(str(rows)),
        "feature_rows": made.rows,
        "steps": {name: {"seconds": _seconds(steps[name]), "peak_gib": peak} for name, peak in peaks.items() if name in steps},
        "peak_gib": max(peak_gib(), *peaks.values()),
    }


def _seconds(step: Any) -> float:
    return float((step.end_time - step.start_time).total_seconds())


def _watch_steps() -> dict[str, float]:
    """Note the largest resident memory of each step, in the order in which they run; what earlier ones left counts as well."""
    from zenml.orchestrators.step_launcher import StepLauncher

    peaks: dict[str, float] = {}
    launch = StepLauncher.launch

    def watched(launcher: StepLauncher) -> Any:
        peaks["between steps"] = max(peak_gib(), peaks.get("between steps", 0.0))
        forget_peak()
        try:
            return launch(launcher)
        finally:
            peaks[launcher._invocation_id] = peak_gib()  # noqa: SLF001 - ZenML has no public name for it

    StepLauncher.launch = watched
    return peaks


def compute(side: str, name: str, source: Path, folder: Path) -> dict[str, Any]:
    """Compute features and labels from the Parquet files and write both; imports are not counted."""
    files = sorted(source.glob("*.parquet"))
    for what in KEYS:
        (folder / what).mkdir()
    work = _ours(name, files, folder) if side == "ours" else _by_hand(name, files, folder)
    started = time.perf_counter()
    work()
    return {"seconds": time.perf_counter() - started, "peak_gib": peak_gib()}


def _ours(name: str, files: Sequence[Path], folder: Path) -> Callable[[], None]:
    from stackhouse.features import RouteDay
    from stackhouse.table import Table
    from stacks.engines import engine

    chosen, definition = engine(name), RouteDay()

    def work() -> None:
        sources = {"flights": Table.of(chosen.scan_parquet(files), name="flights")}
        chosen.sink_parquet(definition.features(sources).frame, folder / "features")
        chosen.sink_parquet(definition.labels(sources).frame, folder / "labels")

    return work


def _by_hand(name: str, files: Sequence[Path], folder: Path) -> Callable[[], None]:
    paths = [str(file) for file in files]
    features, labels = (folder / what / "part-00000.parquet" for what in KEYS)
    if name == "duckdb":
        from benchmarks import route_day_duckdb

        return lambda: route_day_duckdb.write(paths, features, labels)
    if name == "pandas":
        from benchmarks import route_day_pandas

        return lambda: route_day_pandas.write(paths, features, labels)
    import polars as pl

    from benchmarks import route_day_polars

    def work() -> None:
        flights = pl.scan_parquet(paths)
        route_day_polars.features(flights).sink_parquet(features, compression="zstd")
        route_day_polars.labels(flights).sink_parquet(labels, compression="zstd")

    return work


def check(expected: Path, written: Path, copies: int) -> dict[str, Any]:
    """Compare what two contestants wrote: every value where it is the flights once, keys and sums where it is more.

    Raises:
        AssertionError: where they differ.
    """
    from polars.testing import assert_frame_equal

    for what, keys in KEYS.items():
        left, right = (_read(place / what, keys[-1]) for place in (expected, written))
        right = right.select(left.collect_schema().names())
        if copies == 1:
            assert_frame_equal(left.sort(keys).collect(), right.sort(keys).collect(), rel_tol=0, abs_tol=TOLERANCE, check_dtypes=False)
            continue
        mine, theirs = _sums(left, keys), _sums(right, keys)
        for name, (value, size) in mine.items():
            if abs(value - theirs[name][0]) > TOLERANCE * size:
                raise AssertionError(f"{what}: {name} is {value!r} and {theirs[name][0]!r}")
    return {}


def _read(folder: Path, time_column: str) -> Any:
    import polars as pl

    frame = pl.scan_parquet(sorted(folder.glob("*.parquet")))
    return frame.with_columns(pl.col("origin", "dest").cast(pl.String), pl.col(time_column).cast(pl.Datetime("us", "UTC")))


def _sums(frame: Any, keys: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Rows, keys and nulls, which have to be equal; the sum of every other column, plain and weighted by a hash of the row's key.

    Beside each stands the sum of its absolute values, which is what rounding is measured by.
    """
    import polars as pl

    identity = pl.col(keys[0]).hash(1) ^ pl.col(keys[1]).hash(2) ^ pl.col(keys[2]).hash(3)
    sums = {"rows": pl.len(), "keys": identity.hash(4).sum()}
    for name in frame.collect_schema().names():
        if name not in keys:
            value = pl.col(name).cast(pl.Float64)
            weighted = value * (identity % 1000).cast(pl.Float64)
            sums |= {f"nulls of {name}": value.null_count(), f"sum of {name}": value.sum(), f"sum of {name} by key": weighted.sum()}
            sums |= {f"size of sum of {name}": value.abs().sum(), f"size of sum of {name} by key": weighted.abs().sum()}
    found = frame.select(**sums).collect(engine="streaming").row(0, named=True)
    return {name: (value, found.get(f"size of {name}", 0.0)) for name, value in found.items() if not name.startswith("size of")}


def _main(report: Path, part: str, arguments: list[str]) -> None:
    if hasattr(os, "sched_setaffinity"):  # before any library counts the cores
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    if part == "flights":
        found = write_flights(Path(arguments[0]), int(arguments[1]))
    elif part == "stack":
        found = make_stack()
    elif part == "pipeline":
        found = run_pipeline(Path(arguments[0]), Path(arguments[1]))
    elif part == "compute":
        found = compute(arguments[0], arguments[1], Path(arguments[2]), Path(arguments[3]))
    else:
        found = check(Path(arguments[0]), Path(arguments[1]), int(arguments[2]))
    report.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
