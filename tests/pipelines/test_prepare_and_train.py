"""The first two of the four commands as a user calls them, in a shell: tables, runs, verdicts, exit codes."""

import json
import math
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from mlflow import MlflowClient

from tests.pipelines.conftest import BIN, call

FRAUD = ("--catalog", "mlops_dev", "--schema", "fraud_detection", "--environment", "dev")
MADE = ("--catalog", "mlops_dev", "--schema", "made", "--environment", "development")
USERS = 400


@dataclass
class Shell:
    """A home of its own, and what the commands left in it."""

    home: Path

    def run(self, command: str) -> "subprocess.CompletedProcess[str]":
        return call("bash", "-c", command, home=self.home)

    def answer(self, *command: str, code: int = 0) -> Any:
        """Run a command with --json, and return its document."""
        ran = call(*command, "--json", home=self.home)
        assert ran.returncode == code, ran.stderr
        return json.loads(ran.stdout)

    def tags(self, run_id: str) -> Mapping[str, str]:
        found: Mapping[str, str] = self.mlflow.get_run(run_id).data.tags
        return found

    @property
    def mlflow(self) -> MlflowClient:
        [database] = self.home.rglob("mlflow.db")
        return MlflowClient(f"sqlite:///{database}")

    def table(self, name: str) -> DeltaTable:
        return DeltaTable(str(self.home.joinpath("feature_store", *name.split("."))))


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home in which another tool has left a table of transactions, and a feature table and labels of users."""
    home = tmp_path_factory.mktemp("home")
    (home / "feature_store").mkdir()
    generator = np.random.default_rng(5)
    amount, count = generator.normal(0, 1, USERS), generator.normal(0, 1, USERS)
    fraud = (amount + count + generator.normal(0, 1, USERS) > 0.3).astype(int)
    days = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(USERS)]
    users = [f"user {number:04d}" for number in range(USERS)]
    tables = {
        "mlops_dev.fraud_detection.transactions": pl.DataFrame(
            {
                "transaction_id": range(USERS),
                "country": [("DE", "FR", None)[number % 3] for number in range(USERS)],
                "amount": pl.Series(amount).set(pl.Series(range(USERS)) == 3, math.nan),
                "count": count,
                "target": pl.Series(fraud).cast(pl.Int64).set(pl.Series(range(USERS)) == 7, None),
            }
        ),
        "mlops_dev.labels.fraud_labels": pl.DataFrame(
            {
                "user_id": [*users[10:], *(f"stranger {n}" for n in range(10))],
                "is_fraud": [*("yes" if value else "no" for value in fraud[10:]), *(["no"] * 10)],
            }
        ),
    }
    for name, frame in tables.items():
        write_deltalake(str(home.joinpath("feature_store", *name.split("."))), frame.to_arrow())
    features = {"user_id": users, "known_at": days, "transaction_amount": amount.tolist(), "transaction_count": count.tolist()}
    write_feature_table(home, pl.DataFrame(features).drop("known_at"))
    return Shell(home)


def write_feature_table(home: Path, frame: pl.DataFrame) -> None:
    """Make the feature table of the users as a feature store does, with its key."""
    from stackhouse.table import Roles, Table
    from tests.contract.conftest import delta

    store, name = delta(home / "feature_store"), "mlops_dev.features.user_features"
    roles = Roles(primary_keys=("user_id",), features=("transaction_amount", "transaction_count"))
    store.create_table(name, Table.of(frame, roles), "what users do")
    store.write_table(name, Table.of(frame, roles))


@pytest.fixture(scope="module")
def made(shell: Shell) -> "subprocess.CompletedProcess[str]":
    """Made rows, prepared in a shell."""
    return shell.run(f"prepare_data {' '.join(MADE)} --test-size 0.25")


@pytest.fixture(scope="module")
def first(shell: Shell, made: "subprocess.CompletedProcess[str]") -> Any:
    """A model of the made rows without a baseline."""
    return shell.answer("train_model", *MADE, "--model-name", "my_classifier", "--n-estimators", "20")


def test_made_rows_are_prepared_and_told(shell: Shell, made: "subprocess.CompletedProcess[str]") -> None:
    assert made.returncode == 0, made.stderr
    for line in ("Rows read      10,000 of made rows", "Divided        by time (event_time), the latest to test, test size 0.25"):
        assert line in made.stdout
    assert "mlops_dev.made.train_set version 1 (written), 7,500 rows: 0: " in made.stdout
    assert "Warning" not in made.stdout + made.stderr
    assert (shell.table("mlops_dev.made.train_set").count(), shell.table("mlops_dev.made.test_set").count()) == (7500, 2500)


def test_the_same_rows_write_no_version_and_both_datasets_are_on_record(shell: Shell, made: "subprocess.CompletedProcess[str]") -> None:
    again = shell.answer("prepare_data", *MADE, "--test-size", "0.25")
    assert [(again[part]["version"], again[part]["written"]) for part in ("train_table", "test_table")] == [(1, False), (1, False)]
    run = shell.mlflow.get_run(again["run_id"])
    assert shell.mlflow.get_experiment(run.info.experiment_id).name == "/Shared/mlops_dev/made/training"
    inputs = {found.dataset.name: {tag.key: tag.value for tag in found.tags} for found in run.inputs.dataset_inputs}
    assert inputs == {
        "train_set": {"mlflow.data.context": "training", "delta.version": "1", "source.kind": "synthetic"},
        "test_set": {"mlflow.data.context": "testing", "delta.version": "1", "source.kind": "synthetic"},
    }


def test_the_experiment_is_made_with_its_tags(shell: Shell, made: "subprocess.CompletedProcess[str]") -> None:
    tags = shell.mlflow.get_experiment_by_name("/Shared/mlops_dev/made/training").tags
    assert (tags["purpose"], tags["environment"]) == ("training", "dev")


def test_a_model_is_on_record_under_the_guides_names(shell: Shell, first: Any) -> None:
    run = shell.mlflow.get_run(first["run_id"])
    for name in ("f1", "accuracy", "precision", "recall", "roc_auc"):
        assert run.data.metrics[f"test_{name}"] == run.data.metrics[name] == first["metrics"][f"test_{name}"]
    expected = {
        "project": "made",
        "domain": "quality",
        "model_name": "my_classifier",
        "model_type": "binary_classification",
        "algorithm": "lightgbm",
        "use_case": "What is target of a row of mlops_dev.made.train_set?",
        "feature_engineering": "unity_catalog",
        "training_data": "mlops_dev.made.train_set",
        "registered_name": "mlops_dev.made.my_classifier",
        "environment": "dev",
        "gate.baseline": "passed",
        "verdict": "APPROVED",
        "delta.version.mlops_dev.made.train_set": "1",
        "delta.version.mlops_dev.made.test_set": "1",
    }
    assert {name: run.data.tags[name] for name in expected} == expected
    assert run.data.params["max_depth"] == "5"
    assert len(shell.mlflow.get_metric_history(first["run_id"], "val_loss")) == 20
    sources = {found.dataset.name: {tag.key: tag.value for tag in found.tags}["mlflow.data.context"] for found in run.inputs.dataset_inputs}
    assert sources == {"train_set": "training", "test_set": "testing"}


@pytest.mark.parametrize(
    ("beside", "code", "gate"),
    [(-1, 0, "passed"), (0, 1, "failed"), (1, 1, "failed")],
    ids=["baseline a hair below F1", "baseline equal to F1", "baseline a hair above F1"],
)
def test_only_an_f1_above_the_baseline_leaves_with_0(shell: Shell, first: Any, beside: int, code: int, gate: str) -> None:
    f1 = first["metrics"]["test_f1"]
    baseline = {-1: math.nextafter(f1, 0), 0: f1, 1: math.nextafter(f1, 1)}[beside]
    flags = (*MADE, "--model-name", "my_classifier", "--n-estimators", "20", "--baseline-f1", repr(baseline))
    judged = shell.answer("train_model", *flags, code=code)
    assert judged["baseline"] == {"metric": "f1", "value": f1, "limit": baseline}
    assert (judged["improved"], shell.tags(judged["run_id"])["gate.baseline"]) == (code == 0, gate)
    assert judged["run_id"] != first["run_id"]


def test_a_table_of_another_tool_is_prepared_trained_on_and_what_to_do_is_told(shell: Shell) -> None:
    """The guide's first example: exit code 1 of train_model ends the script."""
    script = f"""
        prepare_data {" ".join(FRAUD)} --source-table transactions --key-columns transaction_id --test-size 0.2 || exit 9
        train_model {" ".join(FRAUD)} --model-name fraud_detector --baseline-f1 0.99 --max-depth 7 --n-estimators 30 --learning-rate 0.05
        if [ $? -eq 0 ]; then echo improved; else echo skipped; exit 1; fi
    """
    ran = shell.run(script)
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (1, "skipped"), ran.stderr
    assert "Left out       1 rows without a value in 'target'" in ran.stdout
    assert "Divided        at random, with classes in proportion" in ran.stdout
    assert "features 3: country, amount, count" in ran.stdout
    assert "REJECTED  f1 0." in ran.stdout
    assert "lower the baseline" in ran.stdout
    kept = pl.DataFrame(shell.table("mlops_dev.fraud_detection.train_set").to_pyarrow_table())
    assert (len(kept), kept["amount"].is_finite().all(), kept["country"].null_count() > 0) == (318, True, True)


