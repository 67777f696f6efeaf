"""Training runs and versions read the same from a file, from a server over HTTP, and from the emulated workspace with Unity Catalog."""

from collections.abc import Iterator

import pytest

from stackhouse.errors import RegistryError
from stackhouse.history import ModelVersion, TrainingRun
from stacks.history import model_versions
from stacks.training_runs import RunFilter, training_runs
from tests.contract.mlflow_homes import EXPERIMENT, KINDS, Backends, Home, backends, home
from tests.contract.test_mlflow_layer import Logged, log, registered

NAME = "main.default.history_everywhere"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with backends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, started: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home(request.param, started, tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def twice(place: Home) -> list[Logged]:
    """Two runs, a version of each; the first is the champion. The name is another in each place, since two places share a server."""
    logged = [log(NAME), log(NAME)]
    for one in logged:
        registered(one, named(place))
    place.client.set_registered_model_alias(named(place), "champion", "1")
    return logged


def named(place: Home) -> str:
    return f"{NAME}_{place.kind.replace('-', '_')}"


@pytest.fixture
def runs(place: Home, twice: list[Logged], no_spark: None) -> dict[str, TrainingRun]:
    asked = RunFilter(model="delay", verdict="APPROVED", experiment=EXPERIMENT)
    return {run.run_id: run for run in training_runs(place.client, asked)}


@pytest.fixture
def versions(place: Home, twice: list[Logged], no_spark: None) -> tuple[ModelVersion, ...]:
    return model_versions(place.client, named(place))


def test_runs_are_read_everywhere(runs: dict[str, TrainingRun], twice: list[Logged]) -> None:
    run = runs[twice[0].run_id]
    assert (run.model, run.task, run.algorithm, run.verdict) == ("delay", "binary_classification", "xgboost", "APPROVED")
    assert (run.experiment, run.params["n_estimators"]) == (EXPERIMENT, "5")
    assert run.metrics == {"f1": 0.5, "roc_auc": 0.75, "test_f1": 0.5, "test_roc_auc": 0.75}
    assert twice[1].run_id in runs


def test_the_newest_runs_are_read_everywhere(place: Home, twice: list[Logged]) -> None:
    assert [run.run_id for run in training_runs(place.client, RunFilter(stage="development"), 1)] == [twice[1].run_id]


def test_versions_are_read_everywhere(versions: tuple[ModelVersion, ...], twice: list[Logged]) -> None:
    assert [(version.version, version.run_id) for version in versions] == [(1, twice[0].run_id), (2, twice[1].run_id)]
    first = versions[0]
    assert (first.algorithm, first.environment, first.git_sha, first.exact) == ("xgboost", "dev", "abc1234", True)
    assert first.metrics == {"f1": 0.5, "roc_auc": 0.75}
    assert first.tables == {"main.default.days": 0, "main.default.labels": 3}
    assert [version.aliases for version in versions] == [("champion",), ("candidate",)]


def test_tables_are_read_from_the_model_where_the_run_is_gone(
    place: Home, twice: list[Logged], no_spark: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.history._run_of", lambda *_: None)
    first = model_versions(place.client, named(place))[0]
    assert (first.tables, first.exact) == ({"main.default.days": 0, "main.default.labels": 3}, False)
    assert first.metrics == {"f1": 0.5, "roc_auc": 0.75}


def test_a_model_that_is_not_registered_leaves_with_4_everywhere(place: Home, no_spark: None) -> None:
    with pytest.raises(RegistryError, match=r"main\.default\.nobody has no registered version") as told:
        model_versions(place.client, "main.default.nobody")
    assert told.value.exit_code == 4
