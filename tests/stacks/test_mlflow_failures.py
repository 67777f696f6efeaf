"""An MLflow that does not answer or refuses is told before anything is computed, and soon."""

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient

from stackhouse.errors import InfrastructureError, RegistryError
from stacks.mlflow_failures import require_tracking

RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RETRIES, "0")


@pytest.fixture
def refusing() -> Iterator[str]:
    """Address of a server that lets nobody in."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(401, "Unauthorized")

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_password_in_the_address_is_not_told(no_retries: None) -> None:
    address = f"http://ann:hunter2@127.0.0.1:{free_port()}"
    with pytest.raises(InfrastructureError, match="MLflow cannot be reached") as raised:
        require_tracking(MlflowClient(address, address))
    assert "127.0.0.1" in str(raised.value)
    assert not {"ann", "hunter2"} & set(str(raised.value).replace(":", " ").replace("@", " ").replace("/", " ").split())


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_mlflow_that_answers_is_taken(tmp_path: Path) -> None:
    require_tracking(MlflowClient(f"sqlite:///{tmp_path}/mlflow.db"))


@pytest.mark.usefixtures("no_retries")
def test_server_that_is_not_there_is_told_with_what_to_look_at() -> None:
    with pytest.raises(InfrastructureError, match=r"MLflow cannot be reached, and nothing was begun: .*Look at the experiment tracker"):
        require_tracking(MlflowClient(f"http://127.0.0.1:{free_port()}"))


@pytest.mark.usefixtures("no_retries")
def test_server_that_refuses_is_told(refusing: str) -> None:
    with pytest.raises(RegistryError, match=r"MLflow refuses, and nothing was begun: .*401"):
        require_tracking(MlflowClient(refusing))


def test_few_retries_are_for_the_question_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(RETRIES, raising=False)
    seen = []
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr(client, "search_experiments", lambda **_: seen.append(os.environ[RETRIES]))
    require_tracking(client)
    assert seen == ["3"]
    assert RETRIES not in os.environ


@pytest.mark.usefixtures("no_retries")
def test_retries_that_the_user_has_set_stay(tmp_path: Path) -> None:
    require_tracking(MlflowClient(f"sqlite:///{tmp_path}/mlflow.db"))
    assert os.environ[RETRIES] == "0"
