"""Reproduction: a registered version is trained again from what it was made of, and its metrics are compared to the last bit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlflow
from mlflow import MlflowClient
from pydantic import TypeAdapter

from stackhouse.cleaning import clean
from stackhouse.errors import RegistryError
from stackhouse.fitted import FittedModel
from stackhouse.labels.labelling import label_rows
from stackhouse.splits import Split, SplitRule, split
from stackhouse.table import Table, concatenate
from stackhouse.tuning.comparison import measure
from stacks.feature_store import FeatureStore
from stacks.mlflow_model import FEATURE_LOOKUPS
from stacks.provenance import PROVENANCE, differences, made_with
from stacks.registry import Registry
from stacks.scoring_model import ScoringModel, load_scoring_model


@dataclass(frozen=True)
class Reproduction:
    """The test metrics on record and those of the model that was trained again, by name; and what computes otherwise now."""

    name: str
    version: str
    recorded: Mapping[str, float]
    again: Mapping[str, float]
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether every metric is the same to the last bit."""
        return bool(self.again) and dict(self.recorded) == dict(self.again)


def reproduce(client: MlflowClient, store: FeatureStore, uri: str) -> Reproduction:
    """Train the version that a URI names again, from the recorded versions of its tables. Nothing is written.

    Raises:
        DataError: where the rows are no longer what a model can be trained on.
        InfrastructureError: where a table, or the version of it that was read, is gone.
        RegistryError: where there is no such version, or it does not say what it was made of.
    """
    model = load_scoring_model(client, uri)
    metadata = mlflow.models.get_model_info(f"models:/{model.name}/{model.version}").metadata or {}
    if PROVENANCE not in metadata:
        raise RegistryError(
            f"{model.name} version {model.version} does not say what it was made of ({PROVENANCE} in its metadata). Train it again."
        )
    made = metadata[PROVENANCE]
    again = _train_and_measure(
        store, model, made, versions={lookup["table_name"]: lookup["table_version"] for lookup in metadata[FEATURE_LOOKUPS]}
    )
    run = client.get_run(str(Registry(client).version(model.name, model.version).run_id))
    recorded = {name: value for name in again if (value := run.data.metrics.get(f"test_{name}")) is not None}
    return Reproduction(model.name, model.version, recorded, again, differences(made, made_with()))


def split_again(store: FeatureStore, model: ScoringModel, made: Mapping[str, Any], versions: Mapping[str, int]) -> Split:
    """Divide the rows that a version was trained and tested on as they were divided then.

    Args:
        store: the feature store that holds its tables.
        model: the version, with its lookups.
        made: its provenance.
        versions: the versions of the feature tables that it was trained on, by name.

    Raises:
        DataError: where the rows are no longer what a model can be trained on.
        InfrastructureError: where a table, or the version of it that was read, is gone.
    """
    spine = store.read_table(made["labels"]["table_name"], made["labels"]["table_version"])
    rule: SplitRule = TypeAdapter(SplitRule).validate_python(made["split"])
    return split(labelled_rows(store, model, spine, versions), rule)


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


def _train_and_measure(store: FeatureStore, model: ScoringModel, made: Mapping[str, Any], versions: Mapping[str, int]) -> dict[str, float]:
    parts = split_again(store, model, made, versions)
    return measure(FittedModel.fit(concatenate(parts.train, parts.validation), model.fitted.rules), parts.test)
