"""Our artifact store beyond what every store does: bounds, requests, memory, bad days of the network, errors, and ZenML's own use of it."""

import glob
import io
import logging
import os
import pickle
import shutil
import socket
import subprocess
import sys
import threading
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import polars as pl
import pytest
from databricks.sdk.clock import RealClock
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.io import fileio
from zenml.log_stores.artifact.artifact_log_exporter import ArtifactLogExporter
from zenml.log_stores.artifact.artifact_log_store import fetch_log_records
from zenml.materializers.built_in_materializer import BuiltInContainerMaterializer
from zenml.stack import StackComponent
from zenml.utils import io_utils

from materializers.table import TableMaterializer
from rehearsal.emulator.server import serving
from rehearsal.emulator.workspace import Workspace
from stackhouse.errors import InfrastructureError
from stackhouse.table import Roles, Table
from stacks.databricks import client as workspace_clients
from stacks.databricks import volumes_retry
from stacks.databricks.volumes_artifact_store import VolumesArtifactStore, VolumesArtifactStoreConfig, VolumesArtifactStoreFlavor
from stacks.databricks.volumes_mount import MountedVolume
from stacks.databricks.volumes_paths import StoreRoot

ROOT = "uc://main/default/files/store"
FILES, DIRECTORIES = "/fs/files/", "/fs/directories/"
MEBIBYTE = 1 << 20


def made(**configuration: str) -> VolumesArtifactStore:
    now = datetime.now(UTC)
    kind = StackComponentType.ARTIFACT_STORE
    config = VolumesArtifactStoreConfig(**{"path": ROOT, "mount": "/nowhere"} | configuration)
    return VolumesArtifactStore(name="s", id=uuid4(), config=config, flavor="f", type=kind, user=uuid4(), created=now, updated=now)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    workspace = Workspace(tmp_path_factory.mktemp("workspace"))
    workspace.catalog.create_volume("main", "default", "files")
    with serving(workspace):
        yield workspace


@pytest.fixture
def workspace(served: Workspace) -> Workspace:
    """The workspace with an empty volume, no requests and no faults."""
    shutil.rmtree(served.files.folder(served), ignore_errors=True)
    served.requests.clear()
    served.faults.planned.clear()
    return served


