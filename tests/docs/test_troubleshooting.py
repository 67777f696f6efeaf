"""docs/troubleshooting.md: every trouble of the guides is on it, and each is provoked here and told in the words of the page."""

import socket
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.types import ColSpec, DataType, Schema

from stackhouse.algorithms import XGBoost
from stackhouse.certificate import LookupMatch, lost_words
from stackhouse.cleaning import CleaningRule
from stackhouse.errors import StackhouseError
from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.labelling import label_rows
from stackhouse.labels.rules import BinaryLabel, ThresholdLabel
from stackhouse.leaks.by_name import require_no_leak
from stackhouse.registrable import RegistrationRequest
from stackhouse.table import Roles, Table
from stackhouse.troubleshooting import TROUBLES, Trouble, as_markdown
from stackhouse.validation import ExpectationResult, ValidationResult, require_met
from stackhouse.verdict import Gates, judge
from stacks.candidate_runs import find_candidate
from stacks.databricks.unity_catalog_client import feature_engineering
from stacks.delta.location import Location
from stacks.mlflow_failures import require_tracking
from stacks.mlflow_model import signature
from stacks.registry_failures import registry_error
from stacks.served_model import ServedModel, require_signature
from tests.conftest import PROJECT

INPUTS = Schema([ColSpec(DataType.double, "x")])
RULES = ScoringRules(algorithm=XGBoost(n_estimators=2), features=("x",), cleaning=CleaningRule(), label=BinaryLabel(source="y"))


def rows(x: pl.Series, label: list[float]) -> Table:
    return Table.of(pl.DataFrame({"x": x, "y": label}), Roles(features=("x",), label="y"), "dev.shop.rows")


def only_inputs(_: Path) -> None:
    require_signature(ModelSignature(inputs=INPUTS))


def no_signature(_: Path) -> None:
    require_signature(None)


def nan(_: Path) -> None:
    FittedModel.fit(rows(pl.Series([1.0, float("nan")]), [0, 1]), RULES)


def measured_label(_: Path) -> None:
    label_rows(rows(pl.Series([1.0, 2.0]), [0.25, 0.75]), BinaryLabel(source="y"))


def label_among_features(_: Path) -> None:
    rule = ThresholdLabel(source="y", name="high_y", threshold=0.5)
    require_no_leak(["x", "y"], Table.of(pl.DataFrame({"y": [0.1]}), Roles(label="y"), "dev.shop.labels"), rule)


def no_flavor(folder: Path) -> None:
    Model().save(str(folder / "MLmodel"))
    ServedModel(folder).load()


def no_experiment(folder: Path) -> None:
    request = RegistrationRequest(name="dev.shop.churn", experiment="/Shared/dev/shop/training")
    find_candidate(MlflowClient(f"sqlite:///{folder}/mlflow.db"), request)


def refused_by_verdict(evaluation: Evaluation, gates: Gates) -> None:
    raise StackhouseError("; ".join(judge(evaluation, gates).reasons))


def below_the_baseline(_: Path) -> None:
    refused_by_verdict(Evaluation(test={"f1": 0.5, "roc_auc": 0.9}, reference={"roc_auc": 0.5}), Gates(baseline_f1=0.5))


def like_a_guess(_: Path) -> None:
    refused_by_verdict(Evaluation(test={"f1": 0.5, "roc_auc": 0.5}, reference={"roc_auc": 0.5}), Gates(baseline_f1=0.1))


def no_grant(_: Path) -> None:
    denied = MlflowException("User does not have USE CATALOG on Catalog 'dev'", error_code=PERMISSION_DENIED)
    raise registry_error("Registering dev.shop.churn failed", "dev.shop.churn", denied)


def no_table(folder: Path) -> None:
    Location(str(folder), {}).open("dev.shop.customers")


def lost_keys(_: Path) -> None:
    counts = {"rows_matched": 5, "rows_filled": 0, "rows_lost": 2, "spine_keys": 7, "table_keys": 9, "absent_keys": 2}
    match = LookupMatch(table="dev.shop.customers", lookup_key=("customer",), **counts)
    raise StackhouseError(lost_words("dev.shop.labels", 2, [match]))


def no_client(_: Path) -> None:
    feature_engineering()


def no_server(_: Path) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    require_tracking(MlflowClient(f"http://127.0.0.1:{port}"))


def broken_expectation(_: Path) -> None:
    failed = ExpectationResult(
        dimension="completeness",
        expectation="expect_column_values_to_not_be_null",
        columns=("x",),
        observed="x is null in 2 rows",
        rows_unexpected=2,
        passed=False,
    )
    require_met(ValidationResult(table="dev.shop.customers", rows=3, expectations=(failed,)))


PROVOKED: dict[str, Callable[[Path], None]] = {
    "signature contains only inputs": only_inputs,
    "Model contains only inputs": only_inputs,
    "signature metadata missing": no_signature,
    "Input X contains NaN": nan,
    "base_score must be in (0,1)": measured_label,
    "Column not found": label_among_features,
    "Missing flavor": no_flavor,
    "Experiment not found": no_experiment,
    "Model doesn't improve baseline": below_the_baseline,
    "PermissionDenied: User does not have USAGE on catalog": no_grant,
    "Table 'catalog.schema.feature_table' not found": no_table,
    "Lost X rows in join": lost_keys,
    "No module named 'databricks.feature_engineering'": no_client,
    "MLflow connection refused": no_server,
    "Poor model performance": like_a_guess,
    "Data quality issue detected": broken_expectation,
}


def test_the_page_holds_the_table_of_the_code() -> None:
    assert as_markdown() in (PROJECT / "docs/troubleshooting.md").read_text(encoding="utf-8")


def test_every_trouble_that_can_come_up_is_provoked_here() -> None:
    assert set(PROVOKED) == {trouble.symptom for trouble in TROUBLES if trouble.says}


@pytest.mark.parametrize("trouble", [trouble for trouble in TROUBLES if trouble.says], ids=lambda trouble: trouble.symptom)
def test_trouble_is_told_in_the_words_of_the_page(trouble: Trouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises((StackhouseError, ValueError)) as told:
        PROVOKED[trouble.symptom](tmp_path)
    assert trouble.is_said_in(str(told.value)), told.value


def test_decimals_are_read_as_doubles() -> None:
    decimals = pl.Series([Decimal("1.50"), Decimal("2.25"), Decimal("-1.00"), Decimal("0.10")], dtype=pl.Decimal(10, 2))
    fitted = FittedModel.fit(rows(decimals, [0, 1, 0, 1]), RULES)
    assert [column.type for column in signature(fitted).inputs] == [DataType.double]
