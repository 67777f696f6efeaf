"""Experiments of the four commands: made once, with the tags of the guide; a deleted one is not written to."""

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from stackhouse.errors import InfrastructureError
from stacks.experiments import open_experiment, training_tags

NAME = "/Shared/dev/shop/training"


def test_an_experiment_is_made_once_and_keeps_its_tags(client: MlflowClient) -> None:
    made, again = (open_experiment(client, NAME, training_tags(environment), None) for environment in ("dev", "prod"))
    assert made == again
    assert client.get_experiment(made).tags["purpose"] == "training"
    assert client.get_experiment(made).tags["environment"] == "dev"


def test_a_new_one_keeps_files_where_it_is_told(client: MlflowClient, tmp_path: Path) -> None:
    made = open_experiment(client, "/Shared/dev/shop/placed", {}, f"file:{tmp_path}")
    assert client.get_experiment(made).artifact_location == f"file:{tmp_path}"


def test_one_that_another_process_has_just_made_is_taken(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made = client.create_experiment("/Shared/raced")
    found = client.get_experiment(made)
    answers = iter([None, found])
    monkeypatch.setattr(client, "get_experiment_by_name", lambda _name: next(answers))
    assert open_experiment(client, "/Shared/raced", {}, None) == made


def test_what_mlflow_refuses_is_told(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, **_: object) -> str:
        raise MlflowException("no space left")

    monkeypatch.setattr(client, "create_experiment", refuse)
    with pytest.raises(InfrastructureError, match="MLflow did not take the experiment: no space left"):
        open_experiment(client, "/Shared/refused", {}, None)


def test_a_deleted_experiment_is_told_with_what_restores_it(client: MlflowClient) -> None:
    made = client.create_experiment("/Shared/deleted")
    client.delete_experiment(made)
    with pytest.raises(InfrastructureError, match=f"was deleted. Restore it .*--experiment-id {made}"):
        open_experiment(client, "/Shared/deleted", {}, None)
