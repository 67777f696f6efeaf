"""(e) Batch scoring against the bare booster on a ready matrix and against `mlflow.pyfunc` on pandas, all with the same threads.

The rows are of route_day's 17 features with normal noise in them, one in a hundred of them null. Memory is that of a process of
its own, which scores keys of a Parquet file with the features of a feature store and keeps the predictions.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import polars as pl

from benchmarks.memory import peak_gib
from benchmarks.timing import alternating, medians

ROWS, REPETITIONS, THREADS, SEED = 1_000_000, 3, 1, 42
GROWTH = (1_000_000, 3_000_000, 10_000_000)
TRAINING_ROWS, ROUTES, DAYS = 20_000, 600, 365
TIMEOUT_SECONDS = 1800
PROJECT = Path(__file__).resolve().parents[1]
KEYS, TABLE = ("origin", "dest"), "dev.bench.route_day_features"
START = datetime(2026, 1, 1, 9, tzinfo=UTC)


def compare(folder: Path) -> None:
    """Measure speed and memory, and print them; `folder` is a new temporary one.

    Raises:
        RuntimeError: where two sides do not give equal probabilities; they would not have done the same work.
    """
    folder.mkdir()
    names = feature_names()
    write_features(folder, names)
    write_keys(folder / "keys.parquet", ROWS)
    print(
        f"\n(e) scoring: {ROWS:,} rows, {len(names)} features, {THREADS} thread each, median of {REPETITIONS} alternating; equal to the bit"
    )
    print(f"    {'':<44}{'seconds':>12}{'rows/s':>12}{'× booster':>12}")
    for kind in ("xgboost", "lightgbm"):
        _compare_speed(folder, kind, names)
    print(f"\n    {'keys scored in a process of its own':<44}{'seconds':>12}{'rows/s':>12}{'peak, GiB':>12}")
    for rows in GROWTH:
        _measure_memory(folder, rows)


def feature_names() -> list[str]:
    """The features of route_day."""
    from stackhouse.features import RouteDay

    return list(RouteDay().feature_names)


def feature_rows(rows: int, names: list[str], seed: int = SEED) -> pl.DataFrame:
    """Normal noise; one value in a hundred is null."""
    generator = np.random.default_rng(seed)
    matrix = generator.normal(size=(rows, len(names)))
    matrix[generator.random((rows, len(names))) < 0.01] = np.nan
    return pl.DataFrame(matrix, schema=names).fill_nan(None)


def write_features(folder: Path, names: list[str]) -> None:
    """A feature table of so many routes and days in a delta store."""
    from stackhouse.table import Roles, Table

    routes, days = np.arange(ROUTES), np.arange(DAYS)
    keys = pl.DataFrame({"route": np.repeat(routes, DAYS), "day": np.tile(days, ROUTES)}).select(
        ("O" + (pl.col("route") % 3).cast(pl.String)).alias("origin"),
        ("D" + (pl.col("route") // 3).cast(pl.String)).alias("dest"),
        (pl.lit(START) + pl.duration(days="day")).cast(pl.Datetime("us", "UTC")).alias("known_at"),
    )
    rows = pl.concat([keys, feature_rows(len(keys), names)], how="horizontal")
    table = Table.of(rows, Roles(primary_keys=KEYS, timestamp="known_at", features=tuple(names)), "made")
    store = open_store(folder)
    store.create_table(TABLE, table, "made")
    store.write_table(TABLE, table)


def write_keys(file: Path, rows: int) -> None:
    """Keys to score, each with a time of its own within the days of the features; written in parts, so that none is large."""
    from pyarrow import parquet

    step = (DAYS - 1) * 86_400_000_000 // rows
    writer = None
    for start in range(0, rows, 1_000_000):
        numbers = pl.int_range(start, min(rows, start + 1_000_000), eager=True).alias("number").to_frame()
        route = (pl.col("number") * 7919) % ROUTES
        part = numbers.select(
            ("O" + (route % 3).cast(pl.String)).alias("origin"),
            ("D" + (route // 3).cast(pl.String)).alias("dest"),
            (pl.lit(START + timedelta(hours=1)) + pl.duration(microseconds=pl.col("number") * step))
            .cast(pl.Datetime("us", "UTC"))
            .alias("label_time"),
        ).to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or parquet.ParquetWriter(file, part.schema, compression="zstd")
        writer.write_table(part, row_group_size=250_000)
    if writer:
        writer.close()


def open_store(folder: Path) -> Any:
    """A delta feature store outside any stack."""
    from zenml.enums import StackComponentType

    from stacks.delta_feature_store import DeltaFeatureStore, DeltaFeatureStoreConfig

    now = datetime.now(UTC)
    return DeltaFeatureStore(
        name="benchmark",
        id=uuid4(),
        config=DeltaFeatureStoreConfig(path=str(folder / "store")),
        flavor="delta",
        type=StackComponentType.FEATURE_STORE,
        user=uuid4(),
        created=now,
        updated=now,
    )


def scoring_model(kind: str, names: list[str]) -> Any:
    """A model of 100 trees, fitted to rows of which three features and noise make the label."""
    from stackhouse.algorithms import LightGBM, XGBoost
    from stackhouse.cleaning import CleaningRule
    from stackhouse.fitted import FittedModel, ScoringRules
    from stackhouse.labels.rules import BinaryLabel
    from stackhouse.lookups import FeatureLookup
    from stackhouse.table import Roles, Table
    from stacks.scoring_model import ScoringModel

    rows = feature_rows(TRAINING_ROWS, names, SEED + 1).fill_null(0.0)
    noise = np.random.default_rng(SEED + 2).normal(size=TRAINING_ROWS)
    signal = rows.select(pl.sum_horizontal(names[:3])).to_series().to_numpy()
    rows = rows.with_columns(pl.Series("late", (signal + noise > 0).astype(np.int64)))
    algorithm = XGBoost(threads=THREADS) if kind == "xgboost" else LightGBM(threads=THREADS)
    rules = ScoringRules(algorithm=algorithm, features=tuple(names), cleaning=CleaningRule(), label=BinaryLabel(source="late"))
    fitted = FittedModel.fit(Table.of(rows, Roles(label="late", features=tuple(names))), rules)
    lookup = FeatureLookup(table_name=TABLE, lookup_key=KEYS, feature_names=tuple(names), timestamp_lookup_key="label_time")
    return ScoringModel(fitted, "dev.bench.late", "1", (lookup,))


def open_keys(file: Path) -> Any:
    """Keys as a Table of the default engine over the Parquet file."""
    from stackhouse.table import Roles, Table
    from stacks.engines import engine

    return Table(engine("polars").scan_parquet([file]), Roles(primary_keys=KEYS, timestamp="label_time"), "keys")


def _compare_speed(folder: Path, kind: str, names: list[str]) -> None:
    import mlflow

    from stackhouse.batch_scoring import ScoringRun, scorer
    from stacks.mlflow_model import save_model
    from stacks.predictions import score_batch

    store, model, keys = open_store(folder), scoring_model(kind, names), open_keys(folder / "keys.parquet")
    raw = feature_rows(ROWS, names)
    ready = raw.fill_null(0.0).to_numpy(order="c")
    pandas = raw.to_pandas()
    estimator = model.fitted.estimator
    run = ScoringRun(model=model.name, model_version="1", table_versions={TABLE: 1}, scored_at=datetime.now(UTC))
    batches = [part.with_columns(__known=pl.lit(value=True)) for part in raw.with_row_index("key").iter_slices(100_000)]
    ours = scorer(model.fitted, ["key"], run)
    from mlflow.models import Model

    from stacks.mlflow_model import signature

    path = folder / f"mlflow_{kind}"
    save_model(str(path), Model(signature=signature(model.fitted)), model.fitted, pip_requirements=[])
    served = mlflow.pyfunc.load_model(str(path))

    def booster() -> Any:
        if kind == "xgboost":
            return estimator.get_booster().inplace_predict(ready, validate_features=False)
        return estimator.predict(ready, num_threads=THREADS)

    actions = {
        "booster": booster,
        "rows": lambda: pl.concat([ours(batch) for batch in batches]),
        "keys": lambda: score_batch(store, model, keys),
        "pyfunc": lambda: served.predict(pandas, params={"predict_method": "predict_proba"}),
    }
    expected = np.asarray(booster(), dtype=np.float64)
    if not (np.array_equal(actions["rows"]()["probability"].to_numpy(), expected) and np.array_equal(actions["pyfunc"](), expected)):
        raise RuntimeError(f"{kind}: the sides do not give equal probabilities")
    times = medians(alternating(REPETITIONS, **actions))

    def row(title: str, name: str, aim: str = "") -> None:
        taken = times[name]
        print(f"    {title:<44}{taken:>12.2f}{ROWS / taken:>12,.0f}{taken / times['booster']:>11.2f}×{aim}")

    row(f"{kind}: bare booster, ready float64 matrix", "booster")
    row(f"{kind}: raw rows (clean, score, stamp)", "rows", "   aim: 1.5× or less")
    row(f"{kind}: keys (look up, score, keep)", "keys", "   aim: 1.5× or less")
    row(f"{kind}: mlflow.pyfunc on pandas", "pyfunc")


def _measure_memory(folder: Path, rows: int) -> None:
    file = folder / f"keys_{rows}.parquet"
    write_keys(file, rows)
    command = [sys.executable, "-m", "benchmarks.scoring", str(folder), str(file)]
    done = subprocess.run(command, cwd=PROJECT, timeout=TIMEOUT_SECONDS, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} left with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"    {f'xgboost: {rows:,} keys':<44}{found['seconds']:>12.1f}{rows / found['seconds']:>12,.0f}{found['peak_gib']:>12.2f}")
    file.unlink()


def main(folder: Path, file: Path) -> None:
    """Score the keys of a file in this process, and print the seconds and the peak of its memory as JSON."""
    from commands import settings

    settings.apply()
    from stacks.predictions import score_batch

    model = scoring_model("xgboost", feature_names())
    store, keys = open_store(folder), open_keys(file)
    start = time.perf_counter()
    predictions, _ = score_batch(store, model, keys)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "rows": predictions.count(), "peak_gib": peak_gib()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
