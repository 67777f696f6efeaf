"""pandas: eager, in memory, with dtypes that keep integers beside null and tell NaN from null."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from stacks.engines.engine import BATCH_ROWS, Engine


class PandasEngine:
    """Opens tables as pandas frames."""

    name = "pandas"

    def scan_parquet(self, files: Sequence[Path | str]) -> nw.LazyFrame[Any]:
        """Read Parquet files; see the port. Each is read by itself, so that `part=1/` in a path is not taken for a column."""
        from pyarrow import parquet

        return _open(pa.concat_tables([parquet.ParquetFile(str(file)).read() for file in files]))

    def scan_delta(self, delta: DeltaTable) -> nw.LazyFrame[Any]:
        """Read a Delta table; see the port."""
        return _open(delta.to_pyarrow_table())

    def sink_parquet(self, frame: nw.LazyFrame[Any], folder: Path) -> None:
        """Write the frame; see the port."""
        from pyarrow import parquet

        parquet.write_table(_arrow(frame), folder / "part-00000.parquet", compression="zstd")

    def batches(self, frame: nw.LazyFrame[Any], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Cut the frame; see the port."""
        yield from _arrow(frame).to_batches(max_chunksize=rows)

    def pieces(self, frame: nw.LazyFrame[Any], rows: int) -> Iterator[nw.LazyFrame[Any]]:
        """Give the frame, which is in memory already; see the port."""
        yield frame

    def map_batches(
        self, frame: nw.LazyFrame[Any], function: Callable[[pl.DataFrame], pl.DataFrame], schema: dict[str, pl.DataType]
    ) -> nw.LazyFrame[Any]:
        """Apply a function to the whole frame; see the port."""
        rows = function(pl.DataFrame(pl.from_arrow(_arrow(frame)))).cast(pl.Schema(schema))
        return _open(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))


def _arrow(frame: nw.LazyFrame[Any]) -> pa.Table:
    """The columns alone: what a filter leaves of an index would become a column of its own."""
    return frame.collect(backend="pyarrow").select(*frame.collect_schema().names()).to_native()


def _open(rows: pa.Table) -> nw.LazyFrame[Any]:
    frame: nw.LazyFrame[Any] = nw.from_native(rows.to_pandas(types_mapper=_dtype, ignore_metadata=True)).lazy()
    return frame


def _dtype(arrow: pa.DataType) -> Any:
    """Nullable dtypes; pandas' own would turn integers beside null into floats, and Arrow's integers lack `%`."""
    if pa.types.is_integer(arrow):
        return pd.array([], dtype=str(arrow).replace("int", "Int").replace("uInt", "UInt")).dtype
    if pa.types.is_boolean(arrow):
        return pd.BooleanDtype()
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return pd.StringDtype()
    return pd.ArrowDtype(arrow)


ENGINE: Engine = PandasEngine()