def test_features_are_looked_up_in_place_of_the_rows_before_and_lost_rows_are_told(shell: Shell) -> None:
    """The guide's third example, into the tables of the first; the label is a text."""
    flags = (
        *("--feature-store-table", "mlops_dev.features.user_features", "--lookup-key", "user_id"),
        *("--feature-columns", "transaction_amount", "transaction_count"),
        *("--label-table", "mlops_dev.labels.fraud_labels", "--label-column", "is_fraud"),
    )
    prepared = shell.answer("prepare_data", *FRAUD, *flags)
    assert (prepared["source"]["lost"], prepared["train_table"]["rows"] + prepared["test_table"]["rows"]) == (10, 390)
    assert prepared["source"]["lost_message"].startswith("Lost 10 rows in join. Ensure label table has matching lookup_key values")
    assert (prepared["features"], prepared["keys"]) == (["transaction_amount", "transaction_count"], ["user_id"])
    trained = shell.answer(
        "train_model",
        *FRAUD,
        "--model-name",
        "fraud_detector_fs",
        "--target-col",
        "is_fraud",
        "--baseline-f1",
        "0.5",
        "--n-estimators",
        "30",
    )
    assert (trained["verdict"], trained["labels"].keys()) == ("APPROVED", {"0", "1"})
    assert trained["tables"]["train"] == {
        "name": "mlops_dev.fraud_detection.train_set",
        **{k: prepared["train_table"][k] for k in ("version", "rows")},
    }


