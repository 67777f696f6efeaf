"""Small models on record, as the training steps leave them, for every test of the MLflow layer."""

from dataclasses import dataclass
from datetime import UTC, datetime

import mlflow
import numpy as np
import polars as pl

from stackhouse.algorithms import XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.evaluation.evaluation import Evaluation, period
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.lookups import FeatureLookup
from stackhouse.record import ModelIdentity, TableVersion, TrainingData, TrainingRecord
from stackhouse.splits import TimeSplit
from stackhouse.table import Roles, Table
from stackhouse.trained import TrainedModel
from stackhouse.tuning.comparison import TuningReport
from stackhouse.verdict import Verdict
from stacks.tracking import log_evaluation, log_training

ROLES = Roles(primary_keys=("route",), timestamp="day", features=("x", "z"), label="late")
LOOKUP = FeatureLookup(table_name="main.default.days", lookup_key="route", feature_names=("x", "z"), timestamp_lookup_key="day")
FEATURES = TableVersion(name="main.default.days", version=0, uri="/tables/days", rows=200, primary_keys=("route", "day"))
LABELS = TableVersion(name="main.default.labels", version=3, uri="/tables/labels", rows=200, primary_keys=("route", "day"))
DATA = TrainingData(lookups=(LOOKUP,), tables=(FEATURES,), labels=LABELS)
EVALUATION = Evaluation(test={"f1": 0.5, "roc_auc": 0.75})
APPROVED = Verdict(outcome="APPROVED", reasons=("f1 0.5000 >= 0.4",))


@dataclass(frozen=True)
class Logged:
    """A model on record: what a training step hands on."""

    model: TrainedModel
    rows: Table

    @property
    def run_id(self) -> str:
        return str(self.model.record.run_id)

    @property
    def uri(self) -> str:
        return str(self.model.record.model_uri)


def identity(name: str) -> ModelIdentity:
    return ModelIdentity(
        name="delay",
        registered_name=name,
        project="contract",
        domain="performance",
        task="binary_classification",
        use_case="Will more than a fifth be late?",
    )


def log(name: str = "main.default.unregistered", evaluation: Evaluation = EVALUATION, verdict: Verdict = APPROVED) -> Logged:
    """Log a small model to a new run, with its evaluation and verdict, as the steps do."""
    generator = np.random.default_rng(3)
    x, z = generator.normal(size=200), generator.normal(size=200)
    days = [datetime(2026, 1, 1 + day // 10, tzinfo=UTC) for day in range(200)]
    rows = Table.of(pl.DataFrame({"route": range(200), "day": days, "x": x, "z": z, "late": (x > 0).astype(int)}), ROLES)
    rules = ScoringRules(
        algorithm=XGBoost(n_estimators=5), features=("x", "z"), cleaning=CleaningRule(columns={"z": 1.0}), label=BinaryLabel(source="late")
    )
    fitted = FittedModel.fit(rows, rules)
    with mlflow.start_run() as run:
        uri = log_training(fitted, rows, identity(name), DATA, TimeSplit(), TuningReport(metric="f1"))
    record = TrainingRecord(run_id=run.info.run_id, model_uri=uri, algorithm="xgboost", train_period=period(rows), git_sha="abc1234")
    log_evaluation(record, evaluation, verdict, rows, DATA)
    return Logged(TrainedModel(fitted, record), rows)
