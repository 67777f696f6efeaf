"""The tree of workspace files, by the SDK."""

import base64
from typing import cast

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from rehearsal.emulator.workspace import Workspace

FOLDER = "/Workspace/Shared/.zenml/training/0001"


@pytest.fixture
def client(client: WorkspaceClient) -> WorkspaceClient:
    client.workspace.mkdirs(FOLDER)
    return client


def upload(client: WorkspaceClient, path: str, content: bytes = b"PK wheel", *, overwrite: bool = False) -> None:
    client.workspace.upload(path, content, format=ImportFormat.AUTO, overwrite=overwrite)


def download(client: WorkspaceClient, path: str) -> bytes:
    with client.workspace.download(path) as file:
        return cast("bytes", file.read())


def test_upload_comes_back_byte_for_byte(client: WorkspaceClient) -> None:
    content = bytes(range(256)) * 4096
    upload(client, f"{FOLDER}/ünï code.whl", content)
    assert download(client, f"{FOLDER}/ünï code.whl") == content


def test_json_import_and_export_carry_base64(client: WorkspaceClient) -> None:
    client.workspace.import_(f"{FOLDER}/pins.txt", content=base64.b64encode(b"six==1.17.0").decode(), format=ImportFormat.AUTO)
    found = client.workspace.export(f"{FOLDER}/pins.txt", format=ExportFormat.AUTO)
    assert (found.content, found.file_type) == ("c2l4PT0xLjE3LjA=", "txt")


def test_workspace_before_a_path_makes_no_difference(client: WorkspaceClient) -> None:
    upload(client, "/Shared/a.txt", b"a")
    assert download(client, "/Workspace/Shared/a.txt") == b"a"
    assert client.workspace.get_status("/Workspace/Shared/a.txt").path == "/Shared/a.txt"


