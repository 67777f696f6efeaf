"""What a feature table of Unity Catalog holds and says of itself: rows at a version, roles, description, tags, retention.

Keys and the column of time are what the client says. Label and features stand in a property of the table; of a table that another
program made, every column that is no key is a feature. An earlier version is read with the roles of today.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw

from stackhouse.errors import InfrastructureError
from stackhouse.record import FeatureTable, TableVersion
from stackhouse.table import Roles, Table
from stacks.databricks.unity_catalog_client import told
from stacks.databricks.unity_catalog_tables import DeltaTables, Detail, identifier
from stacks.delta import upkeep
from stacks.delta.schema import arrow_schema, delta_schema

ROLES = "stackhouse.roles"
_OF_CHANGES = ("_change_type", "_commit_version", "_commit_timestamp")


@dataclass(frozen=True)
class Snapshot:
    """A table at one version, with what the catalog says of it today."""

    table: Table
    version: int
    detail: Detail
    tags: Mapping[str, str]

    def count(self) -> TableVersion:
        """Count the rows, and say which version this is."""
        return TableVersion(
            name=self.table.name,
            version=self.version,
            uri=self.detail.location or self.table.name,
            rows=self.table.count(),
            primary_keys=self.table.roles.primary_keys,
            written=False,
        )

    def describe(self) -> FeatureTable:
        """Say what the table is."""
        counted, roles = self.count(), self.table.roles
        return FeatureTable(
            name=counted.name,
            uri=counted.uri,
            description=self.detail.description,
            tags=self.tags,
            primary_keys=roles.primary_keys,
            timestamp=roles.timestamp,
            label=roles.label,
            features=roles.features,
            columns={field.name: str(field.type) for field in arrow_schema(delta_schema(self.table))},
            version=counted.version,
            rows=counted.rows,
            retention_days=retention(self.detail),
            created=self.detail.created,
        )


@dataclass(frozen=True)
class FeatureTables:
    """The feature tables that the client knows, and the same tables by SQL."""

    client: Any
    tables: DeltaTables

    def open(self, name: str, version: int | None = None) -> Snapshot:
        """Open a table lazily; the newest version by its number too, so that rows stay the same while others write.

        Raises:
            InfrastructureError: where the table or the version does not exist, or the version is no longer kept.
        """
        newest = self.tables.newest(name)
        wanted = newest if version is None else version
        if not 0 <= wanted <= newest:
            raise InfrastructureError(
                f"Feature table {name} has no version {version}; the newest is {newest}. Give one from 0 to {newest}."
            )
        frame = self.tables.read(name, newest) if wanted == newest else self._old(name, wanted, newest)
        return self._snapshot(name, frame, wanted)

    def changes(self, name: str, from_version: int, to_version: int | None) -> Table:
        """Open the change data feed.

        Raises:
            InfrastructureError: where the table or the versions do not exist, or changes were not recorded or are no longer kept.
        """
        newest = self.tables.newest(name)
        last = newest if to_version is None else to_version
        upkeep.require_versions(name, from_version, last, newest)
        found = self._snapshot(name, self.tables.changes(name, from_version, last), last)
        return replace(found.table, name=f"changes of {name}")

    def _snapshot(self, name: str, frame: Any, version: int) -> Snapshot:
        with told(f"The keys and tags of feature table {name} cannot be read"):
            known = self.client.get_table(name=name)
        detail = self.tables.detail(name)
        roles = _roles(known, detail, [column for column in frame.columns if column not in _OF_CHANGES])
        return Snapshot(Table(nw.from_native(frame), roles, name), version, detail, dict(known.tags or {}))

    def _old(self, name: str, version: int, newest: int) -> Any:
        """Open an earlier version, after reading one column of it: Delta only finds out that files are gone when it reads them."""
        from pyspark.sql import functions

        try:
            frame = self.tables.read(name, version)
            frame.select(functions.max(functions.xxhash64(functions.col(identifier(frame.columns[0]))))).collect()
        except Exception as error:  # Spark has many for a file that is gone
            said = (str(error).splitlines() or [type(error).__name__])[0][:300].rstrip(".")
            raise InfrastructureError(
                f"Version {version} of feature table {name} is no longer kept, or cannot be read: {said}. "
                f"Read a later version; the newest is {newest}."
            ) from error
        return frame


def _roles(known: Any, detail: Detail, columns: Sequence[str]) -> Roles:
    times = [column for column in known.timestamp_keys or () if column in columns]
    keys = tuple(key for key in known.primary_keys if key not in times)
    others = [column for column in columns if column not in (*keys, *times)]
    recorded = json.loads(detail.properties.get(ROLES) or "{}")
    label = recorded.get("label")
    return Roles(
        primary_keys=keys,
        timestamp=next(iter(times), None),
        label=label if label in others else None,
        features=tuple(feature for feature in recorded.get("features", others) if feature in others),
    )


def recorded_roles(roles: Roles) -> str:
    """Return label and features as the text of a property."""
    return json.dumps({"label": roles.label, "features": list(roles.features)}, sort_keys=True)


def retention(detail: Detail) -> int:
    """Return for how many days the files of earlier versions are kept."""
    count, _, unit = detail.properties.get(upkeep.FILES_KEPT, "").removeprefix("interval ").partition(" ")
    hours = {"day": 24, "week": 168, "hour": 1}.get(unit.rstrip("s"))
    return int(count) * hours // 24 if hours else upkeep.DEFAULT_RETENTION_DAYS
