"""The Databricks bundle: what it deploys in each target, that its files are up to date, and the work of its tasks."""

import argparse
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from databricks.sdk.service.compute import ClusterSpec
from databricks.sdk.service.jobs import CronSchedule, JobSettings

import commands.bundle
from commands.bundle import setup, write
from stackhouse.errors import ConfigurationError, InfrastructureError
from stackhouse.spec import ModelSpec
from stacks.databricks import orchestrator_flavor
from stacks.databricks.bundle import BUNDLE_FILE, JOB_FILE, bundle, bundle_files, resolve
from stacks.databricks.bundle_job import JOB, PINS, WHEEL, Setup, define
from stacks.databricks.check_job import check_job
from stacks.databricks.gate_tasks import main, overridden
from stacks.databricks.job import Packages, harden
from stacks.databricks.job import define as define_steps
from stacks.databricks.pins import pins
from tests.conftest import PROJECT
from tests.pipelines.conftest import small_model

SETUP = Setup("databricks", orchestrator_flavor.JobSettings(), "16.4.x-scala2.12", "stackhouse", {"DO_NOT_TRACK": "true"})
TARGETS = ("dev", "aut", "prod")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = "/Workspace/Users/me@example.org/.bundle/stackhouse/files"


def deployed(target: str, given: Setup = SETUP) -> dict[str, Any]:
    """The job as the CLI hands it to the workspace: references filled, the wheel uploaded."""
    known = {"workspace.file_path": FILES, "bundle.git.commit": COMMIT}
    job = resolve(define(given), bundle(given), target, known)
    found: dict[str, Any] = json.loads(json.dumps(job).replace(WHEEL, "/Workspace/x/.internal/stackhouse-0.1.0-py3-none-any.whl"))
    return found


def tasks_of(job: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["task_key"]: task for task in job["tasks"]}


@pytest.fixture(autouse=True)
def _no_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)


# What is deployed


@pytest.mark.parametrize("target", TARGETS)
def test_job_of_each_target_is_what_the_sdk_understands(target: str) -> None:
    job = deployed(target)
    assert check_job(job) == []
    assert JobSettings.from_dict(job).as_dict() == job


def test_variables_have_the_names_and_defaults_of_the_guide() -> None:
    assert {name: variable["default"] for name, variable in bundle(SETUP)["variables"].items()} == {
        "catalog": "mlops_dev",
        "schema": "my_model",
        "environment": "dev",
        "model_name": "my_classifier",
        "baseline_f1_score": "0.75",
        "git_sha": "${bundle.git.commit}",
        "alert_email": "ml-team@company.com",
        "service_principal_name": "sp-databricks-dev",
    }


def test_targets_are_those_of_the_guide() -> None:
    targets = bundle(SETUP)["targets"]
    assert {name: target["mode"] for name, target in targets.items()} == {"dev": "development", "aut": "production", "prod": "production"}
    assert [name for name, target in targets.items() if target.get("default")] == ["dev"]
    words = {target: tasks_of(deployed(target))["train_model"]["python_wheel_task"]["parameters"] for target in TARGETS}
    assert words["dev"][3:] == [
        "--catalog=mlops_dev",
        "--schema=my_model",
        "--environment=dev",
        "--model-name=my_classifier",
        "--baseline-f1=0.70",
        f"--git-sha={COMMIT}",
    ]
    assert {"--catalog=mlops_aut", "--environment=aut", "--baseline-f1=0.80"} <= set(words["aut"])
    assert {"--catalog=mlops_prod", "--environment=prod", "--baseline-f1=0.85"} <= set(words["prod"])


def test_register_validate_and_deploy_each_wait_for_a_condition() -> None:
    tasks = tasks_of(deployed("prod"))
    assert {name: task.get("depends_on") for name, task in tasks.items()} == {
        "prepare_data": None,
        "train_model": [{"task_key": "prepare_data"}],
        "improved": [{"task_key": "train_model"}],
        "register_model": [{"task_key": "improved", "outcome": "true"}],
        "registered": [{"task_key": "register_model"}],
        "validate_model": [{"task_key": "registered", "outcome": "true"}],
        "valid": [{"task_key": "validate_model"}],
        "in_prod": [{"task_key": "valid", "outcome": "true"}],
        "deploy_model": [{"task_key": "in_prod", "outcome": "true"}],
    }
    assert {name: task["condition_task"] for name, task in tasks.items() if "condition_task" in task} == {
        "improved": {"left": "{{tasks.train_model.values.verdict}}", "op": "EQUAL_TO", "right": "APPROVED"},
        "registered": {"left": "{{tasks.register_model.values.registered}}", "op": "EQUAL_TO", "right": "true"},
        "valid": {"left": "{{tasks.validate_model.values.valid}}", "op": "EQUAL_TO", "right": "true"},
        "in_prod": {"left": "prod", "op": "EQUAL_TO", "right": "prod"},
    }
    assert {target: tasks_of(deployed(target))["in_prod"]["condition_task"]["left"] for target in TARGETS} == {
        "dev": "dev",
        "aut": "aut",
        "prod": "prod",
    }


