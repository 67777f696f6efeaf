"""The definition of a job: one task for each step, on one cluster or on serverless compute. Nothing here talks to a workspace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databricks.sdk.service.compute import ClusterSpec, DataSecurityMode, Environment, Library, PythonPyPiLibrary
from databricks.sdk.service.jobs import (
    CronSchedule,
    JobCluster,
    JobEmailNotifications,
    JobEnvironment,
    PythonWheelTask,
    Task,
    TaskDependency,
)
from databricks.sdk.service.jobs import JobSettings as JobDefinition
from zenml.config.retry_config import StepRetryConfig

from stackhouse.errors import ConfigurationError
from stacks.databricks.orchestrator_flavor import JobSettings

MAX_TASKS, MAX_NAME, MAX_TASK_KEY = 1000, 4096, 100
"""Limits of a job. Source: Jobs API, create."""

CLUSTER, ENVIRONMENT = "steps", "steps"
RUN_ID = "{{job.run_id}}"
"""Reference that Databricks resolves anew for each firing. Source: dynamic value references."""

SINGLE_NODE = {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"}
"""What makes a cluster without workers a cluster of one node. Source: Clusters API, num_workers."""

QUIET = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
}
"""Variables of every job's cluster: ZenML and MLflow are quiet and never phone home."""


@dataclass(frozen=True)
class Packages:
    """What a task installs, all of it in the workspace: the wheel, the pins, and further pins by name."""

    wheel: str
    requirements: str
    further: Sequence[str] = ()

    def libraries(self) -> list[Library]:
        """As libraries of a cluster; the pins come first, so that the wheel finds what it needs."""
        pypi = [Library(pypi=PythonPyPiLibrary(package=pin)) for pin in self.further]
        return [Library(requirements=self.requirements), *pypi, Library(whl=self.wheel)]

    def dependencies(self) -> list[str]:
        """As dependencies of a serverless environment."""
        return [f"-r {self.requirements}", *self.further, self.wheel]


def define(
    name: str,
    steps: Mapping[str, Sequence[str]],
    snapshot: str,
    packages: Packages,
    settings: JobSettings,
    cluster: ClusterSpec | None,
    environment_file: str | None = None,
    schedule: CronSchedule | None = None,
    tags: Mapping[str, str] = {},
    retries: Mapping[str, StepRetryConfig] = {},
) -> JobDefinition:
    """Return the definition of a job; `steps` holds the steps by name with those that each waits for.

    `retries` holds ZenML's own retries of a step, which go before those of the settings; its backoff has no counterpart in a job.

    Raises:
        ConfigurationError: where the job is over a limit of Databricks.
    """
    require_within_limits(name, list(steps))
    where = {"environment_key": ENVIRONMENT} if cluster is None else {"job_cluster_key": CLUSTER, "libraries": packages.libraries()}
    also = ["--environment", environment_file] if environment_file else []
    tasks = [
        Task(
            task_key=step,
            depends_on=[TaskDependency(task_key=upstream) for upstream in sorted(upstreams)] or None,
            python_wheel_task=PythonWheelTask(
                package_name="stackhouse",
                entry_point="stackhouse-step",
                parameters=["--step", step, "--snapshot", snapshot, "--run", RUN_ID, *also],
            ),
            timeout_seconds=settings.task_timeout_seconds,
            max_retries=retries[step].max_retries if step in retries else settings.max_retries,
            min_retry_interval_millis=retries[step].delay * 1000 if step in retries else settings.min_retry_interval_millis,
            retry_on_timeout=settings.retry_on_timeout,
            **where,
        )
        for step, upstreams in steps.items()
    ]
    spec = Environment(environment_version=settings.environment_version, dependencies=packages.dependencies())
    return JobDefinition(
        name=name,
        tasks=tasks,
        job_clusters=[JobCluster(job_cluster_key=CLUSTER, new_cluster=cluster)] if cluster else None,
        environments=None if cluster else [JobEnvironment(environment_key=ENVIRONMENT, spec=spec)],
        schedule=schedule,
        email_notifications=JobEmailNotifications(on_failure=[settings.alert_address]) if settings.alert_address else None,
        tags=dict(tags),
        timeout_seconds=settings.timeout_seconds,
        max_concurrent_runs=settings.max_concurrent_runs,
    )


def harden(cluster: ClusterSpec, settings: JobSettings) -> ClusterSpec:
    """Add what ZenML leaves out of a cluster: the access mode, and that one without workers is a single node."""
    cluster.data_security_mode = DataSecurityMode(settings.data_security_mode)
    if cluster.num_workers == 0:
        cluster.spark_conf = SINGLE_NODE | (cluster.spark_conf or {})
        cluster.custom_tags = {"ResourceClass": "SingleNode"} | (cluster.custom_tags or {})
    return cluster


def require_within_limits(name: str, steps: Sequence[str]) -> None:
    """Refuse what Databricks would refuse after the upload.

    Raises:
        ConfigurationError: naming the limit.
    """
    if len(steps) > MAX_TASKS:
        raise ConfigurationError(f"The job has {len(steps)} tasks; Databricks takes {MAX_TASKS}. Split the pipeline.")
    if long := [step for step in steps if len(step) > MAX_TASK_KEY]:
        raise ConfigurationError(f"The step names {long} are longer than {MAX_TASK_KEY} characters, the limit of a task. Shorten them.")
    if len(name) > MAX_NAME:
        raise ConfigurationError(f"The job's name has {len(name)} characters; Databricks takes {MAX_NAME}. Shorten the pipeline's name.")