def test_a_feature_that_tells_the_label_rejects_the_model_unless_it_is_accepted(shell: Shell) -> None:
    frame = pl.DataFrame(shell.table("mlops_dev.fraud_detection.transactions").to_pyarrow_table())
    told = frame.with_columns(chargeback=pl.col("target").cast(pl.Float64) + pl.col("count") * 0.1, target=pl.col("target"))
    write_deltalake(str(shell.home / "feature_store/mlops_dev/leaky/transactions"), told.to_arrow())
    leaky = ("--catalog", "mlops_dev", "--schema", "leaky", "--environment", "dev")
    shell.answer("prepare_data", *leaky, "--source-table", "transactions", "--key-columns", "transaction_id")
    rejected = shell.answer("train_model", *leaky, "--model-name", "m", code=1)
    assert "'chargeback' alone tells 'target'" in rejected["reasons"][0]
    assert shell.tags(rejected["run_id"])["gate.baseline"] == "failed"
    accepted = shell.answer("train_model", *leaky, "--model-name", "m", "--n-estimators", "5", "--accept-leak", "chargeback")
    assert [found["level"] for found in accepted["leaks"] if found["name"] == "chargeback"] == ["accepted"]


def test_a_run_that_is_stopped_leaves_with_its_own_code_and_writes_nothing(shell: Shell) -> None:
    wrong = ("--catalog", "mlops_dev", "--schema", "nothing_here", "--environment", "dev")
    for command, code, message in (
        (("train_model", *wrong, "--model-name", "m"), 5, "mlops_dev.nothing_here.train_set does not exist"),
        (("prepare_data", *wrong, "--source-table", "gone"), 5, "mlops_dev.nothing_here.gone does not exist"),
        (("prepare_data", *FRAUD, "--source-table", "transactions", "--label-column", "count"), 3, "that are no classes. Binarize it"),
        (("prepare_data", *wrong, "--test-size", "2"), 2, "--test-size"),
    ):
        ran = call(*command, home=shell.home)
        assert (ran.returncode, "Traceback" in ran.stderr) == (code, False)
        assert message in ran.stderr
    assert not (shell.home / "feature_store/mlops_dev/nothing_here").exists()


def test_both_commands_are_installed() -> None:
    assert all((BIN / command).is_file() for command in ("prepare_data", "train_model"))
