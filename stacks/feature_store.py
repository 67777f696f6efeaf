"""The feature store port: the few methods that every feature store of Stackhouse answers, as a ZenML stack component."""

from abc import abstractmethod
from typing import Any, Literal

from zenml.client import Client
from zenml.feature_stores.base_feature_store import BaseFeatureStore

from stackhouse.errors import InfrastructureError
from stackhouse.point_in_time import Joined
from stackhouse.record import TableVersion
from stackhouse.table import Table


class FeatureStore(BaseFeatureStore):
    """Tables of features with primary keys, a timestamp and versions. Names have three levels: catalog.schema.table."""

    @abstractmethod
    def create_table(self, name: str, table: Table, description: str) -> None:
        """Create an empty table with the columns, types and roles of `table`; a table that is there already is left alone."""

    @abstractmethod
    def write_table(self, name: str, table: Table, mode: Literal["merge", "overwrite"] = "merge") -> TableVersion:
        """Write rows in one commit: merge by primary key and timestamp, or overwrite all. Equal rows write no new version."""

    @abstractmethod
    def read_table(self, name: str, version: int | None = None) -> Table:
        """Read a table lazily, at a version or at the latest one, with the roles that it was created with."""

    @abstractmethod
    def table_version(self, name: str) -> TableVersion:
        """Say which version a table is at."""

    @abstractmethod
    def create_training_set(self, spine: Table, features: str, names: tuple[str, ...] | None, version: int | None = None) -> Joined:
        """Join to each row of the spine the features that were known at its time."""


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
