"""A registry that refuses leaves with 4 and says what to do; one that cannot answer leaves with 5, and nobody waits for minutes."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import mlflow
import pytest
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException, RestException, get_error_code

from stackhouse.errors import InfrastructureError, RegistryError
from stacks.model_checks import run_check
from stacks.registry import Registry
from stacks.registry_failures import registry_error
from stacks.served_model import ServedModel
from tests.conftest import PROJECT

NAME = "prod.shop.churn"


class Answering(BaseHTTPRequestHandler):
    """Answers whatever it is asked with one status; with the body of an MLflow server where there is a code."""

    status: ClassVar[int] = 200
    code: ClassVar[str | None] = None

    def do_GET(self) -> None:
        body = b"no" if self.code is None else json.dumps({"error_code": self.code, "message": "as told"}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the server's own name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(autouse=True)
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def answering(address: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[int, str | None], Registry]:
    def made(status: int, code: str | None) -> Registry:
        monkeypatch.setattr(Answering, "status", status)
        monkeypatch.setattr(Answering, "code", code)
        return Registry(MlflowClient(address, address))

    return made


@pytest.fixture
def no_model(answering: Callable[[int, str | None], Registry], address: str) -> Iterator[Callable[[int, str | None], object]]:
    """Fetch a version from a registry that answers with one status."""
    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    mlflow.set_tracking_uri(address)
    mlflow.set_registry_uri(address)

    def fetch(status: int, code: str | None) -> object:
        answering(status, code)
        return ServedModel.fetch(NAME, "1")

    yield fetch
    mlflow.set_tracking_uri(before[0])
    mlflow.set_registry_uri(before[1])


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, None, InfrastructureError),
        (429, "REQUEST_LIMIT_EXCEEDED", InfrastructureError),
        (401, "UNAUTHENTICATED", RegistryError),
        (403, "PERMISSION_DENIED", RegistryError),
    ],
)
def test_files_that_cannot_be_had_now_say_nothing_of_the_version(
    status: int, code: str | None, error: type[Exception], no_model: Callable[[int, str | None], object]
) -> None:
    with pytest.raises(error, match=f"{NAME} version 1 could not be fetched"):
        run_check("loads", lambda: str(no_model(status, code)))


def test_files_that_are_not_there_are_a_finding(no_model: Callable[[int, str | None], object]) -> None:
    assert not run_check("loads", lambda: str(no_model(404, "RESOURCE_DOES_NOT_EXIST"))).passed


CALLS: dict[str, Callable[[Registry], object]] = {
    "read": lambda registry: registry.version(NAME, "1"),
    "alias": lambda registry: registry.version_by_alias(NAME, "champion"),
    "write": lambda registry: registry.set_alias(NAME, "champion", "1"),
    "register": lambda registry: registry.register(NAME, "models:/m-1", "0" * 32, "", {}),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (401, None, "does not know who asks: renew the token"),
        (401, "UNAUTHENTICATED", "does not know who asks: renew the token"),
        (403, None, r"GRANT USE CATALOG ON CATALOG prod TO `you`; GRANT USE SCHEMA, CREATE MODEL ON SCHEMA prod\.shop"),
        (403, "PERMISSION_DENIED", r"GRANT EXECUTE ON MODEL prod\.shop\.churn TO `you`"),
        (404, None, "At this address is no registry of MLflow"),
    ],
)
def test_a_refusal_is_an_error_of_the_registry_with_its_remedy(
    answering: Callable[[int, str | None], Registry], status: int, code: str | None, remedy: str, call: Callable[[Registry], object]
) -> None:
    with pytest.raises(RegistryError, match=remedy) as told:
        call(answering(status, code))
    assert told.value.exit_code == 4


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize(
    ("status", "code"),
    [(429, None), (429, "REQUEST_LIMIT_EXCEEDED"), (500, None), (500, "INTERNAL_ERROR"), (503, "503"), (503, "TEMPORARILY_UNAVAILABLE")],
)
def test_a_registry_that_cannot_answer_is_no_refusal(
    answering: Callable[[int, str | None], Registry], status: int, code: str | None, call: Callable[[Registry], object]
) -> None:
    with pytest.raises(InfrastructureError, match="Try again later") as told:
        call(answering(status, code))
    assert told.value.exit_code == 5


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_registry_that_is_not_there_is_no_refusal(call: Callable[[Registry], object]) -> None:
    with socket.socket() as nobody:  # bound and not listening: connections are refused
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(InfrastructureError, match="Try again later"):
            call(Registry(MlflowClient(address, address)))


def test_what_is_read_is_given_up_after_few_retries_and_what_is_written_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES")
    seen: list[str | None] = []
    client = MlflowClient("http://127.0.0.1:9", "http://127.0.0.1:9")
    for call in ("get_model_version", "set_registered_model_alias"):
        monkeypatch.setattr(client, call, lambda *_: seen.append(os.environ.get("MLFLOW_HTTP_REQUEST_MAX_RETRIES")))
    Registry(client).find_version(NAME, "1")
    Registry(client).set_alias(NAME, "champion", "1")
    assert seen == ["3", None]


def test_codes_of_unity_catalog_that_mlflow_does_not_know_are_refusals(answering: Callable[[int, str | None], Registry]) -> None:
    with pytest.raises(RegistryError, match="SCHEMA_DOES_NOT_EXIST"):
        answering(404, "SCHEMA_DOES_NOT_EXIST").set_alias(NAME, "champion", "1")


def test_a_database_that_is_locked_may_be_free_later() -> None:
    from sqlalchemy.exc import OperationalError

    error = MlflowException("database is locked")
    error.__cause__ = OperationalError("INSERT", {}, Exception("database is locked"))
    assert isinstance(registry_error("It failed", NAME, error), InfrastructureError)


@pytest.mark.parametrize(
    ("status", "error", "remedy"),
    [
        (408, InfrastructureError, "Try again later"),
        (429, InfrastructureError, "Try again later"),
        (500, InfrastructureError, "Try again later"),
        (401, RegistryError, "renew the token"),
        (403, RegistryError, "GRANT USE CATALOG ON CATALOG prod"),
    ],
)
def test_an_answer_of_storage_is_told_by_its_status(status: int, error: type[Exception], remedy: str) -> None:
    """Files of versions are moved by other clients than MLflow's own."""
    response = requests.Response()
    response.status_code = status
    told = registry_error("It failed", NAME, requests.HTTPError("no", response=response))
    assert isinstance(told, error)
    assert remedy in str(told)


