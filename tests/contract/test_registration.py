"""Registration of runs on record, and validation of versions: the same on a file, on a server over HTTP, and on Unity Catalog."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.models import infer_signature

from stackhouse.alias_move import is_move
from stackhouse.errors import ConfigurationError, MissingTableError, RegistryError
from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.model_validation import Accuracy, Limits, ModelValidation, ValidationRequest
from stackhouse.record import Registration
from stackhouse.registrable import RegistrationRequest
from stackhouse.table import Roles, Table
from stackhouse.verdict import Verdict
from stacks.feature_store import FeatureStore
from stacks.registration import register_run
from stacks.registry import Registry
from stacks.version_validation import validate_version
from tests.client_process import ClientProcess
from tests.contract.conftest import delta
from tests.contract.logged_models import Logged, log
from tests.contract.mlflow_homes import EXPERIMENT, ON_A_SERVER, Backends, Home, backends, home

REJECTED = Verdict(outcome="REJECTED", reasons=("f1 is 0.4000, and has to be above 0.7",))


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours catches it."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with backends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", ON_A_SERVER, "uc-sdk"])
def place(request: pytest.FixtureRequest, started: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home(request.param, started, tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, logged: Logged) -> FeatureStore:
    """A feature store with a test table of the logged models, one without their columns, and one without rows."""
    made = delta(tmp_path_factory.mktemp("tables"))
    rows = logged.rows
    whole = Table.of(rows.frame.to_native(), Roles(primary_keys=("route",), timestamp="day", features=("x", "z"), label="late"))
    other = Table.of(pl.DataFrame({"route": range(9), "w": np.arange(9.0)}), Roles(primary_keys=("route",), features=("w",)))
    for name, table in {"test_set": whole, "other": other, "empty": whole}.items():
        made.create_table(f"main.default.{name}", table, name)
        if name != "empty":
            made.write_table(f"main.default.{name}", table)
    return made


@pytest.fixture(scope="module")
def logged(place: Home) -> Logged:
    return log("main.default.shared")


@pytest.fixture
def registry(place: Home, no_spark: None) -> Registry:
    return Registry(place.client)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model that no other test has."""
    return f"main.default.{re.sub(r'[^a-z0-9]+', '_', request.node.name)}"


def register(client: MlflowClient, name: str, *, alias: str = "latest-model", **asked: object) -> Registration:
    return register_run(client, RegistrationRequest(name=name, experiment=EXPERIMENT, aliases=(alias,), **asked))


def test_the_newest_run_that_passed_is_registered_and_not_the_newest_that_finished(place: Home, registry: Registry, name: str) -> None:
    passed = log(name, Evaluation(test={"f1": 0.8, "roc_auc": 0.9}))
    rejected = log(name, Evaluation(test={"f1": 0.4, "roc_auc": 0.6}), REJECTED)
    assert place.client.get_run(rejected.run_id).info.status == "FINISHED"
    found = register(place.client, name)
    assert (found.version, found.run_id, found.new, found.aliases) == ("1", passed.run_id, True, {"latest-model": "1"})
    version = registry.version(name, "1")
    run = place.client.get_run(passed.run_id)
    assert version.description == "Will more than a fifth be late? On the test rows: f1 0.8000, roc_auc 0.9000."
    assert {key: value for key, value in version.tags.items() if not is_move(key) and key != "registered_at"} == {
        "environment": "dev",
        "git_sha": run.data.tags["git_sha"],
        "algorithm": "xgboost",
        "trained_until": "2026-01-20T00:00:00+00:00",
        "f1_score": "0.8",
        "roc_auc": "0.9",
    }
    assert datetime.fromisoformat(version.tags["registered_at"]).tzinfo == UTC


def test_what_the_flags_say_goes_before_what_the_run_says_and_stays(place: Home, registry: Registry, name: str) -> None:
    log(name)
    asked = {"description": "Better on rainy days", "git_sha": "f00", "environment": "prod"}
    assert register(place.client, name, **asked).new
    again = register(place.client, name, alias="challenger")
    assert (again.version, again.new, again.reason) == ("1", False, "this run was registered before")
    version = registry.version(name, "1")
    assert (version.description, version.tags["git_sha"], version.tags["environment"]) == ("Better on rainy days", "f00", "prod")
    assert registry.aliases(name) == {"challenger": "1", "latest-model": "1"}


def test_a_run_that_is_named_is_registered_however_old_it_is(place: Home, registry: Registry, name: str) -> None:
    older, newer = log(name), log(name)
    assert register(place.client, name, run_id=older.run_id).run_id == older.run_id
    assert register(place.client, name).run_id == newer.run_id
    assert register(place.client, name, run_id=older.run_id).aliases == {"latest-model": "2"}
    assert registry.aliases(name) == {"latest-model": "2"}


