"""A registered version with what it was made of, and so which rows it was trained on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import mlflow
from mlflow import MlflowClient
from pydantic import TypeAdapter

from stackhouse.cleaning import clean
from stackhouse.errors import RegistryError
from stackhouse.labels.labelling import label_rows
from stackhouse.splits import RandomSplit, Split, SplitRule, TimeSplit, split
from stackhouse.table import Table, concatenate
from stackhouse.table_training import divided
from stackhouse.tasks import Task
from stackhouse.training_tables import from_store
from stacks.feature_store import FeatureStore
from stacks.mlflow_model import FEATURE_LOOKUPS
from stacks.provenance import PROVENANCE
from stacks.registry import TRAINED_UNTIL, Registry
from stacks.scoring_model import ScoringModel, load_version


@dataclass(frozen=True)
class RegisteredModel:
    """A registered version, what it was made of, and until when it was trained (None where it does not say)."""

    model: ScoringModel
    made: Mapping[str, Any]
    table_versions: Mapping[str, int]
    trained_until: datetime | None

    @property
    def knows_until(self) -> datetime | None:
        """The time after which it knows nothing of a label: of its last training row, and as far as labels reach ahead of it."""
        return None if self.trained_until is None else self.trained_until + timedelta(days=int(self.made["split"].get("gap_days", 0)))

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
    parts = rows_again(store, one)
    return concatenate(parts.train, parts.validation)


def rows_again(store: FeatureStore, one: RegisteredModel) -> Split:
    """Return the rows that a version was trained and tested on, divided as they were then.

    Raises:
        DataError: where the rows are no longer what a model can be trained on.
        InfrastructureError: where a table, or the version of it that was read, is gone.
    """
    made, rules = one.made, one.model.fitted.rules
    rule: TimeSplit | RandomSplit = TypeAdapter(SplitRule).validate_python(made["split"])
    if one.test_table:
        train, test = (read_rows(store, one, made[name]["table_name"], made[name]["table_version"]) for name in ("labels", "test"))
        return divided(train, test, rules.label, rules.cleaning, rule.seed if isinstance(rule, RandomSplit) else 0)[0]
    spine = store.read_table(made["labels"]["table_name"], made["labels"]["table_version"])
    return split(labelled_rows(store, one.model, spine, one.table_versions), rule)


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


def labelled_rows(store: FeatureStore, model: ScoringModel, spine: Table, versions: Mapping[str, int] = {}) -> Table:
    """Look up the features of a version for rows of a label table, refuse what is not clean, and label them by its rule.

    Raises:
        DataError: where the rows are not what the model can be judged on.
        InfrastructureError: where a table, or the version of it that is asked for, is gone.
    """
    rules = model.fitted.rules
    outputs = [output for lookup in model.lookups for output in lookup.outputs(lookup.feature_names or ()).values()]
    joined = store.create_training_set(spine, model.lookups, [name for name in outputs if name not in rules.features], versions)
    return label_rows(clean(joined.table, rules.cleaning.refusing()).table, rules.label).table
