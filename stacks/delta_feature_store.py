"""The `delta` feature store flavor: feature tables on Delta Lake through delta-rs, in a folder.

Roles are kept in the metadata of each column of the Delta schema, so that the table itself says what its keys are.
Every write is one atomic commit; a process that is killed leaves the version before.
"""

import re
from pathlib import Path
from typing import Any, Literal, cast

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, Field, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from zenml.feature_stores.base_feature_store import BaseFeatureStoreConfig, BaseFeatureStoreFlavor

from stackhouse.content import content_hash
from stackhouse.errors import ConfigurationError, DataError, InfrastructureError
from stackhouse.point_in_time import Joined, join_as_of
from stackhouse.record import TableVersion
from stackhouse.table import Roles, Table, require_rows, require_unique_keys
from stacks.feature_store import FeatureStore
from stacks.home import require_writable

_ROLE = "stackhouse.role"


class DeltaFeatureStoreConfig(BaseFeatureStoreConfig):
    """Where the tables are."""

    path: str
    """Folder that holds catalog/schema/table."""

    @property
    def is_local(self) -> bool:
        """A folder of this machine: remote orchestrators must not be given one."""
        return True


class DeltaFeatureStore(FeatureStore):
    """Feature tables on Delta Lake."""

    @property
    def config(self) -> DeltaFeatureStoreConfig:
        """The typed configuration."""
        return cast(DeltaFeatureStoreConfig, self._config)

    def create_table(self, name: str, table: Table, description: str) -> None:
        """Create an empty table; see the port.

        Raises:
            ConfigurationError: where the name does not have three levels, or the table has no primary key.
            InfrastructureError: where the folder cannot be written to.
        """
        folder = self._folder(name)
        if not table.roles.primary_keys:
            raise ConfigurationError(f"{name} needs at least one primary key column; none is named.")
        require_writable(Path(self.config.path))
        schema = _schema(table)
        try:
            DeltaTable.create(
                str(folder), schema, mode="ignore", name=name, description=description, configuration={"delta.enableChangeDataFeed": "true"}
            )
        except (DeltaError, OSError) as error:
            raise InfrastructureError.unwritable(str(folder), str(error)) from error

    def write_table(self, name: str, table: Table, mode: Literal["merge", "overwrite"] = "merge") -> TableVersion:
        """Write rows in one commit; see the port.

        Raises:
            DataError: where the columns are not those of the table and the mode is merge.
            EmptyTableError: where there are no rows.
            InfrastructureError: where the table does not exist or the folder cannot be written to.
            PrimaryKeyError: where a key or timestamp is null or stands twice.
        """
        require_writable(Path(self.config.path))
        delta = self._open(name)
        rows = require_rows(table, "Nothing was written.")
        require_unique_keys(table)
        before = delta.version()
        changed = _changed_columns(delta, table)
        if mode == "merge" and changed:
            raise _other_columns(name, changed)
        if mode == "overwrite" and not changed and _same_rows(self.read_table(name), table):
            return self.table_version(name)
        try:
            if mode == "merge" or (_is_empty(delta) and not changed):
                _merge(delta, _to_arrow(table), table.roles)
            else:
                write_deltalake(delta, _with_roles(_to_arrow(table), table), mode="overwrite", schema_mode="overwrite")
        except CommitFailedError as error:
            raise InfrastructureError(
                f"Another process wrote to {name} at the same time; nothing of this write is in it. Run again."
            ) from error
        except (DeltaError, OSError) as error:
            raise InfrastructureError(
                f"Writing {rows:,} rows to {name} failed: {error}. The table is still at its version before."
            ) from error
        now = self.table_version(name)
        return now.model_copy(update={"written": now.version > before})

    def read_table(self, name: str, version: int | None = None) -> Table:
        """Read a table lazily; see the port.

        Raises:
            InfrastructureError: where the table or the version does not exist.
        """
        delta = self._open(name, version)
        return Table(nw.from_native(pl.scan_delta(delta)), _roles(delta), name)

    def table_version(self, name: str) -> TableVersion:
        """Say which version a table is at; see the port.

        Raises:
            InfrastructureError: where the table does not exist.
        """
        delta = self._open(name)
        return TableVersion(
            name=name,
            version=delta.version(),
            uri=str(self._folder(name)),
            rows=delta.count(),
            primary_keys=_roles(delta).primary_keys,
            written=False,
        )

    def create_training_set(self, spine: Table, features: str, names: tuple[str, ...] | None, version: int | None = None) -> Joined:
        """Join features to the spine; see the port and `stackhouse.point_in_time.join_as_of`."""
        return join_as_of(spine, self.read_table(features, version), names)

    def get_historical_features(self, entity_df: Any, features: list[str], full_feature_names: bool = False) -> Any:  # noqa: FBT001, FBT002 - ZenML's signature
        """Answer ZenML's own method: `entity_df` is a Table (the spine), each feature is named `catalog.schema.table:feature`.

        Raises:
            ConfigurationError: where the features are of several tables, or a spine is no Table.
        """
        table, names = _of_one_table(features)
        if not isinstance(entity_df, Table):
            raise ConfigurationError(f"Give a Table as the spine; it is {type(entity_df).__name__}.")
        joined = self.create_training_set(entity_df, table, names).table
        if not full_feature_names:
            return joined
        return joined.frame.rename(dict(zip(names, features, strict=True)))

    def get_online_features(
        self,
        entity_rows: list[dict[str, Any]],
        features: list[str],
        full_feature_names: bool = False,  # noqa: FBT001, FBT002 - ZenML's signature
    ) -> dict[str, Any]:
        """Answer ZenML's own method with the latest row of each key; None where a key has no row.

        Raises:
            ConfigurationError: where the features are of several tables.
        """
        name, names = _of_one_table(features)
        table = self.read_table(name)
        keys, time = list(table.roles.primary_keys), table.roles.timestamp
        asked = pl.DataFrame(entity_rows).select(keys).unique().lazy()
        rows = cast(pl.LazyFrame, table.frame.to_native()).join(asked, on=keys, how="semi")
        latest = (rows.sort(time).group_by(keys).last() if time else rows).collect()
        found = {tuple(row[key] for key in keys): row for row in latest.iter_rows(named=True)}
        answers = [found.get(tuple(entity[key] for key in keys), {}) for entity in entity_rows]
        return {
            full if full_feature_names else name: [row.get(name) for row in answers] for name, full in zip(names, features, strict=True)
        }

    def _folder(self, name: str) -> Path:
        levels = name.split(".")
        if len(levels) != 3 or not all(re.fullmatch(r"[A-Za-z0-9_]+", level) for level in levels):
            raise ConfigurationError(f"'{name}' is not a table name: give catalog.schema.table of letters, digits and '_'.")
        return Path(self.config.path).joinpath(*levels)

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        folder = self._folder(name)
        try:
            return DeltaTable(str(folder), version=version)
        except TableNotFoundError as error:
            raise InfrastructureError(
                f"Feature table {name} does not exist in {self.config.path}. Run feature_engineering with the same model file first."
            ) from error
        except DeltaError as error:
            at = "" if version is None else f" at version {version}"
            raise InfrastructureError(f"Feature table {name}{at} cannot be opened: {error}") from error