@pytest.fixture
def store(workspace: Workspace) -> VolumesArtifactStore:
    """A store that has looked at its volume already."""
    store = made(host=workspace.host, token=workspace.token)
    store.makedirs(ROOT)
    workspace.requests.clear()
    return store


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before a request is repeated."""
    monkeypatch.setattr(RealClock, "sleep", lambda *_: None)
    monkeypatch.setattr(volumes_retry, "WAITS_SECONDS", (0.0, 0.0, 0.0))


def write(store: VolumesArtifactStore, path: str, content: bytes) -> None:
    with store.open(path, "wb") as file:
        file.write(content)


def read(store: VolumesArtifactStore, path: str) -> bytes:
    with store.open(path, "rb") as file:
        return bytes(file.read())


def asked(workspace: Workspace) -> list[str]:
    """The requests to the Files API since the last look, and forget them."""
    found = [f"{request.method} {request.path.split('/')[4]}" for request in workspace.requests if "/fs/" in request.path]
    workspace.requests.clear()
    return found


# configuration


@pytest.mark.parametrize(
    "path",
    ["uc://main/default/files", "uc://main/default/files/", "uc://main/default/files/a/b", "uc://my-main/d_1/ü"],
)
def test_a_path_in_a_volume_is_taken_as_it_is(path: str) -> None:
    assert VolumesArtifactStoreConfig(path=path, host="https://w.example").path == path


@pytest.mark.parametrize(
    "path",
    [
        "uc://main/default",
        "uc://main",
        "uc://",
        "uc:///default/files/x",
        "uc://main//files",
        "uc://main/default/files//x",
        "uc://main/default/files/../other",
        "uc://main/default/..",
        "uc://main/default/./x",
        "uc://main/de.fault/files",
        "uc://main/de fault/files",
        "uc://main/default/files/a\nb",
        f"uc://main/default/files/{'x' * 256}",
    ],
)
def test_a_path_outside_of_a_volume_is_refused(path: str) -> None:
    with pytest.raises(ValidationError, match="not a place in a volume: give uc://catalog/schema/volume"):
        VolumesArtifactStoreConfig(path=path, host="https://w.example")


@pytest.mark.filterwarnings("ignore:The `schema` method is deprecated")
@pytest.mark.parametrize("path", ["/Volumes/main/default/files", "dbfs:/Volumes/main/default/files", "s3://main/default/files", ""])
def test_a_path_of_another_kind_is_refused(path: str) -> None:
    with pytest.raises(Exception, match="uc://"):
        VolumesArtifactStoreConfig(path=path, host="https://w.example")


@pytest.mark.parametrize("host", ["https://w.example", "https://w.example/", "w.example", "http://127.0.0.1:80", "http://localhost:80"])
def test_an_address_of_a_workspace_is_taken_as_it_is(host: str) -> None:
    assert VolumesArtifactStoreConfig(path=ROOT, host=host).host == host


@pytest.mark.parametrize(
    "host", ["", "ftp://w.example", "https://", "https://w.example/browse", "https://w.example?o=1", "http://w.example"]
)
def test_an_address_that_is_wrong_or_unsafe_is_refused(host: str) -> None:
    with pytest.raises(ValidationError, match=r"[Gg]ive https://NAME"):
        VolumesArtifactStoreConfig(path=ROOT, host=host)


def test_an_address_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(ValidationError) as refused:
        VolumesArtifactStoreConfig(path=ROOT, host="https://me:hunter2@w.example")
    assert "hunter2" not in str(refused.value)


def test_the_store_is_not_local() -> None:
    store = made(host="https://w.example")
    assert (store.config.is_local, store.local_path) == (False, None)
    assert store.config.IS_IMMUTABLE_FILESYSTEM


def test_the_flavor_names_its_classes() -> None:
    flavor = VolumesArtifactStoreFlavor()
    assert flavor.name == "unity_catalog_volumes"
    assert flavor.config_class is VolumesArtifactStoreConfig
    assert flavor.implementation_class is VolumesArtifactStore
    assert set(flavor.config_schema["properties"]) == {"path", "host", "token", "client_id", "client_secret", "mount"}


def test_the_flavor_is_imported_without_the_sdk() -> None:
    code = (
        "import sys; from stacks.databricks.volumes_artifact_store import VolumesArtifactStoreFlavor as F; "
        "F().config_class; F().implementation_class; print('databricks.sdk' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split()[0] == "False"


# bounds

OUTSIDE = [
    "uc://main/default/files",
    "uc://main/default/files/storeother/f",
    "uc://main/default/files/store-other",
    "uc://main/default/files/store/../other/f",
    "uc://main/default/files-other/store/f",
    "uc://main/default/files/store/a/../../../../../../etc/passwd",
    "uc://main/default/files/store/../../../../../main/default/files/store/f",
    "uc://main/default/files/./../files/other",
    "uc://Main/default/files/store/f",
    "uc:/main/default/files/store/f",
    "/Volumes/main/default/files/store/f",
    "main/default/files/store/f",
    "s3://main/default/files/store/f",
    "",
]


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_outside_is_refused_before_any_request(store: VolumesArtifactStore, workspace: Workspace, path: str) -> None:
    inside = f"{ROOT}/f"
    for call in [
        lambda: store.open(path),
        lambda: store.open(path, "w"),
        lambda: store.copyfile(inside, path),
        lambda: store.copyfile(path, inside),
        lambda: store.exists(path),
        lambda: store.glob(path),
        lambda: store.isdir(path),
        lambda: store.listdir(path),
        lambda: store.makedirs(path),
        lambda: store.mkdir(path),
        lambda: store.remove(path),
        lambda: store.rename(inside, path),
        lambda: store.rename(path, inside),
        lambda: store.rmtree(path),
        lambda: store.stat(path),
        lambda: store.size(path),
        lambda: store.walk(path),
    ]:
        with pytest.raises(FileNotFoundError, match="Outside of the artifact store uc://main/default/files/store"):
            call()
    assert workspace.requests == []


def test_a_pattern_does_not_climb(store: VolumesArtifactStore) -> None:
    write(store, f"{ROOT}/a/f", b"")
    assert store.glob(f"{ROOT}/a/../*") == [f"{ROOT}/a"]
    with pytest.raises(FileNotFoundError):
        store.glob(f"{ROOT}/*/../../../*")


# requests


def test_an_operation_makes_no_more_requests_than_it_needs(store: VolumesArtifactStore, workspace: Workspace) -> None:
    write(store, f"{ROOT}/d/f", b"content")
    assert asked(workspace) == ["PUT files"]
    read(store, f"{ROOT}/d/f")
    assert asked(workspace) == ["GET files"]
    for operation, requests in [
        (lambda: store.exists(f"{ROOT}/d/f"), ["HEAD files"]),
        (lambda: store.exists(f"{ROOT}/d"), ["HEAD files", "HEAD directories"]),
        (lambda: store.exists(f"{ROOT}/no"), ["HEAD files", "HEAD directories"]),
        (lambda: store.exists(f"{ROOT}/d/"), ["HEAD directories"]),
        (lambda: store.isdir(f"{ROOT}/d"), ["HEAD directories"]),
        (lambda: store.size(f"{ROOT}/d/f"), ["HEAD files"]),
        (lambda: store.listdir(f"{ROOT}/d"), ["GET directories"]),
        (lambda: store.makedirs(f"{ROOT}/d/e"), ["PUT directories"]),
        (lambda: list(store.walk(ROOT)), ["GET directories"] * 3),
        (lambda: store.glob(f"{ROOT}/d/*"), ["GET directories"]),
        (lambda: store.glob(f"{ROOT}/d/f"), ["HEAD files"]),
        (lambda: store.copyfile(f"{ROOT}/d/f", f"{ROOT}/g", overwrite=True), ["HEAD directories", "GET files", "PUT files"]),
        (lambda: store.remove(f"{ROOT}/g"), ["HEAD files", "DELETE files"]),
        (lambda: store.rmtree(f"{ROOT}/d/e"), ["GET directories", "DELETE directories"]),
    ]:
        operation()
        assert asked(workspace) == requests


def test_the_volume_is_looked_at_once(workspace: Workspace) -> None:
    store = made(host=workspace.host, token=workspace.token)
    assert workspace.requests == []
    assert [store.exists(f"{ROOT}/no"), store.exists(f"{ROOT}/no")] == [False, False]
    paths = [request.path for request in workspace.requests if "/fs/" in request.path]
    assert paths.count("/api/2.0/fs/directories/Volumes/main/default/files") == 1
    assert len(paths) == 5


def test_seeking_asks_for_what_is_read_and_no_more(store: VolumesArtifactStore, workspace: Workspace) -> None:
    write(store, f"{ROOT}/f", bytes(2 * MEBIBYTE) + b"end")
    asked(workspace)
    with store.open(f"{ROOT}/f", "rb") as file:
        file.seek(-3, io.SEEK_END)
        assert file.read() == b"end"
    assert asked(workspace) == ["GET files"] * 2


def test_a_table_can_be_read_in_place(store: VolumesArtifactStore) -> None:
    """Parquet is read from its end and then here and there."""
    frame = pl.DataFrame({"a": range(50_000), "b": ["x"] * 50_000})
    with store.open(f"{ROOT}/t.parquet", "wb") as file:
        frame.write_parquet(file)
    with store.open(f"{ROOT}/t.parquet", "rb") as file:
        assert pl.read_parquet(file, columns=["b"]).equals(frame.select("b"))


# memory


def test_a_large_file_is_never_held_in_memory(store: VolumesArtifactStore, workspace: Workspace) -> None:
    """64 MiB up, down and copied; the emulator is in this process, so that neither side holds it."""
    block = os.urandom(MEBIBYTE)
    tracemalloc.start()
    try:
        with store.open(f"{ROOT}/large", "wb") as file:
            for number in range(64):
                file.write(number.to_bytes(2) + block[2:])
        up = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        with store.open(f"{ROOT}/large", "rb") as file:
            for number in range(64):
                assert file.read(MEBIBYTE) == number.to_bytes(2) + block[2:]
            assert file.read(1) == b""
        down = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        store.copyfile(f"{ROOT}/large", f"{ROOT}/copy")
        copied = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert store.size(f"{ROOT}/copy") == 64 * MEBIBYTE
    assert up < 40 * MEBIBYTE
    assert down < 12 * MEBIBYTE
    assert copied < 40 * MEBIBYTE
    assert sum(request.path.startswith("/presigned/") for request in workspace.requests) == 26  # two uploads, each of 13 parts
    assert workspace.files.local(workspace, "/Volumes/main/default/files/store/copy").stat().st_size == 64 * MEBIBYTE


# bad days


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("kind", ["429", "503", "drop_before", "drop_after"])
def test_every_operation_is_tried_again(store: VolumesArtifactStore, workspace: Workspace, kind: Any) -> None:
    write(store, f"{ROOT}/d/f", b"content")
    for method, path, operation, expected in [
        ("PUT", FILES, lambda: write(store, f"{ROOT}/d/g", b"new"), None),
        ("GET", FILES, lambda: read(store, f"{ROOT}/d/g"), b"new"),
        ("GET", DIRECTORIES, lambda: store.listdir(f"{ROOT}/d"), ["f", "g"]),
        ("PUT", DIRECTORIES, lambda: store.makedirs(f"{ROOT}/d/e"), None),
        ("DELETE", FILES, lambda: store.remove(f"{ROOT}/d/f"), None),
        ("DELETE", DIRECTORIES, lambda: store.rmtree(f"{ROOT}/d/e"), None),
        ("DELETE", FILES, lambda: store.rename(f"{ROOT}/d/g", f"{ROOT}/h"), None),
    ]:
        workspace.faults.plan(kind, method, path, times=2)
        assert operation() == expected
        assert workspace.faults.take(method, path) is None
    assert [(folder, files) for folder, _, files in store.walk(ROOT)] == [(ROOT, ["h"]), (f"{ROOT}/d", [])]
    assert read(store, f"{ROOT}/h") == b"new"


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("kind", ["429", "503"])
def test_a_look_is_tried_again(store: VolumesArtifactStore, workspace: Workspace, kind: Any) -> None:
    """A broken connection cannot be told here: HEAD has no body that would be missing."""
    write(store, f"{ROOT}/f", b"content")
    workspace.faults.plan(kind, "HEAD", FILES, times=2)
    assert store.size(f"{ROOT}/f") == 7
    workspace.faults.plan(kind, "HEAD", DIRECTORIES, times=2)
    assert store.isdir(ROOT)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("kind", ["503", "drop_before", "drop_after"])
def test_an_upload_by_parts_is_tried_again(store: VolumesArtifactStore, workspace: Workspace, kind: Any) -> None:
    content = os.urandom(51 * MEBIBYTE)
    workspace.faults.plan(kind, "PUT", "/presigned/", times=1)
    workspace.faults.plan(kind, "POST", "/fs/files/", times=1)
    write(store, f"{ROOT}/large", content)
    assert read(store, f"{ROOT}/large") == content


@pytest.mark.usefixtures("at_once")
def test_an_upload_goes_through_the_workspace_where_its_storage_is_out_of_reach(store: VolumesArtifactStore, workspace: Workspace) -> None:
    content = os.urandom(51 * MEBIBYTE)
    workspace.faults.plan("503", "PUT", "/presigned/", times=1000)
    write(store, f"{ROOT}/large", content)
    assert read(store, f"{ROOT}/large") == content


@pytest.mark.usefixtures("at_once")
def test_a_fault_that_stays_is_told(store: VolumesArtifactStore, workspace: Workspace) -> None:
    write(store, f"{ROOT}/f", b"old")
    workspace.faults.plan("drop_before", "PUT", FILES, times=1000)
    workspace.faults.plan("drop_before", "GET", FILES, times=1000)
    with pytest.raises(InfrastructureError, match=r"store/f on http://127.0.0.1:\d+ cannot be written: no answer"):
        write(store, f"{ROOT}/f", b"new")
    with pytest.raises(InfrastructureError, match=r"store/f on http://127.0.0.1:\d+ cannot be read from byte 0 on: no answer"):
        read(store, f"{ROOT}/f")
    workspace.faults.planned.clear()
    assert read(store, f"{ROOT}/f") == b"old"
    write(store, f"{ROOT}/f", b"second try")
    assert read(store, f"{ROOT}/f") == b"second try"


class Line:
    """A line to a server that is cut, `times` times, once a connection has carried so many bytes in one direction."""

    def __init__(self, host: str, direction: str, after_bytes: int, times: int) -> None:
        address = urlsplit(host)
        self.server, self.far = (str(address.hostname), int(address.port or 80)), socket.create_server(("127.0.0.1", 0))
        self.direction, self.after_bytes, self.left = direction, after_bytes, times
        self.ends: list[socket.socket] = []
        self.host = f"http://127.0.0.1:{self.far.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for end in (self.far, *self.ends):
            self.cut(end)
            end.close()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                client, server = self.far.accept()[0], socket.create_connection(self.server)
                self.ends += [client, server]
                threading.Thread(target=self.carry, args=(client, server, "up"), daemon=True).start()
                threading.Thread(target=self.carry, args=(server, client, "down"), daemon=True).start()

    def carry(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        carried = 0
        with suppress(OSError):
            while piece := source.recv(65_536):
                carried += len(piece)
                if direction == self.direction and carried > self.after_bytes and self.left > 0:
                    self.left -= 1
                    break
                target.sendall(piece)
        self.cut(source)
        self.cut(target)

    @staticmethod
    def cut(end: socket.socket) -> None:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@pytest.mark.usefixtures("at_once")
def test_a_download_is_taken_up_where_the_line_was_cut(store: VolumesArtifactStore, workspace: Workspace) -> None:
    content = os.urandom(3 * MEBIBYTE)
    write(store, f"{ROOT}/f", content)
    asked(workspace)
    with Line(workspace.host, "down", after_bytes=MEBIBYTE, times=2) as line:
        assert read(made(host=line.host, token=workspace.token), f"{ROOT}/f") == content
    assert line.left == 0
    assert asked(workspace).count("GET files") == 3


@pytest.mark.usefixtures("at_once")
def test_an_upload_begins_again_where_the_line_was_cut(workspace: Workspace, store: VolumesArtifactStore) -> None:
    content = os.urandom(3 * MEBIBYTE)
    with Line(workspace.host, "up", after_bytes=MEBIBYTE, times=2) as line:
        write(made(host=line.host, token=workspace.token), f"{ROOT}/f", content)
    assert line.left == 0
    assert read(store, f"{ROOT}/f") == content


def test_a_file_that_changes_while_it_is_read_is_told(store: VolumesArtifactStore, workspace: Workspace) -> None:
    write(store, f"{ROOT}/f", bytes(3 * MEBIBYTE))
    for size, later in [(MEBIBYTE, 0), (MEBIBYTE, 60)]:
        with store.open(f"{ROOT}/f", "rb") as file:
            file.read(10)
            place = workspace.files.local(workspace, "/Volumes/main/default/files/store/f")
            changed = place.stat().st_mtime + later
            place.write_bytes(b"x" * size)
            os.utime(place, (changed, changed))
            file.seek(900_000)
            with pytest.raises(InfrastructureError, match="changed"):
                file.read()


# errors

SECRET_TOKEN = "dapi-a-secret-that-must-not-show"  # noqa: S105 - of nobody


def told(call: Callable[[], object]) -> str:
    """The message of the InfrastructureError; no secret is in it, in its causes, or in their tracebacks."""
    with pytest.raises(InfrastructureError) as raised:
        call()
    whole = "".join(traceback.format_exception(raised.value))
    assert SECRET_TOKEN not in whole
    assert SECRET_TOKEN not in repr(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        ("uc://main/default/nothing", "Volume 'main.default.nothing' does not exist"),
        ("uc://main/nothing/files", "Schema 'main.nothing' does not exist"),
        ("uc://nothing/default/files", "Catalog 'nothing' does not exist"),
    ],
)
def test_a_volume_that_does_not_exist_is_told(workspace: Workspace, path: str, missing: str) -> None:
    store = made(path=path, host=workspace.host, token=workspace.token)
    for call in [lambda: store.exists(f"{path}/f"), lambda: store.open(f"{path}/f"), lambda: write(store, f"{path}/f", b"x")]:
        message = told(call)
        assert missing in message
        assert workspace.host in message
        assert path.replace("uc://", "/Volumes/") in message
        assert "databricks volumes create" in message


def test_a_wrong_token_is_told(workspace: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = made(host=workspace.host, token=SECRET_TOKEN)
    for call in [lambda: store.exists(ROOT), lambda: write(store, f"{ROOT}/f", b"x"), lambda: store.listdir(ROOT)]:
        message = told(call)
        assert "the token is wrong or has expired" in message
        assert workspace.host in message
        assert "/Volumes/main/default/files" in message
    assert SECRET_TOKEN not in caplog.text


def test_a_token_that_expires_meanwhile_is_told(store: VolumesArtifactStore, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    write(store, f"{ROOT}/f", b"old")
    monkeypatch.setattr(workspace, "token", "another")
    for call in [lambda: write(store, f"{ROOT}/f", b"new"), lambda: read(store, f"{ROOT}/f"), lambda: store.exists(f"{ROOT}/f")]:
        assert "the token is wrong or has expired" in told(call)


@contextmanager
def website(status: int, content_type: str, body: bytes) -> Iterator[str]:
    """A server that is not a workspace."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (200, "text/html", b"<html>Welcome</html>"),
        (404, "text/html", b"<html>Not found</html>"),
        (404, "application/json", b'{"error_code": "ENDPOINT_NOT_FOUND", "message": "No API found"}'),
    ],
)
def test_a_host_that_is_not_a_workspace_is_told(status: int, content_type: str, body: bytes) -> None:
    with website(status, content_type, body) as host:
        store = made(host=host, token=SECRET_TOKEN)
        for call in [lambda: store.exists(ROOT), lambda: write(store, f"{ROOT}/f", b"x")]:
            message = told(call)
            assert host in message
            assert "does not answer as a Databricks workspace" in message
            assert "Correct `host`" in message


