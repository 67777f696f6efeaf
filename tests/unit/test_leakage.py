"""Leakage by name: nothing of the label table is a feature."""

import polars as pl
import pytest

from stackhouse.errors import LeakageError
from stackhouse.labels.rules import BinaryLabel, ThresholdLabel
from stackhouse.leaks.by_name import require_no_leak
from stackhouse.table import Roles, Table

RULE = ThresholdLabel(source="late_rate", name="high_late_rate", threshold=0.2)
COLUMNS = ("origin", "dest", "label_time", "late_rate", "arrivals")
SPINE = Table.of(
    pl.DataFrame({name: [1] for name in COLUMNS}), Roles(primary_keys=("origin", "dest"), timestamp="label_time", label="late_rate")
)


@pytest.mark.parametrize(
    ("feature", "role"),
    [
        ("high_late_rate", "the label"),
        ("late_rate", "the source of the label"),
        ("origin", "the primary key"),
        ("dest", "the primary key"),
        ("label_time", "the timestamp"),
        ("arrivals", "the column of the label table, known only afterwards"),
    ],
)
def test_feature_that_would_tell_the_label_is_refused(feature: str, role: str) -> None:
    with pytest.raises(LeakageError) as caught:
        require_no_leak(["late_rate_7d", feature], SPINE, RULE)
    assert str(caught.value).startswith(f"'{feature}' ({role}) cannot be a feature")
    assert str(caught.value).endswith("Remove it from model.features.names.")


def test_all_leaks_are_named_at_once() -> None:
    with pytest.raises(LeakageError, match=r"'late_rate' \(.*\), 'origin' \(.*\) cannot be a feature"):
        require_no_leak(["late_rate", "late_rate_7d", "origin"], SPINE, RULE)


def test_binary_label_is_refused_as_a_feature() -> None:
    with pytest.raises(LeakageError, match=r"'failed' \(the label\)"):
        require_no_leak(["failed"], SPINE, BinaryLabel(source="failed"))


def test_columns_of_the_feature_table_are_accepted() -> None:
    require_no_leak(["late_rate_7d", "late_rate_today", "day_of_week"], SPINE, RULE)
