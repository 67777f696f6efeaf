"""The examination of a stack: every check in order, before anything is paid for.

A check is a function that yields findings. What one of them breaks on becomes its finding; it never ends the examination.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from databricks.sdk.errors import InternalError, PermissionDenied, TemporarilyUnavailable, TooManyRequests, Unauthenticated
from databricks.sdk.errors.base import DatabricksError
from requests.exceptions import JSONDecodeError, RequestException

from stackhouse.errors import StackhouseError
from stackhouse.findings import Diagnosis, Finding
from stacks.databricks import doctor_here as here
from stacks.databricks import doctor_workspace as there
from stacks.databricks.client import client_of
from stacks.databricks.doctor_here import Need
from stacks.databricks.doctor_stack import ExaminedStack
from stacks.databricks.doctor_workspace import Visit, said

HTTP_SECONDS = 20
RETRY_SECONDS = 20
"""How long a workspace that does not answer is asked again."""

Clock = Callable[[], datetime]

HERE: dict[str, Callable[[ExaminedStack], Iterable[Finding]]] = {
    "components": here.components,
    "ZenML server": here.zenml_server,
    "libraries": here.libraries,
    "wheel": here.wheel,
}
"""Checks of every stack."""

FOR_DATABRICKS: dict[str, Callable[[ExaminedStack, Sequence[Need]], Iterable[Finding]]] = {
    "runtime's Python": lambda stack, _needs: here.runtime_python(stack),
    "schedules": lambda _stack, needs: here.schedules(needs),
}
"""Checks of a stack of Databricks that need no workspace."""

THERE: dict[str, Callable[[Visit], Iterable[Finding]]] = {
    "clock": there.clock,
    "runtime": there.runtime,
    "node type": there.node_types,
    "cluster policy": there.policy,
    "secret scope": there.secret_scope,
    "grants": there.unity_catalog,
    "folders": there.folders,
    "volume": there.volume,
}
"""Checks in the workspace."""

WORKSPACE = "workspace"
_WRONG_TOKEN = (
    "Make a new token in the workspace (Settings, Developer, Access tokens) and set DATABRICKS_TOKEN, or update the ZenML secret."  # noqa: S105
)
_WRONG_HOST = "Set DATABRICKS_HOST to the workspace's address, as the browser shows it, e.g. https://adb-….azuredatabricks.net."
_NO_CREDENTIALS = "Set DATABRICKS_TOKEN, and bring the stack up, which keeps it as a ZenML secret: `stackhouse stack up`."
_NO_ANSWER = "Look at the address, the network and the proxy, and try again."


def _now() -> datetime:
    return datetime.now(UTC)


def examine(stack: ExaminedStack, needs: Sequence[Need], now: Clock = _now) -> Diagnosis:
    """Run every check on a stack; `needs` says what the model files ask of it."""
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)  # it warns of what the table says better
    findings = [found for name, check in HERE.items() for found in checked(name, partial(check, stack))]
    if not stack.on_databricks:
        return Diagnosis([*findings, Finding.not_checked(f"'{stack.name}' runs in no Databricks workspace").named(WORKSPACE)])
    findings += [found for name, local in FOR_DATABRICKS.items() for found in checked(name, partial(local, stack, needs))]
    signed_in, visit = _visit(stack, needs, now)
    findings.append(signed_in.named(WORKSPACE))
    for name, remote in THERE.items():
        if visit is None:
            findings.append(Finding.not_checked("the workspace cannot be used").named(name))
        else:
            findings += checked(name, partial(remote, visit))
    return Diagnosis(findings)


def _visit(stack: ExaminedStack, needs: Sequence[Need], now: Clock) -> tuple[Finding, Visit | None]:
    """Sign in, and say as whom; whatever is in the way is one finding."""
    if stack.problems or not stack.host.startswith(("http://", "https://")):
        return Finding.failed(f"'{stack.host}' is no address of a workspace", _WRONG_HOST), None
    try:
        settings = stack.settings()
        client = client_of(stack.credentials(), HTTP_SECONDS, RETRY_SECONDS)
        before = now()
        record, date = there.me(client)
        skew = date - (before + (now() - before) / 2) if date else timedelta()
        caller = there.caller_of(record)
    except (StackhouseError, DatabricksError, RequestException, OSError, KeyError, ValueError) as error:
        return _in_the_way(error, stack.host), None
    return Finding.ok(f"{stack.host} as {caller.name}"), Visit(client, caller, stack, settings, needs, skew)


def _in_the_way(error: Exception, host: str) -> Finding:
    """Why nobody could sign in. A workspace refuses a token with 401 on one cloud and 403 on another."""
    match error:
        case StackhouseError():
            return Finding.failed(str(error), _NO_CREDENTIALS)
        case Unauthenticated() | PermissionDenied():
            return Finding.failed(f"{host} does not take the token: it is wrong or has expired", _WRONG_TOKEN)
        case TooManyRequests() | TemporarilyUnavailable() | InternalError():
            return Finding.no_answer(f"{host} has no time: {said(error)}", "Try again later.")
        case ValueError() if "auth" in str(error) and not isinstance(error, JSONDecodeError):
            return Finding.failed("no way of authentication is configured", _NO_CREDENTIALS)
        case DatabricksError() | JSONDecodeError() | KeyError() | ValueError():
            return Finding.failed(f"{host} answers, but not as a Databricks workspace does", _WRONG_HOST)
        case _:
            return Finding.no_answer(f"{host} does not answer ({type(error).__name__})", _NO_ANSWER)


def checked(name: str, check: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """Run one check; an error becomes its finding."""
    found: list[Finding] = []
    try:
        found.extend(check())
    except (TooManyRequests, TemporarilyUnavailable, InternalError) as error:
        found.append(Finding.no_answer(f"the workspace has no time: {said(error)}", "Try again later."))
    except PermissionDenied as error:
        found.append(Finding.failed(f"permission is denied: {said(error)}", "Ask an administrator of the workspace for it."))
    except DatabricksError as error:
        found.append(Finding.failed(said(error), "The workspace does not answer as expected; is the API on in this workspace?"))
    except (RequestException, TimeoutError, ConnectionError) as error:
        found.append(Finding.no_answer(f"no answer ({type(error).__name__})", _NO_ANSWER))
    except StackhouseError as error:
        found.append(Finding.failed(str(error), "Correct the stack's file under configs/stacks, then `stackhouse stack up`."))
    return [finding.named(name) for finding in found]
