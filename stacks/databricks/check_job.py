"""Offline check of a job's definition: what Databricks would refuse, or ignore, found before anything is uploaded.

The SDK's dataclasses know every field and every word of an enumeration: what they do not carry through is unknown.
Source: Jobs API, create; `databricks.sdk.service.jobs.JobSettings`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from databricks.sdk.service.jobs import JobSettings

from stackhouse.errors import ConfigurationError
from stacks.databricks.job import require_within_limits

PARAMETER_BYTES = 10_000
_UNFILLED = re.compile(r"\$\{[^}]*\}")
_OF_TASK = re.compile(r"\{\{\s*tasks\.([A-Za-z0-9_-]+)\.")
_OF_JOB = re.compile(r"\{\{\s*job\.parameters\.([A-Za-z0-9_]+)\s*\}\}")
_COMPUTE = ("job_cluster_key", "environment_key", "new_cluster", "existing_cluster_id")


def check_job(definition: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a definition, each with its place; nothing where it is sound."""
    try:
        understood = JobSettings.from_dict(dict(definition)).as_dict()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"cannot be read as a job: {type(error).__name__}: {error}"]
    found = [*_lost(dict(definition), understood, ""), *_unfilled(definition, "")]
    tasks = {str(task.get("task_key")): task for task in definition.get("tasks") or []}
    try:
        require_within_limits(str(definition.get("name", "")), list(tasks))
    except ConfigurationError as error:
        found.append(str(error))
    if len(tasks) != len(definition.get("tasks") or []):
        found.append("tasks: two have the same task_key")
    for name, task in tasks.items():
        found += [f"task {name}: {problem}" for problem in _task(definition, tasks, task)]
    return found


def _lost(given: Any, understood: Any, at: str) -> Iterator[str]:
    """Name what the round trip has lost or changed."""
    if isinstance(given, dict) and isinstance(understood, dict):
        for key, value in given.items():
            where = f"{at}.{key}" if at else key
            if key not in understood:
                yield f"{where}: {json.dumps(value, default=str)[:80]} is not known here"
            else:
                yield from _lost(value, understood[key], where)
    elif isinstance(given, list) and isinstance(understood, list) and len(given) == len(understood):
        for position, (one, other) in enumerate(zip(given, understood, strict=True)):
            yield from _lost(one, other, f"{at}[{position}]")
    elif given != understood:
        yield f"{at}: {given!r} became {understood!r}"


def _unfilled(value: Any, at: str) -> Iterator[str]:
    """Name references of the bundle that nothing has filled."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _unfilled(inner, f"{at}.{key}" if at else key)
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _unfilled(inner, f"{at}[{position}]")
    elif isinstance(value, str) and (found := _UNFILLED.search(value)):
        yield f"{at}: {found[0]} is not filled"


def _task(definition: Mapping[str, Any], tasks: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    kinds = [key for key in task if key.endswith("_task")]
    if len(kinds) != 1:
        yield f"has to be of one kind, is of {kinds or 'none'}"
    for needed in task.get("depends_on") or []:
        upstream = tasks.get(needed["task_key"])
        if upstream is None:
            yield f"depends on {needed['task_key']}, which is no task of the job"
        elif needed.get("outcome") not in {None, "true", "false"} or ("outcome" in needed and "condition_task" not in upstream):
            yield f"waits for the outcome {needed['outcome']!r} of {needed['task_key']}; only a condition has one, true or false"
    compute = [key for key in _COMPUTE if task.get(key)]
    if "condition_task" in task and (compute or task.get("libraries")):
        yield "a condition takes no compute and no libraries"
    elif "condition_task" not in task and len(compute) != 1:
        yield f"has to name one of {', '.join(_COMPUTE)}"
    for key, named in (("job_cluster_key", "job_clusters"), ("environment_key", "environments")):
        if key in task and task[key] not in [entry[key] for entry in definition.get(named) or []]:
            yield f"{key} {task[key]} is none of the job's"
    yield from _references(definition, tasks, task)


def _references(definition: Mapping[str, Any], tasks: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[str]:
    text = json.dumps([task.get("python_wheel_task"), task.get("condition_task")])
    if len(text) > PARAMETER_BYTES:
        yield f"its parameters are longer than {PARAMETER_BYTES} bytes"
    upstream = _upstream(tasks, task)
    for name in sorted(set(_OF_TASK.findall(text)) - upstream):
        yield f"reads a value of {name}, which does not run before it"
    parameters = {parameter["name"] for parameter in definition.get("parameters") or []}
    for name in sorted(set(_OF_JOB.findall(text)) - parameters):
        yield f"reads the job parameter {name}, which the job does not have"


def _upstream(tasks: Mapping[str, Any], task: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = [needed["task_key"] for needed in task.get("depends_on") or []]
    while waiting:
        name = waiting.pop()
        if name not in found and name in tasks:
            found.add(name)
            waiting += [needed["task_key"] for needed in tasks[name].get("depends_on") or []]
    return found
