"""(h) Fit: what `train_model` does to rows in Parquet against the bare fit of XGBoost on the same matrix, time and peak memory.

Each measurement is a process of its own, so that its peak memory is its own. The bare fit has its matrix in memory when its clock
starts; ours reads the rows, puts them in order, refuses what is not finite, encodes them and fits.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from benchmarks.memory import peak_gib

PROJECT = Path(__file__).resolve().parents[1]
ROWS = {100_000: 15, 10_000_000: 1}
"""How often each size is measured, in alternation."""
FEATURES = tuple(f"f{number:02d}" for number in range(10))
TREES, DEPTH, THREADS = 100, 6, 1
TIMEOUT_SECONDS = 3600


def compare(folder: Path) -> None:
    """Print seconds and memory of both sides for each size; `folder` is a new temporary one."""
    folder.mkdir()
    print(f"\n(h) fit: XGBoost, {TREES} trees of depth {DEPTH} on {len(FEATURES)} features, {THREADS} thread, each in a process of its own")
    head = ("rows", "Stackhouse, s", "of it rows, s", "bare fit, s", "ratio", "GiB", "bare")
    print(
        "    " + "".join(f"{title:>{width}}" for title, width in zip(head, (12, 16, 16, 14, 9, 8, 8), strict=True)) + "   aim: 1.1× or less"
    )
    for rows, repetitions in ROWS.items():
        file = folder / f"{rows}.parquet"
        _write(file, rows)
        found = {side: [] for side in ("ours", "bare")}
        for _ in range(repetitions):
            for side, measured in found.items():
                measured.append(_measured(side, file))
        if {one["digest"] for measured in found.values() for one in measured} != {found["ours"][0]["digest"]}:
            sys.exit("Both sides have to give the same model, and they do not.")
        ours, bare = (median(one["seconds"] for one in found[side]) for side in ("ours", "bare"))
        reading = median(one["reading"] for one in found["ours"])
        peaks = [max(one["gib"] for one in found[side]) for side in ("ours", "bare")]
        print(f"    {rows:>12,}{ours:>16.2f}{reading:>16.2f}{bare:>14.2f}{ours / bare:>8.2f}×{peaks[0]:>8.2f}{peaks[1]:>8.2f}")


def _write(file: Path, rows: int) -> None:
    """Rows in the order of their time, as a training set comes from the feature store, with a label that two features tell."""
    generator = np.random.default_rng(1)
    frame = pl.DataFrame({name: generator.standard_normal(rows) for name in FEATURES})
    noise = generator.standard_normal(rows)
    y = (frame["f00"].to_numpy() + 0.5 * frame["f01"].to_numpy() + noise > 0).astype(np.int64)
    frame.with_columns(k=pl.int_range(rows), t=pl.int_range(rows).cast(pl.Datetime("us", "UTC")), y=pl.Series(y)).write_parquet(file)


def _measured(side: str, file: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.fit", side, str(file)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _ours(file: Path, rows: int | None = None) -> tuple[Callable[[], object], Callable[[], object], pl.DataFrame]:
    from stackhouse.algorithms import XGBoost
    from stackhouse.cleaning import CleaningRule
    from stackhouse.encoding import Encoding
    from stackhouse.fitted import FittedModel, ScoringRules, to_arrays
    from stackhouse.labels.rules import BinaryLabel
    from stackhouse.table import Roles, Table

    roles = Roles(primary_keys=("k",), timestamp="t", label="y", features=FEATURES)
    table = Table.of(pl.scan_parquet(file, n_rows=rows), roles)
    algorithm = XGBoost(n_estimators=TREES, max_depth=DEPTH, threads=THREADS)
    rules = ScoringRules(algorithm=algorithm, features=FEATURES, cleaning=CleaningRule(), label=BinaryLabel(source="y"))
    encoding = Encoding.of_numbers(FEATURES)
    return lambda: FittedModel.fit(table, rules).estimator, lambda: to_arrays(table, encoding, rules), pl.DataFrame()


def _bare(file: Path) -> tuple[Callable[[], object], Callable[[], object], pl.DataFrame]:
    from xgboost import XGBClassifier

    rows = pl.read_parquet(file, columns=[*FEATURES, "y"])
    X, y = rows.select(FEATURES).to_numpy(order="c"), rows["y"].to_numpy()
    estimator = XGBClassifier(
        n_estimators=TREES,
        max_depth=DEPTH,
        learning_rate=0.1,
        subsample=0.8,
        colsample_bytree=0.8,
        min_child_weight=1.0,
        random_state=42,
        n_jobs=THREADS,
        objective="binary:logistic",
        eval_metric="logloss",
        tree_method="hist",
    )
    return lambda: estimator.fit(X, y), lambda: None, rows


def _child(side: str, file: Path) -> None:
    import xgboost

    xgboost.DMatrix(np.zeros((1, 1)))  # the libraries are loaded, and their threads started, before the clock starts
    _ours(file, rows=100)[1]()
    fit, read, _kept = (_ours if side == "ours" else _bare)(file)
    begun = time.perf_counter()
    estimator = fit()
    seconds = time.perf_counter() - begun
    gib = peak_gib()
    begun = time.perf_counter()
    read()
    reading = time.perf_counter() - begun
    asked = np.random.default_rng(2).standard_normal((1000, len(FEATURES)))
    digest = float(np.sum(estimator.get_booster().inplace_predict(asked), dtype=np.float64))  # type: ignore[attr-defined]
    print(json.dumps({"seconds": seconds, "reading": reading, "gib": gib, "digest": digest}))


if __name__ == "__main__":
    _child(sys.argv[1], Path(sys.argv[2]))
