"""What an evaluation leaves on the run: metrics and the ends of their intervals, figures, slices; nothing where one is not finite."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

import stacks.tracking
from stackhouse.algorithms import XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.errors import DataError
from stackhouse.evaluation.decision import LargestF1
from stackhouse.evaluation.evaluation import Evaluation, evaluate
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.lookups import FeatureLookup
from stackhouse.record import TableVersion, TrainingData, TrainingRecord
from stackhouse.splits import TimeSplit
from stackhouse.table import Roles, Table
from stackhouse.verdict import Gates, judge
from stacks.tracking import log_evaluation
from tests.stacks.conftest import artifacts

ROLES = Roles(primary_keys=("origin",), timestamp="day", label="late", features=("x",))
SOURCE = TableVersion(name="dev.flights.days", version=2, uri="/tables/days", rows=400, primary_keys=("origin", "day"))
DATA = TrainingData(lookups=(FeatureLookup(table_name=SOURCE.name, lookup_key=("origin",)),), tables=(SOURCE,), labels=SOURCE)
RULES = ScoringRules(
    algorithm=XGBoost(n_estimators=5),
    features=("x",),
    cleaning=CleaningRule(),
    label=BinaryLabel(source="late"),
    decision=LargestF1(),
    decision_threshold=0.3,
)
FIGURES = {"confusion_matrix.png", "calibration_curve.png", "roc_curve.png", "precision_recall_curve.png"}


def days(first: int, rows: int = 200) -> Table:
    generator = np.random.default_rng(first)
    late = (generator.random(rows) < 0.2).astype(int)
    frame = pl.DataFrame(
        {
            "origin": [("EWR", "JFK")[number % 2] for number in range(rows)],
            "day": [datetime(2026, first, 1 + number // 10, number % 10, tzinfo=UTC) for number in range(rows)],
            "x": late + generator.normal(0, 0.5, rows),
            "late": late,
        }
    )
    return Table.of(frame, ROLES, "days")


@pytest.fixture(scope="module")
def measured() -> Evaluation:
    train = days(1)
    return evaluate(FittedModel.fit(train, RULES), train, days(2), 1, EvaluationRule(slices=("origin",), min_slice_rows=50))


def log(record: TrainingRecord, evaluation: Evaluation) -> None:
    log_evaluation(record, evaluation, judge(evaluation, Gates()), days(2), DATA)


def test_intervals_stand_beside_their_metrics(client: MlflowClient, record: TrainingRecord, measured: Evaluation) -> None:
    log(record, measured)
    found = client.get_run(str(record.run_id)).data.metrics
    for name, interval in measured.intervals.items():
        assert (found[f"test_{name}_low"], found[f"test_{name}"], found[f"test_{name}_high"]) == (
            interval.low,
            measured.test[name],
            interval.high,
        )
    assert {name for name in found if name.endswith("_low")} == {f"test_{name}_low" for name in measured.intervals}


def test_figures_and_slices_lie_beside_the_run(client: MlflowClient, record: TrainingRecord, measured: Evaluation, tmp_path: Path) -> None:
    log(record, measured)
    assert artifacts(client, record) == FIGURES | {"slices.json"}
    stored = json.loads(Path(client.download_artifacts(str(record.run_id), "slices.json", str(tmp_path))).read_text(encoding="utf-8"))
    assert stored["slice_metric"] == "roc_auc"
    assert [(one["value"], one["rows"]) for one in stored["slices"]] == [("EWR", 100), ("JFK", 100)]


def test_evaluation_that_is_logged_again_replaces_its_figures(client: MlflowClient, record: TrainingRecord, measured: Evaluation) -> None:
    log(record, measured)
    log(record, measured)
    assert artifacts(client, record) == FIGURES | {"slices.json"}


def test_skipped_evaluation_leaves_no_figures(client: MlflowClient, record: TrainingRecord) -> None:
    log(record, Evaluation(skipped="all training rows are of class 0"))
    assert artifacts(client, record) == set()
    assert client.get_run(str(record.run_id)).data.tags["verdict"] == "SKIPPED"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_metric_that_is_not_finite_is_rejected_and_leaves_nothing_on_record(
    client: MlflowClient, record: TrainingRecord, measured: Evaluation, value: float
) -> None:
    broken = measured.model_copy(update={"test": {**measured.test, "roc_auc": value}})
    assert judge(broken, Gates(minimum={"roc_auc": 0.5})).outcome == "REJECTED"
    with pytest.raises(DataError, match=r"\['roc_auc', 'test_roc_auc'\] are not finite"):
        log(record, broken)
    run = client.get_run(str(record.run_id))
    assert (run.data.metrics, artifacts(client, record)) == ({}, set())
    assert "verdict" not in run.data.tags


def test_threshold_goal_and_imbalance_are_parameters_of_the_run() -> None:
    found = stacks.tracking._parameters(RULES, days(1), DATA, TimeSplit())
    late = days(1).collect(["late"])["late"].to_numpy().sum()
    assert (found["decision"], found["decision_threshold"], found["imbalance_ratio"]) == ("f1", 0.3, round((200 - late) / late, 4))
