"""Polars: the default, lazy and streaming."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from stacks.engines.engine import BATCH_ROWS, Engine


class PolarsEngine:
    """Opens tables as Polars lazy frames."""

    name = "polars"

    def scan_parquet(self, files: Sequence[Path | str]) -> nw.LazyFrame[Any]:
        """Open Parquet files; see the port."""
        return nw.from_native(pl.scan_parquet([str(file) for file in files]))

    def scan_delta(self, delta: DeltaTable) -> nw.LazyFrame[Any]:
        """Open a Delta table; see the port.

        Source: delta-rs gives a space in a path as %20, which Polars does not read back (deltalake 1.6, polars 2.1); Arrow does.
        """
        if unquote(delta.table_uri) != delta.table_uri:
            return nw.from_native(pl.scan_pyarrow_dataset(delta.to_pyarrow_dataset()))
        return nw.from_native(pl.scan_delta(delta))

    def sink_parquet(self, frame: nw.LazyFrame[Any], folder: Path) -> None:
        """Write in a stream; see the port."""
        _native(frame).sink_parquet(folder / "part-00000.parquet", compression="zstd")

    def batches(self, frame: nw.LazyFrame[Any], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Compute in a stream; see the port."""
        for chunk in _native(frame).collect_batches(chunk_size=rows, maintain_order=False, lazy=True, engine="streaming"):
            yield from chunk.to_arrow(compat_level=pl.CompatLevel.oldest()).to_batches()

    def pieces(self, frame: nw.LazyFrame[Any], rows: int) -> Iterator[nw.LazyFrame[Any]]:
        """Cut by position, since joins and sorts hold their rows in memory; see the port."""
        native = _native(frame)
        total = int(native.select(pl.len()).collect().item())
        for start in range(0, max(total, 1), rows):
            yield nw.from_native(native.slice(start, rows))

    def map_batches(
        self, frame: nw.LazyFrame[Any], function: Callable[[pl.DataFrame], pl.DataFrame], schema: dict[str, pl.DataType]
    ) -> nw.LazyFrame[Any]:
        """Apply a function inside of the stream; see the port."""
        return nw.from_native(_native(frame).map_batches(function, schema=schema, streamable=True))


def _native(frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
    native: pl.LazyFrame = frame.to_native()
    return native


ENGINE: Engine = PolarsEngine()
