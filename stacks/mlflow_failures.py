"""MLflow's failures as ours. What a client of Databricks raises differs by the phase: REST, Files API, signed addresses."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, UNAUTHENTICATED, ErrorCode

from stackhouse.errors import InfrastructureError, RegistryError
from stackhouse.passwords import without_userinfo

FAILURES = (MlflowException, OSError)
"""What a call of MLflow's client fails with. Errors of the Databricks SDK and of `requests` are OSErrors."""
_REFUSED = {ErrorCode.Name(UNAUTHENTICATED), ErrorCode.Name(PERMISSION_DENIED)}
_FEW_RETRIES = 3
"""Tries after the first, with 2, 4 and 8 seconds between them."""
_LOOK = "Look at the experiment tracker of the active stack (`zenml stack describe`): its address, its token, and whether it is up."
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")


def reason(error: Exception) -> str:
    """Return the text of a failure without users, passwords and queries of addresses: the signature in one opens a file to all who read it.

    >>> reason(OSError("404 for https://ann:secret@storage/model.ubj?expires=9&signature=abc"))
    '404 for https://storage/model.ubj?…'
    """
    return _QUERY.sub(r"\1?…", without_userinfo(str(getattr(error, "message", None) or error)))


@contextmanager
def recording(what: str) -> Iterator[None]:
    """Tell a failure to put something on record as ours; also a decorator.

    Raises:
        InfrastructureError: where MLflow fails, or does not answer.
        RegistryError: where it does not know who asks, or does not allow it.
    """
    try:
        yield
    except FAILURES as error:
        raise _kind(error)(f"MLflow did not take {what}: {reason(error)}. {_LOOK}") from error


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Tell a failure to read what is on record as ours. A server that does not answer is given up within 20 seconds.

    Raises:
        InfrastructureError: where MLflow fails, or does not answer.
        RegistryError: where it does not know who asks, or does not allow it.
    """
    try:
        with few_retries():
            yield
    except FAILURES as error:
        raise _kind(error)(f"MLflow did not give {what}: {reason(error)}. {_LOOK}") from error


def require_tracking(client: MlflowClient) -> None:
    """Ask MLflow something small, so that nothing is computed that could not be put on record afterwards.

    Raises:
        InfrastructureError: where MLflow does not answer.
        RegistryError: where it does not know who asks, or does not allow it.
    """
    try:
        with few_retries():
            client.search_experiments(max_results=1)
    except FAILURES as error:
        problem = "MLflow refuses" if _refused(error) else "MLflow cannot be reached"
        raise _kind(error)(f"{problem}, and nothing was begun: {reason(error)}. {_LOOK}") from error


@contextmanager
def few_retries() -> Iterator[None]:
    """Give a server up that does not answer within 20 seconds; MLflow's own seven retries would wait for four minutes.

    What the user has set is left alone.
    """
    before = os.environ.get(MLFLOW_HTTP_REQUEST_MAX_RETRIES.name)
    os.environ.setdefault(MLFLOW_HTTP_REQUEST_MAX_RETRIES.name, str(_FEW_RETRIES))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(MLFLOW_HTTP_REQUEST_MAX_RETRIES.name, None)  # another thread may have been faster


def _refused(error: Exception) -> bool:
    return isinstance(error, MlflowException) and error.error_code in _REFUSED


def _kind(error: Exception) -> type[InfrastructureError | RegistryError]:
    return RegistryError if _refused(error) else InfrastructureError