def test_status_tells_kind_and_size(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{FOLDER}/a.whl", b"12345")
    found = client.workspace.get_status(f"{FOLDER}/a.whl")
    assert (found.object_type, found.size) == (ObjectType.FILE, 5)
    assert abs((found.modified_at or 0) - workspace.clock.milliseconds()) < 60_000
    folder = client.workspace.get_status(FOLDER)
    assert (folder.object_type, folder.path) == (ObjectType.DIRECTORY, "/Shared/.zenml/training/0001")
    assert folder.object_id == client.workspace.get_status(f"{FOLDER}/").object_id


def test_listing_shows_one_level_and_the_client_the_whole_tree(client: WorkspaceClient) -> None:
    upload(client, f"{FOLDER}/b.whl")
    upload(client, "/Shared/.zenml/a.txt")
    assert [found.path for found in client.workspace.list("/Shared/.zenml")] == ["/Shared/.zenml/a.txt", "/Shared/.zenml/training"]
    assert [found.path for found in client.workspace.list("/Shared", recursive=True)] == [
        "/Shared/.zenml/a.txt",
        "/Shared/.zenml/training/0001/b.whl",
    ]
    assert [found.path for found in client.workspace.list(f"{FOLDER}/b.whl")] == ["/Shared/.zenml/training/0001/b.whl"]


def test_every_workspace_has_shared_and_a_home(client: WorkspaceClient) -> None:
    assert [found.path for found in client.workspace.list("/")] == ["/Shared", "/Users"]
    assert [found.path for found in client.workspace.list("/Users")] == ["/Users/rehearsal@localhost"]


def test_existing_file_is_kept_unless_overwritten(client: WorkspaceClient) -> None:
    upload(client, f"{FOLDER}/a.whl", b"old")
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        upload(client, f"{FOLDER}/a.whl", b"new")
    assert download(client, f"{FOLDER}/a.whl") == b"old"
    upload(client, f"{FOLDER}/a.whl", b"new", overwrite=True)
    assert download(client, f"{FOLDER}/a.whl") == b"new"


def test_directory_is_no_place_for_a_file(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceAlreadyExists):
        upload(client, FOLDER, overwrite=True)


def test_upload_into_a_missing_directory_is_refused(client: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist, match=r"The parent folder \(/Shared/nowhere\) does not exist"):
        upload(client, "/Workspace/Shared/nowhere/a.whl")


def test_mkdirs_twice_is_fine_and_through_a_file_is_not(client: WorkspaceClient) -> None:
    client.workspace.mkdirs(FOLDER)
    upload(client, f"{FOLDER}/a.whl")
    for path in (f"{FOLDER}/a.whl", f"{FOLDER}/a.whl/b"):
        with pytest.raises(ResourceAlreadyExists, match="already exists"):
            client.workspace.mkdirs(path)


def test_notebooks_are_refused(client: WorkspaceClient) -> None:
    with pytest.raises(DatabricksError, match="is a notebook"):
        upload(client, f"{FOLDER}/a.py", b"# Databricks notebook source\n1")
    with pytest.raises(DatabricksError, match=r"format=ImportFormat\.AUTO"):
        client.workspace.upload(f"{FOLDER}/a.py", b"1", language=Language.PYTHON)
    assert list(client.workspace.list(FOLDER)) == []


def test_plain_python_file_is_a_file(client: WorkspaceClient) -> None:
    upload(client, f"{FOLDER}/a.py", b"print(1)")
    assert client.workspace.get_status(f"{FOLDER}/a.py").object_type is ObjectType.FILE


def test_content_within_json_is_limited(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="larger than 10485760 bytes"):
        client.workspace.import_(f"{FOLDER}/a.bin", content="A" * (10 * 1024**2 + 4), format=ImportFormat.AUTO)


@pytest.mark.parametrize("content", ["no base64!", None])
def test_content_has_to_be_base64(client: WorkspaceClient, content: str | None) -> None:
    with pytest.raises(BadRequest, match="base64"):
        client.workspace.import_(f"{FOLDER}/a.bin", content=content, format=ImportFormat.AUTO)


def test_deletion_of_a_file_and_of_a_tree(client: WorkspaceClient) -> None:
    upload(client, f"{FOLDER}/a.whl")
    with pytest.raises(BadRequest, match=r"Folder \(/Shared/.zenml\) is not empty"):
        client.workspace.delete("/Shared/.zenml")
    client.workspace.delete(f"{FOLDER}/a.whl")
    client.workspace.delete("/Shared/.zenml", recursive=True)
    assert list(client.workspace.list("/Shared")) == []


@pytest.mark.parametrize("path", ["/", "/Shared", "/Workspace/Users", "/Users/rehearsal@localhost"])
def test_protected_directories_stay(client: WorkspaceClient, path: str) -> None:
    with pytest.raises(PermissionDenied, match="protected"):
        client.workspace.delete(path, recursive=True)


@pytest.mark.parametrize("call", ["delete", "get_status", "download", "export"])
def test_what_does_not_exist_is_named(client: WorkspaceClient, call: str) -> None:
    with pytest.raises(NotFound, match=r"Path \(/Shared/nothing\) does not exist"):
        getattr(client.workspace, call)("/Workspace/Shared/nothing")


@pytest.mark.parametrize(
    "path", ["/Shared/../../etc/passwd", "/Workspace/../outside", "Shared/a", "/Shared//a", "/Shared/a\nb", "/Shared/" + "x" * 256]
)
def test_path_that_leads_out_or_is_none_is_refused(client: WorkspaceClient, workspace: Workspace, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        client.workspace.mkdirs(path)
    with pytest.raises(DatabricksError):
        upload(client, path)
    with pytest.raises(InvalidParameterValue):
        client.workspace.get_status(path)


def test_form_without_a_file_is_refused(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="content"):
        client.api_client.do("POST", "/api/2.0/workspace/import", files={"other": b"x"}, data={"path": f"{FOLDER}/x", "format": "AUTO"})
