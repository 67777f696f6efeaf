"""Our Databricks orchestrator: ZenML's, with a job that can be scheduled, followed, cancelled, and cleaned up after."""

import logging
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import CronSchedule, PauseStatus, Run
from databricks.sdk.service.jobs import JobSettings as JobDefinition
from zenml.constants import METADATA_ORCHESTRATOR_URL
from zenml.enums import ExecutionMode, ExecutionStatus
from zenml.integrations.databricks.orchestrators.databricks_orchestrator import DatabricksOrchestrator
from zenml.integrations.databricks.utils.databricks_utils import build_access_control_list, build_databricks_cluster_spec
from zenml.metadata.metadata_types import MetadataType, Uri
from zenml.models import PipelineRunResponse, PipelineSnapshotResponse, ScheduleResponse, ScheduleUpdate
from zenml.orchestrators.base_orchestrator import SubmissionResult
from zenml.stack import Stack

from stackhouse.errors import ConfigurationError, InfrastructureError, StackhouseError
from stacks.databricks.client import asked, workspace_client
from stacks.databricks.following import Following, last_attempts, reason, status_of
from stacks.databricks.job import QUIET, define, harden, require_within_limits
from stacks.databricks.orchestrator_flavor import JobSettings, OrchestratorConfig
from stacks.databricks.quartz import to_quartz
from stacks.databricks.retention import KEY, ours, remove_job, remove_old, tags_of
from stacks.databricks.run_record import end_run, error_of, record_run_id
from stacks.databricks.runtimes import DEFAULT_RUNTIME, NODE_TYPES, SERVERLESS_PYTHONS, cloud_of, python_of
from stacks.databricks.upload import Baggage
from stacks.provenance import LOCK, lock_hash
from stacks.version_control import GIT_SHA, git_sha

ENDS_WITHIN_SECONDS = 120
"""How long a cancelled run may take to end."""

log = logging.getLogger("zenml.stackhouse.databricks")


