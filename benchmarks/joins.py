"""(d) The point-in-time join through the core against Polars `join_asof`, DuckDB ASOF JOIN and pandas `merge_asof`.

Feature rows stand in no order, as merges leave them, so that whoever needs them sorted sorts them. Both tables are in memory in
each engine's own form before the clock starts; every contestant ends with all rows and columns in memory.
"""

import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from benchmarks.timing import alternating, medians

SPINE_ROWS, FEATURE_ROWS, ENTITIES = 1_000_000, 10_000_000, 100_000
REPETITIONS = 5
FEATURES = ("first", "second", "third")
YEAR_MICROSECONDS = 365 * 86_400 * 1_000_000


def compare(spine_rows: int = SPINE_ROWS, feature_rows: int = FEATURE_ROWS, entities: int = ENTITIES) -> None:
    """Check that all give equal rows, measure all, and print them.

    Raises:
        AssertionError: where a row or a value differs.
    """
    spine, features = draw(spine_rows, entities, "label_time", ("label",), 1), draw(feature_rows, entities, "known_at", FEATURES, 2)
    ours, checks, keys = through_the_core(spine, features)
    others = {"Polars": with_polars(spine, features), "DuckDB": with_duckdb(spine, features), "pandas": with_pandas(spine, features)}
    expected = in_order(ours())
    for join in others.values():
        assert_frame_equal(in_order(join()), expected, rel_tol=0, abs_tol=0)
    times = alternating(REPETITIONS, total=ours, checks=checks, keys=keys, **others)
    times["join"] = [a - b - c for a, b, c in zip(times["total"], times["checks"], times["keys"], strict=True)]
    print(f"\n(d) joins: {len(spine):,} labels to {len(features):,} feature rows of {entities:,} keys, {len(expected):,} joined, all equal")
    print(f"    {f'best and median of {REPETITIONS} alternating':<58}{'best, s':>10}{'median, s':>12}{'to fastest':>12}")
    fastest = min(others, key=lambda name: min(times[name]))
    lines = {"join": "Stackhouse: join and certificate", "checks": "  uniqueness and nulls of both tables", "keys": "  keys of both tables"}
    lines |= {"total": "Stackhouse: total"} | {name: name for name in others}
    middle = medians(times)
    for name, words in lines.items():
        best = min(times[name])
        ratio = f"{best / min(times[fastest]):>11.2f}×" if name in {"join", "total", *others} else ""
        aim = "   aim: 1.2× or less" if name == "join" else ""
        print(f"    {words:<58}{best:>10.3f}{middle[name]:>12.3f}{ratio}{aim}")


def draw(rows: int, entities: int, time: str, values: tuple[str, ...], seed: int) -> pl.DataFrame:
    """Draw rows of an int64 key, a time in 2024 and float64 values, unique by (key, time), in no order."""
    generator = np.random.default_rng(seed)
    start = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
    times = pl.Series(start + generator.integers(0, YEAR_MICROSECONDS, rows)).cast(pl.Datetime("us", "UTC"))
    columns = {"key": generator.integers(0, entities, rows), time: times}
    frame = pl.DataFrame(columns | {name: generator.random(rows) for name in values})
    return frame.unique(subset=["key", time], keep="any", maintain_order=True)


def through_the_core(
    spine: pl.DataFrame, features: pl.DataFrame
) -> tuple[Callable[[], pl.DataFrame], Callable[[], None], Callable[[], Any]]:
    """The whole of `create_training_set`, the checks in it, and the count of keys in it."""
    from stackhouse.lookups import FeatureLookup
    from stackhouse.point_in_time import count_keys
    from stackhouse.table import Roles, Table, require_unique_keys
    from stackhouse.training_set import create_training_set, find_matches

    labels = Table.of(spine.lazy(), Roles(primary_keys=("key",), timestamp="label_time", label="label"), "labels")
    known = Table.of(features.lazy(), Roles(primary_keys=("key",), timestamp="known_at", features=FEATURES), "features")
    lookups, tables = [FeatureLookup(table_name="features", lookup_key="key", timestamp_lookup_key="label_time")], {"features": known}
    (match,) = find_matches(labels, lookups, tables)

    def checks() -> None:
        for table in (labels, known):
            require_unique_keys(table)

    return (
        lambda: create_training_set(labels, lookups, tables).table.collect().to_native(),
        checks,
        lambda: count_keys(match, labels),
    )


def with_polars(spine: pl.DataFrame, features: pl.DataFrame) -> Callable[[], pl.DataFrame]:
    warnings.filterwarnings("ignore", message="Sortedness of columns cannot be checked", category=UserWarning)
    left, right = spine.lazy(), features.lazy()

    def join() -> pl.DataFrame:
        known = right.sort("known_at").with_columns(found=True)
        joined = left.sort("label_time").join_asof(known, left_on="label_time", right_on="known_at", by="key")
        return joined.filter(pl.col("found")).drop("found", "known_at").collect()

    return join


def with_duckdb(spine: pl.DataFrame, features: pl.DataFrame) -> Callable[[], Any]:
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'; SET enable_progress_bar=false")
    for name, frame in {"spine": spine, "features": features}.items():
        connection.from_arrow(frame.to_arrow()).create(name)
    query = """SELECT spine.*, first, second, third FROM spine ASOF JOIN features
        ON spine.key = features.key AND spine.label_time >= features.known_at"""
    return lambda: connection.sql(query).to_arrow_table()


def with_pandas(spine: pl.DataFrame, features: pl.DataFrame) -> Callable[[], Any]:
    import pandas as pd

    left, right = spine.to_pandas(), features.to_pandas()

    def join() -> pd.DataFrame:
        known = right.sort_values("known_at")
        joined = pd.merge_asof(left.sort_values("label_time"), known, left_on="label_time", right_on="known_at", by="key")
        return joined[joined["known_at"].notna()].drop(columns="known_at")

    return join


def in_order(joined: Any) -> pl.DataFrame:
    """The joined rows of any contestant in one order of rows and columns."""
    frame = joined if isinstance(joined, pl.DataFrame) else pl.from_dataframe(joined)
    return (
        frame.with_columns(pl.col("label_time").cast(pl.Datetime("us", "UTC")))
        .select("key", "label_time", "label", *FEATURES)
        .sort("label_time", "key")
    )


if __name__ == "__main__":
    compare()
