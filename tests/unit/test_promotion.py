"""Promotion: surely better, on enough rows that neither model was trained on, or not at all."""

from datetime import UTC, datetime, timedelta

import narwhals as nw
import pytest
from pydantic import ValidationError

from stackhouse.fitted import FittedModel
from stackhouse.promotion.decision import decide, first_champion
from stackhouse.promotion.rule import PromotionRule
from stackhouse.table import Table
from stackhouse.tuning.comparison import measure

BEFORE = datetime(2024, 1, 31, tzinfo=UTC)
FIRST = datetime(2024, 2, 1, tzinfo=UTC)
RULE = PromotionRule(min_rows=60)


def flipped_until(table: Table, time: datetime) -> Table:
    """The table with the label of its rows up to a time turned round, so that a good model looks bad on them."""
    y = nw.when(nw.col("t") <= time).then(1 - nw.col("y")).otherwise(nw.col("y"))
    return table.with_frame(table.frame.with_columns(y.alias("y")))


def test_better_challenger_is_promoted(good: FittedModel, poor: FittedModel, later: Table) -> None:
    promotion = decide(good, poor, "3", BEFORE, later, RULE)
    assert promotion.promoted
    assert promotion.rows == 60
    assert promotion.evidence.challenger == measure(good, later)["roc_auc"]
    assert promotion.evidence.champion == measure(poor, later)["roc_auc"]
    assert promotion.evidence.interval.low > 0
    assert "is better than the champion's" in promotion.reason
    assert "(version 3) on 60 rows that neither saw: improvement +0." in promotion.reason
    assert "95% interval +0." in promotion.reason


def test_worse_challenger_is_not_promoted(good: FittedModel, poor: FittedModel, later: Table) -> None:
    promotion = decide(poor, good, "3", BEFORE, later, RULE)
    assert not promotion.promoted
    assert "is worse than the champion's" in promotion.reason


@pytest.mark.parametrize("metric", ["roc_auc", "f1", "log_loss"])
def test_tie_is_not_promoted(metric: str, good: FittedModel, later: Table) -> None:
    promotion = decide(good, good, "3", BEFORE, later, PromotionRule(metric=metric, min_rows=60))
    assert not promotion.promoted
    assert promotion.evidence.challenger == promotion.evidence.champion
    assert (promotion.evidence.interval.low, promotion.evidence.interval.high) == (0, 0)
    assert "is equal to the champion's" in promotion.reason


def test_smaller_log_loss_is_promoted(good: FittedModel, poor: FittedModel, later: Table) -> None:
    rule = PromotionRule(metric="log_loss", min_rows=60)
    assert decide(good, poor, "3", BEFORE, later, rule).promoted
    assert not decide(poor, good, "3", BEFORE, later, rule).promoted


def test_rows_that_the_champion_was_trained_on_do_not_count(good: FittedModel, poor: FittedModel, later: Table) -> None:
    until = FIRST + timedelta(hours=39)
    rows = flipped_until(later, until)
    assert measure(good, rows)["roc_auc"] < measure(poor, rows)["roc_auc"]
    promotion = decide(good, poor, "3", until, rows, PromotionRule(min_rows=20))
    unseen = later.with_frame(later.frame.filter(nw.col("t") > until))
    assert promotion.rows == promotion.evidence.rows == 20
    assert promotion.evidence.challenger == measure(good, unseen)["roc_auc"]
    assert promotion.evidence.champion == measure(poor, unseen)["roc_auc"]
    assert promotion.evidence.improvement > 0.2


def test_row_of_exactly_the_champions_last_training_time_does_not_count(good: FittedModel, poor: FittedModel, later: Table) -> None:
    assert decide(good, poor, "3", FIRST - timedelta(microseconds=1), later, PromotionRule(min_rows=1)).rows == 60
    assert decide(good, poor, "3", FIRST, later, PromotionRule(min_rows=1)).rows == 59


