"""Definitions of jobs: what a request leaves out, and how an update changes what is there."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator.errors import ApiError

DEFAULTS = {"max_concurrent_runs": 1, "timeout_seconds": 0, "format": "MULTI_TASK", "email_notifications": {}}
KEYED = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key", "parameters": "name"}
"""Arrays that an update merges by key."""


@dataclass
class Job:
    """A definition."""

    job_id: int
    settings: dict[str, Any]
    creator: str
    created_time: int


def with_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a definition with what every job has."""
    return DEFAULTS | copy.deepcopy(dict(settings))


def updated(settings: Mapping[str, Any], new: Mapping[str, Any], removed: list[str]) -> dict[str, Any]:
    """Return a copy of a definition without some fields and with others replaced; arrays with keys are merged by key.

    A field to remove is a name, or `tasks/KEY` for one entry of an array with keys.

    Raises:
        ApiError: where such an array is replaced by something else.
    """
    changed = copy.deepcopy(dict(settings))
    for name in removed:
        _remove(changed, name)
    for name, value in new.items():
        changed[name] = _merged(changed.get(name), value, KEYED[name]) if name in KEYED else value
    return changed


def _merged(old: list[dict[str, Any]] | None, new: list[dict[str, Any]] | None, key: str) -> list[dict[str, Any]]:
    if not isinstance(new, list):
        raise ApiError.invalid(f"An array whose entries have a {key} is wanted.")
    entries = {entry.get(key): entry for entry in (old or []) + new if isinstance(entry, dict)}
    return list(entries.values())


def _remove(settings: dict[str, Any], name: str) -> None:
    where, _, key = name.partition("/")
    if key and where in KEYED:
        settings[where] = [entry for entry in settings.get(where) or [] if entry[KEYED[where]] != key]
    else:
        settings.pop(name, None)
