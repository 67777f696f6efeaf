"""Our MLflow layer behaves the same on a file, on a server over HTTP, and on the emulated workspace with Unity Catalog.

What an expectation says literally, it says of every one of them.
"""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import mlflow
import pytest
from mlflow.store._unity_catalog.registry.rest_store import UcModelRegistryStore

import stacks.model_versions
from stackhouse.alias_move import is_move, moves
from stackhouse.errors import ConfigurationError, InfrastructureError, RegistryError
from stackhouse.record import Registration
from stackhouse.splits import TimeSplit
from stacks.alias_moves import move_alias
from stacks.mlflow_model import load_model
from stacks.model_checks import check_version
from stacks.provenance import PROVENANCE, provenance
from stacks.registration import register
from stacks.registry import Registry
from stacks.scoring_model import load_scoring_model
from stacks.tracking import tag_skipped
from stacks.version_control import git_sha
from tests.contract.logged_models import APPROVED, DATA, EVALUATION, LOOKUP, Logged, identity, log
from tests.contract.mlflow_homes import EXPERIMENT, KINDS, ON_UNITY_CATALOG, Backends, Home, backends, home

on_unity_catalog = pytest.mark.parametrize("place", ON_UNITY_CATALOG, indirect=True, scope="module")
SCORE = """
import json, sys
import mlflow, pandas as pd

rows = pd.DataFrame(json.loads(sys.argv[2]))
answers = [int(answer) for answer in mlflow.pyfunc.load_model(sys.argv[1]).predict(rows)]
print(json.dumps([answers, sys.modules["stackhouse"].__file__]))
"""


