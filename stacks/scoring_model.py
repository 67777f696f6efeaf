"""The registered version that a batch inference scores with, and the lookups that it was trained with."""

from dataclasses import dataclass

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from stackhouse.errors import RegistryError
from stackhouse.fitted import FittedModel
from stackhouse.lookups import FeatureLookup
from stacks.mlflow_model import FEATURE_LOOKUPS, load_model
from stacks.registry import Registry


@dataclass(frozen=True)
class ScoringModel:
    """A fitted model with its name, its version, and how its features are looked up."""

    fitted: FittedModel
    name: str
    version: str
    lookups: tuple[FeatureLookup, ...]


def load_scoring_model(client: MlflowClient, uri: str) -> ScoringModel:
    """Load the version that a URI names: `models:/catalog.schema.model@alias`, or `models:/catalog.schema.model/3`.

    Raises:
        RegistryError: where there is no such version, or it does not say how its features are looked up.
    """
    name, version = _resolve(client, uri)
    exact = f"models:/{name}/{version}"
    try:
        metadata = mlflow.models.get_model_info(exact).metadata or {}
        fitted = load_model(exact)
    except (MlflowException, OSError) as error:
        raise RegistryError(
            f"{name} version {version} cannot be loaded: {error}. Register it again, or score with another version."
        ) from error
    try:
        lookups = tuple(FeatureLookup.model_validate(_without_version(lookup)) for lookup in metadata[FEATURE_LOOKUPS])
    except (KeyError, TypeError, ValidationError) as error:
        raise RegistryError(
            f"{name} version {version} does not say how its features are looked up ({FEATURE_LOOKUPS} in its metadata), so it cannot score "
            "from keys. Train it with this project's training pipeline, or score rows of features with mlflow.pyfunc."
        ) from error
    return ScoringModel(fitted, name, version, lookups)


def _resolve(client: MlflowClient, uri: str) -> tuple[str, str]:
    place = uri.removeprefix("models:/")
    name, at, alias = place.partition("@")
    if not at:
        name, _, version = place.rpartition("/")
        return name, Registry(client).version(name, version).version
    found = Registry(client).version_by_alias(name, alias)
    if found is None:
        raise RegistryError(
            f"{name} has no version with the alias '{alias}'. Run the training pipeline first; a version that passes its gates becomes "
            "champion."
        )
    return name, str(found.version)


def _without_version(lookup: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in lookup.items() if key != "table_version"}
