"""Removal of what earlier jobs left in the workspace: definitions, folders and secrets, after the days that a setting gives them."""

import hashlib
import logging
import time
from collections.abc import Iterator

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import BaseJob

from stackhouse.errors import StackhouseError
from stacks.databricks.client import asked
from stacks.databricks.upload import Baggage

KEY = "stackhouse_key"
"""Tag of every job of ours: it names the job's folder and secrets too."""

PLACE, RETENTION = "stackhouse_place", "stackhouse_retention_days"
"""Tags of a job: which folder and scope hold what belongs to it, and for how many days it is kept."""

DAY_SECONDS = 24 * 60 * 60
START_SECONDS = 60 * 60
"""For how long a job that has never run may still be about to be started by who made it."""

log = logging.getLogger(__name__)


def ours(client: WorkspaceClient, key: str | None = None, name: str | None = None) -> Iterator[BaseJob]:
    """Give the jobs of ours in a workspace, all or those with one key; a name makes the search short."""
    for job in client.jobs.list(expand_tasks=False, name=name):
        tag = (job.settings.tags or {}).get(KEY) if job.settings else None
        if tag is not None and key in {None, tag}:
            yield job


def remove_job(baggage: Baggage) -> None:
    """Remove every job with this key, and its folder and secrets; may be called again.

    Raises:
        InfrastructureError: where the workspace refuses.
    """
    with asked(f"The jobs of {baggage.key} cannot be removed"):
        for job in list(ours(baggage.client, baggage.key)):
            try:
                baggage.client.jobs.delete(job.job_id or 0)
            except NotFound:
                continue
    baggage.remove()


def remove_old(client: WorkspaceClient, folder: str, scope: str) -> int:
    """Remove the jobs of this folder and scope whose own retention is over; return how many.

    What is scheduled or running is left, and so is what has not run yet in its first hour: another client may be about to start it. Jobs
    without the tags of place and retention, those of other places and of earlier releases, are left alone.

    A failure is logged and stops nothing: what is left is tried again by the next submission.
    """
    removed = 0
    try:
        with asked("Old jobs cannot be looked through"):
            for job in list(ours(client)):
                tags = (job.settings.tags or {}) if job.settings else {}
                if tags.get(PLACE) == place_of(folder, scope) and _is_over(client, job, tags.get(RETENTION, "")):
                    remove_job(Baggage(client, folder, scope, tags[KEY]))
                    removed += 1
    except StackhouseError as error:
        log.warning("%s", error)
    return removed


def tags_of(baggage: Baggage, retention_days: int) -> dict[str, str]:
    """Return the tags of a job: its key, where that which belongs to it lies, and how long it is kept."""
    return {KEY: baggage.key, PLACE: place_of(baggage.folder, baggage.scope), RETENTION: str(retention_days)}


def place_of(folder: str, scope: str) -> str:
    """Return a digest of folder and secret scope that may be a tag.

    Source: tags of a job become labels of its cluster; on Google Cloud a value has at most 63 characters, letters, digits, `-`, `_`, `.`.
    """
    return hashlib.sha256(f"{folder.rstrip('/')}\n{scope}".encode()).hexdigest()[:32]


def _is_over(client: WorkspaceClient, job: BaseJob, days: str) -> bool:
    scheduled = job.settings is not None and job.settings.schedule is not None
    age = time.time() - (job.created_time or 0) / 1000
    if scheduled or not days.isdecimal() or age <= int(days) * DAY_SECONDS:
        return False
    if age <= START_SECONDS and not any(True for _ in client.jobs.list_runs(job_id=job.job_id)):
        return False
    return not any(True for _ in client.jobs.list_runs(job_id=job.job_id, active_only=True))
