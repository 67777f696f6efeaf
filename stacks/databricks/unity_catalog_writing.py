"""How feature tables of Unity Catalog are made and written: by the client, after what the port promises has been checked here.

The client is given the rows that differ and no others, so that equal rows write no version and the change data feed tells true changes.
"""

from collections.abc import Mapping
from typing import Any

from deltalake import Schema
from deltalake.exceptions import CommitFailedError

from stackhouse.errors import ConfigurationError, InfrastructureError
from stackhouse.table import Table, require_rows, require_unique_keys
from stackhouse.writing import SchemaChange, WriteMode
from stacks.databricks.unity_catalog_client import told
from stacks.databricks.unity_catalog_reading import ROLES, FeatureTables, recorded_roles
from stacks.databricks.unity_catalog_rows import changed_rows, feature_schema, on_spark, spark_schema
from stacks.databricks.unity_catalog_tables import CHANGE_FEED, COLUMN_MAPPING, identifier, require_three_levels
from stacks.delta import upkeep
from stacks.delta.schema import SchemaChange as Difference
from stacks.delta.schema import delta_schema, require_allowed, require_same_keys
from stacks.delta.writing import try_again


def create(found: FeatureTables, name: str, table: Table, description: str, tags: Mapping[str, str], retention_days: int | None) -> None:
    """Create an empty table, or bring one up to date; a process that was killed after the first call is completed by the next.

    Raises:
        ConfigurationError: where the name does not have three levels, the table has no primary key, or the retention makes no sense.
        DataError: where a table of other keys is there already, or a column cannot be kept.
        InfrastructureError: where the catalog refuses.
    """
    require_three_levels(name)
    if not table.roles.primary_keys:
        raise ConfigurationError(f"{name} needs at least one primary key column; none is named.")
    schema, wanted = feature_schema(table), upkeep.properties({}, retention_days)

    def attempt() -> None:
        if not found.tables.exists(name):
            _create(found, name, table, schema, description, tags)
        there = found.open(name)
        require_same_keys(name, Difference.between(delta_schema(there.table), schema))
        before = there.detail.properties
        properties = {CHANGE_FEED: "true", ROLES: before.get(ROLES) or recorded_roles(table.roles)} | wanted
        if different := {key: value for key, value in properties.items() if before.get(key) != value}:
            found.tables.set_properties(name, different)
        if there.detail.description != description:
            found.tables.comment(name, description)
        _set_tags(found.client, name, there.tags, tags)

    try_again(attempt, f"Describing {name}")


def check(found: FeatureTables, name: str, table: Table, mode: WriteMode, schema_change: SchemaChange) -> None:
    """Compare the columns with those that are there.

    Raises:
        DataError: where columns or keys are not those of the table and the change is not allowed, or a column cannot be kept.
    """
    schema = feature_schema(table)
    if found.tables.exists(name):
        require_allowed(name, Difference.between(delta_schema(found.open(name).table), schema), mode, schema_change)


def write(found: FeatureTables, name: str, table: Table, mode: WriteMode, schema_change: SchemaChange) -> bool:
    """Write the rows that differ, and say whether anything did; an overwrite that changes columns takes a commit for each step of it.

    Where another process wrote between the comparison and the merge, the rows are compared again with what is there by then.

    Raises:
        DataError: where columns are not allowed, a value does not fit, there are no rows, or keys are null or stand twice.
        InfrastructureError: where the table does not exist, or others were faster each time.
    """
    schema, what, written = feature_schema(table), f"Writing to {name}", []
    rows = 0

    def attempt() -> None:
        nonlocal rows
        there = found.open(name)
        change = Difference.between(delta_schema(there.table), schema)
        require_allowed(name, change, mode, schema_change)
        rows = rows or _require_writable(table)
        if change:
            _evolve(found, name, table, there.table, mode)
            written.append(True)
            there = found.open(name)
        with told(f"Writing {rows:,} rows to {name} failed"):
            frame = _differing(found, table, there.table, mode, rows)
            if frame is None:
                return
            found.client.write_table(name=name, df=frame, mode=mode)
        written.append(True)
        if mode == "merge" and found.tables.newest(name) > there.version + 1:
            raise CommitFailedError(f"another process wrote to {name} between the comparison and the merge")

    try_again(attempt, what)
    return bool(written)


def _require_writable(table: Table) -> int:
    rows = require_rows(table, "Nothing was written.")
    require_unique_keys(table)
    return rows


def _create(found: FeatureTables, name: str, table: Table, schema: Schema, description: str, tags: Mapping[str, str]) -> None:
    found.tables.record_changes_of_new_tables()
    try:
        with told(f"Feature table {name} cannot be created"):
            found.client.create_table(
                name=name,
                primary_keys=list(table.roles.identity),
                timeseries_column=table.roles.timestamp,
                schema=spark_schema(schema),
                description=description,
                tags=dict(tags) or None,
            )
    except InfrastructureError:
        if not found.tables.exists(name):  # or else another process has just created it; what it made is looked at by the caller
            raise


def _differing(found: FeatureTables, table: Table, stored: Table, mode: WriteMode, rows: int) -> Any:
    """Return the Spark frame to give to the client; None where the table holds the rows already."""
    names, there = [field.name for field in feature_schema(table).fields], stored.frame.to_native()
    frame = on_spark(found.tables.session, table).select(*(identifier(name) for name in names))
    before = stored.count()
    if mode == "overwrite" and before != rows:
        return frame
    added = [name for name in names if name not in there.columns]
    new = changed_rows(frame, there, table.roles.identity, added) if before else frame
    if new.isEmpty():
        return None
    return new if mode == "merge" else frame


def _evolve(found: FeatureTables, name: str, table: Table, stored: Table, mode: WriteMode) -> None:
    """Bring roles and columns to those of the rows, a change that is allowed.

    Roles come first: where this stops midway columns are missing, and the next try adds them. A merge adds columns itself.

    Source: the client's overwrite keeps the columns of a table, its merge takes new ones; Delta drops columns where they are mapped
    by name, which a property asks for.
    """
    types, before = (
        {field.name: field.dataType.simpleString() for field in spark_schema(feature_schema(rows)).fields} for rows in (table, stored)
    )
    dropped = [column for column in before if types.get(column) != before[column]]
    mapped = {COLUMN_MAPPING: "name"} if dropped else {}
    found.tables.set_properties(name, {ROLES: recorded_roles(table.roles)} | mapped)
    if mode == "overwrite" and dropped:
        found.tables.drop_columns(name, dropped)
    if mode == "overwrite" and (new := {column: kind for column, kind in types.items() if kind != before.get(column)}):
        found.tables.add_columns(name, new)


def _set_tags(client: Any, name: str, before: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Make the tags those that are given; they stay where none are given."""
    with told(f"The tags of feature table {name} cannot be set"):
        for key in before.keys() - tags.keys() if tags else ():
            client.delete_feature_table_tag(name=name, key=key)
        for key, value in tags.items():
            if before.get(key) != value:
                client.set_feature_table_tag(name=name, key=key, value=value)
