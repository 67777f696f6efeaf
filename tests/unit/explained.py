"""Models of every kind for the tests of explanations: what drives the answer is known, and so is what does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from stackhouse.algorithms import GradientBoosting, IsolationForest, LightGBM, RandomForest, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import AnomalyLabel, BinaryLabel, ClassLabel, LabelRule, MultiLabel, ValueLabel
from stackhouse.table import Roles, Table
from stackhouse.tasks import TaskName

FEATURES = ("signal", "weaker", "noise", "colour", "day")
START = datetime(2024, 1, 1, tzinfo=UTC)
EVERY: tuple[Any, ...] = (
    XGBoost(n_estimators=30, max_depth=4),
    LightGBM(n_estimators=30, max_depth=4),
    GradientBoosting(n_estimators=30, max_depth=4),
    RandomForest(n_estimators=30, max_depth=7),
    IsolationForest(n_estimators=30),
)
LABELS: dict[TaskName, LabelRule] = {
    "binary_classification": BinaryLabel(source="late"),
    "multiclass_classification": ClassLabel(source="hours", name="class", classes=("early", "due", "late")),
    "multilabel_classification": MultiLabel(labels=(BinaryLabel(source="late"), BinaryLabel(source="red"))),
    "regression": ValueLabel(source="minutes"),
    "anomaly_detection": AnomalyLabel(source="strange"),
}
COLUMNS: dict[TaskName, tuple[str, ...]] = {
    "binary_classification": ("late",),
    "multiclass_classification": ("class",),
    "multilabel_classification": ("late", "red"),
    "regression": ("minutes",),
    "anomaly_detection": ("strange",),
}


EVERY_KIND: list[tuple[Any, TaskName]] = [(algorithm, task) for algorithm in EVERY for task in LABELS if task in algorithm.tasks]
"""Each algorithm with each task that it can be used for."""


def examples(task: TaskName, rows: int = 600, seed: int = 3) -> Table:
    """`signal` drives every answer and `weaker` a little; `colour` is a category and drives `red`; `noise` and `day` drive nothing."""
    generator = np.random.default_rng(seed)
    signal, weaker, noise = generator.normal(size=(3, rows))
    colour = generator.choice(["red", "green", "blue"], rows)
    strange = generator.random(rows) < 0.04
    signal = np.where(strange, signal + generator.choice([-9, 9], rows), signal)
    push = 2 * signal + weaker + 0.4 * generator.normal(size=rows)
    frame = pl.DataFrame(
        {
            "k": [f"key {number}" for number in range(rows)],
            "t": [START + timedelta(hours=number) for number in range(rows)],
            "signal": signal,
            "weaker": weaker,
            "noise": noise,
            "colour": colour,
            "day": [START + timedelta(hours=int(hour)) for hour in generator.integers(0, 5_000, rows)],
            "late": (push > 0).astype(int),
            "class": np.digitize(push, [-1.5, 1.5]),
            "red": (colour == "red").astype(int),
            "minutes": 10 * push + 100,
            "strange": strange.astype(int),
        }
    )
    first, *further = COLUMNS[task]
    roles = Roles(primary_keys=("k",), timestamp="t", features=FEATURES, label=first, further_labels=tuple(further))
    return Table.of(frame, roles, "examples")


def new_examples(task: TaskName, rows: int = 300) -> Table:
    """Rows that no model has seen; of some the colour is unknown, of others it is missing."""
    table = examples(task, rows, seed=8)
    colour = nw.when(nw.col("noise") > 1).then(nw.lit("violet")).when(nw.col("noise") > 0.7).then(nw.lit(None)).otherwise(nw.col("colour"))
    return table.with_frame(table.frame.with_columns(colour.cast(nw.String).alias("colour")))


def fitted(algorithm: Any, task: TaskName, features: tuple[str, ...] = FEATURES) -> FittedModel:
    rules = ScoringRules(algorithm=algorithm, features=features, cleaning=CleaningRule(), label=LABELS[task])
    return FittedModel.fit(examples(task), rules)
