"""Reproduction: a registered version trained again from its record has the same metrics to the last bit, or says what is in the way."""

import shutil
from collections.abc import Callable
from typing import Any

import mlflow
import pytest
from mlflow import MlflowClient

from stackhouse.errors import InfrastructureError, RegistryError
from stacks.feature_store import FeatureStore, active_feature_store
from stacks.provenance import PROVENANCE, differences, made_with
from stacks.reproduction import Reproduction, reproduce
from tests.pipelines.conftest import Runs, call

NAME = "dev.again.again"
URI = f"models:/{NAME}/1"


@pytest.fixture(scope="module")
def trained(run_small: Callable[..., Runs]) -> Runs:
    return run_small("again")


@pytest.fixture
def store(trained: Runs) -> FeatureStore:
    return active_feature_store()


def test_version_trained_again_has_the_metrics_on_record(trained: Runs, mlflow_client: MlflowClient, store: FeatureStore) -> None:
    found = reproduce(mlflow_client, store, URI)
    assert found.again == trained.report("evaluate_model", "evaluation").test
    assert found.equal
    assert found.differences == ()


def test_nothing_is_written(trained: Runs, mlflow_client: MlflowClient, store: FeatureStore) -> None:
    before = [len(mlflow_client.search_model_versions("")), store.table_version("dev.again.route_day_features").version]
    reproduce(mlflow_client, store, URI)
    assert [len(mlflow_client.search_model_versions("")), store.table_version("dev.again.route_day_features").version] == before


def test_newer_rows_in_the_tables_change_nothing(trained: Runs, mlflow_client: MlflowClient, store: FeatureStore) -> None:
    table = store.read_table("dev.again.route_day_features")
    store.write_table("dev.again.route_day_features", table.with_frame(table.frame.head(100)), "overwrite")
    assert store.table_version("dev.again.route_day_features").rows == 100
    assert reproduce(mlflow_client, store, URI).equal


def test_another_metric_on_record_is_told(trained: Runs, mlflow_client: MlflowClient, store: FeatureStore) -> None:
    run, value = str(trained.report("train_model", "model").record.run_id), trained.report("evaluate_model", "evaluation").test["roc_auc"]
    mlflow_client.log_metric(run, "test_roc_auc", value + 1e-16 if value + 1e-16 != value else value * (1 + 2**-52))
    found = reproduce(mlflow_client, store, URI)
    assert not found.equal
    assert [name for name in found.again if found.recorded[name] != found.again[name]] == ["roc_auc"]
    mlflow_client.log_metric(run, "test_roc_auc", value)


def test_library_of_another_version_is_named() -> None:
    now = made_with()
    before = {**now, "git_sha": "abc", "libraries": {**now["libraries"], "xgboost": "1.0"}}
    assert differences(before, now) == (f"git_sha was abc, is {now['git_sha']}", f"xgboost was 1.0, is {now['libraries']['xgboost']}")


def test_no_metrics_are_not_equal() -> None:
    assert not Reproduction(NAME, "1", {}, {}, ()).equal


def test_version_that_does_not_say_what_it_was_made_of_is_refused(
    trained: Runs, mlflow_client: MlflowClient, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = mlflow.models.get_model_info

    def without(uri: str) -> Any:
        info = asked(uri)
        info.metadata.pop(PROVENANCE, None)
        return info

    monkeypatch.setattr(mlflow.models, "get_model_info", without)
    with pytest.raises(RegistryError, match=r"dev\.again\.again version 1 does not say what it was made of .* Train it again"):
        reproduce(mlflow_client, store, URI)


def test_unknown_version_is_refused(trained: Runs, mlflow_client: MlflowClient, store: FeatureStore) -> None:
    with pytest.raises(RegistryError, match="99"):
        reproduce(mlflow_client, store, f"models:/{NAME}/99")


@pytest.mark.parametrize("version", ["flight_delay", "dev.flights.flight_delay/one", "a/1@champion"])
def test_text_that_names_no_version_leaves_with_2(version: str, tmp_path: Any) -> None:
    done = call("stackhouse", "reproduce", version, home=tmp_path / "home")
    assert (done.returncode, "names no version. Give name and version" in done.stderr) == (2, True)


@pytest.mark.slow
def test_table_that_is_gone_is_told(run_small: Callable[..., Runs], mlflow_client: MlflowClient) -> None:
    run_small("gone")
    store = active_feature_store()
    shutil.rmtree(store.table_version("dev.gone.route_day_labels").uri.removeprefix("file://"))
    with pytest.raises(InfrastructureError, match=r"dev\.gone\.route_day_labels"):
        reproduce(mlflow_client, store, "models:/dev.gone.gone/1")
