"""MLflow tracking of the emulated workspace: a real MLflow server behind it, and artifacts through the workspace."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import mlflow
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import DatabricksError
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.databricks_artifact_repo import DatabricksArtifactRepository

from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace
from rehearsal.mlflow_server import mlflow_server
from stackhouse.errors import InfrastructureError
from tests.contract.mlflow_homes import Backends, backends


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backends]:
    with backends(tmp_path_factory.mktemp("backends")) as running:
        yield running


@pytest.fixture
def workspace(started: Backends, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    monkeypatch.setenv("DATABRICKS_HOST", started.workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", started.workspace.token)
    mlflow.set_tracking_uri("databricks")  # artifacts ask the global setting for the way
    yield started.workspace
    mlflow.set_tracking_uri("")
    started.workspace.unknown_requests.clear()


@pytest.fixture
def tracking(workspace: Workspace) -> MlflowClient:
    return MlflowClient("databricks", "databricks-uc")


@pytest.fixture
def run_id(tracking: MlflowClient, request: pytest.FixtureRequest) -> str:
    return str(tracking.create_run(tracking.create_experiment(f"/Shared/{request.node.name}")).info.run_id)


@pytest.mark.parametrize("name", ["training", "Shared/x", "/Shared//x", "/"])
def test_an_experiment_needs_an_absolute_path(tracking: MlflowClient, name: str) -> None:
    with pytest.raises(MlflowException, match=r"Got an invalid experiment name|already exists"):
        tracking.create_experiment(name)


@pytest.mark.parametrize("name", ["/training", "/Shared/by_path", "/Users/rehearsal@localhost/mine"])
def test_an_experiment_lies_in_a_folder_that_exists(tracking: MlflowClient, name: str) -> None:
    assert tracking.get_experiment(tracking.create_experiment(name)).name == name


def test_the_folder_of_an_experiment_has_to_exist(workspace: Workspace, tracking: MlflowClient, client: WorkspaceClient) -> None:
    with pytest.raises(MlflowException, match=r"RESOURCE_DOES_NOT_EXIST: Parent directory /Shared/team does not exist\."):
        tracking.create_experiment("/Shared/team/delay")
    client.workspace.mkdirs("/Shared/team")
    tracking.create_experiment("/Shared/team/delay")


def test_an_experiment_is_no_directory(tracking: MlflowClient) -> None:
    with pytest.raises(MlflowException, match="RESOURCE_ALREADY_EXISTS"):
        tracking.create_experiment("/Shared")


def test_the_long_path_of_the_workspace_is_the_short_one(tracking: MlflowClient) -> None:
    experiment = tracking.create_experiment("/Workspace/Shared/long")
    assert tracking.get_experiment(experiment).name == "/Shared/long"


def test_an_experiment_that_exists_is_told_by_the_server(tracking: MlflowClient) -> None:
    tracking.create_experiment("/Shared/twice")
    with pytest.raises(MlflowException, match="RESOURCE_ALREADY_EXISTS"):
        tracking.create_experiment("/Shared/twice")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("s3://bucket/x", "INVALID_PARAMETER_VALUE"),
        ("dbfs:/tmp/x", "INVALID_PARAMETER_VALUE"),
        ("dbfs:/Volumes/main/default", "INVALID_PARAMETER_VALUE"),
        ("dbfs:/Volumes/main/default/nowhere/x", "does not exist"),
    ],
)
def test_artifacts_lie_in_the_workspace_or_in_a_volume_that_exists(tracking: MlflowClient, location: str, error: str) -> None:
    with pytest.raises(MlflowException, match=error):
        tracking.create_experiment("/Shared/elsewhere", artifact_location=location)


def test_the_root_of_artifacts_is_databricks_own(tracking: MlflowClient, run_id: str) -> None:
    info = tracking.get_run(run_id).info
    assert info.artifact_uri == f"dbfs:/databricks/mlflow-tracking/{info.experiment_id}/{run_id}/artifacts"
    assert tracking.get_experiment(info.experiment_id).artifact_location == f"dbfs:/databricks/mlflow-tracking/{info.experiment_id}"
    [found] = tracking.search_runs([info.experiment_id])
    assert found.info.artifact_uri == info.artifact_uri


def test_the_root_of_a_logged_model_is_databricks_own(tracking: MlflowClient, run_id: str) -> None:
    experiment = tracking.get_run(run_id).info.experiment_id
    model = tracking.create_logged_model(experiment, name="delay", source_run_id=run_id)
    assert model.artifact_location == f"dbfs:/databricks/mlflow-tracking/{experiment}/logged_models/{model.model_id}/artifacts"


def test_artifacts_go_through_the_files_api(workspace: Workspace, tracking: MlflowClient, run_id: str, tmp_path: Path) -> None:
    workspace.requests.clear()
    (tmp_path / "a b ü.txt").write_text("grün")
    tracking.log_artifact(run_id, str(tmp_path / "a b ü.txt"), "notes")
    assert Path(tracking.download_artifacts(run_id, "notes/a b ü.txt")).read_text() == "grün"
    experiment = tracking.get_run(run_id).info.experiment_id
    place = f"/api/2.0/fs/files/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/{run_id}/artifacts/notes/a b ü.txt"
    assert [request.path for request in workspace.requests if request.method == "PUT"] == [place]


def test_the_pages_of_the_server_show_the_artifacts(started: Backends, tracking: MlflowClient, run_id: str) -> None:
    tracking.log_dict(run_id, {"a": 1}, "config.json")
    with urlopen(f"{started.server}/api/2.0/mlflow/artifacts/list?run_id={run_id}") as answer:
        assert b'"path": "config.json"' in answer.read()
    with urlopen(f"{started.server}/get-artifact?run_id={run_id}&path=config.json") as answer:
        assert answer.read() == b'{\n  "a": 1\n}'


def test_addresses_that_clients_print_lead_to_the_pages_of_the_server(started: Backends, workspace: Workspace) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}"}
    answer = requests.get(f"{workspace.host}/ml/experiments/1/runs/abc", headers=headers, allow_redirects=False, timeout=10)
    assert (answer.status_code, answer.headers["location"]) == (307, f"{started.server}/#/experiments/1/runs/abc")


@pytest.mark.parametrize("of", ["run", "logged model"])
def test_signed_addresses_are_the_other_way(workspace: Workspace, tracking: MlflowClient, run_id: str, tmp_path: Path, of: str) -> None:
    """What the client falls back to where the Files API refuses."""
    run = tracking.get_run(run_id)
    uri = run.info.artifact_uri
    if of == "logged model":
        uri = tracking.create_logged_model(run.info.experiment_id, name="delay", source_run_id=run_id).artifact_location
    repository = DatabricksArtifactRepository(uri)
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("top.txt", "deep/below.txt"):
        (tmp_path / "in" / name).write_text(name)
    workspace.requests.clear()
    repository.log_artifacts(str(tmp_path / "in"), "kept")
    assert [(found.path, found.is_dir, found.file_size) for found in repository.list_artifacts("kept")] == [
        ("kept/deep", True, None),
        ("kept/top.txt", False, 7),
    ]
    (tmp_path / "out").mkdir()
    repository.download_artifacts("kept", str(tmp_path / "out"))
    assert (tmp_path / "out" / "kept" / "deep" / "below.txt").read_text() == "deep/below.txt"
    assert not [request.path for request in workspace.requests if request.path.startswith("/api/2.0/fs/files")]
    assert len([request for request in workspace.requests if request.method == "PUT"]) == 2


def test_signed_addresses_of_a_run_that_does_not_exist_are_refused(workspace: Workspace, client: WorkspaceClient) -> None:
    body = {"run_id": "0" * 32, "path": ["a"]}
    with pytest.raises(DatabricksError, match="not found"):
        client.api_client.do("POST", "/api/2.0/mlflow/artifacts/credentials-for-write", body=body)


def test_a_path_out_of_the_run_is_not_signed_for(workspace: Workspace, client: WorkspaceClient, run_id: str) -> None:
    body = {"run_id": run_id, "path": ["../../../../Volumes/x"]}
    with pytest.raises(DatabricksError, match="is not a name"):
        client.api_client.do("POST", "/api/2.0/mlflow/artifacts/credentials-for-write", body=body)


def test_a_route_that_mlflow_does_not_have_answers_as_the_server_does_and_is_on_record(
    workspace: Workspace, client: WorkspaceClient
) -> None:
    with pytest.raises(DatabricksError):
        client.api_client.do("GET", "/api/2.0/mlflow/no-such-thing/get")
    assert [(request.method, request.path, request.status) for request in workspace.unknown_requests] == [
        ("GET", "/api/2.0/mlflow/no-such-thing/get", 404)
    ]


def test_a_run_that_does_not_exist_is_no_unknown_route(workspace: Workspace, tracking: MlflowClient) -> None:
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST"):
        tracking.get_run("0" * 32)
    assert workspace.unknown_requests == []


def test_the_old_registry_is_disabled(workspace: Workspace) -> None:
    with pytest.raises(MlflowException, match="FEATURE_DISABLED: The workspace model registry is disabled"):
        MlflowClient("databricks", "databricks").create_registered_model("delay")


def test_the_token_stays_in_the_workspace(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tracking: MlflowClient) -> None:
    passed_on = []

    def remember(method: str, url: str, **options: object) -> object:
        passed_on.append(str(options["headers"]))
        raise AssertionError

    monkeypatch.setattr("rehearsal.emulator.tracking.requests.request", remember)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(MlflowException):
        tracking.search_experiments()
    assert passed_on
    assert workspace.token not in "".join(passed_on)


def test_a_workspace_without_a_server_says_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with serving(workspace):
        client = WorkspaceClient(host=workspace.host, token=workspace.token)
        with pytest.raises(DatabricksError, match="This workspace runs without MLflow"):
            client.api_client.do("GET", "/api/2.0/mlflow/experiments/get", query={"experiment_id": "0"})


def test_a_server_that_cannot_start_names_its_log(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        expected = pytest.raises(InfrastructureError, match=r"did not start: it left with \d+\. What it said is in .*mlflow\.log")
        with expected, mlflow_server(tmp_path, port):
            pass
