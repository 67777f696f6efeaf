"""The first two of the four commands: rows that are the same, leaks, runs that are stopped. tests/pipelines/test_four_commands.py and
test_guide_examples.py have the rest, as scripts.
"""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from stackhouse.errors import StackhouseError
from tests.conftest import PROJECT
from tests.pipelines.conftest import BIN, call
from tests.pipelines.guide import HOME, answer, run_script, write_table

PLACE = ("--catalog", "mlops_dev", "--schema", "leaky", "--environment", "dev")
ROWS = 400


@pytest.fixture(scope="module")
def transactions(local_stack: str) -> None:
    """A table of another tool in which `chargeback` follows from the label."""
    generator = np.random.default_rng(5)
    amount, count = generator.normal(0, 1, ROWS), generator.normal(0, 1, ROWS)
    fraud = (amount + count + generator.normal(0, 1, ROWS) > 0.3).astype(int)
    columns = {"transaction_id": range(ROWS), "amount": amount, "count": count, "chargeback": fraud + count * 0.1, "target": fraud}
    write_table("mlops_dev.leaky.transactions", pl.DataFrame(columns))


@pytest.fixture(scope="module")
def prepared(transactions: None) -> dict[str, Any]:
    found: dict[str, Any] = answer("prepare_data", *PLACE, "--source-table", "transactions", "--key-columns", "transaction_id")
    return found


def test_the_same_rows_write_no_version(prepared: dict[str, Any]) -> None:
    again = answer("prepare_data", *PLACE, "--source-table", "transactions", "--key-columns", "transaction_id")
    parts = ("train_table", "test_table")
    assert [(prepared[part]["version"], prepared[part]["written"]) for part in parts] == [(1, True), (1, True)]
    assert [(again[part]["version"], again[part]["written"]) for part in parts] == [(1, False), (1, False)]
    assert again["run_id"] != prepared["run_id"]


def test_a_feature_that_tells_the_label_rejects_the_model_unless_it_is_accepted(
    prepared: dict[str, Any], mlflow_client: MlflowClient
) -> None:
    rejected = answer("train_model", *PLACE, "--model-name", "m", code=1)
    assert "'chargeback' alone tells 'target'" in rejected["reasons"][0]
    assert mlflow_client.get_run(rejected["run_id"]).data.tags["gate.baseline"] == "failed"
    accepted = answer("train_model", *PLACE, "--model-name", "m", "--n-estimators", "5", "--accept-leak", "chargeback")
    assert [found["level"] for found in accepted["leaks"] if found["name"] == "chargeback"] == ["accepted"]


def test_files_of_a_run_lie_in_the_home_and_not_in_the_current_folder(prepared: dict[str, Any], mlflow_client: MlflowClient) -> None:
    experiment = mlflow_client.get_experiment_by_name("/Shared/mlops_dev/leaky/training")
    assert experiment.artifact_location == f"file:{HOME}/artifacts/mlflow_artifacts"


def test_the_next_baseline_of_several_classes_is_the_macro_f1_of_the_version(local_stack: str, mlflow_client: MlflowClient) -> None:
    generator = np.random.default_rng(3)
    x = generator.normal(0, 1, ROWS)
    size = np.select([x + generator.normal(0, 0.3, ROWS) > 0.5, x > -0.5], ["large", "medium"], "small")
    write_table("mlops_dev.leaky.sizes", pl.DataFrame({"order": range(ROWS), "x": x, "size": size}))
    tables = ("--train-table", "train_sizes", "--test-table", "test_sizes")
    answer("prepare_data", *PLACE, *tables, "--source-table", "sizes", "--key-columns", "order", "--label-column", "size")
    trained = answer(
        "train_model", *PLACE, *tables, "--model-name", "size", "--target-col", "size", "--n-estimators", "5", "--accept-leak", "x"
    )
    assert {found["message"].split("'")[3] for found in trained["leaks"]} == {"size small"}
    assert answer("register_model", *PLACE, "--model-name", "size")["version"] == "1"
    tags = mlflow_client.get_model_version("mlops_dev.leaky.size", "1").tags
    assert float(tags["f1_score"]) == float(tags["macro_f1"]) == trained["metrics"]["test_macro_f1"]