def test_later_tasks_take_the_runs_of_those_before() -> None:
    words = tasks_of(deployed("dev"))["deploy_model"]["python_wheel_task"]["parameters"]
    assert words[0] == "deploy_model"
    assert words[-3:] == [
        "--training-run={{tasks.train_model.values.run}}",
        "--registration-run={{tasks.register_model.values.run}}",
        "--validation-run={{tasks.validate_model.values.run}}",
    ]


def test_job_runs_as_the_service_principal_weekly_and_tells_of_failures() -> None:
    job = deployed("aut")
    assert job["run_as"] == {"service_principal_name": "sp-databricks-aut"}
    assert job["email_notifications"] == {"on_failure": ["ml-team@company.com"]}
    assert job["schedule"] == {"quartz_cron_expression": "0 0 2 ? * SUN", "timezone_id": "UTC"}
    assert job["parameters"] == [{"name": "model_file", "default": "configs/models/flight_delay.yaml"}]


def test_the_address_of_an_environment_is_told_of_failures_in_its_target_alone() -> None:
    given = replace(SETUP, alert_addresses={"dev": "", "aut": "qa@company.com", "prod": "on-call@company.com"})
    told = {target: deployed(target, given)["email_notifications"]["on_failure"] for target in TARGETS}
    assert told == {"dev": ["ml-team@company.com"], "aut": ["qa@company.com"], "prod": ["on-call@company.com"]}
    assert "alert_email" not in bundle(given)["targets"]["dev"]["variables"]


def test_the_bundle_takes_addresses_of_the_environments_files(monkeypatch: pytest.MonkeyPatch) -> None:
    read = commands.bundle.read_environment
    monkeypatch.setattr(commands.bundle, "read_environment", lambda name: read(name).model_copy(update={"alert_address": f"{name}@a.org"}))
    assert setup("databricks").alert_addresses == {"dev": "dev@a.org", "aut": "aut@a.org", "prod": "prod@a.org"}


def test_tasks_install_the_pins_before_the_wheel_on_one_cluster() -> None:
    job = deployed("dev", replace(SETUP, settings=orchestrator_flavor.JobSettings(libraries=["prophet==1.1.5"])))
    assert {json.dumps(task["libraries"]) for task in job["tasks"] if "libraries" in task} == {
        json.dumps(
            [
                {"requirements": f"{FILES}/build/bundle/requirements.txt"},
                {"pypi": {"package": "prophet==1.1.5"}},
                {"whl": "/Workspace/x/.internal/stackhouse-0.1.0-py3-none-any.whl"},
            ]
        )
    }
    assert {task["job_cluster_key"] for task in job["tasks"] if "python_wheel_task" in task} == {"training"}


def test_cluster_holds_no_secret_but_references() -> None:
    cluster = deployed("dev")["job_clusters"][0]["new_cluster"]
    assert cluster["spark_env_vars"] == {
        "DO_NOT_TRACK": "true",
        "ZENML_STORE_URL": "{{secrets/stackhouse/zenml-store-url}}",
        "ZENML_STORE_API_KEY": "{{secrets/stackhouse/zenml-api-key}}",
    }
    assert (cluster["data_security_mode"], cluster["spark_version"]) == ("SINGLE_USER", "16.4.x-scala2.12")


@pytest.mark.parametrize(
    ("host", "node_type"),
    [
        ("", "m6i.xlarge"),
        ("https://dbc-1.cloud.databricks.com", "m6i.xlarge"),
        ("https://adb-1.7.azuredatabricks.net", "Standard_D4s_v5"),
        ("https://1.gcp.databricks.com", "n2-standard-4"),
    ],
)
def test_node_type_is_one_of_the_workspaces_cloud(host: str, node_type: str) -> None:
    assert define(replace(SETUP, host=host))["job_clusters"][0]["new_cluster"]["node_type_id"] == node_type


