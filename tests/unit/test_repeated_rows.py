"""Rows that are found again: equal in every column, missing values included, and told from rows that are equal by chance."""

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhouse.leaks.repeated_rows import TIMES, find_rows, no_accident
from stackhouse.table import Table

NAN = float("nan")
CELLS = st.tuples(st.sampled_from([None, NAN, 0.0, -0.0, 1.5]), st.sampled_from([None, "", "a"]), st.sampled_from([None, 0, 1]))
SCHEMA = {"x": pl.Float64, "s": pl.String, "i": pl.Int64}


def table(rows: list[tuple[object, ...]]) -> Table:
    return Table.of(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def plain(row: tuple[object, ...]) -> tuple[object, ...]:
    """The row with one missing value and one zero."""
    return tuple(None if cell is None or cell != cell else cell + 0 if isinstance(cell, float) else cell for cell in row)  # noqa: PLR0124


@given(st.lists(CELLS, max_size=8), st.lists(CELLS, max_size=8))
def test_every_row_is_counted_as_python_counts_it(wanted: list[tuple[object, ...]], among: list[tuple[object, ...]]) -> None:
    found = find_rows(table(wanted), table(among), ["x", "s", "i"])
    counted = sorted((str(plain(row[:3])), row[3]) for row in found.select("x", "s", "i", TIMES).rows())
    assert counted == sorted((str(plain(row)), [plain(other) for other in among].count(plain(row))) for row in wanted)


def test_times_and_booleans_are_compared() -> None:
    rows = pl.DataFrame({"day": [date(2024, 1, 1), date(2024, 1, 2), None], "flag": [True, None, False]})
    found = find_rows(Table.of(rows), Table.of(rows[1:]), ["day", "flag"])
    assert sorted(found[TIMES].to_list()) == [0, 1, 1]


def test_only_the_named_columns_are_compared() -> None:
    found = find_rows(table([(1.5, "a", 0)]), table([(1.5, "b", 1), (1.5, "c", 2)]), ["x"])
    assert found.columns == ["x", TIMES]
    assert found[TIMES].to_list() == [2]


def test_row_of_measured_values_is_found_again_by_no_accident() -> None:
    rows = pl.DataFrame({"a": np.random.default_rng(1).normal(size=500), "b": np.random.default_rng(2).normal(size=500)})
    assert no_accident(rows, rows, 500, ["a", "b"]).all()


@pytest.mark.parametrize("columns", [["weekday"], ["weekday", "carrier"], ["weekday", "same", "again", "carrier"]])
def test_row_of_coarse_values_is_found_again_by_accident(columns: list[str]) -> None:
    weekday, carrier = np.random.default_rng(1).integers(0, 7, 5000), np.random.default_rng(2).integers(0, 16, 5000)
    rows = pl.DataFrame({"weekday": weekday, "same": weekday, "again": weekday * 2, "carrier": carrier})
    assert not no_accident(rows, rows, 5000, columns).any()


@pytest.mark.parametrize("values", [7, 24, 300])
def test_columns_that_say_the_same_again_do_not_make_a_row_rare(values: int) -> None:
    time = np.random.default_rng(1).integers(0, values, 20_000)
    rows = pl.DataFrame({f"again {number}": time + number for number in range(9)})
    assert no_accident(rows, rows, 20_000, rows.columns).mean() < 0.01


def test_many_coarse_values_with_a_rare_one_are_no_accident() -> None:
    generator = np.random.default_rng(1)
    rows = pl.DataFrame({f"c{number}": generator.integers(0, 5, 2000) for number in range(6)} | {"id": np.arange(2000)})
    assert no_accident(rows, rows, 2000, rows.columns).all()
    assert not no_accident(rows, rows, 2000, rows.columns[:-1]).any()


def test_missing_values_are_as_common_as_any_other() -> None:
    rows = pl.DataFrame({"x": [None, NAN] * 500, "y": [0.5] * 1000})
    assert not no_accident(rows, rows, 1000, ["x", "y"]).any()
