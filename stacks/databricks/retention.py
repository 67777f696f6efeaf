"""Removal of what earlier jobs left in the workspace: definitions, folders and secrets, after the days that a setting gives them."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import BaseJob

from stackhouse.errors import StackhouseError
from stacks.databricks.client import asked
from stacks.databricks.upload import Baggage

KEY = "stackhouse_key"
"""Tag of every job of ours: it names the job's folder and secrets too."""

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


def remove_old(client: WorkspaceClient, folder: str, scope: str, retention_days: int) -> int:
    """Remove the jobs without a schedule that were made before the retention, and are not running; return how many.

    A failure is logged and stops nothing: what is left is tried again by the next submission.
    """
    limit = datetime.now(UTC) - timedelta(days=retention_days)
    removed = 0
    try:
        with asked("Old jobs cannot be looked through"):
            for job in list(ours(client)):
                made = datetime.fromtimestamp((job.created_time or 0) / 1000, UTC)
                scheduled = job.settings is not None and job.settings.schedule is not None
                if scheduled or made >= limit or any(True for _ in client.jobs.list_runs(job_id=job.job_id, active_only=True)):
                    continue
                remove_job(Baggage(client, folder, scope, str((job.settings.tags or {})[KEY] if job.settings else "")))
                removed += 1
    except StackhouseError as error:
        log.warning("%s", error)
    return removed
