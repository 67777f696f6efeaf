"""Dynamic value references, `{{job.run_id}}` and the like, in parameters and conditions. Pure.

What belongs to no known namespace stays as it is; a name that a known namespace does not have is an error, as in Databricks.
Secrets are no part of it: `{{secrets/scope/key}}` is resolved in the variables of a cluster alone.

Source: https://docs.databricks.com/en/jobs/dynamic-value-references.html
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime

_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][^{}]*?)\s*\}\}")
_PIECE = re.compile(r"`([^`]+)`|(\w+)", re.ASCII)

TIME_PARTS = (
    *("iso_weekday", "is_weekday", "iso_date", "iso_datetime", "year", "month", "day", "hour", "minute", "second"),
    "timestamp_ms",
)
KNOWN = {
    "job.id",
    "job.name",
    "job.run_id",
    "job.repair_count",
    "job.trigger.type",
    "task.name",
    "task.run_id",
    "task.execution_count",
    "workspace.id",
    "workspace.url",
    *(f"job.start_time.{part}" for part in TIME_PARTS),
    *(f"job.trigger.time.{part}" for part in TIME_PARTS),
    # What they were called before, and what still works
    *("job_id", "run_id", "parent_run_id", "start_date", "start_time", "task_key", "task_retry_count"),
}
NAMESPACES = {"job", "task", "tasks", "workspace"}


def resolve(text: str, values: Mapping[str, str]) -> str:
    """Replace the references in a text.

    >>> resolve("--run={{job.run_id}} {{mine}}", {"job.run_id": "7"})
    '--run=7 {{mine}}'

    Raises:
        KeyError: for a reference whose value is not there.
    """

    def value(found: re.Match[str]) -> str:
        pieces = _pieces(found[1])
        name = ".".join(pieces)
        if name in values:
            return values[name]
        if pieces and pieces[0] in NAMESPACES:
            raise KeyError(found[0])
        return found[0]

    return _REFERENCE.sub(value, text)


def unknown(text: str, parameters: Collection[str], upstream: Collection[str]) -> Iterator[str]:
    """Yield the references of a text that can never have a value, given the job's parameters and the tasks upstream."""
    for found in _REFERENCE.finditer(text):
        if found[1].split(".")[0] not in NAMESPACES:
            continue
        pieces = _pieces(found[1])
        if ".".join(pieces) in KNOWN:
            continue
        parameter = len(pieces) == 3 and pieces[:2] == ["job", "parameters"] and pieces[2] in parameters
        other = len(pieces) > 2 and pieces[0] == "tasks" and pieces[1] in upstream
        of_task = other and (pieces[2:] in (["run_id"], ["result_state"]) or (len(pieces) == 4 and pieces[2] == "values"))
        if not parameter and not of_task:
            yield found[0]


def time_values(prefix: str, moment: datetime) -> dict[str, str]:
    """Return the parts of a time in UTC under a prefix.

    >>> time_values("job.start_time", datetime(2026, 11, 21, 8, 5, tzinfo=UTC))["job.start_time.iso_date"]
    '2026-11-21'
    """
    parts = (
        *(moment.isoweekday(), str(moment.isoweekday() <= 5).lower(), f"{moment:%Y-%m-%d}", f"{moment:%Y-%m-%dT%H:%M:%S}"),
        *(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, int(moment.timestamp() * 1000)),
    )
    return {f"{prefix}.{name}": str(part) for name, part in zip(TIME_PARTS, parts, strict=True)}


def spelt(value: object) -> str:
    """Write a task value as a reference gives it: text as it is, everything else as JSON.

    >>> spelt(True), spelt("a"), spelt([1])
    ('true', 'a', '[1]')
    """
    return value if isinstance(value, str) else json.dumps(value)


def _pieces(name: str) -> list[str]:
    """Split a name at its dots; backticks hold what would not do as a name. Nothing where it is not one."""
    pieces: list[str] = []
    position = 0
    while found := _PIECE.match(name, position):
        pieces.append(found[1] or found[2])
        position = found.end()
        if position == len(name):
            return pieces
        if name[position] != ".":
            break
        position += 1
    return []
