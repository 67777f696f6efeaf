"""The SDK's client of a workspace, and its errors in our words. No message holds a credential."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any, Protocol

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.errors.base import DatabricksError
from requests.exceptions import RequestException

from stackhouse.errors import InfrastructureError, StackhouseError

_DOCTOR = "Run `stackhouse doctor` to see what is missing."

HTTP_SECONDS = 60
RETRY_SECONDS = 60
"""How long the SDK repeats a request that is answered with 429 or 503."""


class Credentials(Protocol):
    """What opens a workspace."""

    @property
    def host(self) -> str:
        """Address of the workspace."""

    @property
    def token(self) -> str | None:
        """A personal access token."""

    @property
    def client_id(self) -> str | None:
        """Id of a service principal."""

    @property
    def client_secret(self) -> str | None:
        """Secret of a service principal."""


def workspace_client(credentials: Credentials) -> WorkspaceClient:
    """Return a client of the workspace, for work.

    Raises:
        InfrastructureError: where no way of authentication is configured.
    """
    with asked(f"The workspace {credentials.host} cannot be used"):
        return client_of(credentials, HTTP_SECONDS, RETRY_SECONDS)


def client_of(credentials: Credentials, http_seconds: int, retry_seconds: int) -> WorkspaceClient:
    """Return a client that gives up after these times; the authentication is the one that is given, whatever the environment holds.

    Raises:
        ValueError: where the SDK finds no way of authentication.
    """
    given = {"token": credentials.token, "client_id": credentials.client_id, "client_secret": credentials.client_secret}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    if chosen:  # or the SDK refuses where the environment holds credentials of another kind
        chosen["auth_type"] = "pat" if "token" in chosen else "oauth-m2m"
    config = Config(
        host=credentials.host,
        http_timeout_seconds=http_seconds,
        retry_timeout_seconds=retry_seconds,
        product="stackhouse",
        product_version=version("stackhouse"),
        **chosen,
    )
    return WorkspaceClient(config=config)


@contextmanager
def asked(what: str) -> Iterator[None]:
    """Say what could not be done where the workspace refuses or cannot be reached.

    Raises:
        InfrastructureError: naming what was wanted, what the workspace said, and what to do.
    """
    try:
        yield
    except StackhouseError:
        raise
    except Unauthenticated as error:
        raise InfrastructureError(f"{what}: the token is wrong or has expired. Make a new one and update the ZenML secret.") from error
    except PermissionDenied as error:
        raise InfrastructureError(f"{what}: permission is denied: {_said(error)} {_DOCTOR}") from error
    except NotFound as error:
        raise InfrastructureError(f"{what}: {_said(error)} {_DOCTOR}") from error
    except DatabricksError as error:
        raise InfrastructureError(f"{what}: {_said(error)}") from error
    except (RequestException, TimeoutError, ConnectionError) as error:
        raise InfrastructureError(
            f"{what}: no answer ({type(error).__name__}). Check the address and the network, and try again."
        ) from error
    except ValueError as error:
        if "auth" not in str(error):
            raise
        raise InfrastructureError(
            f"{what}: no way of authentication is configured. Set DATABRICKS_TOKEN, or name a ZenML secret."
        ) from error


def _said(error: DatabricksError) -> str:
    """The first line of an error: the SDK adds its configuration to some, after ` Config: `."""
    text = (str(error).splitlines() or [""])[0].partition(" Config: ")[0].strip()
    return text if text.endswith(".") else f"{text}."
