"""Tuning: the best candidate on the validation rows is taken, wherever it stands in the list."""

import math

import narwhals as nw
import pytest

from stackhouse.algorithms import XGBoost
from stackhouse.errors import DataError, DirtyFeaturesError
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.table import Table
from stackhouse.tuning.comparison import Trial, best, measure, tune, unlearnable


def trials(metric: str, *values: float | None) -> list[Trial]:
    return [Trial(algorithm=XGBoost(), metrics={} if value is None else {metric: value}) for value in values]


def only(table: Table, label: int) -> Table:
    return table.with_frame(table.frame.filter(nw.col("y") == label))


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ((0.9, 0.7, 0.8), 0),
        ((0.7, 0.9, 0.8), 1),
        ((0.7, 0.8, 0.9), 2),
        ((0.6, 0.7, 0.8, 0.9, 0.65), 3),
        ((0.8, 0.8, 0.8), 0),
        ((0.7, 0.8, 0.8), 1),
        ((0.5,), 0),
        ((0.0, 0.0), 0),
        ((None, 0.4, None), 1),
        ((0.4, None, 0.5), 2),
    ],
)
def test_best_value_wins_and_the_first_of_equals(values: tuple[float | None, ...], chosen: int) -> None:
    assert best(trials("roc_auc", *values), "roc_auc") == chosen


@pytest.mark.parametrize(("values", "chosen"), [((0.3, 0.5, 0.4), 0), ((0.5, 0.3, 0.4), 1), ((0.5, 0.4, 0.3), 2), ((0.5, 0.3, 0.3), 1)])
def test_smallest_log_loss_wins(values: tuple[float, ...], chosen: int) -> None:
    assert best(trials("log_loss", *values), "log_loss") == chosen


@pytest.mark.parametrize("values", [(math.nan, 0.6), (math.inf, 0.6), (-math.inf, 0.6)])
@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_value_that_is_not_finite_cannot_win(metric: str, values: tuple[float, float]) -> None:
    assert best(trials(metric, *values), metric) == 1
    assert best(trials(metric, *values[::-1]), metric) == 0


@pytest.mark.parametrize("values", [(), (None,), (None, None), (math.nan,)])
def test_no_candidate_with_the_metric_is_refused(values: tuple[float | None, ...]) -> None:
    with pytest.raises(
        DataError, match=r"No candidate has the metric 'roc_auc' on the validation rows\. .* raise model.split.validation_size"
    ):
        best(trials("roc_auc", *values), "roc_auc")


@pytest.mark.parametrize("position", [0, 1, 2])
def test_candidate_that_reads_the_signal_is_chosen_wherever_it_stands(
    position: int, rules: ScoringRules, train: Table, later: Table
) -> None:
    candidates = [rules.model_copy(update={"features": ("noise",)})] * 3
    candidates[position] = rules.model_copy(update={"features": ("signal",)})
    tuned = tune(train, later, tuple(candidates), "roc_auc")
    assert tuned.report.chosen == position
    assert tuned.rules.features == ("signal",)


def test_trials_hold_the_metrics_on_the_validation_rows_in_the_order_of_the_file(rules: ScoringRules, train: Table, later: Table) -> None:
    candidates = tuple(rules.model_copy(update={"algorithm": XGBoost(n_estimators=number)}) for number in (9, 3))
    report = tune(train, later, candidates, "f1").report
    assert [trial.algorithm.hyperparameters["n_estimators"] for trial in report.trials] == [9, 3]
    assert [trial.metrics for trial in report.trials] == [measure(FittedModel.fit(train, one), later) for one in candidates]
    assert report.metric == "f1"


@pytest.mark.parametrize("label", [0, 1])
def test_training_rows_of_one_class_are_skipped_with_a_reason(label: int, rules: ScoringRules, train: Table, later: Table) -> None:
    other = rules.model_copy(update={"features": ("noise",)})
    tuned = tune(only(train, label), later, (rules, other), "roc_auc")
    assert tuned.rules == rules
    assert tuned.report.skipped == f"all training rows are of class {label}; a classifier needs both"
    assert tuned.report.trials == ()


def test_validation_rows_of_one_class_are_skipped_with_the_reason(rules: ScoringRules, train: Table, later: Table) -> None:
    tuned = tune(train, only(later, 1), (rules,), "roc_auc")
    assert tuned.report.skipped == "all validation rows are of class 1; a classifier needs both"
    assert tuned.report.trials == ()


def test_dirty_features_are_refused(rules: ScoringRules, train: Table, later: Table) -> None:
    unusable = nw.when(nw.col("noise") > 0).then(nw.lit(math.nan)).otherwise(nw.col("noise")).alias("noise")
    dirty = train.with_frame(train.frame.with_columns(unusable))
    with pytest.raises(DirtyFeaturesError, match="'noise'"):
        tune(dirty, later, (rules,), "roc_auc")


def test_one_class_says_why_nothing_can_be_learned(rules: ScoringRules, train: Table) -> None:
    assert unlearnable(train, "training", rules) is None
    assert unlearnable(only(train, 1), "training", rules) == "all training rows are of class 1; a classifier needs both"
    assert unlearnable(only(train, 2), "validation", rules) == "no validation rows"


def test_feature_with_one_value_in_all_training_rows_is_refused(rules: ScoringRules, train: Table, later: Table) -> None:
    constant = train.with_frame(train.frame.with_columns(nw.lit(0.5).alias("noise")))
    with pytest.raises(DataError, match=r"the same value in all training rows in 'noise'; it tells nothing\. Leave it out"):
        tune(constant, later, (rules,), "roc_auc")


def test_more_features_than_rows_are_refused(rules: ScoringRules, train: Table, later: Table) -> None:
    few = train.with_frame(train.frame.head(3))
    names = tuple(f"f{number}" for number in range(4))
    wide = [Table(t.frame.with_columns(nw.col("noise").alias(name) for name in names), t.roles, t.name) for t in (few, later)]
    with pytest.raises(DataError, match="3 training rows and 4 features; a model would learn the rows by heart"):
        tune(
            *wide, (rules.model_copy(update={"features": names, "cleaning": rules.cleaning.model_copy(update={"columns": {}})}),), "roc_auc"
        )
