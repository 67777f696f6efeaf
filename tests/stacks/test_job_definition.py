"""The definition of a job: what Databricks gets for a pipeline."""

import pytest
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import CronSchedule
from databricks.sdk.service.jobs import JobSettings as JobDefinition
from pydantic import ValidationError
from zenml.config.retry_config import StepRetryConfig

from stackhouse.errors import ConfigurationError
from stacks.databricks import orchestrator
from stacks.databricks.job import Packages, define, harden
from stacks.databricks.orchestrator_flavor import JobSettings
from stacks.databricks.runtimes import cloud_of, python_of

STEPS = {"load_source": [], "compute_features": ["load_source"], "write": ["compute_features", "load_source"]}
PACKAGES = Packages("/Workspace/x/stackhouse.whl", "/Workspace/x/requirements.txt", ["prophet==1.1.5"])
CLUSTER = ClusterSpec(spark_version="16.4.x-scala2.12", node_type_id="m6i.xlarge", num_workers=0)


def test_job_has_one_task_for_each_step_on_one_cluster() -> None:
    job = define("training_1", STEPS, "snap", PACKAGES, JobSettings(task_timeout_seconds=60, max_retries=2), CLUSTER).as_dict()
    libraries = [
        {"requirements": "/Workspace/x/requirements.txt"},
        {"pypi": {"package": "prophet==1.1.5"}},
        {"whl": "/Workspace/x/stackhouse.whl"},
    ]
    assert [task["task_key"] for task in job["tasks"]] == ["load_source", "compute_features", "write"]
    assert job["tasks"][2] == {
        "task_key": "write",
        "depends_on": [{"task_key": "compute_features"}, {"task_key": "load_source"}],
        "job_cluster_key": "steps",
        "libraries": libraries,
        "max_retries": 2,
        "timeout_seconds": 60,
        "python_wheel_task": {
            "package_name": "stackhouse",
            "entry_point": "stackhouse-step",
            "parameters": ["--step", "write", "--snapshot", "snap", "--run", "{{job.run_id}}"],
        },
    }
    assert [cluster["job_cluster_key"] for cluster in job["job_clusters"]] == ["steps"]
    assert "environments" not in job


def test_retries_of_a_step_go_before_those_of_the_settings() -> None:
    settings = JobSettings(max_retries=3, min_retry_interval_millis=500)
    job = define(
        "training_1", STEPS, "snap", PACKAGES, settings, CLUSTER, retries={"write": StepRetryConfig(max_retries=1, delay=20)}
    ).as_dict()
    retries = {task["task_key"]: (task["max_retries"], task["min_retry_interval_millis"]) for task in job["tasks"]}
    assert retries == {"load_source": (3, 500), "compute_features": (3, 500), "write": (1, 20_000)}


def test_serverless_job_has_an_environment_and_no_cluster() -> None:
    job = define("training_1", STEPS, "snap", PACKAGES, JobSettings(compute="serverless"), None, "/Workspace/x/environment.json").as_dict()
    assert job["environments"] == [
        {
            "environment_key": "steps",
            "spec": {
                "environment_version": "3",
                "dependencies": ["-r /Workspace/x/requirements.txt", "prophet==1.1.5", "/Workspace/x/stackhouse.whl"],
            },
        }
    ]
    assert {task["environment_key"] for task in job["tasks"]} == {"steps"}
    assert all("libraries" not in task and "job_cluster_key" not in task for task in job["tasks"])
    assert job["tasks"][0]["python_wheel_task"]["parameters"][-2:] == ["--environment", "/Workspace/x/environment.json"]
    assert "job_clusters" not in job


@pytest.mark.parametrize("cluster", [CLUSTER, None], ids=["cluster", "serverless"])
def test_sdk_reads_back_what_was_defined(cluster: ClusterSpec | None) -> None:
    schedule = CronSchedule(quartz_cron_expression="0 0 2 ? * SUN", timezone_id="UTC")
    job = define("training_1", STEPS, "snap", PACKAGES, JobSettings(), cluster, schedule=schedule, tags={"team": "ml"}).as_dict()
    assert JobDefinition.from_dict(job).as_dict() == job
    assert job["schedule"] == {"quartz_cron_expression": "0 0 2 ? * SUN", "timezone_id": "UTC"}
    assert job["tags"] == {"team": "ml"}


def test_who_is_named_is_told_of_a_failure_by_e_mail_and_nobody_else() -> None:
    alerting = define("training_1", STEPS, "snap", PACKAGES, JobSettings(alert_address="ml-team@company.com"), CLUSTER).as_dict()
    assert alerting["email_notifications"] == {"on_failure": ["ml-team@company.com"]}
    assert JobDefinition.from_dict(alerting).as_dict() == alerting
    assert "email_notifications" not in define("training_1", STEPS, "snap", PACKAGES, JobSettings(), CLUSTER).as_dict()


