"""Rows and columns for a feature table of Unity Catalog: as a Spark frame, in types that the client takes, and only what is new."""

from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from deltalake import Schema

from stackhouse.errors import ColumnTypeError, DataError
from stackhouse.table import Table
from stacks.databricks.unity_catalog_tables import identifier
from stacks.delta.schema import arrow_schema, delta_schema
from stacks.delta.writing import Source
from stacks.engines import engine_of

_NO_NAME = " ,;{}()\n\t="
"""Characters that Delta refuses in the names of columns of a new table."""


def feature_schema(table: Table) -> Schema:
    """Return the schema that a table has in Unity Catalog: that of the `delta` store, where the client takes its names and types.

    Source: the client takes no bytes (int8), no times without a zone and no structs; Delta refuses blanks and a few signs in names.

    Raises:
        ColumnTypeError: where a column is of a type that a feature table has no place for.
        DataError: where the name of a column is refused.
    """
    schema = delta_schema(table)
    if refused := [f"'{field.name}' ({field.type})" for field in arrow_schema(schema) if _refused(field.type)]:
        raise ColumnTypeError(
            f"{table.name}: a feature table of Unity Catalog cannot hold {', '.join(refused)}. "
            "Convert at the source (int8 to a wider integer, times to UTC); nothing was written."
        )
    if named := [field.name for field in schema.fields if set(field.name) & set(_NO_NAME)]:
        raise DataError(f"{table.name}: Unity Catalog takes no columns called {named}. Rename them at the source; nothing was written.")
    return schema


def spark_schema(schema: Schema) -> Any:
    """Return a schema as Spark's StructType, with NOT NULL."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(arrow_schema(schema))


def on_spark(session: Any, table: Table) -> Any:
    """Return the rows as a Spark frame; those of another engine pass through the driver, in the types of `delta_schema`.

    Raises:
        DataError: where a value does not fit into its column's type.
    """
    if engine_of(table).name == "spark":
        return table.frame.to_native()
    source = Source(table)
    rows = pa.Table.from_batches(list(source.reader()), arrow_schema(source.schema))
    takes_arrow = int(session.version.partition(".")[0]) >= 4
    return session.createDataFrame(rows if takes_arrow else rows.to_pylist(), spark_schema(source.schema))


def changed_rows(rows: Any, stored: Any, identity: Sequence[str], added: Collection[str] = ()) -> Any:
    """Return the rows that are new, or differ from the stored row of the same identity; both are Spark frames.

    Null and NaN count as values, -0.0 is 0.0. Of a column that is `added` only values differ from what is not stored.
    """
    from pyspark.sql import functions

    kept = [column for column in rows.columns if column not in added]
    names = {column: f"__stored_{number}" for number, column in enumerate(kept)}
    ours = {column: functions.col(identifier(column)) for column in rows.columns}
    theirs = {column: functions.col(name) for column, name in names.items()}
    before = stored.select(*(functions.col(identifier(column)).alias(name) for column, name in names.items()))
    matching, differs = functions.lit(True), theirs[identity[0]].isNull()
    for column in rows.columns:
        if column in identity:
            matching &= ours[column] == theirs[column]
        else:
            differs |= ours[column].isNotNull() if column in added else ~ours[column].eqNullSafe(theirs[column])
    return rows.join(before, matching, "left").where(differs).select(*ours.values())


def _refused(kind: pa.DataType) -> bool:
    return bool(pa.types.is_int8(kind) or pa.types.is_struct(kind) or (pa.types.is_timestamp(kind) and kind.tz is None))
