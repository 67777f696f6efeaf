"""Training runs read from a real MLflow on sqlite: which are given, in which order, and what is said where there are none."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ErrorCode

from stackhouse.errors import ConfigurationError, InfrastructureError, RegistryError
from stacks.mlflow_failures import reading
from stacks.mlflow_search import pages, there_are
from stacks.training_runs import RunFilter, training_runs

DEVELOPMENT, DEPLOYMENT = "/Shared/shop_ml_churn_development", "/Shared/shop_ml_churn_deployment"
HOUR = 3_600_000
"""Milliseconds."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """Two stages of a churn model, a sales model, a search with two trials, somebody's own run, and one that was deleted."""
    client = MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('tracking')}/mlflow.db")
    places = {name: client.create_experiment(name) for name in (DEVELOPMENT, DEPLOYMENT)}

    def log(experiment: str, hour: int, name: str, *, parent: str | None = None, ended: bool = True, **tags: str) -> str:
        tags |= {"mlflow.parentRunId": parent} if parent else {}
        run_id = client.create_run(experiment, start_time=hour * HOUR, tags=tags, run_name=name).info.run_id
        client.log_batch(run_id, metrics=[Metric("test_f1", hour / 10, 0, 0)], params=[Param("max_depth", str(hour))])
        if ended:
            client.set_terminated(run_id, end_time=hour * HOUR + 1500)
        return str(run_id)

    churn = {"model_name": "churn", "model_type": "binary_classification", "algorithm": "xgboost"}
    first = log(places[DEVELOPMENT], 1, "first", **churn, verdict="APPROVED")
    for trial in ("trial_001", "trial_002"):
        log(places[DEVELOPMENT], 2, trial, parent=first, **churn)
    log(places[DEVELOPMENT], 3, "rejected", **churn, verdict="REJECTED")
    log(places[DEPLOYMENT], 4, "deployed", **churn, verdict="APPROVED")
    log(places[DEVELOPMENT], 5, "sales", model_name="sales", verdict="APPROVED")
    log("0", 6, "own", ended=False)
    client.delete_run(log(places[DEVELOPMENT], 7, "deleted", **churn))
    return client


def names(client: MlflowClient, limit: int | None = None, **asked: object) -> list[str]:
    return [run.run_name for run in training_runs(client, RunFilter(**asked), limit)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "limit", "found"),
    [
        ({}, None, ["own", "sales", "deployed", "rejected", "first"]),
        ({}, 2, ["own", "sales"]),
        ({"model": "churn"}, None, ["deployed", "rejected", "first"]),
        ({"model": "churn"}, 2, ["deployed", "rejected"]),
        ({"verdict": "APPROVED"}, None, ["sales", "deployed", "first"]),
        ({"model": "churn", "verdict": "APPROVED"}, None, ["deployed", "first"]),
        ({"stage": "development"}, None, ["sales", "rejected", "first"]),
        ({"experiment": DEPLOYMENT}, None, ["deployed"]),
        ({"experiment": "Default"}, None, ["own"]),
        ({"stage": "evaluation"}, None, []),
        ({"model": "churn", "stage": "evaluation"}, None, []),
    ],
    ids=str,
)
def test_runs_are_those_that_are_asked_for_newest_first(
    client: MlflowClient, asked: dict[str, str], limit: int | None, found: list[str]
) -> None:
    assert names(client, limit, **asked) == found


def test_trials_are_given_where_they_are_asked_for(client: MlflowClient) -> None:
    assert sorted(names(client, model="churn", trials=True)) == ["deployed", "first", "rejected", "trial_001", "trial_002"]


def test_trials_do_not_count_towards_the_limit(client: MlflowClient) -> None:
    assert names(client, 2, experiment=DEVELOPMENT, model="churn") == ["rejected", "first"]


def test_many_experiments_are_asked_in_portions(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stacks.training_runs._EXPERIMENTS_AT_ONCE", 1)
    assert names(client) == ["own", "sales", "deployed", "rejected", "first"]
    assert names(client, 2) == ["own", "sales"]


def test_a_run_holds_what_was_logged(client: MlflowClient) -> None:
    first = training_runs(client, RunFilter(model="churn"))[-1]
    assert (first.model, first.task, first.algorithm, first.verdict) == ("churn", "binary_classification", "xgboost", "APPROVED")
    assert (first.experiment, first.status, first.seconds) == (DEVELOPMENT, "FINISHED", 1.5)
    assert first.start_time == datetime(1970, 1, 1, 1, tzinfo=UTC)
    assert (first.params, first.metrics) == ({"max_depth": "1"}, {"test_f1": 0.1})


def test_a_run_of_somebody_else_is_given_without_what_it_does_not_say(client: MlflowClient) -> None:
    own = training_runs(client, RunFilter(), 1)[0]
    assert (own.run_name, own.model, own.task, own.algorithm, own.verdict) == ("own", "", "", "", None)
    assert (own.status, own.seconds) == ("RUNNING", None)


def test_an_unknown_model_names_those_that_there_are(client: MlflowClient) -> None:
    with pytest.raises(ConfigurationError, match=r"There is no run of a model 'churm'\. There are churn, sales\."):
        names(client, model="churm")


@pytest.mark.parametrize("name", ["a' or '1' = '1", "", "churn`", 'a"b', "a/b"])
def test_a_name_is_never_part_of_a_filter(client: MlflowClient, name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no name of a model"):
        names(client, model=name)


def test_an_unknown_experiment_names_those_that_there_are(client: MlflowClient) -> None:
    with pytest.raises(ConfigurationError, match=rf"There is no experiment 'x'\. There are {DEPLOYMENT}, {DEVELOPMENT}, Default"):
        names(client, experiment="x")


def test_every_page_is_asked_for_and_none_before_it_is_needed() -> None:
    asked = []

    class Page(list[int]):
        def __init__(self, values: list[int], token: str | None) -> None:
            super().__init__(values)
            self.token = token

    def search(token: str | None) -> Page:
        asked.append(token)
        return {None: Page([1, 2], "a"), "a": Page([], "b"), "b": Page([3], None)}[token]

    found = pages(search)  # type: ignore[arg-type]
    assert (next(found), asked) == (1, [None])
    assert ([*found], asked) == ([2, 3], [None, "a", "b"])


def test_of_many_names_the_first_are_told() -> None:
    assert there_are([f"m{number}" for number in range(25)]).endswith("m19 and 5 more. Name one of these.")
    assert there_are([]) == "There is none yet: train a model first."


@pytest.mark.parametrize(
    ("code", "error", "exit_code"),
    [("PERMISSION_DENIED", RegistryError, 4), ("UNAUTHENTICATED", RegistryError, 4), ("INTERNAL_ERROR", InfrastructureError, 5)],
)
def test_a_refusal_is_told_apart_from_a_failure(code: str, error: type[RegistryError], exit_code: int) -> None:
    def refuse(**_: object) -> None:
        raise MlflowException("no", error_code=ErrorCode.Value(code))

    with pytest.raises(error, match="MLflow did not give the training runs: no") as told:
        training_runs(SimpleNamespace(search_experiments=refuse), RunFilter())  # type: ignore[arg-type]
    assert told.value.exit_code == exit_code


def test_a_server_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InfrastructureError, match=r"MLflow did not give it: .*Look at the experiment tracker"), reading("it"):
        MlflowClient("http://127.0.0.1:9").search_experiments()
