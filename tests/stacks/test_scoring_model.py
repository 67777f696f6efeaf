"""The version that a URI names, and what is refused of it, each in its own words."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.models.model import ModelInfo

from stackhouse.algorithms import XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.errors import RegistryError
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.lookups import FeatureLookup
from stackhouse.table import Roles, Table
from stacks.mlflow_model import FEATURE_LOOKUPS, log_model
from stacks.scoring_model import load_scoring_model

NAME = "dev.shop.model"
LOOKUP = FeatureLookup(table_name="dev.shop.days", lookup_key="shop", feature_names=("signal", "noise"), timestamp_lookup_key="asked_at")
KEPT = {**LOOKUP.model_dump(mode="json"), "table_version": 4}
TRAIN_OR_PYFUNC = "Train it with this project's training pipeline, or score rows of features with mlflow.pyfunc."
SILENT = (
    f"{NAME} version 1 does not say how its features are looked up (feature_lookups in its metadata), so it cannot score from keys. "
    f"{TRAIN_OR_PYFUNC}"
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """A client of an MLflow of its own."""
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    client = MlflowClient()
    mlflow.set_experiment(experiment_id=client.create_experiment("scoring", artifact_location=str(folder / "artifacts")))
    yield client
    mlflow.set_tracking_uri("")


@pytest.fixture(scope="module")
def fitted() -> FittedModel:
    generator = np.random.default_rng(3)
    rows = pl.DataFrame({"signal": generator.normal(size=80), "noise": generator.normal(size=80), "y": [0, 1] * 40})
    rules = ScoringRules(
        algorithm=XGBoost(n_estimators=2, max_depth=2),
        features=("signal", "noise"),
        cleaning=CleaningRule(),
        label=BinaryLabel(source="y"),
    )
    return FittedModel.fit(Table.of(rows, Roles(label="y", features=("signal", "noise"))), rules)


@pytest.fixture
def register(client: MlflowClient, fitted: FittedModel) -> Iterator[Callable[..., ModelInfo]]:
    """Log and register the model with some metadata as version 1 with the alias champion; the registry is empty afterwards."""

    def logged(metadata: dict[str, Any]) -> ModelInfo:
        example = pl.DataFrame({"signal": [0.5], "noise": [0.5]}).to_pandas()
        with mlflow.start_run() as run:
            info = log_model(fitted, "model", example, metadata)
        client.create_registered_model(NAME)
        client.create_model_version(NAME, source=info.model_uri, run_id=run.info.run_id, model_id=info.model_id)
        client.set_registered_model_alias(NAME, "champion", "1")
        return info

    yield logged
    for found in client.search_registered_models():
        client.delete_registered_model(found.name)


@pytest.mark.parametrize("uri", [f"models:/{NAME}@champion", f"models:/{NAME}/1"], ids=["alias", "version"])
def test_a_version_is_loaded_with_its_lookups(
    client: MlflowClient, register: Callable[..., ModelInfo], fitted: FittedModel, uri: str
) -> None:
    register({FEATURE_LOOKUPS: [KEPT]})
    model = load_scoring_model(client, uri)
    assert (model.name, model.version, model.lookups) == (NAME, "1", (LOOKUP,))
    X = np.random.default_rng(4).normal(size=(50, 2))
    assert np.array_equal(model.fitted.scores_of_matrix(X), fitted.scores_of_matrix(X))
    assert model.fitted.rules == fitted.rules


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {FEATURE_LOOKUPS: None},
        {FEATURE_LOOKUPS: "days"},
        {FEATURE_LOOKUPS: [{"table_name": "dev.shop.days"}]},
        {FEATURE_LOOKUPS: [{**KEPT, "colour": "blue"}]},
        {FEATURE_LOOKUPS: [{**KEPT, "feature_names": None}]},
    ],
    ids=["no metadata", "null", "text", "no key", "unknown field", "no feature names"],
)
def test_a_model_that_does_not_say_how_its_features_are_looked_up_is_refused(
    client: MlflowClient, register: Callable[..., ModelInfo], metadata: dict[str, Any]
) -> None:
    register(metadata)
    with pytest.raises(RegistryError) as raised:
        load_scoring_model(client, f"models:/{NAME}@champion")
    assert str(raised.value) == SILENT


def test_a_model_of_a_table_of_rows_is_refused_with_what_to_do_instead(client: MlflowClient, register: Callable[..., ModelInfo]) -> None:
    register({FEATURE_LOOKUPS: []})
    with pytest.raises(RegistryError) as raised:
        load_scoring_model(client, f"models:/{NAME}@champion")
    assert str(raised.value) == (
        f"{NAME} version 1 was trained on rows of a table, without lookups (train_model), so it cannot score from keys. Score rows of its "
        f"features, mlflow.pyfunc.load_model('models:/{NAME}/1').predict(rows); or name the feature table under `lookups` of a model file, "
        "and train that with `stackhouse run`."
    )


def test_a_feature_that_no_lookup_gives_is_named(client: MlflowClient, register: Callable[..., ModelInfo]) -> None:
    register({FEATURE_LOOKUPS: [{**KEPT, "feature_names": ["signal"]}]})
    with pytest.raises(RegistryError) as raised:
        load_scoring_model(client, f"models:/{NAME}@champion")
    assert str(raised.value) == (
        f"{NAME} version 1 reads ['noise'], and none of its lookups gives that, so it cannot score from keys. {TRAIN_OR_PYFUNC}"
    )


def test_a_model_of_another_project_is_refused_without_being_loaded(client: MlflowClient) -> None:
    """Such a model has no rules either; what it lacks first of all are the lookups."""
    from sklearn.dummy import DummyClassifier

    model = DummyClassifier().fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run() as run:
        info = mlflow.sklearn.log_model(model, name="other", serialization_format="skops", pip_requirements=[])
    client.create_registered_model(NAME)
    try:
        client.create_model_version(NAME, source=info.model_uri, run_id=run.info.run_id, model_id=info.model_id)
        with pytest.raises(RegistryError) as raised:
            load_scoring_model(client, f"models:/{NAME}/1")
    finally:
        client.delete_registered_model(NAME)
    assert str(raised.value) == SILENT


@pytest.mark.parametrize("broken", ["scoring_rules.json", "model.ubj"])
def test_a_version_whose_files_are_broken_is_refused(client: MlflowClient, register: Callable[..., ModelInfo], broken: str) -> None:
    register({FEATURE_LOOKUPS: [KEPT]})
    place = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{NAME}/1"))
    (place / "stackhouse" / broken).write_text("{}")
    with pytest.raises(RegistryError) as raised:
        load_scoring_model(client, f"models:/{NAME}/1")
    assert str(raised.value).startswith(f"{NAME} version 1 cannot be loaded: ")
    assert str(raised.value).endswith("Register it again, or score with another version.")


def test_a_version_whose_files_are_gone_is_refused(client: MlflowClient, register: Callable[..., ModelInfo]) -> None:
    register({FEATURE_LOOKUPS: [KEPT]})
    place = Path(mlflow.artifacts.download_artifacts(artifact_uri=f"models:/{NAME}/1"))
    place.rename(place.with_name("gone"))
    with pytest.raises(RegistryError, match=r"dev\.shop\.model version 1 cannot be loaded: "):
        load_scoring_model(client, f"models:/{NAME}/1")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        (f"models:/{NAME}@challenger", f"{NAME} has no version with the alias 'challenger'. Run the training pipeline first"),
        (f"models:/{NAME}/2", f"{NAME} has no version 2. There is version 1"),
        (f"models:/{NAME}/newest", f"{NAME} has no version newest. There is version 1"),
        ("models:/dev.shop.other@champion", "dev.shop.other has no version with the alias 'champion'. Run the training pipeline first"),
        ("models:/dev.shop.other/1", "dev.shop.other has no version 1. Nothing is registered under this name"),
    ],
    ids=["alias", "version", "no number", "model by alias", "model by version"],
)
def test_what_is_not_registered_is_refused(client: MlflowClient, register: Callable[..., ModelInfo], uri: str, message: str) -> None:
    register({FEATURE_LOOKUPS: [KEPT]})
    with pytest.raises(RegistryError) as raised:
        load_scoring_model(client, uri)
    assert str(raised.value).startswith(message)
