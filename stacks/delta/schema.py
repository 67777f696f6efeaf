"""What the schema of a Delta table says of a feature table: types, NOT NULL, and the role of each column in its metadata."""

from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa
from deltalake import Field, Schema

from stackhouse.errors import ColumnTypeError, DataError
from stackhouse.table import Roles, Table

_ROLE = "stackhouse.role"


def delta_schema(table: Table) -> Schema:
    """Return the schema that a table has in Delta: keys, timestamp, features and label in the order of their roles, then the rest.

    Keys and timestamp are NOT NULL. Delta has no unsigned integers, no categories, and no time zone or unit of time but UTC and
    µs: these become a signed integer that holds them (64 bits at most), text, UTC and µs.

    Raises:
        ColumnTypeError: where a column is of a type that Delta has no place for.
    """
    found = table.frame.collect_schema()
    types = {name: _kept_type(dtype) for name, dtype in found.items()}
    if refused := [f"'{name}' ({found[name]})" for name, arrow in types.items() if arrow is None]:
        raise ColumnTypeError(
            f"{table.name}: a feature table cannot hold {', '.join(refused)}. Convert at the source; nothing was written."
        )
    roles, required = _role_of_columns(table.roles), table.roles.identity
    names = [*table.roles.columns, *(name for name in types if name not in roles)]
    fields = [
        pa.field(name, types[name], nullable=name not in required, metadata={_ROLE: roles[name]} if name in roles else None)
        for name in names
    ]
    return Schema.from_arrow(pa.schema(fields))


def arrow_schema(schema: Schema) -> pa.Schema:
    """Return a Delta schema as Arrow's, with roles and NOT NULL."""
    return pa.schema(schema.to_arrow())


def roles_of(schema: Schema) -> Roles:
    """Read the roles of the columns back."""
    columns: dict[str, list[str]] = {}
    for field in schema.fields:
        columns.setdefault(str(field.metadata.get(_ROLE)), []).append(field.name)
    return Roles(
        primary_keys=tuple(columns.get("primary_key", ())),
        timestamp=next(iter(columns.get("timestamp", ())), None),
        label=next(iter(columns.get("label", ())), None),
        features=tuple(columns.get("feature", ())),
    )


@dataclass(frozen=True)
class SchemaChange:
    """How the columns of rows to write differ from those of the table; each text names a column and what is with it."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    retyped: tuple[str, ...]
    other_role: tuple[str, ...]
    keys: tuple[str, ...]
    """Differences of keys and timestamp, in name or type: these never change."""

    @classmethod
    def between(cls, existing: Schema, incoming: Schema) -> "SchemaChange":
        """Compare the schema of a table with that of rows; the order of columns does not count."""
        old, new = ({field.name: field for field in schema.fields} for schema in (existing, incoming))
        both = [name for name in old if name in new]
        types = {name: (str(old[name].type), str(new[name].type)) for name in both}
        roles = {name: (_role(old[name]), _role(new[name])) for name in both}
        retyped = tuple(f"'{name}' ({_short(was)} is now {_short(now)})" for name, (was, now) in types.items() if was != now)
        other_role = tuple(f"'{name}' ({was} is now {now})" for name, (was, now) in roles.items() if was != now)
        added = tuple(f"'{name}'" for name in new if name not in old)
        dropped = tuple(f"'{name}'" for name in old if name not in new)
        fixed = {f"'{name}'" for schema in (old, new) for name, field in schema.items() if _role(field) in {"primary_key", "timestamp"}}
        keys = tuple(text for text in (*added, *dropped, *retyped, *other_role) if text.partition(" (")[0] in fixed)
        return cls(added, dropped, retyped, other_role, keys)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(self.added or self.dropped or self.retyped or self.other_role)

    @property
    def added_names(self) -> tuple[str, ...]:
        """Names of the new columns, without quotes."""
        return tuple(name[1:-1] for name in self.added)

    @property
    def only_adds(self) -> bool:
        """Whether there are new columns and nothing else."""
        return bool(self.added) and not (self.dropped or self.retyped or self.other_role)

    def __str__(self) -> str:
        """Name all differences."""
        kinds = {"added": self.added, "dropped": self.dropped, "of another type": self.retyped, "of another role": self.other_role}
        return "; ".join(f"{kind}: {', '.join(columns)}" for kind, columns in kinds.items() if columns)


def require_same_keys(name: str, change: SchemaChange) -> None:
    """Check that keys and timestamp are those of the table, in name and type.

    Raises:
        DataError: where they are not; no setting changes that, since lookups and earlier versions rely on them.
    """
    if change.keys:
        raise DataError(
            f"Feature table {name} has other keys or another timestamp than the rows: {', '.join(change.keys)}. "
            "Keys never change; give model.features.table a new name. Nothing was written."
        )


def require_allowed(name: str, change: SchemaChange, mode: str, schema_change: str) -> None:
    """Check that the columns of the rows are those of the table, or that the change was asked for.

    Raises:
        DataError: where a change was not asked for, or a merge would have to drop or convert what other rows hold.
    """
    require_same_keys(name, change)
    if not change:
        return
    if schema_change == "refuse":
        raise DataError(
            f"The columns of feature table {name} changed ({change}). Set model.features.schema_change to evolve if that is meant, "
            "or give model.features.table a new name; nothing was written."
        )
    if mode == "merge" and not change.only_adds:
        raise DataError(
            f"The columns of feature table {name} changed ({change}); a merge can add columns and nothing else, since it keeps other rows. "
            "Set model.features.write_mode to overwrite to rewrite the table; nothing was written."
        )


def _role_of_columns(roles: Roles) -> dict[str, str]:
    named = dict.fromkeys(roles.primary_keys, "primary_key") | dict.fromkeys(roles.features, "feature")
    named |= {roles.timestamp: "timestamp"} if roles.timestamp else {}
    return named | ({roles.label: "label"} if roles.label else {})


def _role(field: Field) -> str:
    return str(field.metadata.get(_ROLE, "no role"))


def _short(dtype: str) -> str:
    return dtype.removeprefix('PrimitiveType("').removesuffix('")')


def _kept_type(dtype: nw.dtypes.DType) -> pa.DataType | None:
    """Return the Arrow type that a column has once Delta keeps it; None where Delta cannot."""
    if isinstance(dtype, (nw.Categorical, nw.Enum)):
        return pa.string()
    if isinstance(dtype, nw.Datetime):
        return pa.timestamp("us", "UTC" if dtype.time_zone else None)
    try:
        arrow = nw.Schema({"column": dtype}).to_arrow().field("column").type
        kept = arrow_schema(Schema.from_arrow(pa.schema([pa.field("column", _signed(arrow))]))).field("column").type
    except Exception:  # noqa: BLE001 - Narwhals asserts and delta-rs raises a bare Exception for a type that it does not know
        return None
    return None if pa.types.is_null(kept) else kept


def _signed(arrow: pa.DataType) -> pa.DataType:
    if not pa.types.is_unsigned_integer(arrow):
        return arrow
    return {8: pa.int16(), 16: pa.int32()}.get(arrow.bit_width, pa.int64())
