"""Two parts: by time where rows have one, else at random with classes in proportion; no row is lost or stands in both."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from stackhouse.errors import ColumnTypeError, DataError
from stackhouse.held_out import hold_out
from stackhouse.table import Roles, Table

START = datetime(2026, 1, 1, tzinfo=UTC)


def rows(count: int = 100, shuffled: int | None = None, *, timed: bool) -> Table:
    frame = pl.DataFrame(
        {
            "k": range(count),
            "t": [START + timedelta(days=number // 10) for number in range(count)],
            "y": ["rare" if number % 10 == 0 else "often" for number in range(count)],
        }
    )
    frame = frame if shuffled is None else frame.sample(fraction=1, shuffle=True, seed=shuffled)
    return Table.of(frame, Roles(primary_keys=("k",), timestamp="t" if timed else None, label="y"))


def keys(table: Table) -> set[int]:
    return set(table.collect(["k"])["k"].to_list())


@pytest.mark.parametrize("timed", [True, False])
def test_every_row_is_in_one_part_whatever_their_order(timed: bool) -> None:
    parts, again = (hold_out(rows(shuffled=order, timed=timed), "y", 0.2, 42) for order in (None, 7))
    assert keys(parts.kept) | keys(parts.held) == set(range(100))
    assert (keys(parts.kept) & keys(parts.held), len(keys(parts.held))) == (set(), 20)
    assert keys(again.held) == keys(parts.held)


def test_the_latest_rows_are_held_out() -> None:
    parts = hold_out(rows(timed=True), "y", 0.2, 42)
    assert (keys(parts.held), parts.rule.kind) == (set(range(80, 100)), "time")


def test_classes_stay_in_proportion_and_the_seed_draws() -> None:
    parts, other = (hold_out(rows(timed=False), "y", 0.2, seed) for seed in (42, 43))
    assert parts.held.collect(["y"])["y"].to_list().count("rare") == 2
    assert parts.kept.columns == ["k", "t", "y"]
    assert parts.kept.roles.label == "y"
    assert keys(parts.held) != keys(other.held)


def test_too_few_rows_or_a_text_for_a_time_are_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        hold_out(rows(2, timed=False), "y", 0.2, 42)
    text = rows(timed=True)
    with pytest.raises(ColumnTypeError, match="no order in time"):
        hold_out(Table.of(text.collect().to_native().cast({"t": pl.String}), text.roles), "y", 0.2, 42)
