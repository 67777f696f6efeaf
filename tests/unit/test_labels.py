"""Labels: rules that a model file gives, and reports of the distribution. The threshold's cases are in tests/spec."""

import math

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, EmptyTableError, LabelError
from stackhouse.labels.labelling import label_rows
from stackhouse.labels.report import SEVERE_IMBALANCE, LabelReport, describe
from stackhouse.labels.rules import AnomalyLabel, AnyLabel, BinaryLabel, ClassLabel, MultiLabel, ThresholdLabel, ValueLabel
from stackhouse.table import Roles, Table

RATE = ThresholdLabel(source="late_rate", name="high", threshold=0.2)


def rates(*values: float | None) -> Table:
    return Table.of(pl.DataFrame({"late_rate": pl.Series(values, dtype=pl.Float64)}), name="dev.flights.labels")


def report(zeros: int, ones: int) -> LabelReport:
    return LabelReport(label="y", source="s", rule="", counts={0: zeros, 1: ones}, dropped=0)


@pytest.mark.parametrize("threshold", [-0.01, 1.01, math.nan, math.inf])
def test_threshold_outside_the_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValidationError, match=r"outside the label's range \[0, 1\]|finite"):
        ThresholdLabel(source="late_rate", name="high", threshold=threshold)


@pytest.mark.parametrize("threshold", [10.5, 100])
def test_threshold_inside_a_range_of_its_own_is_accepted(threshold: float) -> None:
    assert ThresholdLabel(source="cost", name="high", threshold=threshold, minimum=10, maximum=1000).threshold == threshold


@pytest.mark.parametrize(("threshold", "boundary"), [(0.0, "exclusive"), (1.0, "inclusive")])
def test_threshold_on_the_edge_is_accepted_where_both_classes_can_be(threshold: float, boundary: str) -> None:
    assert ThresholdLabel(source="late_rate", name="high", threshold=threshold, boundary=boundary).threshold == threshold


@pytest.mark.parametrize(("threshold", "boundary"), [(1.0, "exclusive"), (0.0, "inclusive")])
def test_threshold_on_the_edge_is_refused_where_every_row_would_be_of_one_class(threshold: float, boundary: str) -> None:
    with pytest.raises(ValidationError, match="every row would be of one class"):
        ThresholdLabel(source="late_rate", name="high", threshold=threshold, boundary=boundary)


def test_label_named_as_its_source_is_refused() -> None:
    with pytest.raises(ValidationError, match="give the binarized label a name of its own"):
        ThresholdLabel(source="late_rate", name="late_rate", threshold=0.2)


def test_unknown_boundary_is_refused() -> None:
    with pytest.raises(ValidationError, match="boundary"):
        ThresholdLabel(source="late_rate", name="high", threshold=0.2, boundary="above")


def test_report_counts_classes_and_dropped_rows() -> None:
    found = label_rows(rates(0.1, 0.3, None, 0.5, math.nan), RATE).report
    assert (found.counts, found.dropped, found.rows) == ({0: 1, 1: 2}, 2, 3)
    assert found.positive_share == pytest.approx(2 / 3)
    assert found.rule == "high = 1 where late_rate > 0.2"


def test_source_leaves_the_table_and_the_label_gets_its_role() -> None:
    frame = pl.DataFrame({"k": ["a"], "late_rate": [0.5], "arrivals": [7]})
    labelled = label_rows(Table.of(frame, Roles(primary_keys=("k",), label="late_rate")), RATE).table
    assert labelled.columns == ["k", "arrivals", "high"]
    assert labelled.roles == Roles(primary_keys=("k",), label="high")


def test_label_of_the_same_name_in_the_table_is_replaced() -> None:
    labelled = label_rows(Table.of(pl.DataFrame({"late_rate": [0.5], "high": [0]})), RATE).table
    assert labelled.collect().to_native().to_dict(as_series=False) == {"high": [1]}


def test_label_is_int64() -> None:
    assert label_rows(rates(0.1, 0.9), RATE).table.collect().to_native()["high"].dtype == pl.Int64


def test_absent_source_is_refused() -> None:
    with pytest.raises(
        ColumnNotFoundError, match=r"demo has no column 'late_rate'; it has 'a'\. Name one of these under model.label.source"
    ):
        label_rows(Table.of(pl.DataFrame({"a": [1]}), name="demo"), RATE)


