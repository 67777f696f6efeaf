"""Training tables on every engine: the same rows leave, have the same numbers, and are divided alike."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stackhouse.division import divide
from stackhouse.labels.inferred import infer_label
from stackhouse.training_tables import numbered, to_store, with_label_and_keys, with_roles
from tests.contract.engines import OTHER_ENGINES, SOCKETS, collected, opened

pytestmark = SOCKETS

ROWS = 90


def rows() -> pl.DataFrame:
    """Users that repeat, one without a key, labels that are null or NaN, a feature with a null."""
    return pl.DataFrame(
        {
            "user": [None if number == 4 else f"user {number % 40:02d}" for number in range(ROWS)],
            "day": [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number // 6) for number in range(ROWS)],
            "x": [None if number == 8 else number / 8 for number in range(ROWS)],
            "city": [("Ulm", "Köln", None)[number % 3] for number in range(ROWS)],
            "y": [None if number == 5 else float("nan") if number == 6 else float(number % 2) for number in range(ROWS)],
        }
    )


def prepared(engine: str, folder: Path, time: str | None) -> list[Any]:
    """What becomes of the rows, as plain values; tables in the order of their numbers."""
    table = opened(engine, rows().select(pl.exclude("day") if time is None else pl.all()), folder)
    known, without = with_label_and_keys(with_roles(table, "y", ("user",), time))
    given = numbered(known)
    train, test, division = divide(given, "y", 0.2, 42)
    kept = [collected(to_store(part)[0]).sort("row_id").rows() for part in (train, test)]
    return [without, given.roles, infer_label(given, "y"), division, kept]


@pytest.mark.parametrize("time", ["day", None], ids=["by time", "at random"])
@pytest.mark.parametrize("engine", OTHER_ENGINES)
def test_rows_are_prepared_as_on_polars(engine: str, time: str | None, tmp_path: Path) -> None:
    expected, found = (prepared(name, tmp_path, time) for name in ("polars", engine))
    assert found == expected
    assert (expected[0], expected[3].by) == ({"y": 2, "user": 1}, "time" if time else "random")
    assert [len(part) for part in expected[4]] == [69, 18]