@pytest.mark.parametrize(
    "code", ["REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED", "TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL_ERROR", "429", "408"]
)
def test_an_answer_whose_code_says_later_is_no_refusal_whatever_its_status(code: str) -> None:
    told = registry_error("It failed", NAME, RestException({"error_code": code, "message": "slow down"}))
    assert isinstance(told, InfrastructureError)
    assert "Try again later" in str(told)


@pytest.mark.parametrize(("status", "error"), [(429, InfrastructureError), (503, InfrastructureError), (409, RegistryError)])
def test_an_answer_without_json_is_told_by_its_status(status: int, error: type[Exception]) -> None:
    """What MLflow raises where retries were not what ended the request."""
    said = f"API request to endpoint /api/2.0/mlflow failed with error code {status} != 200. Response body: 'no'"
    assert isinstance(registry_error("It failed", NAME, MlflowException(said, get_error_code(status))), error)


def test_a_file_that_is_missing_is_no_server_that_is_silent() -> None:
    error = MlflowException("no MLmodel in the folder")
    error.__context__ = FileNotFoundError("MLmodel")
    assert isinstance(registry_error("It failed", NAME, error), RegistryError)


def test_what_mlflow_itself_finds_wrong_is_a_refusal() -> None:
    told = registry_error("It failed", NAME, MlflowException("the model has no signature"))
    assert isinstance(told, RegistryError)
    assert str(told) == "It failed: the model has no signature"


def test_a_name_that_is_not_of_unity_catalog_gets_no_grants() -> None:
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    told = registry_error("It failed", "churn", MlflowException("no", error_code=PERMISSION_DENIED))
    assert str(told) == "It failed: no. Ask whoever runs the registry for the permission."


def test_steps_that_run_here_get_ready_without_the_sdk_of_databricks(tmp_path: Path) -> None:
    """It takes a second and a half of the nine in which a process gets ready."""
    script = tmp_path / "steps.py"
    modules = "pipelines.training, pipelines.registration, pipelines.validation, pipelines.batch_inference"
    script.write_text(f"import sys\nsys.path.insert(0, {str(PROJECT)!r})\nimport {modules}\nprint('databricks.sdk' in sys.modules)\n")
    found = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.splitlines()[-1] == "False"