@pytest.mark.parametrize("run_id", ["0" * 32, "abc123", "../../etc", "x' OR 1=1 --"])
def test_a_run_that_is_not_there_names_those_that_have_passed(place: Home, registry: Registry, logged: Logged, run_id: str) -> None:
    told = rf"There is no run '{re.escape(run_id)}'\. In '{EXPERIMENT}' these have passed.*{logged.run_id}"
    with pytest.raises(RegistryError, match=told):
        register(place.client, "main.default.shared", run_id=run_id)


def test_a_run_whose_gate_failed_is_not_registered_by_its_id_either(place: Home, registry: Registry, name: str) -> None:
    rejected = log(name, verdict=REJECTED)
    with pytest.raises(RegistryError, match=f"Run {rejected.run_id} cannot be registered as {name}: it is REJECTED: f1 is 0.4000"):
        register(place.client, name, run_id=rejected.run_id)
    assert registry.versions(name) == ()


def test_a_run_of_another_model_is_not_registered(place: Home, registry: Registry, logged: Logged, name: str) -> None:
    with pytest.raises(RegistryError, match=r"it trained main\.default\.shared"):
        register(place.client, name, run_id=logged.run_id)


def test_where_no_run_has_passed_the_newest_say_why(place: Home, registry: Registry, name: str) -> None:
    rejected = log(name, verdict=REJECTED)
    with pytest.raises(
        RegistryError, match=f"No run of {name} in '{EXPERIMENT}' has passed its gate. Its newest runs: {rejected.run_id}, it is"
    ):
        register(place.client, name)


def test_where_no_run_is_of_the_model_the_others_are_named(place: Home, registry: Registry, logged: Logged) -> None:
    with pytest.raises(RegistryError, match=r"There are runs of .*main\.default\.shared"):
        register(place.client, "main.default.unheard_of")


def test_an_experiment_that_is_not_there_is_named_with_those_that_are(place: Home, registry: Registry, logged: Logged) -> None:
    request = RegistrationRequest(name="main.default.shared", experiment="/Shared/no/such/training", aliases=("latest-model",))
    with pytest.raises(RegistryError, match=f"Experiment '/Shared/no/such/training' not found. .*{EXPERIMENT}"):
        register_run(place.client, request)
    with pytest.raises(RegistryError, match="not found"):
        register_run(place.client, request.model_copy(update={"run_id": logged.run_id, "only_in_experiment": True}))


def test_a_run_that_logged_no_model_is_told(place: Home, registry: Registry, name: str) -> None:
    with mlflow.start_run() as run:
        mlflow.set_tags({"registered_name": name, "verdict": "APPROVED", "gate.baseline": "passed"})
    with pytest.raises(RegistryError, match=f"Run {run.info.run_id} has logged no model"):
        register(place.client, name)


def test_the_first_champion_is_set_and_no_other_takes_its_place_without_a_comparison(place: Home, registry: Registry, name: str) -> None:
    first = log(name)
    assert register(place.client, name, alias="champion").aliases == {"champion": "1"}
    assert register(place.client, name, alias="champion", run_id=first.run_id).aliases == {"champion": "1"}
    log(name)
    with pytest.raises(RegistryError, match=f"Version 1 is the champion of {name}, and only a comparison .* Nothing was registered"):
        register(place.client, name, alias="champion")
    assert registry.versions(name) == (1,)


