"""The content hash of a table: equal for equal rows, in whatever order they stand."""

import hashlib
import json
from typing import Any

import narwhals as nw
import polars as pl

from stackhouse.table import Table

_SEEDS = (1, 2)


def content_hash(table: Table) -> str:
    """Hash names, types, roles and rows of a table; 64 hexadecimal digits.

    Rows count as a multiset: their hashes are added, so neither their order nor how they lie in files matters. Computed
    in a stream, so that a table larger than memory has a hash as well.
    """
    frame = _polars(table.frame)
    schema = {name: str(dtype) for name, dtype in frame.collect_schema().items()}
    row = pl.struct(sorted(frame.collect_schema().names()))
    sums = [row.hash(seed).sum().alias(f"hash_{number}") for number, seed in enumerate(_SEEDS)]
    rows = frame.select(pl.len().alias("rows"), *sums).collect(engine="streaming").row(0)
    content = json.dumps([schema, table.roles.model_dump(), [str(value) for value in rows]], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _polars(frame: nw.LazyFrame[Any]) -> pl.LazyFrame:
    native = frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return native
    collected: pl.DataFrame = frame.collect(backend="polars").to_native()
    return collected.lazy()