def test_settings_of_the_stack_reach_the_job() -> None:
    settings = orchestrator_flavor.JobSettings(
        num_workers=None,
        autoscale=(1, 4),
        max_retries=2,
        min_retry_interval_millis=60_000,
        task_timeout_seconds=600,
        job_tags={"team": "ml"},
    )
    job = deployed("dev", replace(SETUP, settings=settings))
    assert check_job(job) == []
    assert job["job_clusters"][0]["new_cluster"]["autoscale"] == {"min_workers": 1, "max_workers": 4}
    assert job["tags"] == {"team": "ml", "stackhouse_bundle": "dev"}
    assert {(task.get("max_retries"), task.get("timeout_seconds")) for task in job["tasks"] if "python_wheel_task" in task} == {(2, 600)}
    assert all("max_retries" not in task for task in job["tasks"] if "condition_task" in task)


def test_serverless_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="compute: job_cluster"):
        bundle_files(replace(SETUP, settings=orchestrator_flavor.JobSettings(compute="serverless")))


# The files


def test_files_of_the_repository_are_up_to_date() -> None:
    assert write("databricks", PROJECT, check=True) == 0


def test_check_tells_a_file_that_was_changed_or_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write("databricks", tmp_path, check=True) == 1
    assert write("databricks", tmp_path, check=False) == 0
    assert write("databricks", tmp_path, check=True) == 0
    (tmp_path / JOB_FILE).write_text("resources: {}\n", encoding="utf-8")
    capsys.readouterr()
    assert write("databricks", tmp_path, check=True) == 1
    assert capsys.readouterr().out.split("\n")[:2] == ["databricks.yml  up to date", "resources/ml_training_pipeline.yml  differs"]
    assert (tmp_path / JOB_FILE).read_text(encoding="utf-8") == "resources: {}\n"


def test_files_read_back_are_what_was_meant(tmp_path: Path) -> None:
    write("databricks", tmp_path, check=False)
    assert yaml.safe_load((tmp_path / BUNDLE_FILE).read_text(encoding="utf-8")) == bundle(setup("databricks"))
    assert yaml.safe_load((tmp_path / JOB_FILE).read_text(encoding="utf-8")) == {"resources": {"jobs": {JOB: define(setup("databricks"))}}}


def test_workspace_address_of_the_environment_decides_the_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "https://adb-1.7.azuredatabricks.net")
    assert define(setup("databricks"))["job_clusters"][0]["new_cluster"]["node_type_id"] == "Standard_D4s_v5"
    assert "azuredatabricks" not in "".join(bundle_files(setup("databricks")).values())


def test_a_stack_that_is_not_on_databricks_makes_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not run on Databricks"):
        write("local", tmp_path, check=False)
    with pytest.raises(ConfigurationError, match="There is no stack 'nowhere'"):
        write("nowhere", tmp_path, check=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "resources").write_text("a file", encoding="utf-8")
    with pytest.raises(InfrastructureError, match="resources"):
        write("databricks", tmp_path, check=False)


# The check of definitions


def steps(**settings: Any) -> dict[str, Any]:
    """The job that the orchestrator makes of three steps."""
    given = orchestrator_flavor.JobSettings(**settings)
    cluster = ClusterSpec(spark_version="16.4.x-scala2.12", node_type_id="m6i.xlarge", num_workers=0)
    serverless = given.compute == "serverless"
    return define_steps(
        "training_1",
        {"load": [], "fit": ["load"], "judge": ["fit", "load"]},
        "snapshot",
        Packages("/Workspace/x/stackhouse.whl", "/Workspace/x/requirements.txt", ["prophet==1.1.5"]),
        given,
        None if serverless else harden(cluster, given),
        "/Workspace/x/environment.json" if serverless else None,
        CronSchedule("0 0 2 ? * SUN", "UTC"),
        {"stackhouse_key": "k"},
    ).as_dict()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"compute": "serverless", "environment_version": "4"},
        {"max_retries": 3, "min_retry_interval_millis": 300_000, "retry_on_timeout": True},
        {"timeout_seconds": 3600, "task_timeout_seconds": 600, "max_concurrent_runs": 4},
        {"data_security_mode": "DATA_SECURITY_MODE_DEDICATED"},
    ],
    ids=["default", "serverless", "retries", "timeouts", "dedicated"],
)
def test_jobs_of_the_orchestrator_are_what_the_sdk_understands(settings: dict[str, Any]) -> None:
    assert check_job(steps(**settings)) == []


