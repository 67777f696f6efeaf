"""`stackhouse dashboard`: a ZenML server and an MLflow server over the stores that the runs wrote, until Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress

from zenml.client import Client
from zenml.zen_stores.sql_zen_store import SqlZenStore

from commands.progress import console
from stackhouse.errors import InfrastructureError
from stacks.home import home, require_writable

_READY_SECONDS = 90


def serve(zenml_port: int, mlflow_port: int) -> int:
    """Start both servers on 127.0.0.1, say where they are, and wait.

    Raises:
        InfrastructureError: where the active store is a server already, or a server does not answer in time.
    """
    out = console()
    require_writable(home())
    client = Client()
    store = client.zen_store
    if not isinstance(store, SqlZenStore):
        raise InfrastructureError(f"The active ZenML store is a server already: look at {store.url}.")
    tracker = client.active_stack.experiment_tracker
    tracking_uri = tracker.get_tracking_uri() if tracker else None  # type: ignore[attr-defined]
    if tracking_uri is None:
        raise InfrastructureError("The active stack has no experiment tracker. Run `stackhouse stack up local` first.")
    if str(home()) in str(store.url):
        _answer_survey(client)
    zenml_port, mlflow_port = free_port(zenml_port), free_port(mlflow_port)
    zenml_url, mlflow_url = f"http://127.0.0.1:{zenml_port}", f"http://127.0.0.1:{mlflow_port}"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with ExitStack() as servers:
        zenml = servers.enter_context(
            _server("zenml.zen_server.zen_server_api:app", zenml_port, "zenml", _zenml_environment(str(store.url), zenml_url))
        )
        mlflow = servers.enter_context(_mlflow_server(tracking_uri, mlflow_port))
        _wait_until_ready(f"{zenml_url}/health", zenml, "zenml")
        _wait_until_ready(f"{mlflow_url}/health", mlflow, "mlflow")
        out.print(f"ZenML   {zenml_url}   runs, artifacts and their pages")
        out.print(f"MLflow  {mlflow_url}   metrics, models and aliases")
        out.print("Ctrl-C ends both.")
        while zenml.poll() is None and mlflow.poll() is None:
            time.sleep(0.5)
    raise InfrastructureError(f"A server stopped by itself; see {home() / 'logs'}.")


def _answer_survey(client: Client) -> None:
    """Mark the questionnaire as answered, or the dashboard of the project's own store would open with it. Nothing is sent."""
    user = client.active_user
    if user.email_opted_in is None:
        client.update_user(
            user.name, updated_email_opt_in=False, updated_metadata={**user.user_metadata, "finished_onboarding_survey": True}
        )


def free_port(wanted: int) -> int:
    """Return the wanted port, or one that the system gives where it is in use."""
    for port in (wanted, 0):
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise InfrastructureError("No free port on 127.0.0.1.")


def _zenml_environment(store_url: str, url: str) -> Mapping[str, str]:
    """Environment of a server on loopback without log-in. Source: the local server deployer of ZenML."""
    return {
        "ZENML_CONFIG_PATH": str(home() / "zenml_server"),
        "ZENML_SERVER": "true",
        "ZENML_STORE_URL": store_url,
        "ZENML_STORE_TYPE": "sql",
        "ZENML_SERVER_AUTH_SCHEME": "NO_AUTH",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "local",
        "ZENML_SERVER_ALLOW_LOCAL_FILE_ACCESS": "true",
        "ZENML_SERVER_SERVER_URL": url,
        "ZENML_ANALYTICS_OPT_IN": "false",
    }


def _mlflow_server(tracking_uri: str, port: int) -> "subprocess.Popen[bytes]":
    arguments = [
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        tracking_uri,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]
    return _start(arguments, "mlflow", {})


def _server(app: str, port: int, name: str, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    return _start(["-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port), "--no-access-log"], name, environment)


def _start(arguments: list[str], name: str, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    log = home() / "logs" / f"{name}_server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return _Server(
            [sys.executable, *arguments], stdout=output, stderr=output, env={**os.environ, **environment}, start_new_session=True
        )


class _Server(subprocess.Popen[bytes]):
    """A server in a process group of its own, since MLflow starts workers that outlive their parent."""

    def __exit__(self, *_: object) -> None:
        """End the whole group: asked first, then forced."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        try:
            self.wait(10)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self.wait()


def _wait_until_ready(url: str, process: "subprocess.Popen[bytes]", name: str) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - always http on loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise InfrastructureError(f"The {name} server did not answer at {url}; see {home() / 'logs' / f'{name}_server.log'}.")
