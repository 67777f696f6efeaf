"""Labels: rules that a model file gives, and reports of the distribution. The threshold's cases are in tests/spec."""

import math

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, EmptyTableError, LabelError
from stackhouse.labels import SEVERE_IMBALANCE, BinaryLabel, LabelReport, ThresholdLabel, binarize, describe
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
    found = binarize(rates(0.1, 0.3, None, 0.5, math.nan), RATE).report
    assert (found.counts, found.dropped, found.rows) == ({0: 1, 1: 2}, 2, 3)
    assert found.positive_share == pytest.approx(2 / 3)
    assert found.rule == "high = 1 where late_rate > 0.2"


def test_source_leaves_the_table_and_the_label_gets_its_role() -> None:
    frame = pl.DataFrame({"k": ["a"], "late_rate": [0.5], "arrivals": [7]})
    labelled = binarize(Table.of(frame, Roles(primary_keys=("k",), label="late_rate")), RATE).table
    assert labelled.columns == ["k", "arrivals", "high"]
    assert labelled.roles == Roles(primary_keys=("k",), label="high")


def test_label_of_the_same_name_in_the_table_is_replaced() -> None:
    labelled = binarize(Table.of(pl.DataFrame({"late_rate": [0.5], "high": [0]})), RATE).table
    assert labelled.collect().to_native().to_dict(as_series=False) == {"high": [1]}


def test_label_is_int64() -> None:
    assert binarize(rates(0.1, 0.9), RATE).table.collect().to_native()["high"].dtype == pl.Int64


def test_absent_source_is_refused() -> None:
    with pytest.raises(
        ColumnNotFoundError, match=r"demo has no column 'late_rate'; it has 'a'\. Name one of these under model.label.source"
    ):
        binarize(Table.of(pl.DataFrame({"a": [1]}), name="demo"), RATE)


def test_text_source_is_refused() -> None:
    with pytest.raises(ColumnTypeError, match="'late_rate'"):
        binarize(Table.of(pl.DataFrame({"late_rate": ["0.5"]})), RATE)


@pytest.mark.parametrize("values", [(), (None,), (math.nan, None)])
def test_no_row_with_a_label_is_refused(values: tuple[float | None, ...]) -> None:
    with pytest.raises(EmptyTableError, match=r"No records found for training! dev.flights.labels has no rows"):
        binarize(rates(*values), RATE)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.inf, -math.inf])
def test_label_out_of_its_range_is_refused(value: float) -> None:
    with pytest.raises(LabelError, match=r"The label 'late_rate' must lie in \[0, 1\]; it runs from"):
        binarize(rates(0.5, value), RATE)


def test_label_at_both_ends_of_its_range_is_accepted() -> None:
    assert binarize(rates(0.0, 1.0), RATE).report.counts == {0: 1, 1: 1}


@pytest.mark.parametrize("value", [2.0, 0.5, -1.0, math.inf])
def test_binary_label_with_another_value_is_refused(value: float) -> None:
    with pytest.raises(LabelError, match="'late_rate' of a binary classifier holds 1 values other than 0 and 1"):
        binarize(rates(0, 1, value), BinaryLabel(source="late_rate"))


def test_single_class_is_reported_and_not_raised() -> None:
    found = binarize(rates(0.1, 0.15), RATE).report
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