def changed(path: str, value: Any) -> dict[str, Any]:
    """The bundle's job with one value changed; `path` as in `tasks.2.condition_task.op`. `None` removes it."""
    job = deployed("dev")
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    place: Any = job
    for part in way:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return job


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("time_out", 5, "time_out: 5 is not known here"),
        ("tasks.0.python_wheel_task.entry_pont", "x", 'tasks[0].python_wheel_task.entry_pont: "x" is not known here'),
        ("tasks.2.condition_task.op", "EQUALS", 'tasks[2].condition_task.op: "EQUALS" is not known here'),
        (
            "job_clusters.0.new_cluster.data_security_mode",
            "SINGLE",
            'job_clusters[0].new_cluster.data_security_mode: "SINGLE" is not known here',
        ),
        ("schedule.pause_status", "ON", 'schedule.pause_status: "ON" is not known here'),
        ("tasks", "none", "cannot be read as a job"),
        ("run_as.service_principal_name", "${var.principal}", "run_as.service_principal_name: ${var.principal} is not filled"),
        ("tasks.1.depends_on.0.task_key", "prepare", "task train_model: depends on prepare, which is no task of the job"),
        (
            "tasks.1.depends_on.0.outcome",
            "true",
            "task train_model: waits for the outcome 'true' of prepare_data; only a condition has one",
        ),
        ("tasks.3.depends_on.0.outcome", "yes", "task register_model: waits for the outcome 'yes' of improved"),
        ("tasks.0.job_cluster_key", "other", "task prepare_data: job_cluster_key other is none of the job's"),
        ("tasks.0.job_cluster_key", None, "task prepare_data: has to name one of job_cluster_key"),
        ("tasks.2.job_cluster_key", "training", "task improved: a condition takes no compute and no libraries"),
        ("tasks.0.python_wheel_task", None, "task prepare_data: has to be of one kind, is of none"),
        ("tasks.0.task_key", "train_model", "tasks: two have the same task_key"),
        ("tasks.0.python_wheel_task.parameters.0", "{{tasks.train_model.values.run}}", "task prepare_data: reads a value of train_model"),
        ("tasks.0.python_wheel_task.parameters.0", "{{job.parameters.model}}", "task prepare_data: reads the job parameter model"),
        ("tasks.0.python_wheel_task.parameters.0", "x" * 10_001, "task prepare_data: its parameters are longer than 10000 bytes"),
        ("name", "n" * 4097, "The job's name has 4097 characters"),
    ],
)
def test_a_definition_that_databricks_would_refuse_is_found(path: str, value: Any, problem: str) -> None:
    assert any(found.startswith(problem) for found in check_job(changed(path, value))), check_job(changed(path, value))


# What the tasks do


@pytest.fixture(scope="module")
def local() -> str:
    from stacks.definition import bring_up, read_definition

    return bring_up(read_definition("local"))


@pytest.fixture(scope="module")
def approved(local: str) -> tuple[ModelSpec, dict[str, Any]]:
    """A model, and the values of `train_model` for it."""
    from stacks.databricks.bundle_pipelines import prepare_data, train

    model = ModelSpec.model_validate(small_model("gated")["parameters"]["model"])
    assert prepare_data(model)["feature_table_version"] == "1"
    return model, train(model)


def test_train_registers_nothing(approved: tuple[ModelSpec, dict[str, Any]]) -> None:
    from stacks.registry import Registry
    from stacks.tracking import tracking_client

    model, values = approved
    assert values["verdict"] == "APPROVED"
    assert Registry(tracking_client()).next_version(model.registered_name) == 1


def test_tasks_after_an_approval_register_validate_and_deploy_one_version(approved: tuple[ModelSpec, dict[str, Any]]) -> None:
    from stacks.databricks.bundle_pipelines import deploy, register, validate
    from stacks.registry import Registry
    from stacks.tracking import tracking_client

    model, trained = approved
    registry, name = Registry(tracking_client()), model.registered_name
    registered = register(model, trained["run"])
    assert (registered["registered"], registered["version"]) == (True, "1")
    again = register(model, trained["run"])
    assert (again["registered"], again["version"]) == (True, "1")
    checked = validate(model, trained["run"], str(registered["run"]))
    assert checked["valid"] is True
    assert registry.version_by_alias(name, "champion") is None
    deployed_values = deploy(model, trained["run"], str(registered["run"]), str(checked["run"]))
    assert deployed_values["promoted"] is True
    assert str(registry.version_by_alias(name, "champion").version) == "1"


