"""Tables on every engine, and what two engines have to agree on: names, types, null-ness, and the bits of floats."""

import math
import shutil
import struct
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from stackhouse.table import Roles, Table
from stacks.engines import ENGINES, engine, engine_of

SOCKETS = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""PySpark leaves closing a socket for each result to the garbage collector."""

NEEDS_JAVA = pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java 17 or 21; there is no `java` on the path")
EVERY_ENGINE = [pytest.param(name, marks=[NEEDS_JAVA] if name == "spark" else []) for name in ENGINES]
OTHER_ENGINES = EVERY_ENGINE[1:]
"""Those that are compared with the first, Polars."""


def others_with(cases: Iterable[Any], on_spark: Iterable[Any]) -> list[Any]:
    """Each engine but Polars with each case; Spark, which takes a part of a second for each query, with some of them only."""
    every, some = list(cases), list(on_spark)
    local = [(name, case) for name in ENGINES[1:] if name != "spark" for case in every]
    return [*local, *(pytest.param("spark", case, marks=NEEDS_JAVA) for case in some)]


INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.adaptive.enabled": "false",
}
FLOATS = {pl.Float64: "<d", pl.Float32: "<f"}


def examples(number: int) -> settings:
    """So many examples, the same ones each time. Fixtures of the session may serve all of them."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def drawn(strategy: SearchStrategy[Any], number: int) -> list[Any]:
    """Up to so many values of a strategy, for one frame that holds them all: an engine that takes a second a query gets one query."""
    values: list[Any] = []

    @examples(number)
    @given(value=strategy)
    def keep(value: Any) -> None:
        values.append(value)

    keep()
    return values


@cache
def _start_spark() -> None:
    """A session of the engine, with plans that are read and not compiled: compiling takes longer than the rows of a test."""
    from stacks.engines.spark_engine import session

    for setting, value in INTERPRETED.items():
        session().conf.set(setting, value)


def opened(name: str, rows: pl.DataFrame, folder: Path, roles: Roles | None = None, title: str = "rows") -> Table:
    """Rows as a table of an engine, which reads them from a Parquet file."""
    if name == "spark":
        _start_spark()
    file = folder / f"{uuid4().hex}.parquet"
    rows.write_parquet(file)
    table = Table(engine(name).scan_parquet([file]), roles or Roles(), title)
    assert engine_of(table).name == name
    return table


def collected(table: Table) -> pl.DataFrame:
    """The rows of a table as steps collect them."""
    frame: pl.DataFrame = table.collect().to_native()
    return frame


def computed(table: Table) -> pl.DataFrame:
    """The rows of a table as its own engine gives them, batch by batch."""
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(list(engine_of(table).batches(table.frame)))))


def bits(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Values of each column; floats as their bits, so that NaN and -0.0 can be told apart."""

    def plain(column: pl.Series) -> list[Any]:
        if column.dtype not in FLOATS:
            return column.to_list()
        return [None if value is None else struct.pack(FLOATS[column.dtype], value).hex() for value in column]

    return {name: plain(frame[name]) for name in sorted(frame.columns)}


def require_equal(found: pl.DataFrame, expected: pl.DataFrame) -> None:
    """The same columns of the same types, and the same rows to the last bit, in whatever order."""
    assert dict(found.schema) == dict(expected.schema)
    assert _sorted_rows(found) == _sorted_rows(expected)


def require_close(found: pl.DataFrame, expected: pl.DataFrame, keys: tuple[str, ...], relative: Mapping[str, float]) -> None:
    """As `require_equal` for rows that `keys` name, but for the columns of floats that may differ by so much of their size."""
    assert dict(found.schema) == dict(expected.schema)
    found, expected = found.sort(*keys), expected.sort(*keys)
    exact = [name for name in expected.columns if name not in relative]
    assert bits(found.select(exact)) == bits(expected.select(exact))
    for name, tolerance in relative.items():
        pairs = enumerate(zip(found[name], expected[name], strict=True))
        apart = [(expected.row(row), left, right) for row, (left, right) in pairs if not _close(left, right, tolerance)]
        assert not apart, f"{name}: {apart[:5]}"


def _close(left: float | None, right: float | None, tolerance: float) -> bool:
    if left is None or right is None or math.isnan(left) or math.isnan(right):
        return (left is None, left is not None and math.isnan(left)) == (right is None, right is not None and math.isnan(right))
    return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)


def _sorted_rows(frame: pl.DataFrame) -> list[tuple[str, ...]]:
    columns = bits(frame)
    return sorted(zip(*([str(value) for value in columns[name]] for name in sorted(columns)), strict=True))
