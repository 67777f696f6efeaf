"""DuckDB: one connection for the process, in memory, spilling to disk where a query needs more."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from stacks.engines.engine import BATCH_ROWS, Engine, arrow_schema, mapped


class DuckDBEngine:
    """Opens tables as DuckDB relations."""

    name = "duckdb"

    def scan_parquet(self, files: Sequence[Path | str]) -> nw.LazyFrame[Any]:
        """Open Parquet files; see the port.

        Source: statistics of Parquet leave NaN out, and DuckDB believes them: where a column's largest value is finite, `isnan` is
        false of its NaN, and `NaN > 1` too (github.com/duckdb/duckdb/issues/25521), unless it is told that there may be some.
        """
        query = "FROM read_parquet(?, can_have_nan = true, hive_partitioning = false)"
        return nw.from_native(_connection().sql(query, params=[[str(file) for file in files]]))

    def scan_delta(self, delta: DeltaTable) -> nw.LazyFrame[Any]:
        """Open a Delta table through Arrow, since DuckDB's own extension is not in its package; see the port."""
        return nw.from_native(_connection().from_arrow(delta.to_pyarrow_dataset()))

    def sink_parquet(self, frame: nw.LazyFrame[Any], folder: Path) -> None:
        """Write in a stream; see the port."""
        _native(frame).write_parquet(str(folder / "part-00000.parquet"), compression="zstd")

    def batches(self, frame: nw.LazyFrame[Any], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Compute in a stream; see the port."""
        yield from _native(frame).to_arrow_reader(rows)

    def pieces(self, frame: nw.LazyFrame[Any], rows: int) -> Iterator[nw.LazyFrame[Any]]:
        """Give the frame: DuckDB spills to disk; see the port."""
        yield frame

    def map_batches(
        self, frame: nw.LazyFrame[Any], function: Callable[[pl.DataFrame], pl.DataFrame], schema: dict[str, pl.DataType]
    ) -> nw.LazyFrame[Any]:
        """Apply a function to batches as DuckDB reads them; see the port."""
        target = arrow_schema(schema)
        rows = pa.Table.from_batches(mapped(self.batches(frame), function, target), schema=target)
        return nw.from_native(_connection().from_arrow(rows))


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _native(frame: nw.LazyFrame[Any]) -> duckdb.DuckDBPyRelation:
    native: duckdb.DuckDBPyRelation = frame.to_native()
    return native


ENGINE: Engine = DuckDBEngine()
