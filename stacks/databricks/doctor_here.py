"""Checks that need no workspace: the stack's components, ZenML's server, libraries, the wheel, the runtime's Python, schedules."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from stackhouse.errors import ConfigurationError
from stackhouse.findings import Finding
from stacks.databricks.doctor_stack import ExaminedStack, on_loopback
from stacks.databricks.orchestrator_flavor import OrchestratorConfig
from stacks.databricks.pins import LOCK, PYTHONS
from stacks.databricks.quartz import to_quartz
from stacks.databricks.runtimes import DEFAULT_RUNTIME, SERVERLESS_PYTHONS, python_of
from stacks.home import PROJECT

LOCKS = (PROJECT / "requirements.lock", LOCK)
ESSENTIAL = ("databricks-sdk", "mlflow", "zenml")
"""Libraries whose version both sides of a run have to share."""

SHOWN = 4


@dataclass(frozen=True)
class Need:
    """What one model file asks of a stack."""

    file: str
    model: str
    """Three-level name of the model."""
    tables: tuple[str, ...]
    """Three-level names of the tables that are written."""
    experiment: str
    """Path of the MLflow experiment."""
    schedule: Mapping[str, Any] | None = None
    """The `schedule` of the run configuration."""


@dataclass(frozen=True)
class ZenmlServer:
    """Where ZenML keeps its records."""

    url: str
    version: str
    reason: str = ""
    """Why it cannot be used; empty where it can."""


def components(stack: ExaminedStack) -> Iterator[Finding]:
    """No component of a remote stack may be of this machine alone."""
    for problem in stack.problems:
        yield Finding.failed(problem, "Set the variable; what depends on it is not checked.")
    if not stack.remote:
        yield Finding.ok(f"'{stack.name}' runs on this machine")
        return
    where = {kind: _local(kind, component.flavor, component.configuration, stack) for kind, component in stack.components.items()}
    for kind, reason in where.items():
        if reason:
            yield Finding.failed(
                f"{kind} '{stack.components[kind].flavor}' is of this machine alone: {reason}",
                f"The cluster cannot reach it. Give the stack '{stack.name}' another one, e.g. that of configs/stacks/databricks.yaml.",
            )
    if missing := [kind for kind in ("artifact_store", "experiment_tracker", "feature_store") if kind not in stack.components]:
        yield Finding.failed(f"'{stack.name}' has no {' and no '.join(missing)}", "Add it: every pipeline of Stackhouse uses it.")
    if not missing and not any(where.values()) and not stack.problems:
        yield Finding.ok(", ".join(f"{kind} {component.flavor}" for kind, component in stack.components.items()))


def _local(kind: str, flavor: str, configuration: Mapping[str, Any], stack: ExaminedStack) -> str:
    """Why a component is of this machine alone; empty where it is not."""
    if flavor.startswith("local"):
        return "its flavor is local"
    path = str(configuration.get("path") or "")
    if kind == "feature_store" and flavor == "delta" and "://" not in path and str(configuration.get("shared")).lower() != "true":
        return f"{path} is a folder that is not declared shared"
    uri = str(configuration.get("tracking_uri") or "")
    if kind == "experiment_tracker" and flavor == "mlflow":
        if not uri or uri.startswith(("/", "file:", "sqlite:")):
            return "it has no tracking server"
        if on_loopback(uri) and not stack.on_loopback:
            return f"{uri} is on loopback"
    return ""


def read_server() -> ZenmlServer:
    """Ask ZenML for its store."""
    try:
        from zenml.client import Client

        store = Client().zen_store
        return ZenmlServer(str(store.url), str(store.get_store_info().version))
    except Exception as error:  # noqa: BLE001 - a store may be broken in any way, and that is the finding
        return ZenmlServer("", "", (str(error).splitlines() or [""])[0][:200] or type(error).__name__)


def server(found: ZenmlServer, stack: ExaminedStack, ours: str) -> Finding:
    """Judge a ZenML store: a cluster needs a server that it can reach, of the client's version."""
    login = "Log in to a server that the workspace can reach: `zenml login https://…`."
    if found.reason:
        return Finding.failed(f"the store cannot be used: {found.reason}", login if stack.remote else "`zenml status` shows where it is.")
    if not stack.remote:
        return Finding.ok(f"{found.url.partition('?')[0]}, version {found.version}")
    if not found.url.startswith(("http://", "https://")):
        return Finding.failed("ZenML keeps its records in a database of this machine, which no cluster can reach", login)
    if on_loopback(found.url) and not stack.on_loopback:
        return Finding.failed(f"the server {found.url} is on loopback, which no cluster can reach", login)
    if found.version != ours:
        return Finding.warning(
            f"the server {found.url} has version {found.version}, the client here {ours}", "Bring both to the version of requirements.lock."
        )
    return Finding.ok(f"{found.url}, version {found.version}")


