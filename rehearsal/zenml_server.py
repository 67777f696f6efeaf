"""A ZenML server on loopback that counts as a remote one, with an account for clients.

Source: ZenML's environment variables for servers; what makes a server remote is its deployment type.
"""

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from rehearsal.processes import free_port, server

_FROM_HERE = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE")


@contextmanager
def zenml_server(folder: Path) -> Iterator[dict[str, str]]:
    """Serve a new store in a folder, and give the variables with which a client reaches it.

    Raises:
        InfrastructureError: where the server does not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(16)
    url = f"http://127.0.0.1:{port}"
    environment = {name: os.environ[name] for name in _FROM_HERE if name in os.environ} | {
        "ZENML_CONFIG_PATH": str(folder / "config"),
        "ZENML_SERVER": "true",
        "ZENML_STORE_URL": f"sqlite:///{folder / 'zenml.db'}",
        "ZENML_STORE_BACKUP_STRATEGY": "disabled",
        "ZENML_SERVER_DEPLOYMENT_TYPE": "other",
        "ZENML_SERVER_AUTO_ACTIVATE": "true",
        "ZENML_SERVER_AUTO_CREATE_DEFAULT_USER": "true",
        "ZENML_DEFAULT_USER_NAME": "default",
        "ZENML_DEFAULT_USER_PASSWORD": password,
        "ZENML_SERVER_JWT_SECRET_KEY": secrets.token_hex(32),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_LOGGING_COLORS_DISABLED": "true",
        "DO_NOT_TRACK": "true",
    }
    command = [sys.executable, "-m", "uvicorn", "zenml.zen_server.zen_server_api:app", "--host", "127.0.0.1", "--port", str(port)]
    with server("The ZenML server", [*command, "--log-level", "warning"], environment, f"{url}/health", folder / "server.log"):
        yield {"ZENML_STORE_URL": url, "ZENML_STORE_API_KEY": _api_key(url, password)}


def _api_key(url: str, password: str) -> str:
    """Make a service account and a key for it, without a browser."""
    form = urlencode({"username": "default", "password": password}).encode()
    token = _post(f"{url}/api/v1/login", form, {})["access_token"]
    authorized = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    account = _post(f"{url}/api/v1/service_accounts", json.dumps({"name": "rehearsal", "active": True}).encode(), authorized)
    key = _post(f"{url}/api/v1/service_accounts/{account['id']}/api_keys", json.dumps({"name": "rehearsal"}).encode(), authorized)
    return str(key["body"]["key"])  # type: ignore[index]


def _post(url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    with urlopen(Request(url, body, headers), timeout=60) as answer:  # noqa: S310 - an address of ours on loopback
        found: dict[str, str] = json.load(answer)
        return found