class Orchestrator(DatabricksOrchestrator):
    """Runs each step of a pipeline as a task of one Databricks job."""

    @property
    def config(self) -> OrchestratorConfig:
        """The typed configuration."""
        return cast(OrchestratorConfig, self._config)

    @property
    def settings_class(self) -> type[JobSettings]:
        """Class of the settings that a pipeline may give."""
        return JobSettings

    @property
    def requirements(self) -> set[str]:
        """Nothing of ZenML's integration: the pins come from the project's lock."""
        return set()

    @property
    def supported_execution_modes(self) -> list[ExecutionMode]:
        """A task that fails stops what depends on it; a run that is followed is cancelled as a whole where the mode is fail_fast."""
        return [ExecutionMode.FAIL_FAST, ExecutionMode.CONTINUE_ON_FAILURE]

    def submit_pipeline(
        self,
        snapshot: PipelineSnapshotResponse,
        stack: Stack,
        base_environment: dict[str, str],
        step_environments: dict[str, dict[str, str]],
        placeholder_run: PipelineRunResponse | None = None,
    ) -> SubmissionResult | None:
        """Create the job and, where there is no schedule, run it. A failure leaves nothing behind in the workspace.

        Raises:
            ConfigurationError: where a setting, the schedule or a limit is wrong; nothing was uploaded.
            InfrastructureError: where the wheel cannot be built or the workspace refuses.
        """
        settings = cast(JobSettings, self.get_settings(snapshot))
        key = str(snapshot.schedule.id if snapshot.schedule else (placeholder_run or snapshot).id)
        name = f"stackhouse_{snapshot.pipeline_configuration.name}_{key[:8]}"
        steps = {step: list(configured.spec.upstream_steps) for step, configured in snapshot.step_configurations.items()}
        require_within_limits(name, list(steps))
        schedule = self._schedule(snapshot.schedule, settings)
        client = workspace_client(self.config)
        baggage = Baggage(client, self.config.folder, self.config.secret_scope, key)
        remove_old(client, self.config.folder, self.config.secret_scope)
        try:
            variables = baggage.hide_secrets(
                {**QUIET, **base_environment, **(settings.spark_env_vars or {}), GIT_SHA: git_sha(), LOCK: lock_hash()}
            )
            packages = baggage.upload(self._python(settings), settings.libraries)
            serverless = settings.compute == "serverless"
            environment_file = baggage.upload_environment(variables) if serverless else None
            tags = {
                **(settings.job_tags or {}),
                **tags_of(baggage, settings.retention_days),
                "stackhouse_pipeline": snapshot.pipeline_configuration.name,
            }
            cluster = None if serverless else self._cluster(client, settings, variables)
            retries = {step: given.config.retry for step, given in snapshot.step_configurations.items() if given.config.retry}
            job = define(name, steps, str(snapshot.id), packages, settings, cluster, environment_file, schedule, tags, retries)
            job_id = self._create(client, job, settings)
            run_id = None if schedule else self._run_now(client, job_id, key)
        except Exception:
            self._undo(baggage)
            raise
        url = f"{self.config.host.rstrip('/')}/jobs/{job_id}" + (f"/runs/{run_id}" if run_id else "")
        metadata: dict[str, MetadataType] = {METADATA_ORCHESTRATOR_URL: Uri(url), "job_id": str(job_id)}
        if run_id is None or placeholder_run is None:
            log.info("Job %s is scheduled: %s", job_id, url)
            return SubmissionResult(metadata=metadata)
        log.info("Job %s runs as %s: %s", job_id, run_id, url)
        record_run_id(placeholder_run.id, run_id)
        fail_fast = snapshot.pipeline_configuration.execution_mode is ExecutionMode.FAIL_FAST
        following = Following(client, run_id, settings.poll_seconds, settings.start_timeout_seconds, fail_fast)

        def wait() -> None:
            self._conclude(placeholder_run.id, following.to_end(), following.cancelled, url)
            if settings.retention_days == 0:
                remove_job(baggage)

        return SubmissionResult(wait_for_completion=wait if settings.synchronous else None, metadata=metadata)

    def get_pipeline_run_metadata(self, run_id: UUID) -> dict[str, MetadataType]:
        """Return the address of the run, for the dashboard."""
        return {METADATA_ORCHESTRATOR_URL: Uri(f"{self.config.host.rstrip('/')}/jobs/runs/{self.get_orchestrator_run_id()}")}

    def fetch_status(
        self,
        run: PipelineRunResponse,
        include_steps: bool = False,  # noqa: FBT001, FBT002 - ZenML's signature
    ) -> tuple[ExecutionStatus | None, dict[str, ExecutionStatus] | None]:
        """Ask the workspace how a run and its steps are.

        Raises:
            InfrastructureError: where the workspace does not know the run or does not answer.
        """
        found = self._run(workspace_client(self.config), run)
        steps = {task.task_key: status_of(task) for task in last_attempts(found)} if include_steps else None
        return status_of(found), steps

    def delete_schedule(self, schedule: ScheduleResponse) -> None:
        """Remove the job of a schedule with everything that belongs to it."""
        remove_job(Baggage(workspace_client(self.config), self.config.folder, self.config.secret_scope, str(schedule.id)))

    def update_schedule(self, schedule: ScheduleResponse, update: ScheduleUpdate) -> None:
        """Change the times of a schedule, or pause it and let it go on.

        Raises:
            InfrastructureError: where the schedule has no job in the workspace.
        """
        client = workspace_client(self.config)
        with asked(f"The schedule {schedule.name} cannot be changed"):
            job = next(iter(ours(client, str(schedule.id))), None)
        if job is None or job.settings is None or job.settings.schedule is None:
            raise InfrastructureError(f"The schedule {schedule.name} has no job in {self.config.host}. Delete it and make it again.")
        times = job.settings.schedule
        if update.cron_expression:
            times.quartz_cron_expression = to_quartz(update.cron_expression)
        if update.active is not None:
            times.pause_status = PauseStatus.UNPAUSED if update.active else PauseStatus.PAUSED
        with asked(f"The schedule {schedule.name} cannot be changed"):
            client.jobs.update(job.job_id or 0, new_settings=JobDefinition(schedule=times))

    def _stop_run(self, run: PipelineRunResponse, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - ZenML's signature
        client = workspace_client(self.config)
        found = self._run(client, run)
        if not status_of(found).is_finished:
            with asked(f"Run {found.run_id} cannot be cancelled"):
                client.jobs.cancel_run(found.run_id or 0)
            found = Following(client, found.run_id or 0, 1.0, ENDS_WITHIN_SECONDS, fail_fast=False).to_end()
        end_run(run.id, ExecutionStatus.STOPPED, "Cancelled on request.")

    def _run(self, client: WorkspaceClient, run: PipelineRunResponse) -> Run:
        if not run.orchestrator_run_id:
            raise InfrastructureError(f"Run {run.name} has not reached the workspace {self.config.host}.")
        with asked(f"Run {run.name} cannot be looked at"):
            return client.jobs.get_run(int(run.orchestrator_run_id))

    def _conclude(self, pipeline_run: UUID, run: Run, cancelled: str | None, url: str) -> None:
        """Bring ZenML's record in line with how the run ended, and raise what a local run would have raised."""
        status = status_of(run)
        if status is ExecutionStatus.COMPLETED:
            return
        failed = any(status_of(task) is ExecutionStatus.FAILED for task in last_attempts(run))
        failure = error_of(pipeline_run) if failed else None
        said = reason(run) if failed or cancelled is None else cancelled
        stopped = status is ExecutionStatus.STOPPED and cancelled is None and not failed
        final = ExecutionStatus.STOPPED if stopped else ExecutionStatus.FAILED
        end_run(pipeline_run, final, f"Run {run.run_id} ended: {said}")
        if failure is not None:
            raise failure
        raise InfrastructureError(f"The run was {'cancelled' if stopped else 'not successful'}: {said}\nTasks and logs: {url}")

    def _python(self, settings: JobSettings) -> str:
        if settings.compute == "serverless":
            if settings.environment_version not in SERVERLESS_PYTHONS:
                raise ConfigurationError(
                    f"The serverless environment {settings.environment_version} is not known; known are {', '.join(SERVERLESS_PYTHONS)}."
                )
            return SERVERLESS_PYTHONS[settings.environment_version]
        return python_of(settings.spark_version or DEFAULT_RUNTIME)

    def _cluster(self, client: WorkspaceClient, settings: JobSettings, variables: dict[str, str]) -> ClusterSpec:
        chosen = settings.model_copy(
            update={
                "node_type_id": settings.node_type_id or NODE_TYPES[cloud_of(self.config.host)],
                "spark_version": settings.spark_version or DEFAULT_RUNTIME,
            }
        )
        with asked("The cluster of the job cannot be defined"):
            return harden(build_databricks_cluster_spec(client, chosen, variables), chosen)

    def _schedule(self, schedule: ScheduleResponse | None, settings: JobSettings) -> CronSchedule | None:
        if schedule is None:
            return None
        if not schedule.cron_expression:
            raise ConfigurationError("Databricks runs a schedule by cron alone. Give `cron_expression`, e.g. '0 2 * * 0'.")
        zone = settings.schedule_timezone or "UTC"
        return CronSchedule(quartz_cron_expression=to_quartz(schedule.cron_expression), timezone_id=zone)

    def _create(self, client: WorkspaceClient, job: JobDefinition, settings: JobSettings) -> int:
        given: dict[str, Any] = {name: getattr(job, name) for name in _CREATED}
        with asked("The job cannot be created"):
            job_id = client.jobs.create(access_control_list=cast(Any, build_access_control_list(settings)), **given).job_id
        if job_id is None:
            raise InfrastructureError(f"{self.config.host} created the job without an id. Is it a Databricks workspace?")
        with asked("The job cannot be looked at"):  # the SDK repeats a request whose answer was lost, which makes a second job
            for twin in list(ours(client, (job.tags or {})[KEY], job.name)):
                if twin.job_id != job_id:
                    client.jobs.delete(twin.job_id or 0)
        return job_id

    def _run_now(self, client: WorkspaceClient, job_id: int, key: str) -> int:
        """Start the job; the token lets a request that broke off be repeated without a second run."""

        def start() -> int:
            with asked("The job cannot be started"):
                started: Any = client.jobs.run_now(job_id, idempotency_token=key).response
                return int(started.run_id)

        for _ in range(2):
            with suppress(InfrastructureError):
                return start()
        return start()

    def _undo(self, baggage: Baggage) -> None:
        try:
            remove_job(baggage)
        except StackhouseError as error:
            log.warning("What was uploaded for the job is still there: %s", error)


_CREATED = (
    "name",
    "tasks",
    "job_clusters",
    "environments",
    "schedule",
    "email_notifications",
    "tags",
    "timeout_seconds",
    "max_concurrent_runs",
)
