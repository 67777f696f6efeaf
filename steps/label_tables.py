"""Label training and test rows, and hold validation rows out."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.fitted import ScoringRules
from stackhouse.labels.report import LabelReport
from stackhouse.labels.rules import AnyLabel
from stackhouse.record import ModelIdentity
from stackhouse.splits import RandomSplit, TimeSplit
from stackhouse.table import Table
from stackhouse.table_training import TableTraining, rows_to_learn


@step
def label_tables(
    train_table: Table, test_table: Table, training: TableTraining
) -> tuple[
    Annotated[Table, "train"],
    Annotated[Table, "validation"],
    Annotated[Table, "test"],
    Annotated[ScoringRules, "rules"],
    Annotated[AnyLabel, "label"],
    Annotated[TimeSplit | RandomSplit, "split"],
    Annotated[ModelIdentity, "identity"],
    Annotated[str, "metric"],
    Annotated[LabelReport, "label_distribution"],
]:
    """Say by what the target holds which task this is, label the rows, and refuse features that are not clean."""
    rows = rows_to_learn(train_table, test_table, training)
    task = rows.rules.task
    log_metadata({"task": task.name, "rows": rows.labels.rows, "features": len(rows.rules.features)})
    parts = rows.parts
    return (
        parts.train,
        parts.validation,
        parts.test,
        rows.rules,
        rows.rules.label,
        rows.split,
        rows.identity,
        task.deciding,
        rows.labels,
    )
