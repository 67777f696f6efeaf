"""MLflow's failures as ours. What a client of Databricks raises differs by the phase: REST, Files API, signed addresses."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_HTTP_REQUEST_MAX_RETRIES
from mlflow.exceptions import MlflowException

from stackhouse.errors import InfrastructureError

FAILURES = (MlflowException, OSError)
"""What a call of MLflow's client fails with. Errors of the Databricks SDK and of `requests` are OSErrors."""
_FEW_RETRIES = 3
"""Tries after the first, with 2, 4 and 8 seconds between them."""
_LOOK = "Look at the experiment tracker of the active stack (`zenml stack describe`): its address, its token, and whether it is up."
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")


def reason(error: Exception) -> str:
    """Return the text of a failure. Queries of addresses are left out: the signature in one opens a file to whoever reads it.

    >>> reason(OSError("404 for https://storage/model.ubj?expires=9&signature=abc"))
    '404 for https://storage/model.ubj?…'
    """
    return _QUERY.sub(r"\1?…", str(getattr(error, "message", None) or error))


@contextmanager
def recording(what: str) -> Iterator[None]:
    """Tell a failure to put something on record as ours; also a decorator.

    Raises:
        InfrastructureError: where MLflow refuses, or does not answer.
    """
    try:
        yield
    except FAILURES as error:
        raise InfrastructureError(f"MLflow did not take {what}: {reason(error)}. {_LOOK}") from error


def require_tracking(client: MlflowClient) -> None:
    """Ask MLflow something small, so that nothing is computed that could not be put on record afterwards.

    Of a server that does not answer this is known within 20 seconds; MLflow's own seven retries would wait for four minutes.

    Raises:
        InfrastructureError: where MLflow refuses, or does not answer.
    """
    before = os.environ.get(MLFLOW_HTTP_REQUEST_MAX_RETRIES.name)
    os.environ.setdefault(MLFLOW_HTTP_REQUEST_MAX_RETRIES.name, str(_FEW_RETRIES))
    try:
        client.search_experiments(max_results=1)
    except FAILURES as error:
        raise InfrastructureError(f"MLflow cannot be reached, and nothing was trained: {reason(error)}. {_LOOK}") from error
    finally:
        if before is None:
            del os.environ[MLFLOW_HTTP_REQUEST_MAX_RETRIES.name]