@pytest.mark.parametrize("cluster", [CLUSTER, None], ids=["cluster", "serverless"])
def test_everything_that_is_defined_is_sent(cluster: ClusterSpec | None) -> None:
    schedule = CronSchedule(quartz_cron_expression="0 0 2 ? * SUN", timezone_id="UTC")
    settings = JobSettings(alert_address="ml-team@company.com", timeout_seconds=60, max_concurrent_runs=2)
    job = define("training_1", STEPS, "snap", PACKAGES, settings, cluster, schedule=schedule, tags={"team": "ml"}).as_dict()
    assert set(job) - set(orchestrator._CREATED) == set()


def test_who_is_told_has_to_be_an_address() -> None:
    with pytest.raises(ValidationError, match=r"alert_address is 'ml-team'\. Give one e-mail address"):
        JobSettings(alert_address="ml-team")


@pytest.mark.parametrize("tasks", [1000, 1001])
def test_job_over_the_task_limit_is_refused(tasks: int) -> None:
    steps = {f"step_{number}": [] for number in range(tasks)}
    if tasks == 1000:
        assert len(define("name", steps, "snap", PACKAGES, JobSettings(), None).tasks or []) == 1000
        return
    with pytest.raises(ConfigurationError, match=r"The job has 1001 tasks; Databricks takes 1000\. Split the pipeline\."):
        define("name", steps, "snap", PACKAGES, JobSettings(), None)


def test_step_name_over_the_limit_is_refused() -> None:
    define("name", {"s" * 100: []}, "snap", PACKAGES, JobSettings(), None)
    with pytest.raises(ConfigurationError, match="longer than 100 characters, the limit of a task"):
        define("name", {"s" * 101: []}, "snap", PACKAGES, JobSettings(), None)


def test_job_name_over_the_limit_is_refused() -> None:
    define("n" * 4096, STEPS, "snap", PACKAGES, JobSettings(), None)
    with pytest.raises(ConfigurationError, match="has 4097 characters; Databricks takes 4096"):
        define("n" * 4097, STEPS, "snap", PACKAGES, JobSettings(), None)


def test_cluster_without_workers_is_a_single_node_with_an_access_mode() -> None:
    cluster = harden(ClusterSpec(num_workers=0, spark_conf={"spark.x": "1"}), JobSettings()).as_dict()
    assert cluster == {
        "num_workers": 0,
        "data_security_mode": "SINGLE_USER",
        "spark_conf": {"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]", "spark.x": "1"},
        "custom_tags": {"ResourceClass": "SingleNode"},
    }


def test_cluster_with_workers_is_left_as_it_is() -> None:
    cluster = harden(ClusterSpec(num_workers=2), JobSettings(data_security_mode="USER_ISOLATION")).as_dict()
    assert cluster == {"num_workers": 2, "data_security_mode": "USER_ISOLATION"}


@pytest.mark.parametrize(
    ("host", "cloud"),
    [
        ("https://adb-1234567890123456.7.azuredatabricks.net", "azure"),
        ("https://1234567890123456.7.gcp.databricks.com", "gcp"),
        ("https://dbc-a1b2c3d4-e5f6.cloud.databricks.com", "aws"),
        ("http://127.0.0.1:8000", "aws"),
    ],
)
def test_cloud_follows_from_the_address(host: str, cloud: str) -> None:
    assert cloud_of(host) == cloud


@pytest.mark.parametrize(
    ("runtime", "python"),
    [("15.4.x-scala2.12", "3.11"), ("16.4.x-cpu-ml-scala2.13", "3.12"), ("18.1.x-scala2.13", "3.12"), ("18.x-scala2.13", "3.12")],
)
def test_python_follows_from_the_runtime(runtime: str, python: str) -> None:
    assert python_of(runtime) == python


@pytest.mark.parametrize("runtime", ["14.3.x-scala2.12", "15.3.x-scala2.12", "latest", ""])
def test_runtime_that_is_not_known_is_refused(runtime: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"The runtime '{runtime}' is not known here; known are 15\.4\.x"):
        python_of(runtime)


@pytest.mark.parametrize("pin", ["prophet", "prophet>=1"])
def test_library_that_is_not_pinned_is_refused(pin: str) -> None:
    with pytest.raises(ValueError, match="is not an exact pin"):
        JobSettings(libraries=[pin])