def test_text_source_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="'late_rate'"):
        label_rows(Table.of(pl.DataFrame({"late_rate": ["0.5"]})), RATE)


@pytest.mark.parametrize("values", [(), (None,), (math.nan, None)])
def test_no_row_with_a_label_is_refused(values: tuple[float | None, ...]) -> None:
    with pytest.raises(EmptyTableError, match=r"No records found for training! dev.flights.labels has no rows"):
        label_rows(rates(*values), RATE)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.inf, -math.inf])
def test_label_out_of_its_range_is_refused(value: float) -> None:
    with pytest.raises(LabelError, match=r"The label 'late_rate' must lie in \[0, 1\]; it runs from"):
        label_rows(rates(0.5, value), RATE)


def test_label_at_both_ends_of_its_range_is_accepted() -> None:
    assert label_rows(rates(0.0, 1.0), RATE).report.counts == {0: 1, 1: 1}


@pytest.mark.parametrize("value", [2.0, 0.5, -1.0, math.inf])
def test_binary_label_with_another_value_is_refused(value: float) -> None:
    with pytest.raises(LabelError, match="'late_rate' of a binary classifier holds 1 values other than 0 and 1"):
        label_rows(rates(0, 1, value), BinaryLabel(source="late_rate"))


def test_single_class_is_reported_and_not_raised() -> None:
    found = label_rows(rates(0.1, 0.15), RATE).report
    assert found.single_class
    assert found.counts == {0: 2, 1: 0}
    assert found.imbalance == math.inf


def test_two_classes_are_not_a_single_class() -> None:
    assert not report(5, 1).single_class


@pytest.mark.parametrize(("zeros", "ones", "imbalance"), [(100, 10, 10.0), (10, 100, 10.0), (5, 5, 1.0)])
def test_imbalance_is_larger_class_over_smaller(zeros: int, ones: int, imbalance: float) -> None:
    assert report(zeros, ones).imbalance == imbalance


def test_severe_imbalance_begins_at_ten_to_one() -> None:
    assert SEVERE_IMBALANCE == 10.0


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (RATE, "high = 1 where late_rate > 0.2"),
        (RATE.model_copy(update={"boundary": "inclusive"}), "high = 1 where late_rate >= 0.2"),
        (BinaryLabel(source="failed"), "failed as measured (0 or 1)"),
    ],
)
def test_rule_is_said_in_words(rule: ThresholdLabel | BinaryLabel, words: str) -> None:
    assert describe(rule) == words


def words(*values: str | None, name: str = "churn") -> Table:
    return Table.of(pl.DataFrame({name: pl.Series(values, dtype=pl.String)}), name="dev.shop.labels")


YES_NO = BinaryLabel(source="churn", positive="Yes", negative="No")
SIZES = ClassLabel(source="size", name="size_class", classes=("small", "middle", "large"), edges=(1.0, 5.0))
CITIES = ClassLabel(source="city", name="city", classes=("Rome", "Oslo", "Bern"))


@pytest.mark.parametrize(
    ("rule", "outputs"),
    [
        (RATE, ("high",)),
        (YES_NO, ("churn",)),
        (SIZES, ("small", "middle", "large")),
        (MultiLabel(labels=(RATE, YES_NO)), ("high", "churn")),
        (ValueLabel(source="minutes"), ("minutes",)),
        (AnomalyLabel(), ()),
    ],
)
def test_scores_are_of_the_classes_where_one_label_has_several_else_of_the_labels(rule: AnyLabel, outputs: tuple[str, ...]) -> None:
    assert rule.outputs == outputs


def test_texts_of_two_classes_become_0_and_1_and_null_leaves() -> None:
    found = label_rows(words("Yes", None, "No", "Yes"), YES_NO)
    assert found.table.collect()["churn"].to_list() == [1, 0, 1]
    assert (found.report.counts, found.report.dropped) == ({0: 1, 1: 2}, 1)
    assert found.report.rule == "churn = 1 where it is 'Yes', 0 where it is 'No'"


def test_text_that_is_neither_class_is_refused_with_both() -> None:
    with pytest.raises(LabelError, match="The label 'churn' holds 'maybe', and the classes are 'No', 'Yes'"):
        label_rows(words("Yes", "maybe"), YES_NO)


@pytest.mark.parametrize("texts", [{"positive": "Yes"}, {"negative": "No"}, {"positive": "Yes", "negative": "Yes"}])
def test_one_text_or_the_same_twice_is_refused(texts: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"belong together|every row would be of one class"):
        BinaryLabel(source="churn", **texts)


