"""Failures of a model registry as ours: what it refuses, what it does not know, and that it does not answer, each with what to do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import requests
from mlflow.exceptions import HTTP_STATUS_TO_ERROR_CODE, MlflowException, RestException
from mlflow.protos.databricks_pb2 import (
    BAD_REQUEST,
    CUSTOMER_UNAUTHORIZED,
    ENDPOINT_NOT_FOUND,
    PERMISSION_DENIED,
    UNAUTHENTICATED,
    ErrorCode,
)

from stackhouse.errors import InfrastructureError, RegistryError
from stacks.mlflow_failures import FAILURES, reason

_LATER = (
    "Try again later; where it stays so, look at the experiment tracker of the active stack (`zenml stack describe`) and at its server."
)
_WHO = {ErrorCode.Name(UNAUTHENTICATED), ErrorCode.Name(CUSTOMER_UNAUTHORIZED)}
_NOT_ALLOWED = {ErrorCode.Name(PERMISSION_DENIED)}
_NO_SUCH_ROUTE = {ErrorCode.Name(ENDPOINT_NOT_FOUND)}
_LATER_CODES = {"INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "REQUEST_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
"""Codes in the JSON of an answer that pass by themselves. Unity Catalog has codes that MLflow does not know, and takes for its own 500."""
_TIMEOUT, _TOO_MANY, _SERVER = 408, 429, 500
_CLASH = ErrorCode.Name(BAD_REQUEST)
_OF_HTTP = "API request to endpoint"


@contextmanager
def asking(problem: str, name: str) -> Iterator[None]:
    """Tell a failure of the registry as ours.

    Args:
        problem: what did not work, as the beginning of a sentence.
        name: the registered model, for the grants that Unity Catalog would need.

    Raises:
        InfrastructureError: where the registry does not answer, or after all retries only says that it cannot (408, 429, 5xx).
        RegistryError: where it refuses (401, 403, 404 and all other answers).
    """
    try:
        yield
    except FAILURES as error:
        raise registry_error(problem, name, error) from error


@contextmanager
def answering(problem: str, name: str) -> Iterator[None]:
    """Tell as ours that the registry does not answer, or not to us: that says nothing of a version. All else is left to the caller.

    Raises:
        InfrastructureError: where it does not answer, or after all retries only says that it cannot (408, 429, 5xx).
        RegistryError: where it does not know who asks, or does not allow it (401, 403).
    """
    try:
        yield
    except FAILURES as error:
        if unavailable(error) or _code(error) in _WHO | _NOT_ALLOWED:
            raise registry_error(problem, name, error) from error
        raise


def insert_or_update(write: Callable[..., object], *arguments: str) -> None:
    """Set a tag or an alias, and set it again where another process has set the same one in the same moment.

    MLflow's SQL stores look for the row and insert it where there is none, so the second of two fails at the constraint of the table, as a
    bad request; when it tries again, there is a row to update. Source: `session.merge` in `mlflow.store.model_registry.sqlalchemy_store`.
    """
    try:
        write(*arguments)
    except MlflowException as error:
        if error.error_code != _CLASH:
            raise
        write(*arguments)


def registry_error(problem: str, name: str, error: Exception) -> RegistryError | InfrastructureError:
    """Return our error for a failure: exit code 5 where another try may help, 4 where somebody has to do something first."""
    told = reason(error).rstrip(".")
    if unavailable(error):
        return InfrastructureError(f"{problem}: {told}. {_LATER}")
    remedy = _remedy(error, name)
    return RegistryError(f"{problem}: {told}. {remedy}" if remedy else f"{problem}: {told}")


def unavailable(error: Exception) -> bool:
    """Whether there was no answer, or one that says to come again later. MLflow has retried by then, as its own settings say.

    Source: `mlflow.utils.rest_utils`: an answer with JSON becomes a RestException, one without an MlflowException that names the status;
    what `requests` raises is the context of an MlflowException. Whatever else MLflow raises is INTERNAL_ERROR as well.
    """
    if isinstance(error, RestException):
        code = str(error.json.get("error_code") or error.error_code)
        return _come_again(int(code)) if code.isdigit() else code in _LATER_CODES
    if isinstance(error, MlflowException) and str(error.message).startswith(_OF_HTTP):
        return _come_again(error.get_http_status_code())
    if isinstance(error, MlflowException):
        return any(_no_answer(cause) for cause in (error.__cause__, error.__context__))
    return _no_answer(error)


def _no_answer(error: BaseException | None) -> bool:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _come_again(error.response.status_code)
    if isinstance(error, requests.RequestException | ConnectionError | TimeoutError):
        return True
    from databricks.sdk.errors.base import DatabricksError
    from sqlalchemy.exc import OperationalError

    return isinstance(error, OperationalError) or (isinstance(error, DatabricksError) and error.error_code in _LATER_CODES)


def _come_again(status: int) -> bool:
    return status in {_TIMEOUT, _TOO_MANY} or status >= _SERVER


def _code(error: Exception) -> str:
    """MLflow's code of a failure, and that of the status where there is no more than an answer of HTTP."""
    response = getattr(error, "response", None)
    return str(getattr(error, "error_code", "") if response is None else HTTP_STATUS_TO_ERROR_CODE.get(response.status_code, ""))


def _remedy(error: Exception, name: str) -> str:
    code = _code(error)
    if code in _WHO:
        return "The registry does not know who asks: renew the token (DATABRICKS_TOKEN, or that of the experiment tracker)."
    if code in _NOT_ALLOWED:
        return _grants(name)
    if code in _NO_SUCH_ROUTE and getattr(error, "response", None) is None:
        return "At this address is no registry of MLflow: look at the tracking URI of the active stack (`zenml stack describe`)."
    return ""


def _grants(name: str) -> str:
    """What somebody who may grant it has to say. Source: Databricks, "Manage model lifecycle in Unity Catalog", privileges."""
    levels = name.split(".")
    if len(levels) != 3:
        return "Ask whoever runs the registry for the permission."
    catalog, schema = levels[0], ".".join(levels[:2])
    return (
        f"In Unity Catalog an owner grants it: GRANT USE CATALOG ON CATALOG {catalog} TO `you`; GRANT USE SCHEMA, CREATE MODEL ON SCHEMA "
        f"{schema} TO `you`; GRANT EXECUTE ON MODEL {name} TO `you`. Versions, tags and aliases of a model are its owner's to set."
    )
