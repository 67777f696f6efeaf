"""Point in time, two small tables in and one out. Times are hours; a label at hour h sees what was known at h or before."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
Cells = dict[tuple[str, int], float | None]


def table(cells: Cells, value: str, time: str, *, label: bool) -> Table:
    columns = {
        "route": [route for route, _ in cells],
        time: [MIDNIGHT + timedelta(hours=hour) for _, hour in cells],
        value: pl.Series([*cells.values()], dtype=pl.Float64),
    }
    roles = Roles(primary_keys=("route",), timestamp=time, label=value if label else None, features=() if label else (value,))
    return Table.of(pl.DataFrame(columns), roles, value)


def seen(labels: list[tuple[str, int]], features: Cells) -> dict[tuple[str, int], float | None]:
    """What each label sees; a label that sees nothing is not in the result."""
    spine = table(dict.fromkeys(labels, 1.0), "late", "label_time", label=True)
    rows = join_as_of(spine, table(features, "rate", "known_at", label=False)).table.collect(["route", "label_time", "rate"]).rows()
    return {(route, int((time - MIDNIGHT) / timedelta(hours=1))): rate for route, time, rate in rows}


@pytest.mark.parametrize(
    ("labels", "features", "expected"),
    [
        ([("A", 5)], {("A", 4): 0.4, ("A", 6): 0.6}, {("A", 5): 0.4}),
        ([("A", 5)], {("A", 5): 0.5}, {("A", 5): 0.5}),
        ([("A", 5)], {("A", 1): 0.1, ("A", 3): 0.3, ("A", 2): 0.2}, {("A", 5): 0.3}),
        ([("A", 5), ("B", 5)], {("A", 5): 0.5, ("B", 1): 0.1}, {("A", 5): 0.5, ("B", 5): 0.1}),
        ([("A", 5), ("B", 5)], {("A", 1): 0.1, ("B", 6): 0.6}, {("A", 5): 0.1}),
        ([("A", 3), ("A", 1), ("A", 2)], {("A", 2): 0.2, ("A", 1): 0.1}, {("A", 1): 0.1, ("A", 2): 0.2, ("A", 3): 0.2}),
        ([("A", 900)], {("A", 0): 0.0}, {("A", 900): 0.0}),
        ([("A", 5)], {("A", 3): 0.3, ("A", 4): None}, {("A", 5): None}),
    ],
    ids=[
        "the last known, not the next",
        "known at the very time",
        "the latest of several, in any order",
        "each key by itself",
        "known too late for one key",
        "many labels of one key, in any order",
        "however old",
        "a null is the latest known, not skipped",
    ],
)
def test_label_sees_the_latest_row_known_by_its_time(labels: list[tuple[str, int]], features: Cells, expected: Cells) -> None:
    assert seen(labels, features) == expected