@pytest.mark.parametrize("alias", ["latest", "v1", "a b", ""])
def test_an_alias_that_is_reserved_is_refused_before_anything_is_registered(place: Home, registry: Registry, name: str, alias: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        register(place.client, name, alias=alias)
    assert registry.versions(name) == ()


CALLS = ["create_registered_model", "create_model_version", "set_model_version_tag", "update_model_version", "set_registered_model_alias"]


@pytest.mark.parametrize("call", CALLS)
def test_a_registration_that_was_killed_is_finished_by_the_next(
    place: Home, registry: Registry, name: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(name)
    original = getattr(place.client, call)

    def killed_after(*arguments: object, **named: object) -> None:
        original(*arguments, **named)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(place.client, call, killed_after)
        with pytest.raises(Killed):
            register(place.client, name)
    assert register(place.client, name).version == "1"
    version = registry.version(name, "1")
    assert {"registered_at", "git_sha", "f1_score", "alias_move_latest_model_1"} <= set(version.tags)
    assert version.description.startswith("Will more than a fifth be late?")
    assert (registry.versions(name), registry.aliases(name)) == ((1,), {"latest-model": "1"})


@pytest.fixture(scope="module")
def registrars() -> Iterator[list[ClientProcess]]:
    """Two processes that register, for all places."""
    with ExitStack() as stack:
        yield [stack.enter_context(ClientProcess.of("tests.contract.registering", os.environ)) for _ in range(2)]


def at_once(registrars: list[ClientProcess], place: Home, folder: Path, name: str, runs: list[list[str]]) -> list[int]:
    """Register runs in processes that begin together; return the last version of each."""
    environment = place.environment | {"DATABRICKS_RUNTIME_VERSION": ""}
    for registrar, ids in zip(registrars, runs, strict=True):
        registrar.start(environment=environment, folder=str(folder), name=name, experiment=EXPERIMENT, runs=ids)
    deadline = time.monotonic() + 120
    while len([*folder.glob("*.ready")]) < len(runs):
        assert time.monotonic() < deadline, "they did not begin"
        time.sleep(0.01)
    (folder / "go").touch()
    return [registrar.end() for registrar in registrars]


def test_registrations_at_once_give_a_version_each_and_the_alias_to_the_highest(
    registrars: list[ClientProcess], place: Home, registry: Registry, name: str, tmp_path: Path
) -> None:
    runs = [[log(name).run_id for _ in range(2)] for _ in range(2)]
    at_once(registrars, place, tmp_path, name, runs)
    versions = registry.versions(name)
    assert len(versions) == 4
    assert {registry.version(name, str(number)).run_id for number in versions} == {run for ids in runs for run in ids}
    assert registry.aliases(name) == {"latest-model": str(versions[-1])}


def test_the_same_run_registered_at_once_gives_one_version(
    registrars: list[ClientProcess], place: Home, registry: Registry, name: str, tmp_path: Path
) -> None:
    run_id = log(name).run_id
    told = at_once(registrars, place, tmp_path, name, [[run_id], [run_id]])
    assert len(set(told)) == 1
    assert registry.versions(name) == (told[0],)
    assert registry.aliases(name) == {"latest-model": str(told[0])}


@pytest.fixture(scope="module")
def version(place: Home, logged: Logged) -> str:
    return str(register(place.client, "main.default.shared", run_id=logged.run_id).version)


Validate = Callable[..., ModelValidation]


@pytest.fixture
def validate(place: Home, store: FeatureStore, registry: Registry) -> Validate:
    def run(name: str = "main.default.shared", **asked: object) -> ModelValidation:
        request = {"alias": "latest-model", "test_table": "main.default.test_set", **asked}
        return validate_version(place.client, store, ValidationRequest(name=name, **request))

    return run


def failed(report: ModelValidation) -> dict[str, str]:
    return {check.name: check.detail for check in report.checks if not check.passed}


def test_a_version_passes_all_four_checks_and_is_measured(version: str, validate: Validate) -> None:
    report = validate(sample_size=7, limits=Limits(min_accuracy=0.9, max_size_mb=50.0))
    assert (report.version, report.outcome, report.passed, report.sample_rows, failed(report)) == (version, "PASSED", 4, 7, {})
    assert [check.name for check in report.checks] == ["loads", "signature", "inference", "metadata"]
    ready = report.readiness
    assert 10_000 < ready.size_bytes < 50_000_000
    assert min(ready.row_ms, ready.batch_ms) > 0
    assert ready.batch_rows == 1000
    assert 0 <= ready.probability_low < ready.probability_high <= 1
    assert report.accuracy.where == "measured on main.default.test_set"
    assert report.accuracy.value > 0.95


def test_a_limit_that_is_not_kept_fails_the_validation(version: str, validate: Validate) -> None:
    report = validate(limits=Limits(max_size_mb=0.001, max_row_ms=0.0001, min_accuracy=1.0))
    assert (report.outcome, report.passed) == ("FAILED", 4)
    assert [told.split(",")[0].split(" take")[0] for told in report.exceeded] == ["its files", "one row"]


def test_a_test_table_without_the_columns_is_a_failed_check_and_three_are_enough(version: str, validate: Validate) -> None:
    report = validate(test_table="main.default.other")
    assert (report.outcome, report.passed) == ("WARNING", 3)
    assert failed(report)["inference"].startswith("main.default.other has no column 'x'; it has 'route', 'w'. Give the table that")
    assert validate(test_table="main.default.other", strict=True).outcome == "FAILED"
    assert report.readiness.size_bytes > 0
    assert report.readiness.row_ms is None


def test_a_test_table_without_rows_is_a_failed_check(version: str, validate: Validate) -> None:
    assert failed(validate(test_table="main.default.empty")) == {
        "inference": "main.default.empty has no rows to score; name another table with --test-table"
    }


def test_fewer_rows_than_asked_for_are_told(version: str, validate: Validate) -> None:
    report = validate(sample_size=1000)
    assert report.checks[2].detail == "200 rows of main.default.test_set (1,000 were asked for) scored by predict, predict_proba"


def test_the_version_goes_before_the_alias(version: str, validate: Validate) -> None:
    assert validate(version=version, alias="no-such-alias").version == version


def test_what_does_not_exist_is_told_with_what_does(version: str, validate: Validate) -> None:
    there = rf"There (is version|are versions) {version} and the aliases latest-model \({version}\)"
    with pytest.raises(RegistryError, match=f"main.default.shared has no version 99. {there}"):
        validate(version="99")
    with pytest.raises(RegistryError, match=f"main.default.shared has no version with the alias 'champion'. {there}"):
        validate(alias="champion")
    with pytest.raises(RegistryError, match=r"There is no model main\.default\.nothing\. There are .*main\.default\.shared"):
        validate("main.default.nothing")
    with pytest.raises(MissingTableError, match=r"main\.default\.nowhere does not exist .* prepare_data makes .* --test-table"):
        validate(test_table="main.default.nowhere")


class Foreign(mlflow.pyfunc.PythonModel):
    """A model of another script: the sign of x."""

    def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> np.ndarray:
        return (model_input["x"] > 0).astype("int64").to_numpy()


class Failing(Foreign):
    """One that raises."""

    def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> np.ndarray:
        raise TypeError("a text is missing")


class Unfit(Foreign):
    """One that gives an answer too few."""

    def predict(self, context: object, model_input: pd.DataFrame, params: object = None) -> np.ndarray:
        return super().predict(context, model_input)[1:]


EXAMPLE = pd.DataFrame({"x": [1.0, -1.0]})
SIGNATURE = infer_signature(EXAMPLE, np.array([1, 0]))


def foreign(client: MlflowClient, name: str, model: mlflow.pyfunc.PythonModel, signature: object = SIGNATURE) -> None:
    """Register a model that Stackhouse has not made, as another script does."""
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(name="model", python_model=model, signature=signature, pip_requirements=["mlflow"])
    client.create_registered_model(name)
    made = client.create_model_version(name, source=info.model_uri, model_id=info.model_id)
    client.set_registered_model_alias(name, "latest-model", made.version)


def test_a_model_of_another_script_lacks_its_metadata_and_is_told_so(place: Home, validate: Validate, name: str) -> None:
    foreign(place.client, name, Foreign())
    report = validate(name, limits=Limits(min_accuracy=0.9))
    assert (report.outcome, report.passed) == ("WARNING", 3)
    assert failed(report) == {
        "metadata": "the version lacks the tags git_sha, registered_at, f1_score or another metric. Register its run with register_model"
    }
    assert (report.accuracy.value, report.readiness.probability_low) == (1.0, None)


def test_a_model_that_answers_wrongly_fails(place: Home, validate: Validate, name: str) -> None:
    foreign(place.client, name, Unfit())
    report = validate(name)
    assert (report.outcome, report.passed) == ("FAILED", 2)
    assert failed(report)["inference"] == "predict gave 4 answers for 5 rows"


def test_accuracy_of_a_model_that_fails_on_the_rows_keeps_no_limit(place: Home, validate: Validate, name: str) -> None:
    foreign(place.client, name, Failing())
    report = validate(name, limits=Limits(min_accuracy=0.9))
    assert report.outcome == "FAILED"
    assert failed(report)["inference"] == "a text is missing"
    assert report.accuracy == Accuracy(where="it could not be measured on main.default.test_set: a text is missing")


def test_a_tag_of_accuracy_that_is_no_number_keeps_no_limit(place: Home, validate: Validate, name: str) -> None:
    foreign(place.client, name, Foreign())
    place.client.set_model_version_tag(name, "1", "accuracy", "high")
    report = validate(name, test_table="main.default.other", limits=Limits(min_accuracy=0.9))
    assert report.exceeded == (
        "its accuracy is unknown (the version's tag accuracy is 'high', which is no number), and has to be 0.9 at least",
    )


def test_a_model_without_signature_fails_that_check(place: Home, validate: Validate, name: str) -> None:
    if place.kind.startswith("uc"):
        pytest.skip("Unity Catalog takes no model without a signature")
    foreign(place.client, name, Foreign(), None)
    report = validate(name)
    assert (report.outcome, report.passed) == ("FAILED", 2)
    assert failed(report)["signature"].startswith("there is none; Unity Catalog would refuse the version")


def test_a_version_whose_files_are_gone_fails_without_a_crash(
    place: Home, version: str, validate: Validate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(**_: object) -> None:
        raise OSError("No such file or directory: MLmodel")

    monkeypatch.setattr("stacks.served_model.download_artifacts", gone)
    report = validate(limits=Limits(min_accuracy=0.9))
    assert (report.outcome, report.passed) == ("FAILED", 1)
    assert failed(report) == {
        "loads": "No such file or directory: MLmodel",
        "signature": "its files could not be fetched",
        "inference": "it does not load",
    }
    assert report.accuracy.where == "the version's tag accuracy" or report.accuracy.value is None
