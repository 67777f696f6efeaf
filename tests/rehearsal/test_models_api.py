"""Registered models of the emulated workspace, through MLflow's own client of `databricks-uc`."""

from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema

from rehearsal.emulator import models
from rehearsal.emulator.workspace import Workspace

NAME = "main.default.delay"
INPUTS, OUTPUTS = Schema([ColSpec(DataType.double, "x")]), Schema([ColSpec(DataType.long)])
WHOLE = ModelSignature(inputs=INPUTS, outputs=OUTPUTS)


@pytest.fixture(params=["sdk", "presigned"])
def registry(request: pytest.FixtureRequest, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, no_spark: None) -> MlflowClient:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token)
    workspace.models.upload = request.param
    return MlflowClient(tracking_uri="databricks", registry_uri="databricks-uc")


once = pytest.mark.parametrize("registry", ["sdk"], indirect=True)
"""For what has nothing to do with files."""


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., str]:
    """Write a model folder with a signature."""

    def write(signature: ModelSignature | None = WHOLE) -> str:
        folder = tmp_path / "model"
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "data" / "weights ü.bin").write_bytes(bytes(range(256)) * 100)
        (folder / "empty").write_bytes(b"")
        Model(signature=signature).save(str(folder / "MLmodel"))
        return str(folder)

    return write


@pytest.fixture
def registered(registry: MlflowClient, source: Callable[..., str]) -> str:
    """Version 1 of a model."""
    registry.create_registered_model(NAME, tags={"team": "flights"}, description="Late or not")
    registry.create_model_version(NAME, source(), tags={"git_sha": "abc"}, description="the first")
    return NAME


def test_a_version_has_the_files_that_it_was_made_of(workspace: Workspace, registry: MlflowClient, registered: str, tmp_path: Path) -> None:
    folder = Path(download_artifacts(f"models:/{NAME}/1", dst_path=str(tmp_path / "down"), registry_uri="databricks-uc"))
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    original = {str(file.relative_to(tmp_path / "model")): file.read_bytes() for file in (tmp_path / "model").rglob("*") if file.is_file()}
    files.pop("registered_model_meta")  # the client's own note
    assert files == original
    put = "/api/2.0/fs/files/Models/" if workspace.models.upload == "sdk" else "/presigned/storage/Models/"
    assert len([request for request in workspace.requests if request.method == "PUT" and request.path.startswith(put)]) == 3


@once
def test_a_version_tells_what_it_was_given(registry: MlflowClient, registered: str, workspace: Workspace) -> None:
    version = registry.get_model_version(NAME, "1")
    assert (version.name, version.version, version.status, version.description) == (NAME, "1", "READY", "the first")
    assert (version.tags, version.user_id) == ({"git_sha": "abc"}, workspace.user_name)
    model = registry.get_registered_model(NAME)
    assert (model.description, model.tags) == ("Late or not", {"team": "flights"})


@once
def test_versions_count_up_and_no_number_is_given_twice(registry: MlflowClient, registered: str, source: Callable[..., str]) -> None:
    assert registry.create_model_version(NAME, source()).version == "2"
    registry.delete_model_version(NAME, "2")
    assert registry.create_model_version(NAME, source()).version == "3"
    assert [found.version for found in registry.search_model_versions(f"name = '{NAME}'")] == ["3", "1"]


def test_a_version_is_pending_until_it_is_finalized(
    workspace: Workspace, registry: MlflowClient, registered: str, source: Callable[..., str]
) -> None:
    workspace.faults.plan("drop_before", "POST", "finalize")
    with pytest.raises(Exception, match=r".*"):  # which error is the client's affair
        registry.create_model_version(NAME, source())
    assert [(found.version, found.status) for found in registry.search_model_versions(f"name = '{NAME}'")] == [
        ("2", "PENDING_REGISTRATION"),
        ("1", "READY"),
    ]


@once
def test_a_version_without_files_cannot_be_finalized(
    workspace: Workspace, registry: MlflowClient, registered: str, client: WorkspaceClient
) -> None:
    path = "/api/2.0/mlflow/unity-catalog/model-versions"
    client.api_client.do("POST", f"{path}/create", body={"name": NAME, "source": "nowhere"})
    with pytest.raises(Exception, match=r"has no file 'MLmodel'"):
        client.api_client.do("POST", f"{path}/finalize", body={"name": NAME, "version": "2"})


def test_files_of_a_ready_version_get_no_credentials_to_write(
    workspace: Workspace, registry: MlflowClient, registered: str, client
) -> None:  # type: ignore[no-untyped-def]
    body = {"name": NAME, "version": "1", "operation": "MODEL_VERSION_OPERATION_READ_WRITE"}
    with pytest.raises(Exception, match="is finalized"):
        client.api_client.do("POST", "/api/2.0/mlflow/unity-catalog/model-versions/generate-temporary-credentials", body=body)