def test_a_feature_table_is_made_as_the_page_of_the_commands_says(local_stack: str) -> None:
    page = (PROJECT / "docs/commands.md").read_text(encoding="utf-8")
    exec(page.split("*Tables of your own.*")[1].split("```python\n")[1].split("```")[0], {})  # noqa: S102 - the page's own lines
    labels = pl.DataFrame({"user_id": range(200), "is_fraud": [number % 3 == 0 for number in range(200)]})
    write_table("mlops_dev.features.labels", labels.with_columns(pl.col("is_fraud").cast(pl.Int64)))
    lookup = ("--feature-store-table", "mlops_dev.features.user_features", "--lookup-key", "user_id", "--feature-columns")
    of_users = ("--label-table", "mlops_dev.features.labels", "--label-column", "is_fraud", "--train-table", "users", "--test-table", "u")
    assert answer("prepare_data", *PLACE, *lookup, "age", *of_users)["train_table"]["rows"] == 159
    with pytest.raises(StackhouseError, match=r"has no column 'height'; it has 'age'\. Name some of these as --feature-columns"):
        answer("prepare_data", *PLACE, *lookup, "height", *of_users)


def test_nobody_who_reads_is_no_verdict(prepared: dict[str, Any]) -> None:
    line = f"set -o pipefail; prepare_data {' '.join(PLACE)} --source-table transactions --key-columns transaction_id | true"
    done = run_script(line)
    assert (done.returncode, done.stderr) == (0, "")


def test_another_home_than_that_of_the_active_stack_is_refused(prepared: dict[str, Any], tmp_path: Path) -> None:
    done = call("prepare_data", *PLACE, "--source-table", "transactions", home=tmp_path, zenml=HOME / "zenml")
    assert done.returncode == 2
    assert f"STACKHOUSE_HOME is {tmp_path}, and the active stack 'local' keeps its tables in {HOME}/feature_store." in done.stderr


NOTHING = ("--catalog", "mlops_dev", "--schema", "nothing_here", "--environment", "dev")


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("prepare_data", *NOTHING, "--source-table", "gone"), 5, "mlops_dev.nothing_here.gone does not exist"),
        (("prepare_data", *PLACE, "--source-table", "transactions", "--label-column", "count"), 3, "that are no classes. Binarize it"),
    ],
    ids=["no table", "no classes"],
)
def test_a_run_that_is_stopped_is_told_as_an_error_with_its_own_code(
    transactions: None, command: tuple[str, ...], code: int, message: str
) -> None:
    with pytest.raises(StackhouseError) as stopped:
        answer(*command)
    assert stopped.value.exit_code == code
    assert message in str(stopped.value)
    assert not (HOME / "feature_store/mlops_dev/nothing_here").exists()


def test_a_class_that_could_not_be_learned_is_refused_before_anything_is_written(local_stack: str) -> None:
    kinds = ["voucher", "card", "cash", "transfer"] * 2 + ["card", "cash", "transfer"] * 30
    write_table("mlops_dev.rare.payments", pl.DataFrame({"payment": range(98), "amount": range(98), "target": kinds}))
    with pytest.raises(StackhouseError, match=r"No row of 'voucher' \(2 rows\) of the label 'target' would be left") as stopped:
        answer("prepare_data", "--catalog", "mlops_dev", "--schema", "rare", "--environment", "dev", "--source-table", "payments")
    assert stopped.value.exit_code == 3
    assert [found.name for found in (HOME / "feature_store/mlops_dev/rare").iterdir()] == ["payments"]


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (("train_model", *NOTHING, "--model-name", "m"), 5, "mlops_dev.nothing_here.train_set does not exist"),
        (("prepare_data", *NOTHING, "--test-size", "2"), 2, "--test-size"),
    ],
    ids=["no table", "no share"],
)
def test_a_script_that_is_stopped_leaves_with_that_code_and_without_a_traceback(
    transactions: None, command: tuple[str, ...], code: int, message: str
) -> None:
    ran = run_script(" ".join(command))
    assert (ran.returncode, "Traceback" in ran.stdout + ran.stderr) == (code, False)
    assert message in ran.stderr
    assert not (HOME / "feature_store/mlops_dev/nothing_here").exists()


def test_both_commands_are_installed() -> None:
    assert all((BIN / command).is_file() for command in ("prepare_data", "train_model"))
