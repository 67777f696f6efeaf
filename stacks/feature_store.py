"""The feature store port: the few methods that every feature store of Stackhouse answers, as a ZenML stack component."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from zenml.client import Client
from zenml.feature_stores.base_feature_store import BaseFeatureStore

from stackhouse.errors import ConfigurationError, InfrastructureError, MissingTableError
from stackhouse.lookups import FeatureLookup
from stackhouse.point_in_time import Joined
from stackhouse.record import FeatureTable, TableVersion
from stackhouse.table import Table
from stackhouse.training_set import create_training_set
from stackhouse.writing import SchemaChange, WriteMode


class FeatureStore(BaseFeatureStore):
    """Tables of features with primary keys, a timestamp and versions. Names have three levels: catalog.schema.table."""

    @abstractmethod
    def create_table(
        self, name: str, table: Table, description: str, tags: Mapping[str, str] = {}, retention_days: int | None = None
    ) -> None:
        """Create an empty table with the columns, types and roles of `table`.

        Keys are NOT NULL. Rows and columns of a table that is there already are left alone; its description, tags and retention
        become the given ones where they differ, and stay where none are given.

        Raises:
            DataError: where a table of other keys or another timestamp is there already.
        """

    @abstractmethod
    def write_table(self, name: str, table: Table, mode: WriteMode = "merge", schema_change: SchemaChange = "refuse") -> TableVersion:
        """Write rows in one commit: merge by primary key and timestamp, or overwrite all. Equal rows write no new version.

        Columns that were added, dropped or converted are refused unless the change is asked for: with `evolve`, an overwrite
        rewrites the columns, and a merge adds columns, which are null in rows that it does not touch. Keys never change.
        Where others write at the same time, nothing is lost: the write starts again on what is there by then.

        Raises:
            DataError: where the columns changed, or keys are null or stand twice; nothing is written.
            InfrastructureError: where others were faster each time, or the store cannot be used.
        """

    @abstractmethod
    def check_write(self, name: str, table: Table, mode: WriteMode, schema_change: SchemaChange) -> None:
        """Say whether `create_table` and `write_table` would refuse the columns and keys of `table`; nothing is read or written.

        Raises:
            DataError: where they would.
        """

    @abstractmethod
    def read_table(self, name: str, version: int | None = None) -> Table:
        """Read a table lazily, at a version or at the newest one, with its roles, opened by the engine of the store.

        Raises:
            InfrastructureError: where there is no such table or version, or the version is no longer kept.
        """

    @abstractmethod
    def table_version(self, name: str) -> TableVersion:
        """Say which version a table is at."""

    @abstractmethod
    def describe_table(self, name: str) -> FeatureTable:
        """Say what a table is: description, tags, keys, columns, retention, and its newest version."""

    @abstractmethod
    def read_changes(self, name: str, from_version: int, to_version: int | None = None) -> Table:
        """Read what changed from one version to another, both included; to the newest where none is given.

        Rows of shape (n_changes, n_columns + 3): the table's columns, `_change_type` (insert, update_preimage,
        update_postimage, delete), `_commit_version` and `_commit_timestamp` (UTC).

        Raises:
            InfrastructureError: where there are no such versions, or their files are no longer kept.
        """

    @abstractmethod
    def vacuum(self, name: str, retention_days: int | None = None, dry_run: bool = False) -> list[str]:  # noqa: FBT001, FBT002 - read as a word
        """Remove the files that no version of the last `retention_days` needs; the table's own retention where none is given.

        Raises:
            ConfigurationError: where the table promises to keep more.
        """

    def create_training_set(
        self,
        spine: Table,
        lookups: Sequence[FeatureLookup],
        exclude_columns: Sequence[str] = (),
        versions: Mapping[str, int] | None = None,
    ) -> Joined:
        """Look the features of each table up for every row of the spine, as of its time; see `stackhouse.training_set`.

        `versions` says which version of a table is read; the newest where it names none.
        """
        return create_training_set(spine, lookups, self._opened(lookups, versions or {}), exclude_columns)

    def get_historical_features(self, entity_df: Any, features: list[str], full_feature_names: bool = False) -> Any:  # noqa: FBT001, FBT002 - ZenML's signature
        """Answer ZenML's own method: `entity_df` is a Table (the spine), each feature is named `catalog.schema.table:feature`.

        Raises:
            ConfigurationError: where the features are of several tables, or a spine is no Table.
        """
        name, names = _of_one_table(features)
        if not isinstance(entity_df, Table):
            raise ConfigurationError(f"Give a Table as the spine; it is {type(entity_df).__name__}.")
        roles = self.read_table(name).roles
        time = entity_df.roles.timestamp if roles.timestamp else None
        lookup = FeatureLookup(table_name=name, lookup_key=roles.primary_keys, feature_names=names, timestamp_lookup_key=time)
        joined = self.create_training_set(entity_df, [lookup]).table
        return joined.frame.rename(dict(zip(names, features, strict=True))) if full_feature_names else joined

    def get_online_features(
        self,
        entity_rows: list[dict[str, Any]],
        features: list[str],
        full_feature_names: bool = False,  # noqa: FBT001, FBT002 - ZenML's signature
    ) -> dict[str, Any]:
        """Answer ZenML's own method with the latest row of each key, from the table itself; None where a key has no row.

        Raises:
            ConfigurationError: where the features are of several tables.
        """
        name, names = _of_one_table(features)
        keys, latest = self._latest_rows(name, entity_rows)
        found = {tuple(row[key] for key in keys): row for row in latest.iter_rows(named=True)}
        answers = [found.get(tuple(entity[key] for key in keys), {}) for entity in entity_rows]
        return {
            full if full_feature_names else feature: [row.get(feature) for row in answers]
            for feature, full in zip(names, features, strict=True)
        }

    @abstractmethod
    def _latest_rows(self, name: str, entity_rows: list[dict[str, Any]]) -> tuple[list[str], pl.DataFrame]:
        """Return the primary keys of a table, and its latest row for each of the entities that has one."""

    def _opened(self, lookups: Sequence[FeatureLookup], versions: Mapping[str, int]) -> dict[str, Table]:
        return {name: self.read_table(name, versions.get(name)) for name in dict.fromkeys(lookup.table_name for lookup in lookups)}


def active_feature_store() -> FeatureStore:
    """Return the feature store of the active stack.

    Raises:
        InfrastructureError: where the stack has none, or one that is not of Stackhouse.
    """
    stack = Client().active_stack
    store: Any = stack.feature_store
    if not isinstance(store, FeatureStore):
        raise InfrastructureError.no_feature_store(stack.name)
    return store


@contextmanager
def missing_told(told: MissingTableError) -> Iterator[None]:
    """Tell a table that is not there in the words of who asks for it, who knows what makes it and which flag names it.

    Raises:
        MissingTableError: the one that is given.
    """
    try:
        yield
    except MissingTableError as error:
        raise told from error


def days_to_keep(name: str, promised: int, asked: int | None) -> int:
    """Return how many days of a table a vacuum keeps: what is asked for, or what the table promises.

    Raises:
        ConfigurationError: where the table promises to keep more than is asked for.
    """
    days = promised if asked is None else asked
    if days < promised:
        raise ConfigurationError(
            f"Feature table {name} promises to keep what was there in the last {promised} days; {days} would remove it sooner. "
            "Give the table a shorter retention first (`create_table` with retention_days); nothing was removed."
        )
    return days


def _of_one_table(features: list[str]) -> tuple[str, tuple[str, ...]]:
    """Divide `catalog.schema.table:feature` into the table, which has to be the same for all, and the names of the features."""
    tables = {feature.rpartition(":")[0] for feature in features}
    if len(tables) != 1:
        raise ConfigurationError(f"Give features of one table, as catalog.schema.table:feature; the tables are {sorted(tables)}.")
    return tables.pop(), tuple(feature.rpartition(":")[2] for feature in features)