@once
@pytest.mark.parametrize("signature", [None, ModelSignature(inputs=INPUTS)], ids=["none", "inputs alone"])
def test_the_client_refuses_a_model_without_a_whole_signature(
    workspace: Workspace, registry: MlflowClient, registered: str, source: Callable[..., str], signature: ModelSignature | None
) -> None:
    with pytest.raises(MlflowException, match="signature"):
        registry.create_model_version(NAME, source(signature))
    assert len(workspace.models.registered[workspace.catalog.get("model", NAME).id].versions) == 1


@once
def test_an_alias_leads_to_a_version_until_it_is_deleted(registry: MlflowClient, registered: str) -> None:
    registry.set_registered_model_alias(NAME, "Champion", "1")
    assert registry.get_model_version_by_alias(NAME, "champion").version == "1"
    assert registry.get_registered_model(NAME).aliases == {"champion": "1"}
    assert registry.get_model_version(NAME, "1").aliases == ["champion"]
    registry.delete_registered_model_alias(NAME, "champion")
    with pytest.raises(MlflowException, match="RESOURCE_DOES_NOT_EXIST: Alias 'champion'"):
        registry.get_model_version_by_alias(NAME, "champion")


@once
def test_aliases_go_with_their_version(registry: MlflowClient, registered: str) -> None:
    registry.set_registered_model_alias(NAME, "champion", "1")
    registry.delete_model_version(NAME, "1")
    assert registry.get_registered_model(NAME).aliases == {}


@once
def test_tags_and_descriptions_change(registry: MlflowClient, registered: str) -> None:
    registry.set_model_version_tag(NAME, "1", "f1_score", "0.5")
    registry.delete_model_version_tag(NAME, "1", "git_sha")
    registry.update_model_version(NAME, "1", "better")
    registry.set_registered_model_tag(NAME, "team", "trains")
    registry.update_registered_model(NAME, "Late or punctual")
    version, model = registry.get_model_version(NAME, "1"), registry.get_registered_model(NAME)
    assert (version.tags, version.description) == ({"f1_score": "0.5"}, "better")
    assert (model.tags, model.description) == ({"team": "trains"}, "Late or punctual")


@once
@pytest.mark.parametrize(
    ("key", "value"), [("a.b", ""), ("a:b", ""), ("a=b", ""), ("k" * 256, ""), ("key", "v" * 1001), (" key", "")], ids=range(6)
)
def test_a_tag_that_unity_catalog_does_not_take_is_refused(registry: MlflowClient, registered: str, key: str, value: str) -> None:
    with pytest.raises(MlflowException, match="INVALID_PARAMETER_VALUE"):
        registry.set_model_version_tag(NAME, "1", key, value)
    assert registry.get_model_version(NAME, "1").tags == {"git_sha": "abc"}


@once
def test_the_longest_key_and_value_of_a_tag_are_taken_and_of_tags_fifty(registry: MlflowClient, registered: str) -> None:
    registry.set_model_version_tag(NAME, "1", "k" * 250, "v" * 1000)
    for number in range(48):
        registry.set_model_version_tag(NAME, "1", f"tag_{number}", "")
    with pytest.raises(MlflowException, match="51 tags are too many"):
        registry.set_model_version_tag(NAME, "1", "one_more", "")


