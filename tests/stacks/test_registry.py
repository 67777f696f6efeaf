"""The registry survives a kill between its calls."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.orm import Session

from stackhouse.errors import ConfigurationError, RegistryError
from stacks.registry import Registry

NAME = "dev.flights.delay"
TAGS = {"git_sha": "abc", "f1_score": "0.5"}


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours catches it."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """A client of an MLflow of its own; a source `models:/…` is looked up by MLflow's global settings."""
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db")
    yield MlflowClient()
    mlflow.set_tracking_uri("")  # MLflow's word for: as the environment says


@pytest.fixture
def logged(client: MlflowClient, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A run with a logged model, and the registry empty afterwards."""
    experiment = client.create_experiment(tmp_path.name, artifact_location=str(tmp_path))
    run_id = client.create_run(experiment).info.run_id
    model = client.create_logged_model(experiment, name="delay", source_run_id=run_id)
    client.finalize_logged_model(model.model_id, "READY")
    yield run_id, f"models:/{model.model_id}"
    for found in client.search_registered_models():
        client.delete_registered_model(found.name)


def register(client: MlflowClient, logged: tuple[str, str]) -> tuple[str, bool]:
    run_id, uri = logged
    return Registry(client).register(NAME, uri, run_id, "a model", TAGS)


def test_a_run_is_registered_once_however_often_it_is_asked_for(client: MlflowClient, logged: tuple[str, str]) -> None:
    assert register(client, logged) == ("1", True)
    assert register(client, logged) == ("1", False)
    assert Registry(client).next_version(NAME) == 2


@pytest.mark.parametrize("call", ["create_model_version", "set_model_version_tag", "update_model_version"])
def test_a_registration_that_was_killed_is_finished_by_the_next(
    client: MlflowClient, logged: tuple[str, str], call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(client, call)

    def killed_after(*args: object, **kwargs: object) -> None:
        original(*args, **kwargs)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(client, call, killed_after)
        with pytest.raises(Killed):
            register(client, logged)
    version, _ = register(client, logged)
    found = client.get_model_version(NAME, version)
    assert (version, len(client.search_model_versions(f"name = '{NAME}'"))) == ("1", 1)
    assert {"registered_at", *TAGS} <= set(found.tags)
    assert found.description == "a model"


def test_a_tag_that_changed_is_brought_up_to_date_and_the_time_of_registration_stays(client: MlflowClient, logged: tuple[str, str]) -> None:
    register(client, logged)
    before = client.get_model_version(NAME, "1").tags["registered_at"]
    Registry(client).register(NAME, logged[1], logged[0], "a model", {**TAGS, "git_sha": "def"})
    tags = client.get_model_version(NAME, "1").tags
    assert (tags["git_sha"], tags["registered_at"]) == ("def", before)


def test_a_missing_model_or_alias_is_no_champion(client: MlflowClient, logged: tuple[str, str]) -> None:
    assert Registry(client).version_by_alias(NAME, "champion") is None
    register(client, logged)
    assert Registry(client).version_by_alias(NAME, "champion") is None


def test_a_registry_that_fails_is_not_taken_for_a_missing_champion(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MlflowException("permission denied")

    monkeypatch.setattr(client, "get_model_version_by_alias", refuse)
    with pytest.raises(RegistryError, match="permission denied"):
        Registry(client).version_by_alias(NAME, "champion")


@contextmanager
def another_inserts(statement: str, *values: str | int) -> Iterator[None]:
    """Insert a row in the moment between MLflow's look for it and its own insert; MLflow has one workspace, `default`."""
    table, pending = statement.split()[2], [values]

    def insert(session: Session, *_: object) -> None:
        if pending and any(getattr(new, "__tablename__", None) == table for new in session.new):
            with closing(sqlite3.connect(session.get_bind().url.database)) as other, other:
                other.execute(statement, pending.pop())

    event.listen(Session, "before_flush", insert)
    yield
    event.remove(Session, "before_flush", insert)
    assert not pending, "nothing was inserted"


def test_an_alias_that_another_sets_in_the_same_moment_is_set_after_it(client: MlflowClient, logged: tuple[str, str]) -> None:
    register(client, logged)
    with another_inserts("INSERT INTO registered_model_aliases VALUES (?, ?, ?, ?)", "latest-model", 7, NAME, "default"):
        Registry(client).set_alias(NAME, "latest-model", "1")
    assert Registry(client).aliases(NAME) == {"latest-model": "1"}


def test_a_tag_that_another_sets_in_the_same_moment_is_set_after_it(client: MlflowClient, logged: tuple[str, str]) -> None:
    register(client, logged)
    with another_inserts("INSERT INTO model_version_tags VALUES (?, ?, ?, ?, ?)", "reviewed", "by another", NAME, 1, "default"):
        Registry(client).set_tag(NAME, "1", "reviewed", "by us")
    assert client.get_model_version(NAME, "1").tags["reviewed"] == "by us"


@pytest.mark.parametrize("alias", ["latest", "v1", "V12", "a b", "v1.0", ""])
def test_an_alias_that_mlflow_reserves_or_refuses_is_not_set(client: MlflowClient, logged: tuple[str, str], alias: str) -> None:
    register(client, logged)
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Registry(client).set_alias(NAME, alias, "1")


def test_an_unknown_version_is_named(client: MlflowClient) -> None:
    with pytest.raises(RegistryError, match=r"dev\.flights\.delay has no version 9"):
        Registry(client).version(NAME, "9")


def test_mlflow_itself_reserves_the_aliases_that_we_refuse(client: MlflowClient, logged: tuple[str, str]) -> None:
    """Our rule is MLflow's rule: should it ever loosen, this test says so."""
    register(client, logged)
    for alias in ("latest", "v1", "a b"):
        with pytest.raises(mlflow.MlflowException):
            client.set_registered_model_alias(NAME, alias, "1")