class DeltaFeatureStoreFlavor(BaseFeatureStoreFlavor):
    """Registers the store with ZenML as flavor `delta`."""

    @property
    def name(self) -> str:
        """Name of the flavor."""
        return "delta"

    @property
    def config_class(self) -> type[DeltaFeatureStoreConfig]:
        """Class of the configuration."""
        return DeltaFeatureStoreConfig

    @property
    def implementation_class(self) -> type[DeltaFeatureStore]:
        """Class of the store."""
        return DeltaFeatureStore


def _of_one_table(features: list[str]) -> tuple[str, tuple[str, ...]]:
    """Divide `catalog.schema.table:feature` into the table, which has to be the same for all, and the names of the features."""
    tables = {feature.rpartition(":")[0] for feature in features}
    if len(tables) != 1:
        raise ConfigurationError(f"Give features of one table, as catalog.schema.table:feature; the tables are {sorted(tables)}.")
    return tables.pop(), tuple(feature.rpartition(":")[2] for feature in features)


def _schema(table: Table) -> Schema:
    """Schema of a table: keys and timestamp are NOT NULL, and every column carries its role."""
    arrow = _to_arrow(table.with_frame(table.frame.head(0))).schema
    required, roles = table.roles.identity, _role_of_columns(table.roles)
    fields = []
    for field in Schema.from_arrow(arrow).fields:
        metadata = {_ROLE: roles[field.name]} if field.name in roles else {}
        fields.append(Field(field.name, field.type, nullable=field.name not in required, metadata=metadata))
    return Schema(fields)


