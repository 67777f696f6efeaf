"""The leak detector on every engine: the same rows give the same report, sampled or not, missing values and all."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stackhouse.leaks.detector import detect_leaks
from stackhouse.leaks.report import LeakReport
from stackhouse.leaks.rule import LeakRule
from stackhouse.splits import Split
from stackhouse.table import Roles
from tests.contract.engines import OTHER_ENGINES, SOCKETS, opened

pytestmark = SOCKETS

ROLES = Roles(primary_keys=("shop",), timestamp="day", label="late", features=("x", "hint", "city", "flag", "since"))
START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 600


def rows() -> pl.DataFrame:
    """Features of each type with null and NaN, one that tells the label and one that holds a column of the label table."""
    generator = np.random.default_rng(1)
    late = generator.integers(0, 2, ROWS)
    x = generator.normal(size=ROWS).round(3)
    return pl.DataFrame(
        {
            "shop": [f"shop {number % 10}" for number in range(ROWS)],
            "day": [START + timedelta(days=number // 10) for number in range(ROWS)],
            "x": [None if number % 7 == 0 else float("nan") if number % 11 == 0 else value for number, value in enumerate(x)],
            "hint": late + generator.normal(size=ROWS) * 0.1,
            "city": [None if number % 9 == 0 else f"city {number % 4}" for number in range(ROWS)],
            "flag": [None if number % 5 == 0 else bool(number % 2) for number in range(ROWS)],
            "since": [START.date() + timedelta(days=int(number)) for number in generator.integers(0, 900, ROWS)],
            "arrivals": generator.integers(0, 50, ROWS),
            "late": late,
        }
    )


def parts(engine: str, folder: Path) -> Split:
    """Three parts of one engine, of which the test rows hold some training rows under a later time."""
    frame = rows()
    copies = frame[:20].with_columns(day=pl.lit(START + timedelta(days=100)))
    cut = (frame[:400], frame[400:480], pl.concat([frame[480:], copies]))
    return Split(*(opened(engine, part, folder, ROLES, "training set") for part in cut))


@pytest.mark.parametrize("sample_rows", [100_000, 150])
@pytest.mark.parametrize("engine", OTHER_ENGINES)
def test_report_is_that_of_polars(engine: str, sample_rows: int, tmp_path: Path) -> None:
    expected, found = (look(name, sample_rows, tmp_path) for name in ("polars", engine))
    assert found == expected
    assert {finding.check for finding in found.rejected} >= {"single_feature", "repeated_rows"}


def look(engine: str, sample_rows: int, folder: Path) -> LeakReport:
    return detect_leaks(parts(engine, folder), ["late"], ["late_rate"], "time", LeakRule(sample_rows=sample_rows))
