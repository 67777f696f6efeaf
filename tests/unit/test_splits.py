"""Splits: what is learned from, chosen on and judged on never overlaps, and time never runs backwards."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stackhouse.errors import ConfigurationError, DataError, EmptyTableError
from stackhouse.splits import RandomSplit, Split, TimeSplit, split
from stackhouse.table import Roles, Table

TIMED = Roles(primary_keys=("k",), timestamp="t")
LABELLED = Roles(primary_keys=("k",), label="y")


def timed(hours: list[int]) -> Table:
    """One row for each hour given, with k counting them."""
    times = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in hours]
    return Table.of(pl.DataFrame({"k": range(len(hours)), "t": times}), TIMED, "demo")


def labelled(zeros: int, ones: int) -> Table:
    return Table.of(pl.DataFrame({"k": range(zeros + ones), "y": [0] * zeros + [1] * ones}), LABELLED, "demo")


def keys(parts: Split) -> tuple[list[int], list[int], list[int]]:
    train, validation, test = (sorted(part.collect()["k"].to_list()) for part in (parts.train, parts.validation, parts.test))
    return train, validation, test


def test_time_split_takes_the_last_times_for_the_test() -> None:
    parts = keys(split(timed([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), TimeSplit(test_size=0.2, validation_size=0.25)))
    assert parts == ([0, 1, 2, 3, 4, 5], [6, 7], [8, 9])


def test_time_split_goes_by_time_and_not_by_position() -> None:
    parts = keys(split(timed([9, 0, 8, 1, 7, 2, 6, 3, 5, 4]), TimeSplit(test_size=0.2, validation_size=0.25)))
    assert parts == ([1, 3, 5, 7, 8, 9], [4, 6], [0, 2])


def test_time_split_counts_distinct_times_and_keeps_equal_ones_together() -> None:
    parts = keys(split(timed([0, 1, 2, 2, 2, 2, 2, 2]), TimeSplit()))
    assert parts == ([0], [1], [2, 3, 4, 5, 6, 7])


@given(
    hours=st.lists(st.integers(0, 12), min_size=3, max_size=40),
    test_size=st.floats(0.05, 0.6),
    validation_size=st.floats(0.05, 0.6),
)
def test_every_row_is_in_one_part_and_the_parts_are_strictly_apart_in_time(
    hours: list[int], test_size: float, validation_size: float
) -> None:
    table = timed(hours)
    try:
        parts = split(table, TimeSplit(test_size=test_size, validation_size=validation_size))
    except DataError:
        assert len(set(hours)) * min(test_size, 1 - test_size) * min(validation_size, 1 - validation_size) < 1
        return
    train, validation, test = keys(parts)
    assert sorted([*train, *validation, *test]) == list(range(len(hours)))
    assert max(hours[k] for k in train) < min(hours[k] for k in validation)
    assert max(hours[k] for k in validation) < min(hours[k] for k in test)


@pytest.mark.parametrize("shift", [0, 1])
def test_three_distinct_times_are_enough_and_two_are_not(shift: int) -> None:
    assert keys(split(timed([0, 1, 2]), TimeSplit())) == ([0], [1], [2])
    with pytest.raises(DataError, match="demo has 2 distinct times, too few to split by time"):
        split(timed([shift, 5, 5, shift]), TimeSplit())


def test_gap_leaves_out_the_days_whose_labels_reach_into_the_next_part() -> None:
    days = Table.of(
        pl.DataFrame({"k": [f"k{day}" for day in range(20)], "t": [date(2024, 1, 1) + timedelta(days=day) for day in range(20)]}),
        Roles(primary_keys=("k",), timestamp="t"),
        "demo",
    )
    parts = split(days, TimeSplit(test_size=0.25, validation_size=0.4, gap_days=2))
    found = [sorted(int(key[1:]) for key in part.collect(["k"])["k"].to_list()) for part in (parts.train, parts.validation, parts.test)]
    assert found == [[0, 1, 2, 3, 4, 5, 6], [9, 10, 11, 12], [15, 16, 17, 18, 19]]
    with pytest.raises(DataError, match="A gap of 6 days leaves demo no training or validation rows"):
        split(days, TimeSplit(test_size=0.25, validation_size=0.4, gap_days=6))


def test_time_split_takes_dates() -> None:
    frame = pl.DataFrame({"k": [0, 1, 2], "t": [date(2024, 1, 3), date(2024, 1, 1), date(2024, 1, 2)]})
    assert keys(split(Table.of(frame, TIMED), TimeSplit())) == ([1], [2], [0])


def test_time_split_refuses_a_null_time_which_would_be_in_no_part() -> None:
    frame = pl.DataFrame({"k": [0, 1, 2, 3], "t": [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3), None]})
    with pytest.raises(DataError, match="null"):
        split(Table.of(frame, TIMED, "demo"), TimeSplit())


def test_time_split_without_a_timestamp_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"demo has no timestamp to split by\. Set model.split.kind to random"):
        split(labelled(5, 5), TimeSplit())


@pytest.mark.parametrize("rule", [TimeSplit(), RandomSplit()])
def test_table_without_rows_is_refused(rule: TimeSplit | RandomSplit) -> None:
    empty = Table.of(pl.DataFrame({"k": [], "t": [], "y": []}), Roles(primary_keys=("k",), timestamp="t", label="y"))
    with pytest.raises(EmptyTableError):
        split(empty, rule)


def test_stratified_split_keeps_the_share_of_each_class() -> None:
    parts = split(labelled(70, 30), RandomSplit(test_size=0.2, validation_size=0.25))
    counts = [(part.count(), int(part.collect()["y"].sum())) for part in (parts.train, parts.validation, parts.test)]
    assert counts == [(60, 18), (20, 6), (20, 6)]


def test_random_split_puts_every_row_into_exactly_one_part() -> None:
    train, validation, test = keys(split(labelled(70, 30), RandomSplit()))
    assert sorted([*train, *validation, *test]) == list(range(100))


def test_random_split_does_not_depend_on_the_order_of_the_rows() -> None:
    table = labelled(70, 30)
    turned = table.with_frame(table.frame.sort("k", descending=True))
    assert keys(split(turned, RandomSplit())) == keys(split(table, RandomSplit()))


def test_random_split_without_a_key_does_not_depend_on_the_order_of_equal_times() -> None:
    times, values = [date(2024, 1, 1 + row % 2) for row in range(40)], list(range(40))
    roles = Roles(timestamp="t", features=("k",))
    table = Table.of(pl.DataFrame({"t": times, "k": values}), roles)
    reversed_rows = Table.of(pl.DataFrame({"t": times[::-1], "k": values[::-1]}), roles)
    rule = RandomSplit(stratify=False)
    assert keys(split(table, rule)) == keys(split(reversed_rows, rule))


def test_random_split_is_drawn_by_its_seed() -> None:
    same, other = RandomSplit(seed=1), RandomSplit(seed=2)
    assert keys(split(labelled(70, 30), same)) == keys(split(labelled(70, 30), same))
    assert keys(split(labelled(70, 30), same)) != keys(split(labelled(70, 30), other))


def test_random_split_draws_from_the_whole_table() -> None:
    _, _, test = keys(split(labelled(70, 30), RandomSplit(stratify=False)))
    assert len(test) == 20
    assert min(test) < 50 < max(test)


def test_split_keeps_roles_and_columns() -> None:
    parts = split(labelled(70, 30), RandomSplit())
    assert [part.roles for part in (parts.train, parts.validation, parts.test)] == [LABELLED] * 3
    assert parts.test.columns == ["k", "y"]


@pytest.mark.parametrize("stratify", [True, False])
def test_random_split_without_a_label_has_no_classes_to_keep(stratify: bool) -> None:
    assert [len(part) for part in keys(split(timed(list(range(10))), RandomSplit(stratify=stratify)))] == [6, 2, 2]


def test_too_few_rows_for_three_parts_are_refused() -> None:
    with pytest.raises(DataError, match="demo has 2 rows, too few for a training, a validation and a test set"):
        split(labelled(2, 0), RandomSplit())


@pytest.mark.parametrize("size", [0, 1, 1.5, -0.1, float("nan"), "many"])
@pytest.mark.parametrize("field", ["test_size", "validation_size"])
@pytest.mark.parametrize("rule", [TimeSplit, RandomSplit])
def test_size_outside_zero_to_one_is_refused(rule: type[TimeSplit | RandomSplit], field: str, size: object) -> None:
    with pytest.raises(ValidationError, match=field):
        rule(**{field: size})


@pytest.mark.parametrize("size", [0.001, 0.999])
def test_size_inside_zero_to_one_is_accepted(size: float) -> None:
    assert TimeSplit(test_size=size).test_size == size
