"""Folds: rows of training are held out without a look at the future, and without a row on both sides."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhouse.errors import DataError
from stackhouse.splits import RandomSplit, TimeSplit
from stackhouse.table import Roles, Table
from stackhouse.tuning.folds import Fold, at_random, by_time, deal, divide

START = datetime(2024, 1, 1, tzinfo=UTC)


def timed(days: list[int]) -> Table:
    """One row for each day given, with k counting them."""
    rows = pl.DataFrame({"k": range(len(days)), "t": [START + timedelta(days=day) for day in days], "y": [0] * len(days)})
    return Table.of(rows, Roles(primary_keys=("k",), timestamp="t", label="y"), "demo")


def labelled(labels: list[float]) -> Table:
    return Table.of(pl.DataFrame({"k": range(len(labels)), "y": labels}), Roles(primary_keys=("k",), label="y"), "demo")


def column(table: Table, name: str) -> list[int]:
    return sorted(table.collect([name])[name].to_list())


def days(fold: Fold) -> tuple[list[int], list[int]]:
    train, held_out = (sorted((time - START).days for time in part.collect(["t"])["t"].to_list()) for part in (fold.train, fold.held_out))
    return train, held_out


def test_folds_in_time_learn_from_ever_more_blocks_and_are_judged_on_the_next() -> None:
    assert [days(fold) for fold in by_time(timed([0, 1, 2, 3, 4, 5, 6, 7]), 3)] == [
        ([0, 1], [2, 3]),
        ([0, 1, 2, 3], [4, 5]),
        ([0, 1, 2, 3, 4, 5], [6, 7]),
    ]


def test_folds_in_time_go_by_distinct_times_and_not_by_rows() -> None:
    assert [days(fold) for fold in by_time(timed([2, 0, 0, 0, 0, 1]), 2)] == [([0, 0, 0, 0], [1]), ([0, 0, 0, 0, 1], [2])]


def test_a_gap_is_left_out_before_the_held_out_rows() -> None:
    assert [days(fold) for fold in by_time(timed([0, 1, 2, 3, 4, 5]), 2, timedelta(days=1))] == [([0], [2, 3]), ([0, 1, 2], [4, 5])]
    with pytest.raises(DataError, match="A gap of 2 days leaves the first of 2 folds of demo nothing to learn from"):
        by_time(timed([0, 1, 2, 3, 4, 5]), 2, timedelta(days=2))


@given(drawn=st.lists(st.integers(0, 30), min_size=8, max_size=60).filter(lambda drawn: len(set(drawn)) > 6), count=st.integers(2, 6))
def test_no_fold_in_time_learns_from_the_future_of_its_held_out_rows(drawn: list[int], count: int) -> None:
    folds = [days(fold) for fold in by_time(timed(drawn), count)]
    assert all(train and held_out and max(train) < min(held_out) for train, held_out in folds)
    held = [day for _, held_out in folds for day in held_out]
    assert held == sorted(held)
    assert sorted(folds[0][0] + held) == sorted(drawn)


@pytest.mark.parametrize(("distinct", "enough"), [(5, False), (6, True)])
def test_five_folds_in_time_need_six_times(distinct: int, enough: bool) -> None:
    table = timed([*range(distinct), *range(distinct)])
    if enough:
        assert len(by_time(table, 5)) == 5
    else:
        with pytest.raises(DataError, match=r"demo has 5 distinct times, too few for 5 folds in time\. Lower model\.tuning\.search\.folds"):
            by_time(table, 5)


@given(labels=st.lists(st.integers(0, 3), min_size=6, max_size=60), count=st.integers(2, 6), seed=st.integers(0, 5))
def test_folds_at_random_hold_each_row_out_once_with_classes_in_proportion(labels: list[int], count: int, seed: int) -> None:
    folds = at_random(labelled([*labels]), count, seed, stratify=True)
    assert sorted(key for fold in folds for key in column(fold.held_out, "k")) == list(range(len(labels)))
    for fold in folds:
        assert sorted(column(fold.train, "k") + column(fold.held_out, "k")) == list(range(len(labels)))
    for value in {*labels}:
        sizes = [column(fold.held_out, "y").count(value) for fold in folds]
        assert max(sizes) - min(sizes) <= 1
    sizes = [fold.held_out.count() for fold in folds]
    assert max(sizes) - min(sizes) <= 1


def test_folds_at_random_do_not_depend_on_the_order_of_rows_but_on_the_seed() -> None:
    table = labelled([0, 1] * 20)
    turned = table.with_frame(table.frame.sort("k", descending=True))
    held = [column(fold.held_out, "k") for fold in at_random(table, 4, 1, stratify=True)]
    assert [column(fold.held_out, "k") for fold in at_random(turned, 4, 1, stratify=True)] == held
    assert [column(fold.held_out, "k") for fold in at_random(table, 4, 2, stratify=True)] != held


def test_a_number_is_dealt_out_without_classes() -> None:
    assert [fold.held_out.count() for fold in at_random(labelled([0.5, 0.25, 1.5, 2.5, 3.5]), 2, 1, stratify=True)] == [3, 2]


def test_fewer_rows_than_folds_are_refused() -> None:
    with pytest.raises(DataError, match="demo has 4 rows, too few for 5 folds"):
        at_random(labelled([0, 1, 0, 1]), 5, 1, stratify=True)


def test_the_split_says_which_folds() -> None:
    table = timed([0, 1, 2, 3, 4, 5])
    assert [days(fold)[1] for fold in divide(table, TimeSplit(), 2, 1)] == [[2, 3], [4, 5]]
    assert [days(fold)[0] for fold in divide(table, TimeSplit(gap_days=1), 2, 1)] == [[0], [0, 1, 2]]
    drawn = [days(fold)[1] for fold in divide(table, RandomSplit(), 2, 1)]
    assert sorted(day for held_out in drawn for day in held_out) == [0, 1, 2, 3, 4, 5]


def test_cards_are_dealt_on_from_class_to_class() -> None:
    assert np.bincount(deal(np.array([0, 1, 2, 3]), 4, np.random.default_rng(0))).tolist() == [1, 1, 1, 1]
