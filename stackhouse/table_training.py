"""Training from a training and a test table: what train_model is told, and what follows from the rows alone."""

from dataclasses import dataclass

import narwhals as nw
from pydantic import BaseModel, ConfigDict, Field

from stackhouse.algorithms import LightGBM
from stackhouse.cleaning import CleaningRule, clean
from stackhouse.errors import ColumnNotFoundError, DataError, LabelError
from stackhouse.fitted import ScoringRules
from stackhouse.held_out import VALIDATION_SHARE, hold_out
from stackhouse.labels.inferred import distinct_values, infer_label
from stackhouse.labels.labelling import label_rows
from stackhouse.labels.report import LabelReport
from stackhouse.labels.rules import BinaryLabel, ClassLabel, LabelRule
from stackhouse.record import ModelIdentity
from stackhouse.splits import RandomSplit, Split, TimeSplit
from stackhouse.table import Table
from stackhouse.verdict import Gates


class TableTraining(BaseModel):
    """Everything that one call of train_model says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_table: str = Field(description="Rows to learn from, as catalog.schema.table.")
    test_table: str = Field(description="Rows to judge by.")
    target: str = Field(description="Column of the label.")
    identity: ModelIdentity = Field(description="What names the model; its task is that of the target.")
    algorithm: LightGBM = Field(description="The algorithm with its hyperparameters.")
    gates: Gates = Field(description="What the model has to reach.")
    accepted_leaks: tuple[str, ...] = Field((), description="Names of findings that are no leak.")
    seed: int = Field(42, ge=0, description="Seed of what is drawn.")
    experiment: str = Field(description="MLflow experiment.")


@dataclass(frozen=True)
class Rows:
    """Labelled rows in three parts, what is fitted to them, and who the model is."""

    parts: Split
    split: TimeSplit | RandomSplit
    rules: ScoringRules
    identity: ModelIdentity
    labels: LabelReport


def rows_to_learn(train: Table, test: Table, training: TableTraining) -> Rows:
    """Label both tables by what the target holds, hold validation rows out, and say which features are read.

    The features are those of the training table that have more than one value, and all have to be clean in both.

    Raises:
        ColumnNotFoundError: where the test table lacks a feature or the target.
        DataError: where there are too few rows, or the target cannot be learned.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
        LabelError: where the test table has a class that the training table lacks, or all rows of a class are held out for validation.
    """
    if missing := [column for column in train.columns if column not in test.columns]:
        remedy = "Run prepare_data again, so that both tables have the same columns."
        raise ColumnNotFoundError.missing(test.name, missing, test.columns, remedy)
    label, rule = infer_label(train, training.target), CleaningRule()
    _require_known_classes(train, test, training.target)
    parts, labels = divided(train, test, label, rule, training.seed)
    _require_every_class(parts.train, label, train.name)
    return Rows(
        parts=parts,
        split=_as_divided(parts, training.seed),
        rules=ScoringRules(algorithm=training.algorithm, features=_telling(parts.train), cleaning=rule, label=label),
        identity=training.identity.model_copy(update={"task": label.task.name}),
        labels=labels,
    )


def divided(train: Table, test: Table, label: LabelRule, rule: CleaningRule, seed: int) -> tuple[Split, LabelReport]:
    """Label both tables, and hold validation rows of the training table out.

    Raises:
        DataError: where there are too few rows, or the label cannot be learned.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    learned = label_rows(clean(train, rule.refusing()).table, label)
    same = Table(test.frame.select(*train.columns), train.roles, test.name)
    judged = label_rows(clean(same, rule.refusing()).table, label).table
    held = hold_out(learned.table, label.name, VALIDATION_SHARE, seed)
    return Split(held.kept, held.held, judged), learned.report


def _require_known_classes(train: Table, test: Table, target: str) -> None:
    known, found = distinct_values(train, target), distinct_values(test, target)
    names = [str(value) for value in known]
    if unknown := [str(value) for value in found if value not in known and str(value) not in names]:
        raise LabelError.not_in_training(target, test.name, unknown, train.name, names)


def _require_every_class(learned: Table, label: BinaryLabel | ClassLabel, train: str) -> None:
    if isinstance(label, BinaryLabel):
        return
    found = learned.frame.select(label.name).unique().collect(backend="polars")[label.name].to_list()
    if missing := [name for number, name in enumerate(label.classes) if number not in found]:
        raise LabelError.none_to_learn(label.source, train, missing)


def _as_divided(parts: Split, seed: int) -> TimeSplit | RandomSplit:
    """Say for the record how the two tables share the rows: which part of all is in the test table, and whether time parts them."""
    train, validation, test = (part.count() for part in (parts.train, parts.validation, parts.test))
    share = test / (train + validation + test)
    by_time = parts.train.roles.timestamp
    return TimeSplit(kind="time", test_size=share) if by_time else RandomSplit(kind="random", test_size=share, seed=seed)


def _telling(table: Table) -> tuple[str, ...]:
    """The features that have more than one value; what is always the same tells nothing.

    Raises:
        DataError: where there is none.
    """
    counts = table.frame.select(nw.col(name).n_unique().alias(name) for name in table.roles.features).collect(backend="polars")
    features = tuple(name for name in table.roles.features if int(counts[name][0]) > 1)
    if not features:
        raise DataError(f"Every feature of {table.name} has one value in all rows to learn from; nothing can be learned. Name other rows.")
    return features
