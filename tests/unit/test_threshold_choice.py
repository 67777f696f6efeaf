"""The threshold of a candidate: chosen on validation rows by the model of the training rows, and kept with the model."""

import narwhals as nw
import pytest

from stackhouse.errors import DataError
from stackhouse.evaluation.decision import FixedThreshold, LargestF1, PrecisionAtRecall
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.table import Table
from stackhouse.tuning.comparison import measure
from stackhouse.tuning.threshold import with_threshold


def test_chosen_threshold_has_the_largest_f1_on_the_validation_rows(rules: ScoringRules, train: Table, later: Table) -> None:
    chosen = with_threshold(train, later, rules.model_copy(update={"decision": LargestF1()}))
    others = [rules.model_copy(update={"decision_threshold": number / 50}) for number in range(1, 50)]
    best = measure(FittedModel.fit(train, chosen), later)["f1"]
    assert best >= max(measure(FittedModel.fit(train, other), later)["f1"] for other in others)
    assert chosen.decision_threshold != 0.5


def test_recall_that_is_asked_for_is_reached_on_the_validation_rows(rules: ScoringRules, train: Table, later: Table) -> None:
    chosen = with_threshold(train, later, rules.model_copy(update={"decision": PrecisionAtRecall(recall=0.95)}))
    assert measure(FittedModel.fit(train, chosen), later)["recall"] >= 0.95 > measure(FittedModel.fit(train, rules), later)["recall"]


def test_nothing_but_the_threshold_changes(rules: ScoringRules, train: Table, later: Table) -> None:
    asked = rules.model_copy(update={"decision": LargestF1()})
    chosen = with_threshold(train, later, asked)
    assert chosen.model_copy(update={"decision_threshold": 0.5}) == asked


def test_given_threshold_needs_no_validation_rows(rules: ScoringRules, train: Table, later: Table) -> None:
    empty = later.with_frame(later.frame.filter(nw.col("y") > 1))
    assert with_threshold(train, empty, rules.model_copy(update={"decision": FixedThreshold(threshold=0.2)})).decision_threshold == 0.2


def test_validation_rows_of_one_class_are_refused(rules: ScoringRules, train: Table, later: Table) -> None:
    ones = later.with_frame(later.frame.filter(nw.col("y") == 1))
    with pytest.raises(DataError, match="of one class"):
        with_threshold(train, ones, rules.model_copy(update={"decision": LargestF1()}))


def test_threshold_and_goal_travel_with_the_model(rules: ScoringRules, train: Table, later: Table, tmp_path: object) -> None:
    chosen = with_threshold(train, later, rules.model_copy(update={"decision": LargestF1()}))
    FittedModel.fit(train, chosen).save(tmp_path)
    assert FittedModel.load(tmp_path).rules == chosen


def test_model_of_an_earlier_version_has_a_given_threshold(rules: ScoringRules) -> None:
    stored = rules.model_dump_json(exclude={"decision"})
    assert ScoringRules.model_validate_json(stored).decision == FixedThreshold()
