"""A registered version with what it was made of, and so which rows it was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import mlflow
from mlflow import MlflowClient

from stackhouse.errors import RegistryError
from stackhouse.table import Table, concatenate
from stackhouse.tasks import Task
from stackhouse.training_tables import from_store
from stacks.feature_store import FeatureStore
from stacks.mlflow_model import FEATURE_LOOKUPS
from stacks.provenance import PROVENANCE
from stacks.registry import TRAINED_UNTIL, Registry
from stacks.reproduction import split_again
from stacks.scoring_model import ScoringModel, load_version


@dataclass(frozen=True)
class RegisteredModel:
    """A registered version, what it was made of, and until when it was trained (None where it does not say)."""

    model: ScoringModel
    made: Mapping[str, Any]
    table_versions: Mapping[str, int]
    trained_until: datetime | None

    @property
    def said(self) -> str:
        """Its name and version."""
        return f"{self.model.name} version {self.model.version}"

    @property
    def test_table(self) -> str | None:
        """The table that it was judged on; None where it looks its features up, and its test rows are a part of the label table."""
        return self.made["test"]["table_name"] if "test" in self.made else None

    @property
    def task(self) -> Task:
        """What kind of answer it gives."""
        return self.model.fitted.rules.task


def registered_model(client: MlflowClient, name: str, version: str) -> RegisteredModel:
    """Load a version and what it says of itself.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where there is none, it cannot be loaded, or it does not say what it was made of.
    """
    model = load_version(client, f"models:/{name}/{version}")
    metadata = mlflow.models.get_model_info(f"models:/{name}/{version}").metadata or {}
    if PROVENANCE not in metadata:
        raise RegistryError(
            f"{name} version {version} does not say what it was made of ({PROVENANCE} in its metadata), so which rows it was "
            "trained on is not known. Train it again."
        )
    until = Registry(client).version(name, version).tags.get(TRAINED_UNTIL)
    versions = {lookup["table_name"]: lookup["table_version"] for lookup in metadata[FEATURE_LOOKUPS]}
    return RegisteredModel(model, metadata[PROVENANCE], versions, datetime.fromisoformat(until) if until else None)


def trained_rows(store: FeatureStore, one: RegisteredModel) -> Table:
    """Return the rows that a version was trained on: those of its record, divided as they were then; or a training table as it was.

    Raises:
        DataError: where the rows are no longer what a model can be trained on.
        InfrastructureError: where a table, or the version of it that was read, is gone.
    """
    if one.test_table:
        return read_rows(store, one, one.made["labels"]["table_name"], one.made["labels"]["table_version"])
    parts = split_again(store, one.model, one.made, one.table_versions)
    return concatenate(parts.train, parts.validation)


def read_rows(store: FeatureStore, one: RegisteredModel, table: str, version: int | None = None) -> Table:
    """Return rows of a training or test table with the roles that they had when a version was trained, the target without one.

    Args:
        store: the feature store that holds the table.
        one: a version that was trained on such tables.
        table: its name.
        version: its version; the newest where absent.

    Raises:
        ColumnNotFoundError: where the target is not there.
        InfrastructureError: where the table, or this version of it, is gone.
    """
    (target,) = one.model.fitted.rules.label.sources
    return from_store(store.read_table(table, version), store.describe_table(table).tags, target)