def test_number_is_cut_at_the_edges_and_an_edge_belongs_above() -> None:
    table = Table.of(pl.DataFrame({"size": [0.0, 0.99, 1.0, 4.0, 5.0, 100.0, None, math.nan]}))
    found = label_rows(table, SIZES)
    assert found.table.collect()["size_class"].to_list() == [0, 0, 1, 1, 2, 2]
    assert found.report.counts == {0: 2, 1: 2, 2: 2}
    assert (found.report.class_names, found.report.dropped) == (("small", "middle", "large"), 2)


def test_texts_are_numbered_in_the_order_of_the_classes() -> None:
    assert label_rows(words("Bern", "Rome", "Oslo", name="city"), CITIES).table.collect()["city"].to_list() == [2, 0, 1]


def test_class_that_occurs_in_no_row_is_counted_as_zero() -> None:
    assert label_rows(words("Bern", "Rome", name="city"), CITIES).report.counts == {0: 1, 1: 0, 2: 1}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"edges": (1.0,)}, "3 classes need 2 edges, and 1 are given"),
        ({"edges": (5.0, 1.0)}, "do not grow"),
        ({"edges": (1.0, 1.0)}, "do not grow"),
        ({"classes": ("a", "b", "a")}, "names one twice"),
        ({"classes": ("a", "b"), "edges": None}, "at least 3"),
        ({"name": "size"}, "name and source are both 'size'"),
    ],
)
def test_classes_that_cannot_be_told_apart_are_refused(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        ClassLabel.model_validate({**SIZES.model_dump(), **wrong})


def test_several_labels_leave_a_row_where_any_is_missing() -> None:
    rule = MultiLabel(labels=(RATE, BinaryLabel(source="failed")))
    frame = pl.DataFrame({"late_rate": [0.1, 0.3, None, 0.5], "failed": [1, 0, 1, None], "kept": [1, 2, 3, 4]})
    found = label_rows(Table.of(frame), rule)
    assert found.table.collect().to_native().rows() == [(1, 0, 1), (2, 1, 0)]
    assert found.table.roles.labels == ("high", "failed")
    assert (found.report.counts, found.report.dropped) == ({0: 0, 1: 2, 2: 0}, 2)
    assert [part.counts for part in found.report.parts] == [{0: 1, 1: 1}, {0: 1, 1: 1}]


def test_two_labels_of_one_source_are_both_applied() -> None:
    above = [ThresholdLabel(source="late_rate", name=f"above_{limit}", threshold=limit / 10) for limit in (2, 4)]
    found = label_rows(rates(0.1, 0.3, 0.5), MultiLabel(labels=tuple(above))).table
    assert found.collect().to_native().to_dict(as_series=False) == {"above_2": [0, 1, 1], "above_4": [0, 0, 1]}


def test_labels_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"labels names \['high'\] more than once"):
        MultiLabel(labels=(RATE, RATE))


def test_number_is_taken_as_measured_with_its_spread() -> None:
    found = label_rows(rates(1.0, None, 3.0, 2.0, math.nan), ValueLabel(source="late_rate"))
    assert found.table.collect()["late_rate"].to_list() == [1.0, 3.0, 2.0]
    assert found.report.spread == {"minimum": 1, "25 %": 1.5, "median": 2, "75 %": 2.5, "maximum": 3, "mean": 2}
    assert (found.report.rows, found.report.dropped) == (3, 2)


@pytest.mark.parametrize(("value", "words"), [(math.inf, "runs from|infinite value"), (-0.5, r"must lie in \[0, inf\]")])
def test_number_out_of_its_range_or_infinite_is_refused(value: float, words: str) -> None:
    with pytest.raises(LabelError, match=words):
        label_rows(rates(1.0, value), ValueLabel(source="late_rate", minimum=0.0))


def test_detector_without_known_anomalies_keeps_every_row_and_has_no_label() -> None:
    found = label_rows(rates(0.1, None), AnomalyLabel())
    assert (found.table.count(), found.table.roles.labels) == (2, ())
    assert (found.report.rows, found.report.counts) == (2, {})


def test_known_anomalies_are_0_and_1() -> None:
    found = label_rows(rates(0, 1, 0), AnomalyLabel(source="late_rate"))
    assert found.table.roles.labels == ("late_rate",)
    assert found.report.counts == {0: 2, 1: 1}