def zenml_server(stack: ExaminedStack) -> Iterator[Finding]:
    """ZenML's server answers and can be reached from where the stack runs."""
    yield server(read_server(), stack, version("zenml"))


def libraries(_stack: ExaminedStack) -> Iterator[Finding]:
    """What is installed here is what the locks say, and what a cluster would install."""
    for lock in LOCKS:
        if not lock.is_file():
            yield Finding.failed(f"{lock.name} is missing", "Make it: `make lock`.")
            continue
        pinned = pins_here(lock)
        yield compare(lock.name, pinned, {name: _installed(name) for name in pinned})


def compare(lock: str, pinned: Mapping[str, str], installed: Mapping[str, str | None]) -> Finding:
    """Judge installed versions by those of a lock."""
    different = {name: installed.get(name) for name in pinned if installed.get(name) != pinned[name]}
    if not different:
        return Finding.ok(f"{len(pinned)} libraries are those of {lock}")
    first = sorted(different, key=lambda name: (name not in ESSENTIAL, name))
    shown = ", ".join(f"{name} {different[name] or 'is not installed'} (lock: {pinned[name]})" for name in first[:SHOWN])
    more = f", and {len(first) - SHOWN} more" if len(first) > SHOWN else ""
    found = f"{len(first)} of {len(pinned)} libraries are not those of {lock}: {shown}{more}"
    remedy = "A run elsewhere installs what the lock says. Install the same here: `make install`."
    return Finding.failed(found, remedy) if first[0] in ESSENTIAL else Finding.warning(found, remedy)


def pins_here(lock: Path) -> dict[str, str]:
    """Return the pins of a lock that hold for this machine."""
    pinned = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if line[:1].isalnum():
            requirement = Requirement(line.rstrip("\\ "))
            if requirement.marker is None or requirement.marker.evaluate():
                pinned[requirement.name] = next(iter(requirement.specifier)).version
    return pinned


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def wheel(_stack: ExaminedStack) -> Iterator[Finding]:
    """The wheel of a job is built with pip and setuptools of this environment."""
    if missing := [name for name in ("pip", "setuptools") if _installed(name) is None]:
        yield Finding.failed(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, so no wheel can be built",
            f"Install: `uv pip install {' '.join(missing)}`.",
        )
    else:
        yield Finding.ok(f"pip {version('pip')} and setuptools {version('setuptools')} build it")


def runtime_python(stack: ExaminedStack) -> Iterator[Finding]:
    """The Python of the runtime is known, locked for, and best the one of this machine."""
    yield python(stack.settings(), f"{sys.version_info.major}.{sys.version_info.minor}")


def python(settings: OrchestratorConfig, here: str) -> Finding:
    """Judge the Python of a runtime, or of a serverless environment, by the one of this machine, e.g. "3.11"."""
    serverless = settings.compute == "serverless"
    name = f"serverless environment {settings.environment_version}" if serverless else settings.spark_version or DEFAULT_RUNTIME
    try:
        there = SERVERLESS_PYTHONS[settings.environment_version] if serverless else python_of(name)
    except (ConfigurationError, KeyError) as error:
        known = f"environment_version {', '.join(SERVERLESS_PYTHONS)}" if serverless else "e.g. spark_version 15.4.x-scala2.12"
        said = str(error) if isinstance(error, ConfigurationError) else f"the {name} is not known here"
        return Finding.failed(said, f"Choose one that is known: {known}.")
    if there not in PYTHONS:
        return Finding.failed(f"{name} has Python {there}; libraries are locked for {' and '.join(PYTHONS)}", "Choose another runtime.")
    if there != here:
        return Finding.warning(
            f"{name} has Python {there}, this machine {here}",
            f"Install Python {there} here to try what will run there, or choose a runtime with Python {here}.",
        )
    return Finding.ok(f"{name} has Python {there}, as here")


def schedules(needs: Sequence[Need]) -> Iterator[Finding]:
    """A schedule in a model file can be said in Quartz."""
    scheduled = [need for need in needs if need.schedule]
    if not scheduled:
        yield Finding.ok("no model file has a schedule")
    for need in scheduled:
        yield quartz(need.file, need.schedule or {})


def quartz(file: str, schedule: Mapping[str, Any]) -> Finding:
    """Judge the `schedule` of a run configuration."""
    cron = schedule.get("cron_expression")
    if not cron:
        return Finding.failed(f"the schedule of {file} has no cron_expression", "Databricks runs by cron alone, e.g. '0 2 * * 0'.")
    try:
        return Finding.ok(f"'{cron}' of {file} is '{to_quartz(str(cron))}' in Quartz")
    except ConfigurationError as error:
        return Finding.failed(f"{file}: {error}", "Correct schedule.cron_expression: minute, hour, day, month, weekday, e.g. '0 2 * * 0'.")