class Killed(BaseException):
    """Stands for SIGKILL: no handler of ours catches it."""


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with backends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest, started: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home(request.param, started, tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture(scope="module")
def logged(place: Home) -> Logged:
    return log()


@pytest.fixture
def registry(place: Home) -> Registry:
    return Registry(place.client)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model that no other test has."""
    return f"main.default.{re.sub(r'[^a-z0-9]+', '_', request.node.name)}"


@pytest.fixture
def uc(place: Home, no_spark: None) -> Iterator[Home]:
    """A place with Unity Catalog; all is as before afterwards."""
    workspace = place.workspace
    yield place
    workspace.models.page, workspace.models.slow_reads = 100, 0
    workspace.faults.planned.clear()


def registered(logged: Logged, name: str) -> Registration:
    return register(logged.model, EVALUATION, APPROVED, identity(name), "candidate", "dev")


def test_a_training_run_is_on_record(place: Home, logged: Logged) -> None:
    run = place.client.get_run(logged.run_id)
    assert place.client.get_experiment(run.info.experiment_id).name == EXPERIMENT
    assert run.info.status == "FINISHED"
    own = {key: value for key, value in run.data.tags.items() if not key.startswith("mlflow.")}
    assert own == {
        "project": "contract",
        "domain": "performance",
        "model_name": "delay",
        "model_type": "binary_classification",
        "algorithm": "xgboost",
        "use_case": "Will more than a fifth be late?",
        "feature_engineering": "unity_catalog",
        "training_data": "main.default.days",
        "delta.version.main.default.days": "0",
        "delta.version.main.default.labels": "3",
        "verdict": "APPROVED",
        "verdict.reasons": "f1 0.5000 >= 0.4",
        "gate.baseline": "passed",
        "registered_name": "main.default.unregistered",
        "environment": "dev",
        "git_sha": git_sha(),
        "trained_until": "2026-01-20T00:00:00+00:00",
    }
    assert run.data.metrics == {"f1": 0.5, "roc_auc": 0.75, "test_f1": 0.5, "test_roc_auc": 0.75}
    assert run.data.params["n_estimators"] == "5"
    assert run.data.params["primary_keys"] == "route, day"
    [inputs] = run.inputs.dataset_inputs
    assert (inputs.dataset.name, {tag.key: tag.value for tag in inputs.tags}) == (
        "days",
        {"mlflow.data.context": "training", "delta.version": "0"},
    )


def test_artifacts_of_a_run_come_back(place: Home, logged: Logged, tmp_path: Path) -> None:
    assert [(found.path, found.is_dir) for found in place.client.list_artifacts(logged.run_id)] == [("config.json", False)]
    folder = place.client.download_artifacts(logged.run_id, "config.json", str(tmp_path))
    assert json.loads(Path(folder).read_text()) == {
        "feature_names": ["x", "z"],
        "primary_keys": ["route", "day"],
        "model_type": "binary_classification",
    }


def test_a_version_holds_the_same_everywhere(place: Home, logged: Logged, registry: Registry, name: str) -> None:
    registration = registered(logged, name)
    assert (registration.version, registration.new, registration.reason) == ("1", True, "all gates passed")
    version = registry.version(name, "1")
    assert version.run_id == logged.run_id
    assert version.description == "Will more than a fifth be late? On the test rows: f1 0.5000, roc_auc 0.7500."
    assert {key: value for key, value in version.tags.items() if key != "registered_at" and not is_move(key)} == {
        "environment": "dev",
        "git_sha": "abc1234",
        "algorithm": "xgboost",
        "trained_until": "2026-01-20T00:00:00+00:00",
        "f1_score": "0.5",
        "roc_auc": "0.75",
    }
    assert datetime.fromisoformat(version.tags["registered_at"]).tzinfo == UTC
    info = mlflow.models.get_model_info(f"models:/{name}/1")
    assert {part: json.loads(text) for part, text in info.signature.to_dict().items()} == {
        "inputs": [{"type": "double", "name": "x", "required": True}, {"type": "double", "name": "z", "required": False}],
        "outputs": [{"type": "long", "required": True}],
        "params": [{"name": "predict_method", "type": "string", "default": "predict", "shape": None}],
    }
    assert info.metadata == {
        "feature_lookups": [{**LOOKUP.model_dump(mode="json"), "table_version": 0}],
        "cleaning": {"default": 0.0, "columns": {"z": 1.0}, "on_unclean": "replace"},
        "label": {"kind": "binary", "source": "late", "positive": None, "negative": None},
        PROVENANCE: provenance(DATA, TimeSplit()),
    }


def test_a_registered_version_passes_its_checks_and_scores_from_keys(place: Home, logged: Logged, name: str) -> None:
    registration = registered(logged, name)
    report = check_version(place.client, registration, logged.model, logged.rows)
    assert [(check.name, check.passed) for check in report.checks] == [
        ("loads", True),
        ("signature", True),
        ("inference", True),
        ("metadata", True),
    ]
    scoring = load_scoring_model(place.client, f"models:/{name}@candidate")
    assert (scoring.name, scoring.version, scoring.lookups) == (name, "1", (LOOKUP,))


def test_an_alias_loads_in_another_process(place: Home, logged: Logged, tmp_path: Path) -> None:
    name = "main.default.served"
    registered(logged, name)
    rows = logged.rows.collect(("x", "z")).to_pandas().head(20)
    runtime = {"DATABRICKS_RUNTIME_VERSION": "16.4"} if place.kind.startswith("uc") else {}
    command = [sys.executable, "-c", textwrap.dedent(SCORE), f"models:/{name}@candidate", rows.to_json()]
    done = subprocess.run(command, env=place.environment | runtime, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    fitted = logged.model.fitted
    answers, code = json.loads(done.stdout.splitlines()[-1])
    assert answers == fitted.answer(fitted.scores(rows)).tolist()
    assert code.endswith("/code/stackhouse.zip/stackhouse/__init__.py")


def test_a_run_is_registered_once_however_often_it_is_asked_for(place: Home, logged: Logged, registry: Registry, name: str) -> None:
    assert registered(logged, name).new
    again = registered(logged, name)
    assert (again.version, again.new, again.reason) == (
        "1",
        False,
        "this model is registered already: code, data and parameters are unchanged",
    )
    assert registry.next_version(name) == 2
    assert [str(found.version) for found in place.client.search_model_versions(f"name = '{name}'")] == ["1"]


def test_a_request_that_is_sent_twice_leaves_one_version(
    place: Home, logged: Logged, registry: Registry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a client does that hears no answer to the first."""
    create = place.client.create_model_version

    def twice(*arguments: object, **named: object) -> object:
        create(*arguments, **named)
        return create(*arguments, **named)

    monkeypatch.setattr(place.client, "create_model_version", twice)
    assert registry.register(name, logged.uri, logged.run_id, "a model", {}) == ("1", True)
    assert [str(found.version) for found in place.client.search_model_versions(f"name = '{name}'")] == ["1"]


def test_each_move_of_an_alias_is_on_record(place: Home, logged: Logged, registry: Registry, name: str) -> None:
    registered(logged, name)
    newer = log(name)
    registered(newer, name)
    move_alias(registry, name, "champion", "2", None, by="promote_model")
    move_alias(registry, name, "champion", "1", "2", by="promote_model")
    move_alias(registry, name, "champion", "2", "1", by="promote_model")
    kept = [move for version in ("1", "2") for move in moves(registry.version(name, version).tags).values()]
    assert [(move.words, move.by, move.run_id, move.git_sha) for move in sorted(kept, key=lambda move: move.asked_at)] == [
        ("candidate: none → 1", "register_model", logged.run_id, "abc1234"),
        ("candidate: 1 → 2", "register_model", newer.run_id, "abc1234"),
        ("champion: none → 2", "promote_model", newer.run_id, "abc1234"),
        ("champion: 2 → 1", "promote_model", logged.run_id, "abc1234"),
        ("champion: 1 → 2", "promote_model", newer.run_id, "abc1234"),
    ]
    assert all(move.asked_at <= move.moved_at for move in kept)
    assert registry.aliases(name) == {"candidate": "2", "champion": "2"}


def test_an_alias_that_another_has_moved_is_left_where_it_is(place: Home, logged: Logged, registry: Registry, name: str) -> None:
    registered(logged, name)
    registered(log(name), name)
    registered(log(name), name)
    move_alias(registry, name, "champion", "2", None, by="promote_model")
    with pytest.raises(RegistryError, match=r"points at version 2 and no longer at 1: .* judge version 3 anew"):
        move_alias(registry, name, "champion", "3", "1", by="promote_model")
    with pytest.raises(RegistryError, match=r"points at version 2 and no longer at none"):
        move_alias(registry, name, "champion", "3", None, by="promote_model")
    assert registry.aliases(name)["champion"] == "2"
    assert [move.alias for move in moves(registry.version(name, "3").tags).values()] == ["candidate"]


def test_an_alias_moves_to_the_newer_version(place: Home, logged: Logged, registry: Registry, name: str) -> None:
    assert registry.version_by_alias(name, "candidate") is None
    registered(logged, name)
    newer = log(name)
    assert registered(newer, name).version == "2"
    assert str(registry.version_by_alias(name, "candidate").version) == "2"
    assert registry.version_by_alias(name, "champion") is None
    registry.set_alias(name, "champion", "1")
    assert registry.version_by_alias(name, "champion").run_id == logged.run_id
    assert registry.version(name, "1").aliases == ["champion"]
    assert mlflow.get_run(newer.run_id).data.tags["mlflow.runName"].startswith("delay_xgboost_v2_")


@pytest.mark.parametrize("alias", ["latest", "v1", "a b"])
def test_an_alias_that_is_reserved_or_misshapen_is_not_set(place: Home, registry: Registry, alias: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        registry.set_alias("main.default.any", alias, "1")


def test_a_version_that_does_not_exist_is_named(place: Home, logged: Logged, registry: Registry, name: str) -> None:
    with pytest.raises(RegistryError, match=f"{name} has no version 9. Nothing is registered under this name"):
        registry.version(name, "9")
    registered(logged, name)
    with pytest.raises(RegistryError, match=rf"{name} has no version 9. There is version 1 and the aliases candidate \(1\)\."):
        registry.version(name, "9")


def test_a_run_that_is_gone_cannot_be_put_on_record(place: Home) -> None:
    with pytest.raises(InfrastructureError, match="MLflow did not take that no model was trained"):
        tag_skipped("0" * 32, "one class")


@on_unity_catalog
@pytest.mark.parametrize("call", ["_get_artifact_repo", "_finalize_model_version"])
def test_a_registration_killed_before_its_files_were_all_there_is_done_anew(
    uc: Home, logged: Logged, registry: Registry, name: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(UcModelRegistryStore, call, killed)
        with pytest.raises(Killed):
            registered(logged, name)
    assert [found.status for found in uc.client.search_model_versions(f"name = '{name}'")] == ["PENDING_REGISTRATION"]
    assert registry.version_of_run(name, logged.run_id) is None
    assert (registered(logged, name).version, registered(logged, name).version) == ("2", "2")
    assert [(found.version, found.status) for found in uc.client.search_model_versions(f"name = '{name}'")] == [("2", "READY")]


@on_unity_catalog
def test_an_upload_that_fails_leaves_no_version_behind(uc: Home, logged: Logged, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise mlflow.MlflowException("failed to upload: 403 for url: http://storage/m/1/MLmodel?expires=5&signature=topsecret")

    with monkeypatch.context() as patched:
        patched.setattr(UcModelRegistryStore, "_get_artifact_repo", fails)
        with pytest.raises(RegistryError, match=f"Registering {name} from run {logged.run_id} failed: failed to upload") as refused:
            registered(logged, name)
    assert "topsecret" not in str(refused.value)
    assert list(uc.client.search_model_versions(f"name = '{name}'")) == []


@on_unity_catalog
@pytest.mark.parametrize("call", ["model-versions/create", "model-versions/finalize", "registered-models/create"])
def test_a_connection_that_breaks_after_the_request_ends_in_one_version(uc: Home, logged: Logged, name: str, call: str) -> None:
    uc.workspace.faults.plan("drop_after", "POST", call)
    try:
        registered(logged, name)
    except InfrastructureError:
        registered(logged, name)
    assert [found.status for found in uc.client.search_model_versions(f"name = '{name}'")] == ["READY"]


FAULTS = {
    "sdk": [("PUT", "fs/files/Models"), ("GET", "fs/directories/Models|presigned/storage/Models|fs/files/Models")],
    "presigned": [("POST", "fs/create-upload-url"), ("PUT", "presigned/storage/Models"), ("GET", "presigned/storage/Models")],
}
EVERYWHERE = [
    ("POST", "runs/create"),
    ("POST", "runs/log-batch"),
    ("POST", "runs/log-inputs"),
    ("PUT", "fs/files/WorkspaceInternal.*config.json"),
    ("POST", "mlflow/logged-models$"),
    ("PUT", "fs/files/WorkspaceInternal.*LoggedModels"),
    ("GET", "unity-catalog/registered-models/get"),
    ("POST", "unity-catalog/registered-models/create"),
    ("GET", "unity-catalog/model-versions/search"),
    ("POST", "unity-catalog/model-versions/create"),
    ("POST", "unity-catalog/model-versions/finalize"),
    ("POST", "unity-catalog/model-versions/set-tag"),
    ("PATCH", "unity-catalog/model-versions/update"),
    ("POST", "unity-catalog/registered-models/alias"),
    ("GET", "unity-catalog/registered-models/alias"),
]


@on_unity_catalog
@pytest.mark.parametrize("kind", ["429", "503"])
def test_passing_faults_in_every_phase_are_survived(uc: Home, name: str, kind: str) -> None:
    for method, path in [*EVERYWHERE, *FAULTS[uc.workspace.models.upload]]:
        uc.workspace.faults.plan(kind, method, path)
    logged = log(name)
    assert registered(logged, name).version == "1"
    assert load_model(f"models:/{name}@candidate").rules.features == ("x", "z")
    assert [fault.path for fault in uc.workspace.faults.planned if fault.times] == []


@on_unity_catalog
def test_a_version_that_is_shown_as_pending_for_a_while_is_waited_for(
    uc: Home, logged: Logged, registry: Registry, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks.model_versions, "_PAUSE_SECONDS", 0.01)
    uc.workspace.models.slow_reads = 3
    assert registered(logged, name).version == "1"
    assert registry.version_of_run(name, logged.run_id) == "1"


@on_unity_catalog
def test_a_version_that_never_gets_ready_is_removed_and_told(uc: Home, logged: Logged, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks.model_versions, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(stacks.model_versions, "_READY_SECONDS", 0.05)
    uc.workspace.models.slow_reads = 10_000
    with pytest.raises(RegistryError, match=r"Version 1 of \S+ is PENDING_REGISTRATION instead of READY. It was removed; register the run"):
        registered(logged, name)
    assert list(uc.client.search_model_versions(f"name = '{name}'")) == []


@on_unity_catalog
def test_versions_are_found_page_by_page(uc: Home, logged: Logged, registry: Registry, name: str) -> None:
    uc.workspace.models.page = 1
    registered(logged, name)
    newer = log(name)
    registered(newer, name)
    assert registry.next_version(name) == 3
    assert registry.version_of_run(name, logged.run_id) == "1"
    assert registry.version_of_run(name, newer.run_id) == "2"


@on_unity_catalog
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("delay", "specify all three levels"),
        ("main.default.a b", "is not a valid name"),
        ("main.nowhere.delay", "Schema 'main.nowhere' does not exist"),
        ("nowhere.default.delay", "Catalog 'nowhere' does not exist"),
    ],
)
def test_a_name_that_unity_catalog_refuses_is_told(uc: Home, logged: Logged, name: str, reason: str) -> None:
    with pytest.raises(RegistryError, match=reason):
        registered(logged, name)


@on_unity_catalog
def test_an_alias_of_somebody_elses_model_is_refused(uc: Home, logged: Logged, registry: Registry, name: str) -> None:
    registered(logged, name)
    uc.workspace.catalog.get("model", name).owner = "somebody@else"
    with pytest.raises(RegistryError, match=f"Alias 'champion' of {name} could not be set to version 1: PERMISSION_DENIED"):
        registry.set_alias(name, "champion", "1")


@pytest.fixture
def wrong_token(uc: Home, monkeypatch: pytest.MonkeyPatch) -> str:
    token = "dapi-of-somebody-else"  # noqa: S105 - a token that opens nothing
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    return token


@on_unity_catalog
@pytest.mark.parametrize(
    "call",
    [
        lambda logged, registry: registry.register("main.default.any", logged.uri, logged.run_id, "", {}),
        lambda _, registry: registry.version_by_alias("main.default.any", "champion"),
        lambda _, registry: registry.version("main.default.any", "1"),
        lambda _, registry: registry.next_version("main.default.any"),
        lambda logged, _: tag_skipped(logged.run_id, "one class"),
    ],
    ids=["register", "alias", "version", "next", "tag"],
)
def test_a_wrong_token_is_told_without_the_token(
    uc: Home, logged: Logged, registry: Registry, wrong_token: str, call: Callable[[Logged, Registry], object]
) -> None:
    with pytest.raises(RegistryError, match=r"UNAUTHENTICATED|Credential was not sent") as refused:
        call(logged, registry)
    assert wrong_token not in str(refused.value)
    assert uc.workspace.token not in str(refused.value)


@on_unity_catalog
def test_artifacts_of_an_experiment_may_lie_in_a_volume(uc: Home) -> None:
    if ("volume", "main.default.mlflow") not in uc.workspace.catalog.objects:
        uc.workspace.catalog.create_volume("main", "default", "mlflow")
    place = f"dbfs:/Volumes/main/default/mlflow/{uc.kind}"
    experiment = uc.client.create_experiment(f"/Shared/in_a_volume_{uc.kind}", artifact_location=place)
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_dict({"a": 1}, "config.json")
    assert run.info.artifact_uri == f"{place}/{run.info.run_id}/artifacts"
    assert mlflow.artifacts.load_dict(f"{run.info.artifact_uri}/config.json") == {"a": 1}


@on_unity_catalog
def test_no_request_went_to_a_route_that_the_emulator_does_not_have(uc: Home, logged: Logged) -> None:
    assert [(request.method, request.path) for request in uc.workspace.unknown_requests] == []
