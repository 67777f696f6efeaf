"""The catalogue: every shipped model file made small goes from its source to a verdict, and `stackhouse train` compares them."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.entities import Run

from stackhouse.spec import ModelSpec
from tests.conftest import PROJECT
from tests.pipelines.conftest import Runs, call

FILES = sorted((PROJECT / "configs/models").glob("*.yaml"))
ONE_A_TASK = {"flight_outcome", "weather_anomaly", "flight_delay_minutes"}
"""Binary classification is what the other tests of pipelines run."""
ONE_A_TASK_AND_THE_OTHERS = [pytest.param(file, marks=() if file.stem in ONE_A_TASK else pytest.mark.slow) for file in FILES]
SMALLER: dict[str, dict[str, Any]] = {
    "nycflights13": {"days": 60},
    "account": {"days": 70, "workspaces": 3, "jobs_per_workspace": 4},
    "customers": {"rows": 800},
}
TAGS = ("project", "domain", "model_name", "model_type", "algorithm", "use_case", "feature_engineering", "training_data")


def small(file: Path) -> dict[str, Any]:
    """The file with few rows, its first candidate with few trees, few trials, and no gate that so few rows could miss."""
    model: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["parameters"]["model"]
    model["source"] = {**model["source"], **SMALLER[model["source"]["kind"]]}
    model["algorithms"] = [{**model["algorithms"][0], "n_estimators": 10}]
    if search := model.get("tuning", {}).get("search"):
        search["trials"] = 3
    model["schema"] = "catalogue"
    for section in ("gates", "validation"):
        model.pop(section, None)
    model["leaks"] = {
        "max_auc": 0.999,  # of so few rows one feature may tell more than of all
        "max_r2": 0.999,
        "accepted": [{"check": "outcome_column", "name": "total_runs", "reason": "So small an account runs its jobs alike on every day."}],
    }
    model["features"]["table"] = f"{model['name']}_features"
    model["label"]["table"] = f"{model['name']}_labels"
    return model


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_file_is_named_as_its_model_and_is_valid(file: Path) -> None:
    model = yaml.safe_load(file.read_text(encoding="utf-8"))["parameters"]["model"]
    assert ModelSpec.model_validate(model).name == file.stem


@pytest.mark.parametrize("file", ONE_A_TASK_AND_THE_OTHERS, ids=lambda file: file.stem)
def test_model_goes_from_its_source_to_a_verdict_and_is_on_record(
    file: Path, run_model: Callable[[dict[str, Any]], Runs], mlflow_client: MlflowClient
) -> None:
    model = small(file)
    spec = ModelSpec.model_validate(model)
    runs = run_model(model)
    evaluation, verdict = runs.report("evaluate_model", "evaluation"), runs.report("evaluate_model", "verdict")
    assert verdict.outcome in {"APPROVED", "REJECTED"}
    assert evaluation.task == spec.answers.name
    assert evaluation.test
    assert all(math.isfinite(value) for value in evaluation.test.values())
    record = runs.report("train_model", "model").record
    found = mlflow_client.get_run(record.run_id)
    assert {tag: found.data.tags[tag] for tag in ("model_name", "model_type")} == {"model_name": spec.name, "model_type": spec.answers.name}
    assert all(searched(mlflow_client, found, tag) for tag in TAGS)
    if verdict.approved:
        assert runs.report("validate_model", "model_checks").passed


def searched(client: MlflowClient, run: Run, tag: str) -> bool:
    """Whether a search by one of the eight tags finds the run."""
    value = run.data.tags[tag].replace("'", "\\'") if "'" not in run.data.tags[tag] else None
    filtered = f"tags.{tag} = '{value}'" if value is not None else f'tags.{tag} = "{run.data.tags[tag]}"'
    return run.info.run_id in {found.info.run_id for found in client.search_runs([run.info.experiment_id], filtered)}


def test_train_compares_its_models_and_one_that_is_stopped_does_not_stop_the_next(tmp_path: Path) -> None:
    for stem, changes in (
        ("customer_churn", {"gates": {"minimum": {"roc_auc": 0.999}}}),
        ("sla_breach", {"validation": {"min_rows": 10**6}}),
    ):
        model = {**small(PROJECT / f"configs/models/{stem}.yaml"), **changes}
        (tmp_path / f"{stem}.yaml").write_text(yaml.safe_dump({"parameters": {"model": model}}), encoding="utf-8")
    good = small(PROJECT / "configs/models/weather_anomaly.yaml")
    (tmp_path / "weather.yaml").write_text(yaml.safe_dump({"parameters": {"model": good}}), encoding="utf-8")
    files = [str(tmp_path / f"{stem}.yaml") for stem in ("sla_breach", "customer_churn", "weather")]
    done = call("stackhouse", "train", *files, home=tmp_path / "home")
    assert done.returncode == 3, done.stderr
    table = done.stdout[done.stdout.index("Every model") :]
    lines = [line.split() for line in table.splitlines() if line.startswith(("sla_", "customer_", "weather_"))]
    rows = {line[0]: line for line in reversed(lines)}  # the reasons of those that are not approved stand below the table
    assert rows["sla_breach"][2] == "STOPPED"
    assert rows["customer_churn"][1:4] == ["binary", "xgboost", "REJECTED"]
    assert rows["weather_anomaly"][1:4] == ["anomaly", "isolation_forest", "APPROVED"]
    assert "roc_auc is" in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "No model file is named"), (("--all", "some.yaml"), "--all trains every file of configs/models. Name files, or give --all.")],
)
def test_train_without_a_file_or_with_files_and_all_leaves_with_2(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = call("stackhouse", "train", *arguments, home=tmp_path / "home")
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "home").exists()


def test_train_reads_every_file_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("parameters: {model: {name: 7}}", encoding="utf-8")
    done = call(
        "stackhouse", "train", str(PROJECT / "configs/models/customer_churn.yaml"), str(tmp_path / "broken.yaml"), home=tmp_path / "home"
    )
    assert done.returncode == 2
    assert not (tmp_path / "home").exists()
