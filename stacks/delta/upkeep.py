"""What a feature table says of itself beside its schema, for how long it keeps earlier versions, and what has changed in it."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from polars.io.plugins import register_io_source

from stackhouse.errors import ConfigurationError, InfrastructureError
from stackhouse.record import FeatureTable
from stacks.delta.location import Location
from stacks.delta.schema import arrow_schema, roles_of
from stacks.delta.writing import THIS_VERSION_ONLY
from stacks.feature_store import days_to_keep

TAGS = "stackhouse.tags"
FILES_KEPT = "delta.deletedFileRetentionDuration"
LOG_KEPT = "delta.logRetentionDuration"
DEFAULT_RETENTION_DAYS = 7
"""Delta's own, for tables that say nothing. Source: Delta protocol, table properties."""


def properties(tags: Mapping[str, str], retention_days: int | None) -> dict[str, str]:
    """Return tags and retention as properties of a Delta table; what is not given has none.

    Raises:
        ConfigurationError: where the retention is below 0 days.
    """
    found = {TAGS: json.dumps(dict(tags), sort_keys=True)} if tags else {}
    if retention_days is None:
        return found
    if retention_days < 0:
        raise ConfigurationError(f"A retention of {retention_days} days makes no sense; give 0 days or more.")
    return found | {FILES_KEPT: f"interval {retention_days} days", LOG_KEPT: f"interval {max(retention_days, 1)} days"}


def update(delta: DeltaTable, description: str, wanted: Mapping[str, str]) -> None:
    """Set description and properties of a table where they differ; a commit for each of the two."""
    if delta.metadata().description != description:
        delta.alter.set_table_description(description, commit_properties=THIS_VERSION_ONLY)
    existing = delta.metadata().configuration
    if different := {key: value for key, value in wanted.items() if existing.get(key) != value}:
        delta.alter.set_table_properties(different, raise_if_not_exists=False, commit_properties=THIS_VERSION_ONLY)


def describe(name: str, delta: DeltaTable, uri: str) -> FeatureTable:
    """Say what a table is."""
    metadata, schema = delta.metadata(), delta.schema()
    roles, configuration = roles_of(schema), metadata.configuration
    return FeatureTable(
        name=name,
        uri=uri,
        description=metadata.description or "",
        tags=json.loads(configuration.get(TAGS) or "{}"),
        primary_keys=roles.primary_keys,
        timestamp=roles.timestamp,
        label=roles.label,
        features=roles.features,
        columns={field.name: str(field.type) for field in arrow_schema(schema)},
        version=delta.version(),
        rows=delta.count(),
        retention_days=retention(delta),
        created=datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=metadata.created_time),
    )


def retention(delta: DeltaTable) -> int:
    """Return for how many days the files of earlier versions are kept."""
    count, _, unit = str(delta.metadata().configuration.get(FILES_KEPT, "")).removeprefix("interval ").partition(" ")
    hours = {"day": 24, "week": 168, "hour": 1}.get(unit.rstrip("s"))
    return int(count) * hours // 24 if hours else DEFAULT_RETENTION_DAYS


def vacuum(name: str, delta: DeltaTable, retention_days: int | None, existing: set[str], *, dry_run: bool) -> list[str]:
    """Remove files that no kept version needs, and those that a killed writer left; return their names.

    Delta names each file that was ever removed, as a path or a name; only those that are `existing` are told.
    Files that no version ever named are only taken where at least a day is kept: they may be those of a writer at work.

    Raises:
        ConfigurationError: where fewer days are asked for than the table promises to keep.
    """
    days = days_to_keep(name, retention(delta), retention_days)
    removed = delta.vacuum(days * 24, dry_run=dry_run, enforce_retention_duration=False, full=days >= 1)
    return sorted({file.rpartition("/")[2] for file in removed} & existing)


def changes(name: str, delta: DeltaTable, from_version: int, to_version: int, location: Location) -> nw.LazyFrame[Any]:
    """Return the change data feed as a lazy frame that reads it in a stream, each time it is computed."""
    what = f"The changes of {name} from version {from_version} to {to_version} cannot be read"

    def feed() -> pa.RecordBatchReader:
        with location.told(what):
            return pa.RecordBatchReader.from_stream(delta.load_cdf(from_version, to_version))

    def batches(columns: list[str] | None, predicate: pl.Expr | None, rows: int | None, _: int | None) -> Iterator[pl.DataFrame]:
        left = rows
        for batch in _told(feed(), location, what):
            frame = _with_utc(pl.DataFrame(pl.from_arrow(batch)))
            if left is not None:
                frame = frame.head(left)
                left -= frame.height
            frame = frame if predicate is None else frame.filter(predicate)
            yield frame if columns is None else frame.select(columns)
            if left == 0:
                return

    schema = _with_utc(pl.DataFrame(pl.from_arrow(pa.Table.from_batches([], schema=feed().schema)))).schema
    return nw.from_native(register_io_source(batches, schema=schema, is_pure=True))


def _told(reader: pa.RecordBatchReader, location: Location, what: str) -> Iterator[pa.RecordBatch]:
    with location.told(what):
        yield from reader


def _with_utc(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("_commit_timestamp").dt.replace_time_zone("UTC"))


def require_versions(name: str, from_version: int, to_version: int, newest: int) -> None:
    """Check that versions exist and are in order.

    Raises:
        InfrastructureError: where they are not, naming the newest.
    """
    if not 0 <= from_version <= to_version <= newest:
        raise InfrastructureError(
            f"Feature table {name} has no changes from version {from_version} to {to_version}; "
            f"give versions in order, from 0 to {newest}, which is the newest."
        )
