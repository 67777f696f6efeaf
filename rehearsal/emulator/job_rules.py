"""What a job's definition must fulfil before it is taken: limits, keys, the graph, clusters, schedule, references.

Simplified: a job holds Python wheel tasks and condition tasks, on job clusters or serverless; what the emulator cannot run is refused
rather than taken and skipped, and so are triggers other than a schedule.

Source: Jobs API, create; https://docs.databricks.com/en/resources/limits.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from databricks.sdk.service.jobs import JobAccessControlRequest, JobSettings

from rehearsal.emulator import quartz, references
from rehearsal.emulator.environments import SERVERLESS_PYTHONS
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.job_fields import require_fields

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Mapping[str, Any]

MAX_TASKS, NAME_BYTES, PARAMETER_BYTES, MAX_RUNS = 1000, 4096, 10_000, 1000
MAX_TAGS, TAG_KEY, TAG_VALUE = 25, 127, 255
KEY = re.compile(r"[A-Za-z0-9_-]{1,100}")
COMPUTE = ("job_cluster_key", "new_cluster", "existing_cluster_id", "environment_key")
NOT_EMULATED = ("continuous", "trigger", "git_source", "environment_variables")


def require_job(workspace: "Workspace", settings: dict[str, Any]) -> None:
    """Check a whole definition.

    Raises:
        ApiError: naming what is wrong, where.
    """
    plain = {name: value for name, value in settings.items() if name != "access_control_list"}
    require_fields(plain, JobSettings)
    for entry in settings.get("access_control_list") or []:
        require_fields(entry, JobAccessControlRequest, "access_control_list")
    if given := [name for name in NOT_EMULATED if settings.get(name)]:
        raise ApiError.invalid(f"{given[0]}: the emulator does not have it.")
    _require_limits(settings)
    _require_schedule(settings.get("schedule"))
    _require_tags(settings.get("tags") or {})
    _require_addresses(settings.get("email_notifications") or {})
    tasks = settings.get("tasks") or []
    _require_keys("task_key", tasks)
    _require_keys("job_cluster_key", settings.get("job_clusters") or [])
    _require_keys("environment_key", settings.get("environments") or [])
    for cluster in settings.get("job_clusters") or []:
        workspace.compute.require_cluster(cluster["new_cluster"])
    for environment in settings.get("environments") or []:
        require_environment(environment)
    _require_graph(tasks)
    for task in tasks:
        _require_task(workspace, settings, task)


def require_environment(environment: Json) -> None:
    """Check that a serverless environment is of a version that is known here.

    Raises:
        ApiError: where it is not.
    """
    spec = environment.get("spec") or {}
    version = spec.get("environment_version") or spec.get("client")
    if version not in SERVERLESS_PYTHONS:
        known = ", ".join(SERVERLESS_PYTHONS)
        raise ApiError.invalid(f"Environment {environment['environment_key']}: environment_version {version!r} is none of {known}.")


def parameters_of(settings: Json) -> dict[str, str]:
    """Return the job's parameters with their defaults."""
    return {parameter["name"]: parameter["default"] for parameter in settings.get("parameters") or []}


def _require_limits(settings: Json) -> None:
    if len(settings.get("name", "").encode()) > NAME_BYTES:
        raise ApiError.invalid(f"The job's name is longer than {NAME_BYTES} bytes.")
    if len(settings.get("tasks") or []) > MAX_TASKS:
        raise ApiError.invalid(f"The job has {len(settings['tasks'])} tasks; the limit is {MAX_TASKS}.")
    if not 0 <= settings.get("max_concurrent_runs", 1) <= MAX_RUNS:
        raise ApiError.invalid(f"max_concurrent_runs must be between 0 and {MAX_RUNS}.")
    if settings.get("timeout_seconds", 0) < 0:
        raise ApiError.invalid("timeout_seconds must not be negative.")


def _require_schedule(schedule: Json | None) -> None:
    if schedule is None:
        return
    expression = schedule["quartz_cron_expression"]
    try:
        quartz.parse(expression)
    except ValueError as error:
        raise ApiError.invalid(f"Invalid quartz cron expression '{expression}': {error}.") from error
    try:
        ZoneInfo(schedule["timezone_id"])
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ApiError.invalid(f"Invalid timezone id: '{schedule['timezone_id']}'.") from error