@once
@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("delay", "INVALID_PARAMETER_VALUE"),
        ("default.delay", "INVALID_PARAMETER_VALUE"),
        ("main..delay", "INVALID_PARAMETER_VALUE"),
        ("main.default.a/b", "INVALID_PARAMETER_VALUE"),
        ("main.default.a\x7fb", "INVALID_PARAMETER_VALUE"),
        ("main.default." + "m" * 256, "INVALID_PARAMETER_VALUE"),
        ("nowhere.default.delay", "CATALOG_DOES_NOT_EXIST"),
        ("main.nowhere.delay", "SCHEMA_DOES_NOT_EXIST"),
        (NAME.upper(), "RESOURCE_ALREADY_EXISTS"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(registry: MlflowClient, registered: str, name: str, error: str) -> None:
    with pytest.raises(MlflowException, match=error):
        registry.create_registered_model(name)


@once
def test_a_name_of_255_characters_is_taken(registry: MlflowClient) -> None:
    assert registry.create_registered_model("main.default." + "m" * 255).name == "main.default." + "m" * 255


@once
def test_what_does_not_exist_is_named(registry: MlflowClient, registered: str) -> None:
    with pytest.raises(MlflowException, match=r"RESOURCE_DOES_NOT_EXIST: Registered model 'main\.default\.other' does not exist"):
        registry.get_registered_model("main.default.other")
    with pytest.raises(MlflowException, match=r"RESOURCE_DOES_NOT_EXIST: Model version 2 of"):
        registry.get_model_version(NAME, "2")
    with pytest.raises(MlflowException, match=r"RESOURCE_DOES_NOT_EXIST: Model version 2 of"):
        registry.set_registered_model_alias(NAME, "champion", "2")
    assert list(registry.search_model_versions("name = 'main.default.other'")) == []


@once
def test_a_search_goes_by_name_alone_and_page_by_page(
    workspace: Workspace, registry: MlflowClient, registered: str, source: Callable[..., str]
) -> None:
    registry.create_model_version(NAME, source())
    workspace.models.page = 1
    first = registry.search_model_versions(f"name = '{NAME}'")
    second = registry.search_model_versions(f"name = '{NAME}'", page_token=first.token)
    assert ([found.version for found in first], [found.version for found in second], second.token) == (["2"], ["1"], "")
    with pytest.raises(MlflowException, match="Unsupported filter"):
        registry.search_model_versions("run_id = 'abc'")


@once
def test_all_models_are_listed(registry: MlflowClient, registered: str) -> None:
    registry.create_registered_model("main.default.another")
    assert [model.name for model in registry.search_registered_models()] == ["main.default.another", NAME]


@once
def test_a_model_that_is_created_anew_begins_with_version_1(registry: MlflowClient, registered: str, source: Callable[..., str]) -> None:
    registry.delete_registered_model(NAME)
    registry.create_registered_model(NAME)
    assert registry.create_model_version(NAME, source()).version == "1"


@once
def test_the_catalog_knows_the_model(registry: MlflowClient, registered: str, client: WorkspaceClient) -> None:
    assert client.registered_models.get(NAME).owner == "rehearsal@localhost"


@once
@pytest.mark.parametrize(
    "call",
    [
        lambda registry: registry.set_registered_model_alias(NAME, "champion", "1"),
        lambda registry: registry.delete_registered_model_alias(NAME, "champion"),
        lambda registry: registry.update_model_version(NAME, "1", "mine"),
        lambda registry: registry.delete_model_version(NAME, "1"),
        lambda registry: registry.delete_registered_model(NAME),
    ],
    ids=["set alias", "delete alias", "update", "delete version", "delete"],
)
def test_only_the_owner_changes_a_model(
    workspace: Workspace, registry: MlflowClient, registered: str, call: Callable[[MlflowClient], None]
) -> None:
    workspace.catalog.get("model", NAME).owner = "somebody@else"
    with pytest.raises(MlflowException, match="PERMISSION_DENIED: User is not an owner"):
        call(registry)
    workspace.catalog.grant("model", NAME, workspace.user_name, "MANAGE")
    call(registry)


@once
def test_models_are_created_and_read_with_grants(workspace: Workspace, registry: MlflowClient, registered: str) -> None:
    for kind, name in (("catalog", "main"), ("schema", "main.default"), ("model", NAME)):
        workspace.catalog.get(kind, name).owner = "somebody@else"
    with pytest.raises(MlflowException, match=r"PERMISSION_DENIED: User does not have CREATE MODEL on Schema 'main\.default'"):
        registry.create_registered_model("main.default.another")
    with pytest.raises(MlflowException, match="PERMISSION_DENIED: User does not have EXECUTE on Model"):
        registry.get_model_version(NAME, "1")
    workspace.catalog.grant("schema", "main.default", workspace.user_name, "CREATE MODEL", "EXECUTE")
    registry.create_registered_model("main.default.another")
    assert registry.get_model_version(NAME, "1").version == "1"


@once
def test_a_reader_of_files_is_on_record(workspace: Workspace, registry: MlflowClient, registered: str) -> None:
    download_artifacts(f"models:/{NAME}/1", registry_uri="databricks-uc")
    assert [(entry["name"], entry["version"]) for entry in workspace.models.lineage] == [(NAME, "1")]


def test_a_request_without_a_name_is_refused(client: WorkspaceClient) -> None:
    with pytest.raises(Exception, match="name"):
        client.api_client.do("POST", "/api/2.0/mlflow/unity-catalog/registered-models/create", body={})


@pytest.mark.parametrize("alias", ["latest", "V12", "a b", "", "a.b", "x" * 256])
def test_an_alias_that_is_reserved_or_misshapen_is_no_alias(alias: str) -> None:
    with pytest.raises(models.ApiError, match="not a valid alias"):
        models.require_alias(alias)
