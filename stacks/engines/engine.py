"""The engine port: the few methods by which tables are opened, computed and written, whatever computes them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

BATCH_ROWS = 131_072
"""Rows of one batch where the caller does not say otherwise: 20 columns of float64 take 21 MB."""


class Engine(Protocol):
    """Opens, computes and writes lazy frames. Times are UTC: an engine whose session has a zone sets it so."""

    name: str

    def scan_parquet(self, files: Sequence[Path | str]) -> nw.LazyFrame[Any]:
        """Open Parquet files of one schema as one frame; nothing is read until a column is used."""

    def scan_delta(self, delta: DeltaTable) -> nw.LazyFrame[Any]:
        """Open the version of a Delta table that is loaded."""

    def sink_parquet(self, frame: nw.LazyFrame[Any], folder: Path) -> None:
        """Compute a frame and write it as Parquet files (zstd) into an existing folder."""

    def batches(self, frame: nw.LazyFrame[Any], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Compute a frame and give its rows in batches; memory holds some of them and not the whole table."""

    def pieces(self, frame: nw.LazyFrame[Any], rows: int) -> Iterator[nw.LazyFrame[Any]]:
        """Cut a frame into pieces of so many rows, to compute one after the other; an engine that bounds memory itself gives one."""

    def map_batches(
        self, frame: nw.LazyFrame[Any], function: Callable[[pl.DataFrame], pl.DataFrame], schema: dict[str, pl.DataType]
    ) -> nw.LazyFrame[Any]:
        """Apply a function to the rows, batch by batch, where they are. It must give the same rows however they are cut."""


def arrow_schema(schema: dict[str, pl.DataType]) -> pa.Schema:
    """Return the Arrow form of a schema, in types that every engine reads."""
    return pl.DataFrame(schema=schema).to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def mapped(
    batches: Iterator[pa.RecordBatch], function: Callable[[pl.DataFrame], pl.DataFrame], target: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """Apply a function to each batch and give what it returns in the types of `target`."""
    for batch in batches:
        rows = function(pl.DataFrame(pl.from_arrow(batch)))
        yield from rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(target).to_batches()
