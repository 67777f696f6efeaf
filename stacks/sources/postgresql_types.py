"""What PostgreSQL's types become in a Table, batch by batch. A type or a value without a faithful counterpart is refused."""

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from stackhouse.errors import ColumnTypeError, ConfigurationError, DataError

_EXACT = 2**53
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_MICROSECONDS_A_DAY = 86_400_000_000
_KEPT = frozenset(
    {"int16", "int32", "int64", "float", "double", "bool", "string", "date32[day]", "time64[us]", "timestamp[us]", "timestamp[us, tz=UTC]"}
)


def read_schema(schema: pa.Schema, name: str) -> pa.Schema:
    """Return the schema that the rows are kept in.

    Whole numbers, floats, booleans, text, dates and times stay what they are; `timestamptz` is UTC. `numeric` becomes float64, `json`
    and `uuid` become text.

    Raises:
        ColumnTypeError: where a column is of another type.
        ConfigurationError: where there are no columns, or two of one name.
    """
    if not schema.names:
        raise ConfigurationError(f"The query of {name} gives no columns. Give one SELECT under source.query.")
    if twice := sorted({column for column in schema.names if schema.names.count(column) > 1}):
        raise ConfigurationError(f"The query of {name} gives {twice[0]} more than once. Name each column with AS.")
    return pa.schema([pa.field(field.name, _kept(field, name)) for field in schema])


def converted(batch: pa.RecordBatch, schema: pa.Schema, name: str) -> pa.RecordBatch:
    """Convert one batch, shape (n_rows, n_columns).

    Raises:
        DataError: where a numeric is too large for float64 to tell from its neighbour, or a date or time is infinite.
    """
    columns = []
    for field, column in zip(batch.schema, batch.columns, strict=True):
        kind, storage = _type(field), column.storage if isinstance(column, pa.ExtensionArray) else column
        where = f"{name}: column '{field.name}'"
        if kind == "numeric":
            storage = _floats(storage, where)
        elif kind == "uuid":
            storage = _uuids(storage)
        elif pa.types.is_date(field.type) or pa.types.is_timestamp(field.type):
            _require_finite_times(storage, where)
        columns.append(storage.cast(schema.field(field.name).type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _type(field: pa.Field) -> str:
    return (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() or str(field.type)


def _kept(field: pa.Field, name: str) -> pa.DataType:
    kind = _type(field)
    if kind == "numeric":
        return pa.float64()
    if kind in {"json", "jsonb", "uuid"}:
        return pa.string()
    if str(field.type) not in _KEPT or kind == "money":
        raise ColumnTypeError(
            f"{name}: column '{field.name}' has the PostgreSQL type {kind}, which has no place in a table. "
            f'Cast it in source.query, e.g. "{field.name}"::text, or leave it out.'
        )
    return field.type


def _floats(texts: pa.Array, where: str) -> pa.Array:
    """Cast numerics, which come as text. Source: ADBC, since Arrow's decimals hold neither NaN, Infinity nor numerics without a scale."""
    floats = pc.cast(texts, pa.float64())
    large = pc.and_(pc.is_finite(floats), pc.greater_equal(pc.abs(floats), float(_EXACT)))
    if pc.any(large).as_py():
        example = texts.filter(large)[0].as_py()
        raise DataError(
            f"{where} is numeric and holds {example}, of which a float would lose digits. "
            "Cast it in source.query: to bigint or text where it is a key, to double precision where it is a measure."
        )
    return floats


def _uuids(storage: pa.Array) -> pa.Array:
    text = pl.Series("", pl.from_arrow(storage.cast(pa.binary()))).bin.encode("hex")
    parts = [text.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.concat_str(parts, separator="-")).to_series().to_arrow(compat_level=pl.CompatLevel.oldest())


def _require_finite_times(times: pa.Array, where: str) -> None:
    """Refuse 'infinity' and years outside 1 to 9999, which come as arbitrary numbers of days or microseconds."""
    scale = 1 if pa.types.is_date(times.type) else _MICROSECONDS_A_DAY
    number = times.cast(pa.int32() if scale == 1 else pa.int64())
    first, end = _FIRST_DAY * scale, (_LAST_DAY + 1) * scale
    if pc.any(pc.or_(pc.less(number, first), pc.greater_equal(number, end))).as_py():
        raise DataError(f"{where} holds an infinite time, or one outside the years 1 to 9999. Replace it in source.query, e.g. by NULLIF.")