def _require_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise ApiError.invalid(f"The job has {len(tags)} tags; the limit is {MAX_TAGS}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= TAG_KEY or len(value) > TAG_VALUE:
            raise ApiError.invalid(f"Tag '{key[:TAG_KEY]}': a key has 1 to {TAG_KEY} characters, a value at most {TAG_VALUE}.")


def _require_addresses(notifications: Json) -> None:
    """Check who is told by e-mail: lists of addresses beside switches. Nothing is sent from here."""
    for event, told in notifications.items():
        for address in told if isinstance(told, list) else []:
            local, at, domain = address.rpartition("@")
            if not (local and at and domain) or any(sign in address for sign in " ,;<>"):
                raise ApiError.invalid(f"email_notifications.{event}: '{address[:TAG_VALUE]}' is not an e-mail address.")


def _require_keys(name: str, entries: list[dict[str, Any]]) -> None:
    seen = set()
    for entry in entries:
        key = entry[name]
        if not KEY.fullmatch(key):
            raise ApiError.invalid(f"{name} '{key[:120]}' must be 1 to 100 letters, digits, dashes and underscores.")
        if key in seen:
            raise ApiError.invalid(f"{name} '{key}' is not unique.")
        seen.add(key)


def _require_graph(tasks: list[dict[str, Any]]) -> None:
    kinds = {task["task_key"]: "condition_task" in task for task in tasks}
    for task in tasks:
        for needed in task.get("depends_on") or []:
            key, outcome = needed["task_key"], needed.get("outcome")
            if key not in kinds:
                raise ApiError.invalid(f"Task '{task['task_key']}' depends on '{key}', which is no task of the job.")
            if outcome is not None and not (kinds[key] and outcome in {"true", "false"}):
                raise ApiError.invalid(f"Task '{task['task_key']}': an outcome is 'true' or 'false', of a condition task alone.")
    try:
        TopologicalSorter({task["task_key"]: upstream_keys(task) for task in tasks}).prepare()
    except CycleError as error:
        raise ApiError.invalid(f"The tasks depend on each other in a circle: {' → '.join(reversed(error.args[1]))}.") from error


def upstream_keys(task: Json) -> list[str]:
    """Return the tasks that a task depends on."""
    return [needed["task_key"] for needed in task.get("depends_on") or []]


def _require_task(workspace: "Workspace", settings: Json, task: Json) -> None:
    key = task["task_key"]
    kinds = [name for name, value in task.items() if name.endswith("_task") and value is not None]
    if len(kinds) != 1:
        raise ApiError.invalid(f"Task '{key}' must be of exactly one kind; it has {', '.join(kinds) or 'none'}.")
    if kinds[0] not in {"python_wheel_task", "condition_task"}:
        raise ApiError.invalid(f"Task '{key}': the emulator runs python_wheel_task and condition_task, not {kinds[0]}.")
    if task.get("max_retries", 0) < -1 or task.get("timeout_seconds", 0) < 0 or task.get("min_retry_interval_millis", 0) < 0:
        raise ApiError.invalid(f"Task '{key}': timeout and retries must not be negative; max_retries -1 is without end.")
    compute = [name for name in COMPUTE if task.get(name)]
    if kinds == ["condition_task"]:
        if compute or task.get("libraries"):
            raise ApiError.invalid(f"Task '{key}': a condition task takes no compute and no libraries.")
    else:
        _require_compute(workspace, settings, task, compute)
        _require_parameters(task["python_wheel_task"], key)
    upstream = _all_upstream(settings, key)
    for text in texts(task):
        for reference in references.unknown(text, parameters_of(settings), upstream):
            raise ApiError.invalid(
                f"Task '{key}': {reference} is no reference here. Names other than letters, digits and underscores stand in backticks; "
                f"tasks.<name> is of a task upstream."
            )


def _require_compute(workspace: "Workspace", settings: Json, task: Json, given: list[str]) -> None:
    key = task["task_key"]
    if len(given) != 1:
        raise ApiError.invalid(f"Task '{key}' must name exactly one of {', '.join(COMPUTE)}; it has {', '.join(given) or 'none'}.")
    name = task[given[0]]
    if given == ["existing_cluster_id"]:
        raise ApiError.invalid(f"Task '{key}': cluster {name} does not exist.")
    if given == ["new_cluster"]:
        workspace.compute.require_cluster(name)
    elif given == ["job_cluster_key"] and name not in _names(settings, "job_clusters", "job_cluster_key"):
        raise ApiError.invalid(f"Task '{key}': job_cluster_key '{name}' is none of the job's.")
    elif given == ["environment_key"]:
        if name not in _names(settings, "environments", "environment_key"):
            raise ApiError.invalid(f"Task '{key}': environment_key '{name}' is none of the job's.")
        if task.get("libraries"):
            raise ApiError.invalid(f"Task '{key}': a serverless task takes its libraries from its environment.")


def _require_parameters(task: Json, key: str) -> None:
    if task.get("parameters") and task.get("named_parameters"):
        raise ApiError.invalid(f"Task '{key}': only one of parameters and named_parameters may be given.")
    if len(json.dumps(task.get("parameters") or task.get("named_parameters") or [])) > PARAMETER_BYTES:
        raise ApiError.invalid(f"Task '{key}': the parameters are longer than {PARAMETER_BYTES} bytes.")


def texts(task: Json) -> Iterator[str]:
    """Yield the texts of a task in which references are resolved."""
    if wheel := task.get("python_wheel_task"):
        yield from wheel.get("parameters") or []
        yield from (wheel.get("named_parameters") or {}).values()
    if condition := task.get("condition_task"):
        yield condition["left"]
        yield condition["right"]


def _all_upstream(settings: Json, key: str) -> set[str]:
    above = {task["task_key"]: upstream_keys(task) for task in settings["tasks"]}
    found: set[str] = set()
    waiting = list(above[key])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += above[name]
    return found


def _names(settings: Json, where: str, name: str) -> set[str]:
    return {entry[name] for entry in settings.get(where) or []}
