"""The first two of the four commands: rows that are the same, leaks, runs that are stopped. tests/pipelines/test_four_commands.py and
test_guide_examples.py have the rest, as scripts.
"""

from typing import Any

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from stackhouse.errors import StackhouseError
from tests.pipelines.conftest import BIN
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