def _with_roles(frame: pa.Table, table: Table) -> pa.Table:
    """Put roles and NOT NULL into the Arrow schema, so that an overwrite of the Delta schema keeps them."""
    required, roles = table.roles.identity, _role_of_columns(table.roles)
    fields = [
        pa.field(
            field.name,
            field.type,
            nullable=field.name not in required,
            metadata={_ROLE: roles[field.name]} if field.name in roles else None,
        )
        for field in frame.schema
    ]
    return frame.cast(pa.schema(fields))


def _role_of_columns(roles: Roles) -> dict[str, str]:
    named = dict.fromkeys(roles.primary_keys, "primary_key") | dict.fromkeys(roles.features, "feature")
    named |= {roles.timestamp: "timestamp"} if roles.timestamp else {}
    return named | ({roles.label: "label"} if roles.label else {})


def _roles(delta: DeltaTable) -> Roles:
    columns: dict[str, list[str]] = {}
    for field in delta.schema().fields:
        columns.setdefault(str(field.metadata.get(_ROLE)), []).append(field.name)
    return Roles(
        primary_keys=tuple(columns.get("primary_key", ())),
        timestamp=next(iter(columns.get("timestamp", ())), None),
        label=next(iter(columns.get("label", ())), None),
        features=tuple(columns.get("feature", ())),
    )


def _to_arrow(table: Table) -> pa.Table:
    frame: pl.DataFrame = table.collect().to_native()
    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _changed_columns(delta: DeltaTable, table: Table) -> list[str]:
    """Columns that only one of the two has, or that have another type or role."""
    existing = {(field.name, str(field.type), str(field.metadata.get(_ROLE))) for field in delta.schema().fields}
    incoming = {(field.name, str(field.type), str(field.metadata.get(_ROLE))) for field in _schema(table).fields}
    return sorted({column for column, _, _ in existing ^ incoming})


def _other_columns(name: str, changed: list[str]) -> DataError:
    columns = ", ".join(f"'{column}'" for column in changed)
    return DataError(
        f"Feature table {name} and the rows to merge differ in {columns}. Set model.features.write_mode to overwrite "
        "to rewrite the table, or give model.features.table a new name; nothing was written."
    )


def _same_rows(stored: Table, table: Table) -> bool:
    """Whether a table holds just these rows, once they have the types that Delta keeps (it has no unsigned integers)."""
    types = stored.frame.collect_schema()
    kept = table.frame.with_columns(*(nw.col(column).cast(dtype) for column, dtype in types.items()))
    return content_hash(stored) == content_hash(table.with_frame(kept))


def _is_empty(delta: DeltaTable) -> bool:
    """Whether no file belongs to the table: two overwrites would not notice each other then, two merges do."""
    return not delta.file_uris()


def _merge(delta: DeltaTable, frame: pa.Table, roles: Roles) -> None:
    """Update rows of known keys where a value differs, insert rows of new keys; one commit, and none where nothing changes."""
    same = " AND ".join(f't."{column}" = s."{column}"' for column in roles.identity)
    values = [column for column in frame.column_names if column not in roles.identity]
    differs = " OR ".join(f'(t."{column}" IS DISTINCT FROM s."{column}")' for column in values)
    merge = delta.merge(frame, predicate=same, source_alias="s", target_alias="t")
    merge = merge.when_matched_update_all(predicate=differs) if differs else merge
    merge.when_not_matched_insert_all().execute()
