"""Reproduction: a registered version is trained again from what it was made of, and its metrics are compared to the last bit."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow import MlflowClient

from stackhouse.fitted import FittedModel
from stackhouse.table import concatenate
from stackhouse.tuning.comparison import measure
from stacks.feature_store import FeatureStore
from stacks.named_version import NamedVersion
from stacks.provenance import differences, made_with
from stacks.registered_model import registered_model, rows_again
from stacks.registry import Registry
from stacks.registry_failures import asking


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
        ConfigurationError: where the URI names no version.
        DataError: where the rows are no longer what a model can be trained on.
        InfrastructureError: where a table, or the version of it that was read, is gone, or the registry does not answer.
        RegistryError: where there is no such version or its run is gone, or it does not say what it was made of.
    """
    named = NamedVersion.parse(uri)
    one = registered_model(client, named.name, named.resolve(client))
    parts = rows_again(store, one)
    again = measure(FittedModel.fit(concatenate(parts.train, parts.validation), one.model.fitted.rules), parts.test)
    name, version = one.model.name, one.model.version
    with asking(f"The run of {one.said} could not be read", name):
        run = client.get_run(str(Registry(client).version(name, version).run_id))
    recorded = {metric: value for metric in again if (value := run.data.metrics.get(f"test_{metric}")) is not None}
    return Reproduction(name, version, recorded, again, differences(one.made, made_with()))
