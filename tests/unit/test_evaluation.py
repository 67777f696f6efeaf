"""Evaluation: judged on the future, compared with a guess and with a random split; and skipped where nothing was trained."""

from datetime import UTC, datetime, timedelta

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from stackhouse.algorithms import Dummy, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.errors import ColumnNotFoundError, DataError
from stackhouse.evaluation.decision import FixedThreshold
from stackhouse.evaluation.evaluation import Evaluation, Period, evaluate, imbalance_of, period
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import ClassLabel, ValueLabel
from stackhouse.record import TrainingRecord
from stackhouse.table import Roles, Table
from stackhouse.trained import TrainedModel
from stackhouse.tuning.comparison import measure

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


def test_random_split_that_takes_the_only_row_of_a_class_is_left_out() -> None:
    names = ["common", "other"] * 30
    names[0] = "once"
    frame = pl.DataFrame(
        {"k": range(60), "t": [datetime(2024, 1, day // 2 + 1, tzinfo=UTC) for day in range(60)], "x": range(60), "name": names}
    ).with_columns(y=pl.col("name").replace_strict({"common": 0, "other": 1, "once": 2}))
    rows = Table.of(frame, Roles(primary_keys=("k",), timestamp="t", label="y", features=("x",)), "rows")
    early, late = (rows.with_frame(rows.frame.filter(condition)) for condition in (nw.col("k") < 40, nw.col("k") >= 40))
    classes = ClassLabel(source="name", name="y", classes=("common", "other", "once"))
    model = FittedModel.fit(early, ScoringRules(algorithm=XGBoost(n_estimators=3), features=("x",), cleaning=CleaningRule(), label=classes))
    found = evaluate(model, early, late, seed=1)
    assert found.random_split == {}
    assert (set(found.test), set(found.reference)) == ({*model.rules.task.metrics}, {*model.rules.task.metrics})


def test_random_split_of_too_few_rows_is_left_out(good: FittedModel, train: Table, later: Table) -> None:
    one_each = [table.with_frame(nw.concat([table.frame.filter(nw.col("y") == y).head(1) for y in (0, 1)])) for table in (train, later)]
    assert evaluate(good, *one_each, seed=1).random_split == {}


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


def test_every_comparable_metric_has_an_interval_around_it(good: FittedModel, train: Table, later: Table) -> None:
    found = evaluate(good, train, later, seed=1)
    assert set(found.intervals) == set(found.test) - {"positive_class_ratio"}
    assert all(found.intervals[name].low <= found.test[name] <= found.intervals[name].high for name in found.intervals)
    assert (found.resampling.drawn, found.resampling.units, found.resampling.confidence) == ("rows", 60, 0.95)


def test_rows_of_thirty_days_are_resampled_by_day(good: FittedModel, train: Table, later: Table) -> None:
    days = [datetime(2024, 2, 1, tzinfo=UTC) + timedelta(days=number // 2, hours=number % 2) for number in range(60)]
    frame = later.collect().to_native().with_columns(t=pl.Series(days, dtype=pl.Datetime("us", "UTC")))
    found = evaluate(good, train, Table.of(frame, later.roles, "days"), seed=1)
    assert (found.resampling.drawn, found.resampling.units) == ("days", 30)


def test_confidence_and_number_of_resamples_are_those_of_the_rule(good: FittedModel, train: Table, later: Table) -> None:
    narrow, wide = (evaluate(good, train, later, 1, EvaluationRule(confidence=level, resamples=200)) for level in (0.5, 0.99))
    widths = [found.intervals["roc_auc"].high - found.intervals["roc_auc"].low for found in (narrow, wide)]
    assert widths[0] < widths[1]
    assert wide.resampling.resamples == 200


def test_rows_are_sliced_by_a_key_and_by_a_feature_that_the_model_does_not_read(good: FittedModel, train: Table, later: Table) -> None:
    found = evaluate(good, train, later, 1, EvaluationRule(slices=("k", "noise"), min_slice_rows=10))
    assert [(part.column, part.rows) for part in found.slices if part.column == "noise"] == [("noise", 15)] * 4
    assert [part.value for part in found.slices if part.column == "k"] == [f"key {number}" for number in range(7)]
    assert found.slice_metric == "roc_auc"
    own = later.with_frame(later.frame.filter(nw.col("k") == "key 2"))
    assert next(part for part in found.slices if part.value == "key 2").metrics == pytest.approx(measure(good, own))


def test_key_whose_rows_were_made_worse_is_found_in_any_order_of_the_rows(good: FittedModel, train: Table) -> None:
    generator = np.random.default_rng(5)
    y, key = generator.integers(0, 2, 1200), generator.integers(0, 4, 1200)
    side = np.where((key == 3) & (generator.random(1200) < 0.5), 1 - y, y) * 2 - 1
    noise, start = generator.normal(0, 0.6, 1200), datetime(2024, 2, 1, tzinfo=UTC)
    frame = pl.DataFrame(
        {
            "k": [f"key {number}" for number in key],
            "t": [start + timedelta(minutes=number) for number in range(1200)],
            "signal": side * 0.5 + noise,
            "noise": noise,
            "y": y,
        }
    )
    rule = EvaluationRule(slices=("k",))
    first = evaluate(good, train, Table.of(frame, train.roles, "test"), 1, rule)
    assert [part.value for part in first.slices if part.worse] == ["key 3"]
    assert evaluate(good, train, Table.of(frame.sample(fraction=1, shuffle=True, seed=2), train.roles, "test"), 1, rule) == first


def test_slices_are_judged_by_the_metric_that_decides(good: FittedModel, train: Table, later: Table) -> None:
    found = evaluate(good, train, later, 1, EvaluationRule(slices=("k",)), "log_loss")
    assert found.slice_metric == "log_loss"
    assert evaluate(good, train, later, 1).slice_metric is None


def test_column_to_slice_by_that_is_not_there_is_named(good: FittedModel, train: Table, later: Table) -> None:
    with pytest.raises(ColumnNotFoundError, match=r"no column 'carrier'.*Name features or keys under model.evaluation.slices"):
        evaluate(good, train, later, 1, EvaluationRule(slices=("carrier",)))


def test_imbalance_is_that_of_the_training_rows(good: FittedModel, train: Table, later: Table) -> None:
    mostly = train.with_frame(train.frame.filter((nw.col("y") == 1) | (nw.col("noise") > 0.9)))
    counts = mostly.collect(["y"])["y"].to_numpy()
    found = evaluate(good, mostly, later, seed=1)
    assert found.imbalance == pytest.approx(np.sum(counts == 1) / np.sum(counts == 0))
    assert imbalance_of(mostly, "regression") is None


def test_threshold_of_the_rules_is_told(good: FittedModel, train: Table, later: Table) -> None:
    eager = FittedModel(good.estimator, good.rules.model_copy(update={"decision_threshold": 0.2}), good.encoding)
    found = evaluate(eager, train, later, seed=1)
    assert (found.decision_threshold, found.decision) == (0.2, FixedThreshold())
    assert found.test["recall"] > evaluate(good, train, later, seed=1).test["recall"]


def test_classifier_has_a_calibration_and_no_residuals(good: FittedModel, train: Table, later: Table) -> None:
    found = evaluate(good, train, later, seed=1)
    assert [curve.label for curve in found.calibration] == ["y"]
    assert found.residuals is None


def test_numbers_are_evaluated_with_residuals_and_intervals(train: Table, later: Table) -> None:
    rules = ScoringRules(algorithm=XGBoost(n_estimators=5), features=("signal",), cleaning=CleaningRule(), label=ValueLabel(source="y"))
    found = evaluate(FittedModel.fit(train, rules), train, later, seed=1)
    assert set(found.intervals) == {"r2", "rmse", "mae", "mape"}
    assert len(found.residuals.predicted) == 60
    assert (found.curves, found.confusion, found.calibration, found.imbalance, found.decision_threshold) == (None, None, (), None, None)


def test_evaluation_of_an_earlier_version_still_loads() -> None:
    earlier = {"task": "binary_classification", "test": {"roc_auc": 0.7}, "importance": {"a": 1.0}}
    found = Evaluation.model_validate(earlier)
    assert (found.intervals, found.slices, found.calibration, found.resampling, found.decision_threshold) == ({}, (), (), None, None)