def test_a_model_below_the_baseline_is_rejected_and_never_registered(approved: tuple[ModelSpec, dict[str, Any]]) -> None:
    from stacks.databricks.bundle_pipelines import register, train

    model = approved[0].model_copy(update={"name": "below", "gates": approved[0].gates.model_copy(update={"baseline_f1": 0.999})})
    values = train(model)
    assert values["verdict"] == "REJECTED"
    assert register(model, str(values["run"]))["registered"] is False  # were the condition left out, the registry would stay empty too


def test_a_run_that_the_server_does_not_have_is_named(local: str) -> None:
    from stacks.databricks.bundle_pipelines import made

    with pytest.raises(InfrastructureError, match="has no 'model' of step train_model in run 00000000-0000-0000-0000-000000000000"):
        made("00000000-0000-0000-0000-000000000000", "train_model", "model")


def test_variables_of_the_bundle_take_the_place_of_the_model_files() -> None:
    given = argparse.Namespace(model_name="m", catalog="c", schema="s", environment="prod", baseline_f1=0.85)
    model = overridden(small_model("other", gates={"minimum": {"roc_auc": 0.6}})["parameters"]["model"], given)
    spec = ModelSpec.model_validate(model)
    assert (spec.registered_name, spec.feature_table, spec.environment) == ("c.s.m", "c.s.route_day_features", "prod")
    assert (spec.gates.baseline_f1, dict(spec.gates.minimum)) == (0.85, {"roc_auc": 0.6})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train"], "invalid choice: 'train'"),
        (["train_model", "--baseline-f1=high"], "invalid float value: 'high'"),
        (["train_model", "--environment=production"], "invalid choice: 'production'"),
        (["train_model"], "--stack"),
    ],
)
def test_a_task_says_which_argument_is_wrong(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert said in capsys.readouterr().err


def test_a_task_without_the_run_before_it_is_refused() -> None:
    names = ["--stack=s", "--model-file=f", "--catalog=c", "--schema=s", "--environment=dev", "--model-name=m", "--baseline-f1=0.5"]
    with pytest.raises(SystemExit, match="register_model needs --training-run"):
        main(["register_model", *names])


# What is built


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from stacks.databricks.bundle_build import build

    return build("3.12", tmp_path_factory.mktemp("bundle") / "built")


def test_wheel_starts_tasks_as_well_as_steps(built: Path) -> None:
    archive = zipfile.ZipFile(built)
    content = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert content.splitlines() == [
        "[console_scripts]",
        "stackhouse-step = stacks.databricks.task:main",
        "stackhouse-task = stacks.databricks.gate_tasks:main",
    ]
    assert {"stacks/databricks/bundle_pipelines.py", "pipelines/feature_engineering.py"} <= set(archive.namelist())


def test_pins_beside_the_wheel_are_exact_and_without_markers(built: Path) -> None:
    text = (built.parent / "requirements.txt").read_text(encoding="utf-8")
    assert pins(text)["zenml"] == "0.98.0"
    assert ";" not in text
    assert "--hash=sha256:" in text


def test_a_second_build_leaves_one_wheel(tmp_path: Path) -> None:
    from stacks.databricks.bundle_build import build

    folder = tmp_path / "built"
    folder.mkdir()
    (folder / "stackhouse-0.0.1-py3-none-any.whl").touch()
    wheel = build("3.12", folder)
    assert sorted(folder.iterdir()) == sorted([folder / "requirements.txt", wheel])
    assert wheel.name != "stackhouse-0.0.1-py3-none-any.whl"


def test_build_for_a_python_without_pins_is_refused_and_leaves_what_was_built(built: Path) -> None:
    from stacks.databricks.bundle_build import build

    with pytest.raises(ConfigurationError, match=r"3\.9"):
        build("3.9", built.parent)
    assert built.is_file()


def test_pins_and_wheel_of_the_job_are_what_is_built() -> None:
    files = bundle(SETUP)
    assert files["artifacts"]["wheel"]["files"] == [{"source": "build/bundle/*.whl"}]
    assert files["artifacts"]["wheel"]["build"] == ".venv/bin/python -m stacks.databricks.bundle_build 3.12"
    assert f"../{files['artifacts']['wheel']['files'][0]['source']}" == WHEEL
    assert files["sync"]["include"] == [PINS.removeprefix("${workspace.file_path}/")]