def test_a_host_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace_clients, "RETRY_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    message = told(lambda: made(host=f"http://127.0.0.1:{port}", token=SECRET_TOKEN).exists(ROOT))
    assert f"http://127.0.0.1:{port} cannot be used: no answer" in message


def test_no_way_of_authentication_is_told(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("DATABRICKS_", "ARM_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    assert "no way of authentication is configured" in told(lambda: made(host=workspace.host).exists(ROOT))


def test_the_environment_authenticates_where_no_token_is_given(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    monkeypatch.setenv("DATABRICKS_TOKEN", workspace.token)
    assert made(host=workspace.host).exists("uc://main/default/files/store") is False


def test_a_missing_file_is_no_fault_of_the_workspace(store: VolumesArtifactStore) -> None:
    with pytest.raises(FileNotFoundError):
        store.open(f"{ROOT}/no")
    assert store.exists(f"{ROOT}/no") is False


def test_no_secret_is_shown(store: VolumesArtifactStore, workspace: Workspace) -> None:
    store.exists(ROOT)
    for shown in [store.config, store.files, store, store.__dict__["files"], store.root]:
        assert workspace.token not in repr(shown)
        assert workspace.token not in str(shown)


# pickling, mounting


def test_a_store_can_be_pickled(store: VolumesArtifactStore) -> None:
    write(store, f"{ROOT}/f", b"content")
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own
    assert "files" not in copy.__dict__
    assert read(copy, f"{ROOT}/f") == b"content"
    assert read(store, f"{ROOT}/f") == b"content"


def test_the_mount_is_used_where_this_volume_is(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "main/default/other").mkdir(parents=True)
    assert not isinstance(made(host=workspace.host, token=workspace.token, mount=str(tmp_path)).files, MountedVolume)
    (tmp_path / "main/default/files").mkdir()
    store = made(host="https://nobody.invalid", mount=str(tmp_path))
    write(store, f"{ROOT}/d/f", b"content")
    assert (tmp_path / "main/default/files/store/d/f").read_bytes() == b"content"
    assert store.listdir(f"{ROOT}/d") == ["f"]


def test_a_copy_to_the_mount_that_breaks_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main/default/files").mkdir(parents=True)
    store = made(host="https://nobody.invalid", mount=str(tmp_path))
    write(store, f"{ROOT}/f", b"old")

    def half(_source: Path, target: Path) -> None:
        target.write_bytes(b"ha")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stacks.databricks.volumes_mount.shutil.copyfile", half)
    with pytest.raises(OSError, match="No space left"):
        write(store, f"{ROOT}/f", b"new")
    assert store.listdir(ROOT) == ["f"]
    assert read(store, f"{ROOT}/f") == b"old"


@pytest.mark.usefixtures("at_once")
def test_no_draft_is_left_behind(store: VolumesArtifactStore, workspace: Workspace) -> None:
    drafts = Path(os.environ["STACKHOUSE_HOME"]) / "sources"
    with store.open(f"{ROOT}/f", "w") as file:
        assert len(list(drafts.glob("*/*.draft"))) == 1
        file.write("x")
    workspace.faults.plan("drop_before", "PUT", FILES, times=1000)
    with pytest.raises(InfrastructureError):
        write(store, f"{ROOT}/f", b"y")
    with pytest.raises(FileNotFoundError):
        store.open(f"{ROOT}/no", "r+")
    assert list(drafts.glob("*/*.draft")) == []


# paths

NAMES = (
    st.text(st.characters(exclude_characters="/", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=85)
    .filter(lambda name: name not in {".", ".."})
    .filter(lambda name: len(name.encode()) <= 255)
)


@example(["100%", "%2F", "%2e%2e"])
@example(["a#b?c=d&e;f", "a b+c", " leading and trailing "])
@example(["...", ".hidden", "back\\slash"])
@example(["x" * 255, "ü" * 127, "名" * 85])
@example(["[a]*?", "~", "'\"", "e\u0301", "\u202e"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=1, max_size=3))
def test_any_name_goes_there_and_back(store: VolumesArtifactStore, names: list[str]) -> None:
    folder = "/".join([ROOT, *names[:-1]])
    path = f"{folder}/{names[-1]}"
    write(store, path, path.encode())
    try:
        assert read(store, path) == path.encode()
        assert store.listdir(f"{folder}/") == [names[-1]]
        assert store.exists(path)
        assert not store.isdir(path)
        assert store.glob(f"{folder.replace('[', '[[]').replace('*', '[*]').replace('?', '[?]')}/{glob.escape(names[-1])}") == [path]
        assert [f"{top}/{name}" for top, _, files in store.walk(ROOT) for name in files] == [path]
    finally:
        store.remove(path)
        store.rmtree(ROOT)
    assert not store.exists(path)


PARTS = st.one_of(NAMES, st.sampled_from([".", "..", "", "files", "store", "main"]))


@settings(max_examples=300, deadline=None)
@given(st.lists(PARTS, max_size=8))
def test_no_path_leaves_the_root(parts: list[str]) -> None:
    """Whatever is asked for lies where a file system would put it, or is refused."""
    root = StoreRoot.parse(ROOT)
    there = os.path.normpath("/".join(["/top/main/default/files/store", *parts]))
    inside = there == "/top/main/default/files/store" or there.startswith("/top/main/default/files/store/")
    try:
        place = root.place("/".join([ROOT, *parts]))
    except FileNotFoundError:
        assert not inside or ".." in parts
    else:
        assert inside
        assert place.path == there.replace("/top/", "/Volumes/")


# ZenML's own use


@pytest.fixture
def registered(store: VolumesArtifactStore) -> VolumesArtifactStore:
    """ZenML knows a scheme since the last store of it was made."""
    return store


def test_fileio_finds_the_store(registered: VolumesArtifactStore, tmp_path: Path) -> None:
    fileio.makedirs(f"{ROOT}/d")
    with fileio.open(f"{ROOT}/d/f", "w") as file:
        file.write("content")
    assert [fileio.exists(f"{ROOT}/d/f"), fileio.isdir(f"{ROOT}/d"), fileio.listdir(f"{ROOT}/d")] == [True, True, ["f"]]
    assert fileio.listdir(f"{ROOT}/no") == []
    fileio.copy(f"{ROOT}/d/f", str(tmp_path / "local"))
    fileio.copy(str(tmp_path / "local"), f"{ROOT}/d/g")
    fileio.copy(f"{ROOT}/d/g", f"{ROOT}/d/h")
    with pytest.raises(FileExistsError):
        fileio.copy(str(tmp_path / "local"), f"{ROOT}/d/g")
    assert (tmp_path / "local").read_text() == "content"
    assert fileio.size(f"{ROOT}/d") == 21
    assert fileio.glob(f"{ROOT}/d/[fg]") == [f"{ROOT}/d/f", f"{ROOT}/d/g"]
    fileio.rename(f"{ROOT}/d/f", f"{ROOT}/f")
    fileio.remove(f"{ROOT}/f")
    with pytest.raises(FileNotFoundError):
        fileio.remove(f"{ROOT}/f")
    fileio.rmtree(f"{ROOT}/d")
    assert list(fileio.walk(ROOT)) == [(ROOT, [], [])]


def test_a_failing_copy_of_zenml_writes_nothing(registered: VolumesArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "local").write_text("content")
    with pytest.raises(IsADirectoryError):
        fileio.copy(str(tmp_path), f"{ROOT}/f", overwrite=True)
    assert registered.listdir(ROOT) == []


def test_directories_are_copied_by_zenml_both_ways(registered: VolumesArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "here/d").mkdir(parents=True)
    (tmp_path / "here/d/ü f").write_text("content")
    (tmp_path / "here/g").write_bytes(bytes(100_000))
    io_utils.copy_dir(str(tmp_path / "here"), f"{ROOT}/there")
    io_utils.copy_dir(f"{ROOT}/there", str(tmp_path / "back"))
    assert (tmp_path / "back/d/ü f").read_text() == "content"
    assert (tmp_path / "back/g").read_bytes() == bytes(100_000)
    assert sorted(io_utils.find_files(f"{ROOT}/there", "*f")) == [f"{ROOT}/there/d/ü f"]


def test_logs_of_a_step_are_kept_and_joined(registered: VolumesArtifactStore) -> None:
    exporter, uri = ArtifactLogExporter(registered), f"{ROOT}/logs/{uuid4()}"
    exporter._write(['{"message": "one", "level": 20}'], uri)
    exporter._write(['{"message": "two", "level": 20}', '{"message": "three", "level": 20}'], uri)
    assert len(registered.listdir(uri)) == 2
    assert [entry.message for entry in fetch_log_records(registered, uri, 10)] == ["one", "two", "three"]
    exporter._finalize(uri)
    assert len(registered.listdir(uri)) == 1
    assert [entry.message for entry in fetch_log_records(registered, uri, 10)] == ["one", "two", "three"]


def test_a_materializer_of_zenml_saves_and_loads(registered: VolumesArtifactStore) -> None:
    value = [{"a": 1.5, "b": None}, ["x", {"y": "ü"}], 3]
    materializer = BuiltInContainerMaterializer(f"{ROOT}/artifact", registered)
    registered.makedirs(f"{ROOT}/artifact")
    materializer.save(value)
    assert BuiltInContainerMaterializer(f"{ROOT}/artifact", registered).load(list) == value
    assert materializer._get_storage_size(f"{ROOT}/artifact") > 10


def test_a_table_of_ours_is_saved_and_loaded(registered: VolumesArtifactStore) -> None:
    """Our materializers fetch a folder with `walk` and `open`, and put one with `makedirs` and `open`."""
    frame = pl.DataFrame({"key": ["a", "b"], "rate": [0.5, None]})
    table = Table.of(frame, Roles(primary_keys=("key",), features=("rate",)), "rates")
    TableMaterializer(f"{ROOT}/table", registered).save(table)
    loaded = TableMaterializer(f"{ROOT}/table", registered).load(Table)
    assert (loaded.name, loaded.roles) == (table.name, table.roles)
    assert sorted(loaded.collect(["key", "rate"]).rows()) == [("a", 0.5), ("b", None)]


def test_zenml_registers_the_flavor_and_resolves_the_secret(workspace: Workspace) -> None:
    client, name = Client(), f"volumes_{uuid4().hex}"
    client.create_secret(name, {"token": workspace.token})
    source = "stacks.databricks.volumes_artifact_store.VolumesArtifactStoreFlavor"
    client.create_flavor(source, StackComponentType.ARTIFACT_STORE)
    configuration = {"path": ROOT, "host": workspace.host, "token": f"{{{{{name}.token}}}}"}
    model = client.create_stack_component(name, "unity_catalog_volumes", StackComponentType.ARTIFACT_STORE, configuration)
    assert model.configuration == configuration
    store: Any = StackComponent.from_model(client.get_stack_component(StackComponentType.ARTIFACT_STORE, name))
    assert isinstance(store, VolumesArtifactStore)
    assert workspace.token not in repr(store.config)
    write(store, f"{ROOT}/f", b"content")
    assert read(store, f"{ROOT}/f") == b"content"
    copy = pickle.loads(pickle.dumps(store))  # noqa: S301 - our own
    assert read(copy, f"{ROOT}/f") == b"content"
    assert workspace.token.encode() not in pickle.dumps(store)
