"""How rows get into a Delta table: in a stream, in one commit, and without loss where others write at the same time.

Every commit is made for the version that was read and for no other (`max_commit_retries=0`): where somebody else was faster,
the write starts again on what is there now. Delta's own check would let an overwrite pass beside the rows of a merge.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from stackhouse.content import sum_of_rows
from stackhouse.errors import DataError, InfrastructureError
from stackhouse.table import Roles, Table
from stacks.delta.schema import SchemaChange, arrow_schema, delta_schema, roles_of
from stacks.engines import engine, engine_of

THIS_VERSION_ONLY = CommitProperties(max_commit_retries=0)
"""A commit fails where the table is no longer at the version that was read."""

ATTEMPTS = 20
LONGEST_WAIT_SECONDS = 2.0

Result = TypeVar("Result")


class Source:
    """The rows to write, read anew for each attempt, in the types of Delta."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.schema = delta_schema(table)
        self._arrow = arrow_schema(self.schema)
        self.failure: Exception | None = None

    def reader(self) -> pa.RecordBatchReader:
        """Return the rows as a stream that is read once."""
        return pa.RecordBatchReader.from_batches(self._arrow, self._batches())

    def sum_of_rows(self) -> tuple[int, ...]:
        """Sum the hashes of the rows; see `stackhouse.content`."""
        return sum_of_rows(pl.DataFrame(pl.from_arrow(batch)) for batch in self._batches())

    @contextmanager
    def told(self) -> Iterator[None]:
        """Raise what failed in the rows themselves, instead of the text of it that delta-rs passes on."""
        try:
            yield
        except DeltaError as error:
            if self.failure is None:
                raise
            raise self.failure from error

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Give the rows in the types of Delta; what fails is kept, since delta-rs would only pass on its text."""
        self.failure = None
        try:
            for batch in engine_of(self.table).batches(self.table.frame):
                yield _fit(batch, self._arrow, self.table.name)
        except Exception as error:
            self.failure = error
            raise


def try_again(attempt: Callable[[], Result], what: str) -> Result:
    """Make an attempt until no other writer was faster, at most `ATTEMPTS` times, waiting a little longer each time.

    Raises:
        InfrastructureError: where others were faster each time.
    """
    for number in range(ATTEMPTS):
        try:
            return attempt()
        except CommitFailedError as error:
            last = error
        time.sleep(random.uniform(0, min(LONGEST_WAIT_SECONDS, 0.02 * 2**number)))  # noqa: S311 - so that two do not meet again
    raise InfrastructureError(
        f"{what} lost against other processes that write at the same time, {ATTEMPTS} times; nothing of it was written. Run again."
    ) from last


def same_rows(delta: DeltaTable, source: Source, rows: int) -> bool:
    """Whether a table holds just these rows. Counts are compared before contents."""
    if delta.count() != rows:
        return False
    stored: pl.LazyFrame = engine("polars").scan_delta(delta).to_native()
    return source.sum_of_rows() == sum_of_rows([stored])


def write(delta: DeltaTable, source: Source, mode: str, rows: int, change: SchemaChange) -> None:
    """Write rows in one commit, and in none where the table holds them already; `change` is one that was allowed."""
    if mode == "merge" and delta.file_uris():
        merge(delta, source, roles_of(delta.schema()), change.added_names)
    elif change or not same_rows(delta, source, rows):
        overwrite(delta, source, changes_schema=bool(change))


def overwrite(delta: DeltaTable, source: Source, *, changes_schema: bool) -> None:
    """Write the rows in place of all that are there."""
    write_deltalake(
        delta, source.reader(), mode="overwrite", schema_mode="overwrite" if changes_schema else None, commit_properties=THIS_VERSION_ONLY
    )


def merge(delta: DeltaTable, source: Source, roles: Roles, added: tuple[str, ...]) -> None:
    """Update rows of known keys where a value differs, insert rows of new keys; one commit, and none where nothing changes."""
    same = " AND ".join(f"{_column('t', name)} = {_column('s', name)}" for name in roles.identity)
    names = [field.name for field in source.schema.fields if field.name not in roles.identity]
    differs = " OR ".join(_differs(name, is_new=name in added) for name in names)
    merge = delta.merge(
        source.reader(),
        predicate=same,
        source_alias="s",
        target_alias="t",
        merge_schema=bool(added),
        commit_properties=THIS_VERSION_ONLY,
    )
    merge = merge.when_matched_update_all(predicate=differs) if differs else merge
    merge.when_not_matched_insert_all().execute()


def _differs(name: str, *, is_new: bool) -> str:
    """Condition for a value that is another than the stored one; null and NaN count as values, -0.0 is 0.0."""
    if is_new:
        return f"({_column('s', name)} IS NOT NULL)"
    return f"({_column('t', name)} IS DISTINCT FROM {_column('s', name)})"


def _column(side: str, name: str) -> str:
    quoted = name.replace('"', '""')
    return f'{side}."{quoted}"'


def _fit(batch: pa.RecordBatch, schema: pa.Schema, name: str) -> pa.RecordBatch:
    """Give a batch the columns, in order and type, of a schema; no value may change by that.

    Raises:
        DataError: where a value does not fit: an unsigned integer of 2**63 or more, or a time finer than a microsecond.
    """
    columns: list[Any] = []
    for field in schema:
        column = batch.column(field.name)
        try:
            columns.append(column if column.type == field.type else column.cast(field.type))
        except pa.ArrowInvalid as error:
            raise DataError(f"{name}: '{field.name}' holds a value that {field.type} cannot: {error}. Nothing was written.") from error
    return pa.RecordBatch.from_arrays(columns, schema=schema)
