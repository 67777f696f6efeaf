"""The Files API of the emulator: the SDK's client and both of MLflow's ways, and requests that no client of ours would make."""

import io
import os
import time
import tracemalloc
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.service.files import DirectoryEntry
from mlflow.store.artifact.databricks_sdk_models_artifact_repo import DatabricksSDKModelsArtifactRepository
from mlflow.store.artifact.presigned_url_artifact_repo import PresignedUrlArtifactRepository
from mlflow.utils.rest_utils import MlflowHostCreds

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Workspace

VOLUME = "/Volumes/main/default/files"
MODEL = "/Models/main/default/delay/1"
MEBIBYTE = 1 << 20


@pytest.fixture(autouse=True)
def volume(workspace: Workspace) -> None:
    workspace.catalog.create_volume("main", "default", "files")


def upload(client: WorkspaceClient, path: str, content: bytes, overwrite: bool | None = None) -> None:
    client.files.upload(path, io.BytesIO(content), overwrite=overwrite)


def read(client: WorkspaceClient, path: str) -> bytes:
    return client.files.download(path).contents.read()


def raw(workspace: Workspace, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """A request as it stands: other clients put paths in order first."""
    connection = HTTPConnection(urlsplit(workspace.host).netloc, timeout=10)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in ({"Authorization": f"Bearer {workspace.token}", "Content-Length": str(len(body or b""))} | headers).items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def signed_download(client: WorkspaceClient, path: str) -> str:
    return str(client.api_client.do("POST", "/api/2.0/fs/create-download-url", body={"path": path})["url"])


def test_a_file_goes_up_and_comes_down(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/a/b/hello.txt", b"hello")
    assert read(client, f"{VOLUME}/a/b/hello.txt") == b"hello"


def test_a_file_lies_where_local_says(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{VOLUME}/a/hello.txt", b"hello")
    place = workspace.files.local(workspace, f"{VOLUME}/a/hello.txt")
    assert place == workspace.folder / "files/Volumes/main/default/files/a/hello.txt"
    assert place.read_bytes() == b"hello"


def test_names_of_catalog_schema_and_volume_are_the_same_in_any_case(client: WorkspaceClient) -> None:
    upload(client, "/Volumes/Main/DEFAULT/files/X.txt", b"x")
    assert read(client, f"{VOLUME}/X.txt") == b"x"
    with pytest.raises(NotFound):
        client.files.get_metadata(f"{VOLUME}/x.txt")


def test_an_empty_file_is_a_file(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/empty", b"")
    assert client.files.get_metadata(f"{VOLUME}/empty").content_length == 0
    assert read(client, f"{VOLUME}/empty") == b""


def test_metadata_tells_length_and_time_of_change(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{VOLUME}/three", b"abc")
    os.utime(workspace.files.local(workspace, f"{VOLUME}/three"), (1e9, 1e9))
    found = client.files.get_metadata(f"{VOLUME}/three")
    assert (found.content_length, found.content_type) == (3, "application/octet-stream")
    assert found.last_modified == "Sun, 09 Sep 2001 01:46:40 GMT"


@pytest.mark.parametrize("overwrite", [None, True])
def test_a_file_is_overwritten_unless_refused(client: WorkspaceClient, overwrite: bool | None) -> None:
    upload(client, f"{VOLUME}/f", b"old")
    upload(client, f"{VOLUME}/f", b"new", overwrite=overwrite)
    assert read(client, f"{VOLUME}/f") == b"new"


def test_a_file_is_kept_where_it_must_not_be_overwritten(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/f", b"old")
    with pytest.raises(AlreadyExists):
        upload(client, f"{VOLUME}/f", b"new", overwrite=False)
    assert read(client, f"{VOLUME}/f") == b"old"


def test_a_directory_is_listed_with_kinds_sizes_and_times(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{VOLUME}/d/file", b"abcd")
    os.utime(workspace.files.local(workspace, f"{VOLUME}/d/file"), (1e9, 1e9))
    client.files.create_directory(f"{VOLUME}/d/sub/deep")
    assert list(client.files.list_directory_contents(f"{VOLUME}/d/")) == [
        DirectoryEntry(file_size=4, is_directory=False, last_modified=10**12, name="file", path=f"{VOLUME}/d/file"),
        DirectoryEntry(is_directory=True, name="sub", path=f"{VOLUME}/d/sub"),
    ]


def test_a_listing_comes_in_pages(client: WorkspaceClient, workspace: Workspace) -> None:
    client.files.create_directory(f"{VOLUME}/d")
    for number in range(1003):
        (workspace.files.local(workspace, f"{VOLUME}/d") / f"{number:04}").touch()
    names = [entry.name for entry in client.files.list_directory_contents(f"{VOLUME}/d")]
    assert names == [f"{number:04}" for number in range(1003)]
    assert [request.method for request in workspace.requests].count("GET") == 3  # two pages, and the client's own question
    assert len(list(client.files.list_directory_contents(f"{VOLUME}/d", page_size=400))) == 1003
    assert [request.method for request in workspace.requests].count("GET") == 6


@pytest.mark.parametrize(("query", "size"), [("page_size=0", 3), ("page_size=2", 2), ("page_size=5000", 3)])
def test_a_page_is_as_long_as_asked_for(client: WorkspaceClient, query: str, size: int) -> None:
    for name in "abc":
        upload(client, f"{VOLUME}/{name}", b"")
    assert len(client.api_client.do("GET", f"/api/2.0/fs/directories{VOLUME}?{query}")["contents"]) == size


@pytest.mark.parametrize("query", ["page_size=-1", "page_size=many", "page_token=%25", "page_token=_w=="])
def test_a_page_that_cannot_be_is_refused(client: WorkspaceClient, query: str) -> None:
    with pytest.raises(BadRequest):
        client.api_client.do("GET", f"/api/2.0/fs/directories{VOLUME}?{query}")


def test_an_empty_directory_is_deleted_and_a_full_one_is_not(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/d/f", b"")
    with pytest.raises(InvalidParameterValue, match="not empty") as refused:
        client.files.delete_directory(f"{VOLUME}/d")
    assert refused.value.get_error_info()[0].reason == "FILES_API_DIRECTORY_IS_NOT_EMPTY"
    client.files.delete(f"{VOLUME}/d/f")
    client.files.delete_directory(f"{VOLUME}/d")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{VOLUME}/d")


def test_the_root_of_a_volume_is_there_at_once_and_stays(client: WorkspaceClient) -> None:
    client.files.get_directory_metadata(VOLUME)
    with pytest.raises(InvalidParameterValue, match="root"):
        client.files.delete_directory(VOLUME)


def test_a_directory_may_be_created_twice(client: WorkspaceClient) -> None:
    client.files.create_directory(f"{VOLUME}/d")
    client.files.create_directory(f"{VOLUME}/d")
    client.files.get_directory_metadata(f"{VOLUME}/d")


def test_what_is_not_there_is_not_found(client: WorkspaceClient) -> None:
    client.files.create_directory(f"{VOLUME}/d")
    upload(client, f"{VOLUME}/f", b"")
    for operation, name in [
        (client.files.get_metadata, "no"),
        (client.files.get_metadata, "d"),
        (client.files.download, "no"),
        (client.files.download, "d"),
        (client.files.delete, "no"),
        (client.files.delete, "d"),
        (client.files.get_directory_metadata, "f"),
        (client.files.delete_directory, "f"),
        (client.files.delete_directory, "no"),
        (lambda path: list(client.files.list_directory_contents(path)), "no"),
        (lambda path: list(client.files.list_directory_contents(path)), "f"),
    ]:
        with pytest.raises(NotFound):
            operation(f"{VOLUME}/{name}")


def test_a_file_and_a_directory_do_not_take_each_others_place(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/f", b"kept")
    client.files.create_directory(f"{VOLUME}/d")
    for operation in [
        lambda: upload(client, f"{VOLUME}/d", b""),
        lambda: upload(client, f"{VOLUME}/f/below", b""),
        lambda: upload(client, f"{VOLUME}/f/far/below", b""),
        lambda: client.files.create_directory(f"{VOLUME}/f"),
        lambda: client.files.create_directory(f"{VOLUME}/f/below"),
    ]:
        with pytest.raises(ResourceConflict):
            operation()
    assert read(client, f"{VOLUME}/f") == b"kept"


@pytest.mark.parametrize("path", ["/Volumes/main/default/no/f", "/Volumes/main/no/files/f", "/Volumes/no/default/files/f"])
def test_a_volume_that_does_not_exist_is_not_found(client: WorkspaceClient, path: str) -> None:
    for operation in [
        lambda: upload(client, path, b""),
        lambda: client.files.get_metadata(path),
        lambda: client.files.create_directory(path),
    ]:
        with pytest.raises(NotFound):
            operation()


@pytest.mark.parametrize(
    "path", ["/", "", "/Volumes", "/Volumes/main/default", "/Models/main/default/delay", "/Users/me/f", "/Volumesmain"]
)
def test_a_path_outside_of_volumes_and_models_is_refused(workspace: Workspace, path: str) -> None:
    assert raw(workspace, "HEAD", f"/api/2.0/fs/directories{path}")[0] == 400
    assert raw(workspace, "PUT", f"/api/2.0/fs/files{path}")[0] == 400


@pytest.mark.parametrize(
    "path",
    [
        "/../../../outside",
        "/a/../../../../../outside",
        "/%2e%2e/%2e%2e/outside",
        "/a%2fb",
        "/a%2F..%2F..%2Foutside",
        "/a%00b",
        "/a%0Ab",
        "/a%1Fb",
        "/a%C2%85b",
        "/%FF",
        "//b",
        "/./b",
        "/" + "x" * 256,
        "/" + "%C3%BC" * 128,
        "/x" * 1500,
    ],
)
def test_a_path_that_leads_elsewhere_or_cannot_be_stored_is_refused(workspace: Workspace, path: str) -> None:
    assert raw(workspace, "PUT", f"/api/2.0/fs/files{VOLUME}{path}", b"bad")[0] == 400
    assert raw(workspace, "PUT", f"/api/2.0/fs/directories{VOLUME}{path}")[0] == 400
    assert raw(workspace, "GET", f"/api/2.0/fs/files{VOLUME}{path}")[0] == 400
    assert not list(workspace.folder.rglob("*outside*"))
    assert workspace.unknown_requests == []


@pytest.mark.parametrize("path", ["", "relative", "/a/../b", "/a//b", "/a\x00b", "/" + "x" * 256, "/\ud800"])
def test_local_refuses_what_is_no_path(workspace: Workspace, path: str) -> None:
    with pytest.raises(ApiError) as refused:
        workspace.files.local(workspace, path)
    assert refused.value.status == 400


def test_local_maps_any_tree(workspace: Workspace) -> None:
    assert workspace.files.local(workspace, "/dbfs/tmp/x") == workspace.folder / "files/dbfs/tmp/x"


def test_a_link_that_leads_out_is_not_followed(client: WorkspaceClient, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    client.files.create_directory(f"{VOLUME}/d")
    (workspace.files.local(workspace, f"{VOLUME}/d") / "out").symlink_to(tmp_path)
    with pytest.raises(BadRequest, match="out of its tree"):
        client.files.delete(f"{VOLUME}/d/out/secret")


@pytest.mark.parametrize("name", ["a b", "100%", "%2F", "a#b?c=d&e", "naïve-名", "x" * 255, "ü" * 127, "...", "back\\slash", "'\"", "a+b"])
def test_names_go_there_and_back(client: WorkspaceClient, name: str) -> None:
    upload(client, f"{VOLUME}/{name}/{name}", name.encode())
    assert read(client, f"{VOLUME}/{name}/{name}") == name.encode()
    assert [entry.path for entry in client.files.list_directory_contents(f"{VOLUME}/{name}")] == [f"{VOLUME}/{name}/{name}"]


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [("bytes=2-4", 206, b"234"), ("bytes=7-", 206, b"789"), ("bytes=-2", 206, b"89"), ("bytes=10-", 416, None)],
)
def test_a_range_of_a_file_comes_alone(
    client: WorkspaceClient, workspace: Workspace, asked: str, status: int, content: bytes | None
) -> None:
    upload(client, f"{VOLUME}/digits", b"0123456789")
    found = raw(workspace, "GET", f"/api/2.0/fs/files{VOLUME}/digits", Range=asked)
    assert found[0] == status
    assert content is None or found[1] == content


@pytest.mark.parametrize(("since", "status"), [(1e9, 200), (1e9 - 1, 412), (None, 400)])
def test_a_file_that_changed_is_not_given_as_the_old_one(
    workspace: Workspace, client: WorkspaceClient, since: float | None, status: int
) -> None:
    upload(client, f"{VOLUME}/f", b"x")
    os.utime(workspace.files.local(workspace, f"{VOLUME}/f"), (1e9, 1e9))
    date = "yesterday" if since is None else time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(since))
    assert raw(workspace, "GET", f"/api/2.0/fs/files{VOLUME}/f", **{"If-Unmodified-Since": date})[0] == status


def test_a_body_that_breaks_off_leaves_nothing(workspace: Workspace) -> None:
    connection = HTTPConnection(urlsplit(workspace.host).netloc, timeout=10)
    connection.putrequest("PUT", f"/api/2.0/fs/files{VOLUME}/half")
    connection.putheader("Authorization", f"Bearer {workspace.token}")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"half")
    incoming = workspace.folder / "incoming"
    deadline = time.monotonic() + 10
    while not list(incoming.glob("*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(list(incoming.iterdir())) == 1
    connection.close()
    while list(incoming.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not list(incoming.iterdir())
    assert not workspace.files.local(workspace, f"{VOLUME}/half").exists()


def test_a_wrong_token_is_refused(workspace: Workspace) -> None:
    assert raw(workspace, "PUT", f"/api/2.0/fs/files{VOLUME}/f", b"x", Authorization="Bearer wrong")[0] == 401
    assert raw(workspace, "POST", "/api/2.0/fs/create-download-url", b"{}", Authorization="Bearer wrong")[0] == 401


@pytest.mark.parametrize("use_parallel", [True, False])
def test_a_large_file_goes_up_in_parts_and_is_never_held_in_memory(
    client: WorkspaceClient, workspace: Workspace, tmp_path: Path, use_parallel: bool
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    block = os.urandom(MEBIBYTE)
    with source.open("wb") as file:
        for number in range(64):
            file.write(number.to_bytes(2) + block[2:])
    parallel = {"parallelism": 2} if use_parallel else {}
    tracemalloc.start()
    client.files.upload_from(f"{VOLUME}/large", str(source), use_parallel=use_parallel, part_size=6 * MEBIBYTE, **parallel)
    if use_parallel:  # one thread alone buffers 50 MiB in the client itself
        assert tracemalloc.get_traced_memory()[1] < 32 * MEBIBYTE
    tracemalloc.reset_peak()
    client.files.download_to(f"{VOLUME}/large", str(target))
    assert tracemalloc.get_traced_memory()[1] < 32 * MEBIBYTE
    tracemalloc.stop()
    assert sum(request.method == "PUT" and request.path.startswith("/presigned/") for request in workspace.requests) == 11
    assert target.read_bytes() == source.read_bytes()
    assert not list((workspace.folder / "incoming").iterdir())


def test_a_large_stream_goes_up_in_parts(client: WorkspaceClient, workspace: Workspace) -> None:
    content = os.urandom(51 * MEBIBYTE)
    client.files.upload(f"{VOLUME}/stream", io.BytesIO(content), parallelism=2)
    assert workspace.files.local(workspace, f"{VOLUME}/stream").read_bytes() == content


def test_a_large_file_comes_down_in_parallel(client: WorkspaceClient, workspace: Workspace, tmp_path: Path) -> None:
    client.files.create_directory(VOLUME)
    place = workspace.files.local(workspace, f"{VOLUME}/large")
    place.write_bytes(os.urandom(51 * MEBIBYTE))
    client.files.download_to(f"{VOLUME}/large", str(tmp_path / "large"), use_parallel=True, parallelism=2)
    assert (tmp_path / "large").read_bytes() == place.read_bytes()


def test_an_upload_by_parts_that_is_given_up_leaves_nothing(client: WorkspaceClient, workspace: Workspace) -> None:
    session = begin(client, "/given-up")
    put_part(client, session, "/given-up", 1, b"part")
    asked = {"path": f"{VOLUME}/given-up", "session_token": session}
    abort = client.api_client.do("POST", "/api/2.0/fs/create-abort-upload-url", body=asked)["abort_upload_url"]["url"]
    assert requests.delete(abort, timeout=10).status_code == 200
    assert not list((workspace.folder / "incoming").iterdir())
    assert workspace.files.uploads == {}
    with pytest.raises(NotFound):
        client.files.get_metadata(f"{VOLUME}/given-up")


def begin(client: WorkspaceClient, name: str, query: str = "") -> str:
    answer = client.api_client.do("POST", f"/api/2.0/fs/files{VOLUME}{name}?action=initiate-upload{query}")
    return str(answer["multipart_upload"]["session_token"])


def put_part(client: WorkspaceClient, session: str, name: str, number: int, content: bytes) -> str:
    asked = {"path": f"{VOLUME}{name}", "session_token": session, "start_part_number": number, "count": 1}
    url = client.api_client.do("POST", "/api/2.0/fs/create-upload-part-urls", body=asked)["upload_part_urls"][0]["url"]
    return requests.put(url, data=content, timeout=10).headers["etag"]


def complete(client: WorkspaceClient, session: str, name: str, parts: dict[int, str]) -> None:
    body = {"parts": [{"part_number": number, "etag": etag} for number, etag in parts.items()]}
    client.api_client.do("POST", f"/api/2.0/fs/files{VOLUME}{name}?action=complete-upload&session_token={session}", body=body)


def test_parts_are_put_together_by_number_and_may_come_twice(client: WorkspaceClient) -> None:
    session = begin(client, "/f")
    second = put_part(client, session, "/f", 2, b"world")
    put_part(client, session, "/f", 1, b"broken")
    first = put_part(client, session, "/f", 1, b"hello ")
    with pytest.raises(NotFound):
        client.files.get_metadata(f"{VOLUME}/f")
    complete(client, session, "/f", {1: first, 2: second})
    complete(client, session, "/f", {1: first, 2: second})
    assert read(client, f"{VOLUME}/f") == b"hello world"


def test_parts_that_have_not_arrived_are_not_taken(client: WorkspaceClient) -> None:
    session = begin(client, "/f")
    etag = put_part(client, session, "/f", 1, b"x")
    for parts in [{}, {1: "other"}, {1: etag, 2: etag}, {2: etag}]:
        with pytest.raises(InvalidParameterValue, match="not those that have arrived"):
            complete(client, session, "/f", parts)
    with pytest.raises(NotFound):
        complete(client, "no-such-session", "/f", {1: etag})
    with pytest.raises(NotFound):
        complete(client, session, "/of-another-file", {1: etag})


def test_an_upload_by_parts_respects_what_is_there(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/f", b"old")
    with pytest.raises(AlreadyExists):
        begin(client, "/f", "&overwrite=false")
    session = begin(client, "/g", "&overwrite=false")
    etag = put_part(client, session, "/g", 1, b"late")
    upload(client, f"{VOLUME}/g", b"first")
    with pytest.raises(AlreadyExists):
        complete(client, session, "/g", {1: etag})
    assert read(client, f"{VOLUME}/g") == b"first"


@pytest.mark.parametrize("action", ["", "?action=explode"])
def test_an_action_that_is_not_known_is_refused(client: WorkspaceClient, action: str) -> None:
    with pytest.raises(InvalidParameterValue, match="no action"):
        client.api_client.do("POST", f"/api/2.0/fs/files{VOLUME}/f{action}")


@pytest.mark.parametrize("asked", [{"start_part_number": 0}, {"count": 0}, {"start_part_number": 9_999, "count": 3}])
def test_part_numbers_are_bounded(client: WorkspaceClient, asked: dict[str, int]) -> None:
    body = {"path": f"{VOLUME}/f", "session_token": begin(client, "/f")} | asked
    with pytest.raises(InvalidParameterValue, match="numbered from 1 to 10000"):
        client.api_client.do("POST", "/api/2.0/fs/create-upload-part-urls", body=body)


def test_a_signed_address_needs_no_token_and_holds_for_its_time(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{VOLUME}/f", b"content")
    url = signed_download(client, f"{VOLUME}/f")
    assert requests.get(url, timeout=10).content == b"content"
    workspace.clock.move(timedelta(minutes=61))
    late = requests.get(url, timeout=10)
    assert (late.status_code, "Request has expired" in late.text) == (403, True)


def test_a_signed_address_holds_for_nothing_else(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/f", b"content")
    upload(client, f"{VOLUME}/secret", b"secret")
    url = signed_download(client, f"{VOLUME}/f")
    address, _, query = url.partition("?")
    for wrong in [
        f"{address.replace('/f', '/secret')}?{query}",
        address,
        url.replace("expires=", "expires=9"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        url.replace("operation=download", "operation=upload"),
    ]:
        assert requests.get(wrong, timeout=10).status_code == 403
    assert requests.put(url, data=b"changed", timeout=10).status_code == 403
    assert requests.delete(url, timeout=10).status_code == 403
    assert read(client, f"{VOLUME}/f") == b"content"


def test_a_request_with_a_signed_address_is_logged_without_its_signature(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{VOLUME}/f", b"content")
    url = signed_download(client, f"{VOLUME}/f")
    requests.get(url, timeout=10)
    assert workspace.requests[-1].path == f"/presigned/storage{VOLUME}/f"
    assert url.rpartition("=")[2] not in repr(workspace.requests)
    assert workspace.files.key.hex() not in repr(workspace.files)
    assert repr(workspace.files.key) not in repr(workspace.files)


def test_an_address_that_would_be_expired_is_refused(client: WorkspaceClient) -> None:
    upload(client, f"{VOLUME}/f", b"content")
    for expire_time in ["2020-01-01T00:00:00Z", "soon"]:
        with pytest.raises(InvalidParameterValue, match="expire_time"):
            client.api_client.do("POST", "/api/2.0/fs/create-download-url", query={"path": f"{VOLUME}/f", "expire_time": expire_time})


@pytest.mark.parametrize("body", [{}, {"path": 3}, [], {"path": "/Volumes/main/default"}])
def test_an_address_for_no_path_is_refused(client: WorkspaceClient, body: object) -> None:
    for route in ["create-download-url", "create-upload-url"]:
        answer = requests.post(f"{client.config.host}/api/2.0/fs/{route}", json=body, headers=client.config.authenticate(), timeout=10)
        assert answer.status_code == 400


def test_an_address_for_a_missing_file_is_not_found(client: WorkspaceClient) -> None:
    with pytest.raises(NotFound):
        signed_download(client, f"{VOLUME}/no")


def test_models_go_up_and_come_down_by_both_ways_of_mlflow(
    workspace: Workspace, client: WorkspaceClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", workspace.host)
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token)
    model = tmp_path / "model"
    (model / "data").mkdir(parents=True)
    (model / "MLmodel").write_text("flavors: {}")
    (model / "data/model.ubj").write_bytes(bytes(range(256)) * 10_000)
    repositories = [
        DatabricksSDKModelsArtifactRepository("main.default.delay", "1"),
        PresignedUrlArtifactRepository(MlflowHostCreds(workspace.host, token=workspace.token), "main.default.delay", "2"),
    ]
    for writer in repositories:
        writer.log_artifacts(str(model))
    for version, repository in enumerate(repositories, 1):
        assert [(file.path, file.is_dir) for file in repository.list_artifacts("")] == [("MLmodel", False), ("data", True)]
        assert [(file.path, file.file_size) for file in repository.list_artifacts("data")] == [("data/model.ubj", 2_560_000)]
        assert repository.list_artifacts("no") == []
        fetched = Path(repository.download_artifacts("", str(tmp_path))) / "data/model.ubj"
        assert fetched.read_bytes() == (model / "data/model.ubj").read_bytes()
        assert read(client, f"/Models/main/default/delay/{version}/MLmodel") == b"flavors: {}"


@pytest.mark.parametrize("kind", ["429", "503"])
def test_the_client_repeats_after(client: WorkspaceClient, workspace: Workspace, kind: str) -> None:
    workspace.faults.plan(kind, "PUT", "/fs/files", times=1)
    upload(client, f"{VOLUME}/f", b"content")
    assert read(client, f"{VOLUME}/f") == b"content"


def test_every_route_was_known(client: WorkspaceClient, workspace: Workspace) -> None:
    upload(client, f"{VOLUME}/f", b"content")
    client.files.download_to(f"{VOLUME}/f", os.devnull)
    client.files.delete(f"{VOLUME}/f")
    assert {request.path for request in workspace.unknown_requests} <= {"/.well-known/databricks-config"}
