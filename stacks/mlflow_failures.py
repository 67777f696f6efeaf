"""MLflow's failures as ours. What a client of Databricks raises differs by the phase: REST, Files API, signed addresses."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from stackhouse.errors import InfrastructureError

FAILURES = (MlflowException, OSError)
"""What a call of MLflow's client fails with. Errors of the Databricks SDK and of `requests` are OSErrors."""
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
        raise InfrastructureError(
            f"MLflow did not take {what}: {reason(error)}. Look at the experiment tracker of the active stack (`zenml stack describe`): "
            "its address, its token, and whether it is up."
        ) from error
