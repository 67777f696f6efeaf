"""Two models on the same rows: from one table or each from its own, the evidence is the same, and rows are never mixed up."""

from datetime import timedelta

import narwhals as nw
import pytest

from stackhouse.errors import ColumnNotFoundError
from stackhouse.fitted import FittedModel
from stackhouse.promotion.comparison import compare, compare_apart
from stackhouse.promotion.rule import PromotionRule
from stackhouse.table import Table

RULE = PromotionRule(resamples=200, slices=("k",), min_slice_rows=10)


def own(rows: Table, *features: str) -> Table:
    """Only the features that one model looks up."""
    return rows.select(["k", "t", *features, "y"])


def reversed_rows(rows: Table) -> Table:
    return rows.with_frame(nw.from_native(rows.frame.collect(backend="polars").to_native().reverse()).lazy())


def test_tables_of_their_own_give_the_evidence_of_one_table(good: FittedModel, poor: FittedModel, later: Table) -> None:
    apart = compare_apart(good, own(later, "signal"), poor, reversed_rows(own(later, "noise")), RULE)
    assert apart == compare(good, poor, later, RULE)


def test_only_rows_that_stand_in_both_tables_count(good: FittedModel, poor: FittedModel, later: Table) -> None:
    first = later.collect()["t"].min()
    end, begin = (first + timedelta(hours=hours) for hours in (49, 10))
    ours = own(later.with_frame(later.frame.filter(nw.col("t") <= end)), "signal")
    theirs = own(later.with_frame(later.frame.filter(nw.col("t") >= begin)), "noise")
    both = later.with_frame(later.frame.filter((nw.col("t") <= end) & (nw.col("t") >= begin)))
    found = compare_apart(good, ours, poor, theirs, RULE)
    assert found.rows == 40
    assert found == compare(good, poor, both, RULE)


def test_feature_of_one_name_may_differ_between_the_tables(good: FittedModel, later: Table) -> None:
    """Both read `signal`; the champion's lookup gives another window of it, here turned round."""
    turned = later.with_frame(later.frame.with_columns(signal=-nw.col("signal")))
    found = compare_apart(good, own(later, "signal"), good, own(turned, "signal"), RULE)
    assert found.challenger == pytest.approx(1 - found.champion, abs=0.1)
    assert found.convincing


def test_tables_without_a_common_row_give_no_evidence(good: FittedModel, poor: FittedModel, later: Table) -> None:
    ours, theirs = (later.with_frame(later.frame.filter(nw.col("k") == key)) for key in ("key 1", "key 2"))
    assert compare_apart(good, ours, poor, theirs, RULE) is None


def test_column_to_slice_by_may_stand_in_either_table(good: FittedModel, poor: FittedModel, later: Table) -> None:
    rule = RULE.model_copy(update={"slices": ("noise", "signal")})
    found = compare_apart(good, own(later, "signal"), poor, own(later, "noise"), rule)
    assert found.slices == compare(good, poor, later, rule).slices
    assert [part.column for part in found.slices] == ["noise"] * 4 + ["signal"] * 4


def test_column_to_slice_by_that_neither_table_has_is_refused(good: FittedModel, poor: FittedModel, later: Table) -> None:
    rule = RULE.model_copy(update={"slices": ("colour",)})
    with pytest.raises(ColumnNotFoundError, match="no column 'colour'"):
        compare_apart(good, own(later, "signal"), poor, own(later, "noise"), rule)
