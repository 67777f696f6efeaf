"""The registered version that a batch inference scores with, and the lookups that it was trained with."""

from dataclasses import dataclass

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from stackhouse.errors import RegistryError, StackhouseError
from stackhouse.fitted import FittedModel
from stackhouse.lookups import FeatureLookup
from stacks.mlflow_failures import reason
from stacks.mlflow_model import FEATURE_LOOKUPS, load_model
from stacks.registry import Registry
from stacks.registry_failures import answering

_REMEDY = "Train it with this project's training pipeline, or score rows of features with mlflow.pyfunc."


@dataclass(frozen=True)
class ScoringModel:
    """A fitted model with its name, its version, and how its features are looked up: not at all where it reads rows of a table."""

    fitted: FittedModel
    name: str
    version: str
    lookups: tuple[FeatureLookup, ...]


def load_scoring_model(client: MlflowClient, uri: str) -> ScoringModel:
    """Load the version that a URI names: `models:/catalog.schema.model@alias`, or `models:/catalog.schema.model/3`.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where there is no such version, it cannot be loaded, or it does not say how its features are looked up.
    """
    model = load_version(client, uri)
    if not model.lookups:
        exact = f"models:/{model.name}/{model.version}"
        raise RegistryError(
            f"{model.name} version {model.version} was trained on rows of a table, without lookups (train_model), so it cannot score from "
            f"keys. Score rows of its features, mlflow.pyfunc.load_model('{exact}').predict(rows); or name the feature table under "
            "`lookups` of a model file, and train that with `stackhouse run`."
        )
    outputs = {output for lookup in model.lookups for output in lookup.outputs(lookup.feature_names or ()).values()}
    if missing := [feature for feature in model.fitted.rules.features if feature not in outputs]:
        raise RegistryError(
            f"{model.name} version {model.version} reads {missing}, and none of its lookups gives that, so it cannot score from keys. "
            f"{_REMEDY}"
        )
    return model


def load_version(client: MlflowClient, uri: str) -> ScoringModel:
    """Load a version whether it looks its features up, or was trained on rows of a table that has them.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where there is no such version, it cannot be loaded, or it does not say which of both.
    """
    name, version = _resolve(client, uri)
    exact = f"models:/{name}/{version}"
    lookups = _lookups(name, version, exact)
    try:
        with answering(f"{name} version {version} could not be fetched", name):
            fitted = load_model(exact)
    except StackhouseError:
        raise
    except Exception as error:  # each library has errors of its own for a file that it cannot read
        raise _not_loaded(name, version, error) from error
    return ScoringModel(fitted, name, version, lookups)


def _lookups(name: str, version: str, uri: str) -> tuple[FeatureLookup, ...]:
    try:
        with answering(f"{name} version {version} could not be read", name):
            metadata = mlflow.models.get_model_info(uri).metadata or {}
    except (MlflowException, OSError) as error:
        raise _not_loaded(name, version, error) from error
    if metadata.get(FEATURE_LOOKUPS) == []:
        return ()
    try:
        lookups = tuple(FeatureLookup.model_validate(_without_version(lookup)) for lookup in metadata[FEATURE_LOOKUPS])
        if not lookups or not all(lookup.feature_names for lookup in lookups):
            raise ValueError(f"{FEATURE_LOOKUPS} names no features")  # noqa: TRY301 - told as what is missing or misshapen is
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RegistryError(
            f"{name} version {version} does not say how its features are looked up ({FEATURE_LOOKUPS} in its metadata), so it cannot score "
            f"from keys. {_REMEDY}"
        ) from error
    return lookups


def _not_loaded(name: str, version: str, error: Exception) -> RegistryError:
    return RegistryError(f"{name} version {version} cannot be loaded: {reason(error)}. Register it again, or score with another version.")


def _resolve(client: MlflowClient, uri: str) -> tuple[str, str]:
    place = uri.removeprefix("models:/")
    name, at, alias = place.partition("@")
    if not at:
        name, _, version = place.rpartition("/")
        return name, str(Registry(client).version(name, version).version)
    found = Registry(client).version_by_alias(name, alias)
    if found is None:
        raise RegistryError(
            f"{name} has no version with the alias '{alias}'. Run the training pipeline first; a version that passes its gates becomes "
            "champion."
        )
    return name, str(found.version)


def _without_version(lookup: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in lookup.items() if key != "table_version"}
