"""The job of the bundle: one task for each command of the training guide, and a condition before each that may not always run.

`prepare_data → train_model → improved? → register_model → registered? → validate_model → valid? → in_prod? → deploy_model`.
A job cannot branch on an exit code, so the tasks set values (`gate_tasks`) and condition tasks compare them; where a condition does
not hold, the tasks after it are excluded and the run still succeeds. `${…}` is filled by the Databricks CLI, `{{…}}` by the job.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from databricks.sdk.service.compute import AutoScale, ClusterSpec, Library
from databricks.sdk.service.jobs import (
    ConditionTask,
    ConditionTaskOp,
    CronSchedule,
    JobCluster,
    JobEmailNotifications,
    JobParameterDefinition,
    JobRunAs,
    JobSettings,
    PythonWheelTask,
    Task,
    TaskDependency,
)

from stackhouse.errors import ConfigurationError
from stacks.databricks import orchestrator_flavor
from stacks.databricks.gate_tasks import ENTRY_POINT
from stacks.databricks.job import harden
from stacks.databricks.pins import require_pin
from stacks.databricks.quartz import to_quartz
from stacks.databricks.runtimes import NODE_TYPES, cloud_of

JOB = "ml_training_pipeline"
CLUSTER = "training"
WEEKLY = "0 2 * * 0"
"""Sundays at two in the morning."""

MODEL_FILE = "configs/models/flight_delay.yaml"
BUILT = "build/bundle"
"""Folder of the repository that the bundle's build fills: the wheel, and the pins."""

WHEEL, PINS = f"../{BUILT}/*.whl", f"${{workspace.file_path}}/{BUILT}/requirements.txt"
"""The wheel by its place beside this repository's files, which the CLI uploads and replaces; the pins where it has put them."""

SECRETS = {"ZENML_STORE_URL": "zenml-store-url", "ZENML_STORE_API_KEY": "zenml-api-key"}
"""Variables of the cluster that are taken from the secret scope, and the key of each."""


@dataclass(frozen=True)
class Setup:
    """What the job has in common with those of the orchestrator."""

    stack: str
    """The stack whose artifact store, tracker and feature store the tasks use."""
    settings: orchestrator_flavor.JobSettings
    runtime: str
    scope: str
    variables: dict[str, str]
    """Variables of every job's cluster."""
    host: str = ""
    """Address of the workspace, which tells the cloud."""
    alert_addresses: Mapping[str, str] = field(default_factory=dict)
    """Who is told by e-mail where a run fails, by environment; where it is nobody, the variable of the bundle says who."""


def define(setup: Setup) -> dict[str, Any]:
    """Return the job as the bundle's resource.

    Raises:
        ConfigurationError: where the stack asks for serverless compute.
    """
    if setup.settings.compute == "serverless":
        raise ConfigurationError(
            f"The stack '{setup.stack}' runs on serverless compute, which has no variables of its own, so that a task of the bundle could "
            "not reach the ZenML server. Set `compute: job_cluster` for its orchestrator."
        )
    zone = setup.settings.schedule_timezone or "UTC"
    return JobSettings(
        name=JOB,
        description="Features, training, and on evidence registration, validation and deployment of one model file.",
        parameters=[JobParameterDefinition(name="model_file", default=MODEL_FILE)],
        job_clusters=[JobCluster(job_cluster_key=CLUSTER, new_cluster=_cluster(setup))],
        tasks=_tasks(setup),
        schedule=CronSchedule(quartz_cron_expression=to_quartz(WEEKLY), timezone_id=zone),
        email_notifications=JobEmailNotifications(on_failure=["${var.alert_email}"]),
        run_as=JobRunAs(service_principal_name="${var.service_principal_name}"),
        tags=dict(setup.settings.job_tags or {}) | {"stackhouse_bundle": "${bundle.target}"},
        timeout_seconds=setup.settings.timeout_seconds,
        max_concurrent_runs=setup.settings.max_concurrent_runs or 1,
    ).as_dict()


def _cluster(setup: Setup) -> ClusterSpec:
    settings = setup.settings
    secrets = {name: f"{{{{secrets/{setup.scope}/{key}}}}}" for name, key in SECRETS.items()}
    cluster = ClusterSpec(
        spark_version=setup.runtime,
        node_type_id=settings.node_type_id or NODE_TYPES[cloud_of(setup.host)],
        driver_node_type_id=settings.driver_node_type_id,
        policy_id=settings.policy_id,
        num_workers=settings.num_workers,
        autoscale=_autoscale(settings) if settings.num_workers is None else None,
        spark_conf=dict(settings.spark_conf or {}) or None,
        spark_env_vars=setup.variables | (settings.spark_env_vars or {}) | secrets,
        custom_tags=dict(settings.custom_tags or {}) or None,
    )
    return harden(cluster, settings)


def _autoscale(settings: orchestrator_flavor.JobSettings) -> AutoScale:
    fewest, most = settings.autoscale
    return AutoScale(min_workers=fewest, max_workers=most)


def _tasks(setup: Setup) -> list[Task]:
    trained, registered = {"training-run": _value("train_model", "run")}, {"registration-run": _value("register_model", "run")}
    validated = {"validation-run": _value("validate_model", "run")}
    return [
        _task(setup, "prepare_data", None),
        _task(setup, "train_model", TaskDependency("prepare_data")),
        _condition("improved", TaskDependency("train_model"), _value("train_model", "verdict"), "APPROVED"),
        _task(setup, "register_model", _where("improved"), trained),
        _condition("registered", TaskDependency("register_model"), _value("register_model", "registered"), "true"),
        _task(setup, "validate_model", _where("registered"), trained | registered),
        _condition("valid", TaskDependency("validate_model"), _value("validate_model", "valid"), "true"),
        _condition("in_prod", _where("valid"), "${var.environment}", "prod"),
        _task(setup, "deploy_model", _where("in_prod"), trained | registered | validated),
    ]


def _task(setup: Setup, name: str, after: TaskDependency | None, runs: dict[str, str] | None = None) -> Task:
    given = {
        "stack": setup.stack,
        "model-file": "${workspace.file_path}/{{job.parameters.model_file}}",
        "catalog": "${var.catalog}",
        "schema": "${var.schema}",
        "environment": "${var.environment}",
        "model-name": "${var.model_name}",
        "baseline-f1": "${var.baseline_f1_score}",
        "git-sha": "${var.git_sha}",
        **(runs or {}),
    }
    settings = setup.settings
    pypi = [Library.from_dict({"pypi": {"package": require_pin(pin)}}) for pin in settings.libraries]
    return Task(
        task_key=name,
        depends_on=[after] if after else None,
        job_cluster_key=CLUSTER,
        python_wheel_task=PythonWheelTask(
            package_name="stackhouse",
            entry_point=ENTRY_POINT,
            parameters=[name, *(f"--{flag}={value}" for flag, value in given.items())],
        ),
        libraries=[Library(requirements=PINS), *pypi, Library(whl=WHEEL)],
        timeout_seconds=settings.task_timeout_seconds,
        max_retries=settings.max_retries,
        min_retry_interval_millis=settings.min_retry_interval_millis,
        retry_on_timeout=settings.retry_on_timeout,
    )


def _condition(name: str, after: TaskDependency, left: str, right: str) -> Task:
    return Task(task_key=name, depends_on=[after], condition_task=ConditionTask(op=ConditionTaskOp.EQUAL_TO, left=left, right=right))


def _where(condition: str) -> TaskDependency:
    return TaskDependency(condition, outcome="true")


def _value(task: str, key: str) -> str:
    return f"{{{{tasks.{task}.values.{key}}}}}"
