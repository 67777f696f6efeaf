"""The content hash: equal for equal rows in any order, another for anything else."""

import math
import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import polars as pl
import pytest

from stackhouse.content import content_hash
from stackhouse.table import Roles, Table

ROLES = Roles(primary_keys=("k",), features=("a", "b"))
FRAME = pl.DataFrame({"k": ["x", "y", "z"], "a": [1.0, 2.0, None], "b": [4, 5, 6]})


def hashed(frame: object, roles: Roles = ROLES) -> str:
    return content_hash(Table.of(frame, roles))


def changed(column: str, values: list[object]) -> pl.DataFrame:
    return FRAME.with_columns(pl.Series(column, values))


def test_hash_has_64_hexadecimal_digits() -> None:
    assert len(hashed(FRAME)) == 64
    int(hashed(FRAME), 16)


@pytest.mark.parametrize("order", [[2, 1, 0], [1, 0, 2]])
def test_reordered_rows_have_the_same_hash(order: list[int]) -> None:
    assert hashed(FRAME[order]) == hashed(FRAME)


def test_rows_that_lie_in_other_chunks_have_the_same_hash() -> None:
    chunked = pl.concat([FRAME[:1], FRAME[1:]], rechunk=False)
    assert chunked.n_chunks() == 2
    assert hashed(chunked) == hashed(FRAME)


def test_other_name_of_the_table_has_the_same_hash() -> None:
    assert content_hash(Table.of(FRAME, ROLES, "other")) == hashed(FRAME)


def test_hash_is_the_same_in_another_process() -> None:
    code = """
import polars as pl
from stackhouse.content import content_hash
from stackhouse.table import Roles, Table
frame = pl.DataFrame({"k": ["x", "y", "z"], "a": [1.0, 2.0, None], "b": [4, 5, 6]})
print(content_hash(Table.of(frame, Roles(primary_keys=("k",), features=("a", "b")))))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == hashed(FRAME)


@pytest.mark.parametrize(
    "frame",
    [
        changed("a", [1.0, 2.5, None]),
        changed("a", [1.0, 2.0, 0.0]),
        changed("a", [1.0, 2.0, math.nan]),
        changed("a", [2.0, 1.0, None]),
        changed("k", ["x", "y", "zz"]),
        changed("b", [4.0, 5.0, 6.0]),
        FRAME[:2],
        pl.concat([FRAME, FRAME[:1]]),
        FRAME.with_columns(c=pl.lit(1)),
        FRAME[:0],
    ],
    ids=[
        "one value",
        "null to 0",
        "null to NaN",
        "values swapped",
        "one key",
        "other type",
        "row gone",
        "row twice",
        "more columns",
        "no rows",
    ],
)
def test_other_content_has_another_hash(frame: pl.DataFrame) -> None:
    assert hashed(frame) != hashed(FRAME)


def test_values_that_change_places_between_columns_have_another_hash() -> None:
    left = pl.DataFrame({"k": [0], "a": [1], "b": [2]})
    right = pl.DataFrame({"k": [0], "a": [2], "b": [1]})
    assert hashed(left) != hashed(right)


def test_a_row_twice_instead_of_another_twice_has_another_hash() -> None:
    assert hashed(FRAME[[0, 0, 1]]) != hashed(FRAME[[0, 1, 1]])


def test_other_column_name_has_another_hash() -> None:
    roles = Roles(primary_keys=("k",), features=("a",))
    assert hashed(FRAME.rename({"b": "c"}), roles) != hashed(FRAME, roles)


@pytest.mark.parametrize(
    "roles",
    [
        Roles(),
        Roles(primary_keys=("k",)),
        Roles(primary_keys=("k",), features=("b", "a")),
        Roles(primary_keys=("k",), label="a", features=("b",)),
    ],
)
def test_other_roles_have_another_hash(roles: Roles) -> None:
    assert hashed(FRAME, roles) != hashed(FRAME)


def test_other_zone_of_the_same_clock_time_has_another_hash() -> None:
    roles = Roles(timestamp="t")
    utc = pl.DataFrame({"t": [datetime(2024, 1, 1, tzinfo=UTC)]})
    assert hashed(utc, roles) != hashed(utc.with_columns(pl.col("t").dt.replace_time_zone(None)), roles)


def test_frame_of_pandas_has_the_hash_of_the_same_rows() -> None:
    roles = Roles(features=("a",))
    assert hashed(pd.DataFrame({"a": [1.0, 2.0]}), roles) == hashed(pl.DataFrame({"a": [2.0, 1.0]}), roles)
