"""Binarizing, rates in and classes out: null and NaN leave before the threshold, and `boundary` says where the threshold goes."""

import math

import polars as pl
import pytest

from stackhouse.labels.labelling import label_rows
from stackhouse.labels.rules import BinaryLabel, ThresholdLabel
from stackhouse.table import Roles, Table

NAN = math.nan


def classes(rates: dict[str, object], boundary: str = "exclusive", threshold: float = 0.2, **limits: float) -> dict[str, int]:
    table = Table.of(pl.DataFrame({"k": [*rates], "rate": [*rates.values()]}, strict=False), Roles(primary_keys=("k",)))
    rule = ThresholdLabel(source="rate", name="high", threshold=threshold, boundary=boundary, **limits)
    return dict(label_rows(table, rule).table.collect(["k", "high"]).rows())


def test_exclusive_boundary_puts_the_threshold_itself_into_class_0() -> None:
    assert classes({"below": 0.19, "at": 0.2, "above": 0.21}) == {"below": 0, "at": 0, "above": 1}


def test_inclusive_boundary_puts_the_threshold_itself_into_class_1() -> None:
    assert classes({"below": 0.19, "at": 0.2, "above": 0.21}, "inclusive") == {"below": 0, "at": 1, "above": 1}


def test_neighbours_of_the_threshold_fall_on_their_own_sides() -> None:
    rates = {"below": math.nextafter(0.2, 0), "at": 0.2, "above": math.nextafter(0.2, 1)}
    assert classes(rates) == {"below": 0, "at": 0, "above": 1}
    assert classes(rates, "inclusive") == {"below": 0, "at": 1, "above": 1}


@pytest.mark.parametrize("boundary", ["exclusive", "inclusive"])
def test_nan_and_null_leave_before_the_threshold(boundary: str) -> None:
    assert classes({"nan": NAN, "low": 0.1, "null": None, "high": 0.9}, boundary) == {"low": 0, "high": 1}


def test_rows_keep_their_order() -> None:
    assert [*classes({"c": 0.9, "b": NAN, "a": 0.1, "d": 0.3})] == ["c", "a", "d"]


def test_any_failure_at_all_is_class_1_above_a_threshold_of_zero() -> None:
    assert classes({"none": 0.0, "some": 0.001}, threshold=0) == {"none": 0, "some": 1}


def test_only_a_full_share_is_class_1_from_a_threshold_of_one() -> None:
    assert classes({"most": 0.999, "all": 1.0}, "inclusive", threshold=1) == {"most": 0, "all": 1}


def test_integers_are_measured_as_well() -> None:
    assert classes({"ten": 10, "eleven": 11}, threshold=10, minimum=0, maximum=100) == {"ten": 0, "eleven": 1}


@pytest.mark.parametrize(
    ("values", "expected"), [([0, 1, None], [0, 1]), ([0.0, 1.0, NAN], [0, 1]), ([False, True, None], [0, 1]), ([None, 1, 1, 0], [1, 1, 0])]
)
def test_binary_label_is_taken_as_measured(values: list[object], expected: list[int]) -> None:
    labelled = label_rows(Table.of(pl.DataFrame({"failed": values}, strict=False)), BinaryLabel(source="failed"))
    assert labelled.table.collect()["failed"].to_list() == expected
    assert labelled.report.dropped == len(values) - len(expected)
