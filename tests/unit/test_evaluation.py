"""Evaluation: judged on the future, compared with a guess and with a random split; and skipped where nothing was trained."""

from datetime import UTC, datetime

import narwhals as nw
import pytest

from stackhouse.algorithms import Dummy
from stackhouse.errors import DataError
from stackhouse.evaluation import Evaluation, Period, evaluate, period
from stackhouse.fitted import FittedModel
from stackhouse.record import TrainingRecord
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stackhouse.tuning import measure

RECORD = TrainingRecord(run_id=None, model_uri=None, algorithm="xgboost", train_period=Period(rows=3), skipped="all rows are of class 0")


def from_hour(table: Table, hour: int) -> Table:
    return table.with_frame(table.frame.filter(nw.col("t") >= datetime(2024, 1, 1, hour, tzinfo=UTC)))


def until_hour(table: Table, hour: int) -> Table:
    return table.with_frame(table.frame.filter(nw.col("t") <= datetime(2024, 1, 1, hour, tzinfo=UTC)))


def test_each_part_holds_the_metrics_of_its_own_rows(good: FittedModel, train: Table, later: Table) -> None:
    found = evaluate(good, train, later, seed=1)
    assert found.test == measure(good, later)
    assert found.train == measure(good, train)
    assert set(found.random_split) == set(good.rules.task.metrics)
    assert found.curves is not None
    assert found.confusion is not None
    assert sum(sum(row) for row in found.confusion.counts) == 60
    assert found.importance == {"signal": 1.0}


def test_reference_is_a_guess_by_the_class_share_of_the_training_rows(good: FittedModel, train: Table, later: Table) -> None:
    mostly_late = train.with_frame(train.frame.filter((nw.col("y") == 1) | (nw.col("noise") > 0.8)))
    guess = FittedModel.fit(mostly_late, good.rules.model_copy(update={"algorithm": Dummy(random_state=9)}))
    found = evaluate(good, mostly_late, later, seed=9)
    assert found.reference == measure(guess, later)
    assert found.reference["recall"] > 0.8
    assert found.reference["roc_auc"] < 0.65 < found.test["roc_auc"]


def test_random_split_learns_from_the_later_rows_too_and_hides_that_they_differ(good: FittedModel, train: Table, later: Table) -> None:
    turned = later.with_frame(later.frame.with_columns((1 - nw.col("y")).alias("y")))
    found = evaluate(good, train, turned, seed=1)
    assert found.test["roc_auc"] < 0.5 < found.random_split["roc_auc"]


def test_periods_are_those_of_the_two_tables(good: FittedModel, train: Table, later: Table) -> None:
    found = evaluate(good, train, later, seed=1)
    assert found.train_period == Period(rows=200, first=datetime(2024, 1, 1, tzinfo=UTC), last=datetime(2024, 1, 9, 7, tzinfo=UTC))
    assert found.test_period == Period(rows=60, first=datetime(2024, 2, 1, tzinfo=UTC), last=datetime(2024, 2, 3, 11, tzinfo=UTC))


def test_test_rows_a_moment_later_are_accepted(good: FittedModel, train: Table) -> None:
    assert evaluate(good, until_hour(train, 20), from_hour(train, 21), seed=1).test_period == period(from_hour(train, 21))


def test_test_rows_at_the_last_training_time_are_refused(good: FittedModel, train: Table) -> None:
    with pytest.raises(
        DataError,
        match=r"The test rows begin at 2024-01-01 20:00, .*the training rows end at 2024-01-01 20:00. Set model.split.kind to time",
    ):
        evaluate(good, until_hour(train, 20), from_hour(train, 20), seed=1)


def test_test_rows_before_the_training_rows_are_refused(good: FittedModel, train: Table, later: Table) -> None:
    with pytest.raises(DataError, match=r"Set model.split.kind to time"):
        evaluate(good, later, train, seed=1)


def test_tables_without_a_timestamp_are_measured_without_times(good: FittedModel, train: Table, later: Table) -> None:
    bare = [table.select(["k", "signal", "y"]) for table in (train, later)]
    found = evaluate(good, *bare, seed=1)
    assert found.test == pytest.approx(measure(good, later))
    assert found.test_period == Period(rows=60)


def test_same_seed_gives_the_same_evaluation(good: FittedModel, train: Table, later: Table) -> None:
    assert evaluate(good, train, later, seed=3) == evaluate(good, train, later, seed=3)


def test_test_rows_of_one_class_leave_roc_auc_out(good: FittedModel, train: Table, later: Table) -> None:
    ones = later.with_frame(later.frame.filter(nw.col("y") == 1))
    found = evaluate(good, train, ones, seed=1)
    assert "roc_auc" not in found.test
    assert found.test["positive_class_ratio"] == 1.0


def test_period_of_no_rows_has_no_times(train: Table) -> None:
    assert period(train.with_frame(train.frame.filter(nw.col("y") > 1))) == Period(rows=0)


def test_skipped_training_carries_its_reason_on(train: Table, later: Table) -> None:
    assert TrainedModel(None, RECORD).evaluate(train, later, seed=1) == Evaluation(skipped="all rows are of class 0")


def test_trained_model_is_evaluated(good: FittedModel, train: Table, later: Table) -> None:
    record = RECORD.model_copy(update={"skipped": None})
    assert TrainedModel(good, record).evaluate(train, later, seed=1) == evaluate(good, train, later, seed=1)