@pytest.mark.parametrize(("min_rows", "promoted"), [(59, True), (60, True), (61, False)])
def test_rows_at_the_minimum_are_enough_and_fewer_are_not(
    min_rows: int, promoted: bool, good: FittedModel, poor: FittedModel, later: Table
) -> None:
    promotion = decide(good, poor, "3", BEFORE, later, PromotionRule(min_rows=min_rows))
    assert promotion.promoted is promoted
    assert promotion.rows == 60


def test_too_few_rows_say_how_many_are_needed(good: FittedModel, poor: FittedModel, later: Table) -> None:
    promotion = decide(good, poor, "3", BEFORE, later, PromotionRule(min_rows=61))
    assert promotion.reason == "only 60 test rows are later than the champion's training rows, 61 are needed for a fair comparison"
    assert promotion.evidence is None


def test_champion_trained_on_all_test_rows_is_kept(good: FittedModel, poor: FittedModel, later: Table) -> None:
    promotion = decide(good, poor, "3", datetime(2025, 1, 1, tzinfo=UTC), later, PromotionRule(min_rows=1))
    assert (promotion.promoted, promotion.rows) == (False, 0)


def test_unknown_training_period_promotes_nothing(good: FittedModel, poor: FittedModel, later: Table) -> None:
    promotion = decide(good, poor, "3", None, later, PromotionRule(min_rows=1))
    assert (promotion.promoted, promotion.rows, promotion.champion_version) == (False, 0, "3")
    assert promotion.reason.startswith("the champion does not say until when it was trained, and the rows that the champion (version 3)")


def test_table_without_a_timestamp_promotes_nothing(good: FittedModel, poor: FittedModel, later: Table) -> None:
    bare = later.select(["k", "signal", "noise", "y"])
    promotion = decide(good, poor, "3", BEFORE, bare, PromotionRule(min_rows=1))
    assert not promotion.promoted
    assert promotion.reason.startswith("these rows have no time, and the rows that the champion (version 3) was trained on are not known")


def test_rows_without_a_time_count_where_the_champion_is_known_not_to_have_seen_them(
    good: FittedModel, poor: FittedModel, later: Table
) -> None:
    keyed = later.with_frame(later.frame.with_columns(k=nw.col("t").cast(nw.String)).drop("t"))
    bare = Table.of(keyed.frame.to_native(), later.roles.model_copy(update={"timestamp": None}), "bare")
    seen = bare.with_frame(bare.frame.head(20))
    promotion = decide(good, poor, "3", None, bare, PromotionRule(min_rows=40), seen)
    assert (promotion.promoted, promotion.rows, promotion.evidence.resampling.drawn) == (True, 40, "rows")
    few = decide(good, poor, "3", None, bare, PromotionRule(min_rows=41), seen)
    assert few.reason == "only 40 test rows are not among the champion's training rows, 41 are needed for a fair comparison"


def test_common_rows_of_one_class_promote_nothing(good: FittedModel, poor: FittedModel, later: Table) -> None:
    ones = later.with_frame(later.frame.filter(nw.col("y") == 1))
    promotion = decide(good, poor, "3", BEFORE, ones, PromotionRule(min_rows=1))
    assert not promotion.promoted
    assert promotion.reason == f"roc_auc cannot be computed on the {ones.count()} common rows"


def test_champion_that_reads_a_column_which_is_gone_is_kept_with_the_reason(good: FittedModel, poor: FittedModel, later: Table) -> None:
    promotion = decide(good, poor, "3", BEFORE, later.select(["k", "t", "signal", "y"]), RULE)
    assert not promotion.promoted
    assert "'noise'" in promotion.reason


def test_champion_that_learned_another_label_is_kept_with_the_reason(good: FittedModel, poor: FittedModel, later: Table) -> None:
    other = poor.rules.label.model_copy(update={"source": "somethingelse"})
    champion = FittedModel(poor.estimator, poor.rules.model_copy(update={"label": other}), poor.encoding)
    promotion = decide(good, champion, "3", BEFORE, later, RULE)
    assert not promotion.promoted
    assert "learned another label, " in promotion.reason


def test_least_improvement_is_asked_for_beyond_chance(good: FittedModel, poor: FittedModel, later: Table) -> None:
    found = decide(good, poor, "3", BEFORE, later, RULE).evidence
    between = (found.interval.low + found.improvement) / 2
    promotion = decide(good, poor, "3", BEFORE, later, PromotionRule(min_rows=60, min_effect=between))
    assert not promotion.promoted
    assert f"neither saw, and not surely by more than {between:g}: improvement" in promotion.reason


def test_better_by_little_may_be_chance(good: FittedModel, poor: FittedModel, later: Table) -> None:
    """Of twenty rows, the better model's lead is large and unsure."""
    few = later.with_frame(later.frame.filter(nw.col("t") > FIRST + timedelta(hours=39)))
    promotion = decide(good, poor, "3", BEFORE, few, PromotionRule(min_rows=20))
    assert not promotion.promoted
    assert promotion.evidence.improvement > 0
    assert "is better than the champion's" in promotion.reason
    assert "neither saw, which may be chance: improvement +0." in promotion.reason


def test_rows_of_one_key_and_time_are_told_apart_for_both_models_alike(good: FittedModel, poor: FittedModel, later: Table) -> None:
    """The models read different features; ordered by what each reads, rows of one key and time would change places."""
    alike = later.with_frame(later.frame.with_columns(k=nw.lit("key"), t=nw.lit(FIRST)))
    y, answers = {}, {}
    for name, model in (("good", good), ("poor", poor)):
        frame = alike.collect().to_native()
        scores = model.scores(frame.select("signal", "noise").to_pandas())
        answers[name], y[name] = model.answer(scores), frame["y"].to_numpy()
    alone = ((answers["good"] == y["good"]) & (answers["poor"] != y["poor"])).sum()
    found = decide(good, poor, "3", BEFORE, alike, RULE).evidence
    assert found.mcnemar.only_challenger == alone


def test_slices_that_the_rule_names_are_compared(good: FittedModel, poor: FittedModel, later: Table) -> None:
    rule = PromotionRule(metric="accuracy", min_rows=60, slices=("k",), min_slice_rows=10)
    found = decide(good, poor, "3", BEFORE, later, rule).evidence
    assert [part.value for part in found.slices] == [f"key {number}" for number in range(7)]
    assert sum(part.rows for part in found.slices) == 60


def test_rows_in_any_order_give_the_same_decision(good: FittedModel, poor: FittedModel, later: Table) -> None:
    """A run on another engine reads the same rows in another order."""
    turned = later.with_frame(nw.from_native(later.frame.collect(backend="polars").to_native().reverse()).lazy())
    assert decide(good, poor, "3", BEFORE, turned, RULE) == decide(good, poor, "3", BEFORE, later, RULE)


def test_first_version_is_promoted_without_a_champion() -> None:
    promotion = first_champion("roc_auc")
    assert promotion.promoted
    assert promotion.champion_version is promotion.evidence is None


@pytest.mark.parametrize("metric", ["gini", "", "positive_class_ratio"])
def test_metric_by_which_nothing_could_ever_be_promoted_is_refused(metric: str) -> None:
    with pytest.raises(ValidationError, match="metric"):
        PromotionRule(metric=metric)


def test_guide_spelling_of_the_metric_is_understood() -> None:
    assert PromotionRule(metric="auc_roc").metric == "roc_auc"


@pytest.mark.parametrize("min_rows", [0, -1])
def test_minimum_of_no_rows_is_refused(min_rows: int) -> None:
    with pytest.raises(ValidationError, match="min_rows"):
        PromotionRule(min_rows=min_rows)
