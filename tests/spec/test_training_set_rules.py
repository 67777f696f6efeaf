"""Training sets, small tables in and one out. Times are hours; two tables: `rates` with a time, `routes` without."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from stackhouse.errors import PointInTimeError
from stackhouse.lookups import FeatureLookup
from stackhouse.point_in_time import Joined
from stackhouse.table import Roles, Table
from stackhouse.training_set import create_training_set

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
HOUR, MOMENT = timedelta(hours=1), timedelta(microseconds=1)
Labels = list[tuple[str, float]]


def time(hour: float) -> datetime:
    return MIDNIGHT + hour * HOUR


def labels(rows: Labels) -> Table:
    frame = pl.DataFrame({"route": [route for route, _ in rows], "at": [time(hour) for _, hour in rows], "late": [1.0] * len(rows)})
    return Table.of(frame, Roles(primary_keys=("route",), timestamp="at", label="late"), "labels")


def rates(cells: dict[tuple[str, float], float | None]) -> Table:
    columns = {
        "route": pl.Series([route for route, _ in cells], dtype=pl.String),
        "known_at": pl.Series([time(hour) for _, hour in cells], dtype=pl.Datetime("us", "UTC")),
        "rate": pl.Series([*cells.values()], dtype=pl.Float64),
        "flights": pl.Series([10.0] * len(cells), dtype=pl.Float64),
    }
    return Table.of(pl.DataFrame(columns), Roles(primary_keys=("route",), timestamp="known_at", features=("rate", "flights")), "rates")


def routes(cells: dict[str, float]) -> Table:
    frame = pl.DataFrame({"code": [*cells], "miles": [*cells.values()]})
    return Table.of(frame, Roles(primary_keys=("code",), features=("miles",)), "routes")


RATE = FeatureLookup(table_name="rates", lookup_key="route", timestamp_lookup_key="at", feature_names="rate")
MILES = FeatureLookup(table_name="routes", lookup_key="route")


def lookup(**fields: object) -> FeatureLookup:
    return FeatureLookup(**{**RATE.model_dump(), **fields})


def made(rows: Labels, *lookups: FeatureLookup, exclude: tuple[str, ...] = (), **tables: Table) -> Joined:
    return create_training_set(labels(rows), lookups, tables, exclude)


def shown(joined: Joined, *columns: str) -> list[tuple[object, ...]]:
    """Route, hour and the given columns of each row, in order of route and hour."""
    rows = joined.table.collect(["route", "at", *columns]).rows()
    return sorted((route, (at - MIDNIGHT) / HOUR, *values) for route, at, *values in rows)


def test_outputs_are_renamed() -> None:
    joined = made([("A", 5)], lookup(rename_outputs={"rate": "late_rate"}), rates=rates({("A", 4): 0.4}))
    assert joined.table.columns == ["route", "at", "late", "late_rate"]
    assert shown(joined, "late_rate") == [("A", 5, 0.4)]


def test_default_stands_in_where_no_row_matches_and_nowhere_else() -> None:
    known = rates({("A", 4): 0.4, ("C", 4): None, ("D", 6): 0.6})
    joined = made([("A", 5), ("B", 5), ("C", 5), ("D", 5)], lookup(default_values={"rate": 0}), rates=known)
    assert shown(joined, "rate") == [("A", 5, 0.4), ("B", 5, 0.0), ("C", 5, None), ("D", 5, 0.0)]
    (found,) = joined.certificate.lookups
    assert (found.rows_matched, found.rows_filled, found.rows_lost) == (2, 2, 0)


def test_row_is_lost_unless_every_output_has_a_default() -> None:
    some, every = {"rate": 0.0}, {"rate": 0.0, "flights": 1.0}
    tables = {"rates": rates({("A", 4): 0.4})}
    both = ["rate", "flights"]
    kept = [
        shown(made([("A", 5), ("B", 5)], lookup(feature_names=both, default_values=defaults), **tables), *both)
        for defaults in (some, every)
    ]
    assert kept == [[("A", 5, 0.4, 10.0)], [("A", 5, 0.4, 10.0), ("B", 5, 0.0, 1.0)]]


@pytest.mark.parametrize(
    ("window", "seen"),
    [
        (None, [("A", 5, 0.2)]),
        (3 * HOUR + MOMENT, [("A", 5, 0.2)]),
        (3 * HOUR, [("A", 5, 0.2)]),
        (3 * HOUR - MOMENT, []),
    ],
    ids=["no window", "a moment longer", "exactly as old", "a moment shorter"],
)
def test_row_older_than_the_window_is_no_match(window: timedelta | None, seen: list[tuple[object, ...]]) -> None:
    tables = {"rates": rates({("A", 1): 0.1, ("A", 2): 0.2, ("A", 6): 0.6, ("Z", 5): 0.9})}
    joined = made([("A", 5), ("Z", 5)], lookup(lookback_window=window), **tables)
    assert [row for row in shown(joined, "rate") if row[0] == "A"] == seen


def test_row_outside_the_window_takes_the_default_and_not_an_older_row() -> None:
    tables = {"rates": rates({("A", 1): 0.1, ("A", 2): 0.2})}
    assert shown(made([("A", 5)], lookup(lookback_window=HOUR, default_values={"rate": 7}), **tables), "rate") == [("A", 5, 7.0)]


def test_row_of_the_very_time_counts_as_known_and_one_of_a_moment_after_does_not() -> None:
    moment = MOMENT / HOUR
    known = rates({("A", 4): 0.4, ("A", 5): 0.5, ("B", 4): 0.4, ("B", 5 + moment): 0.9})
    assert shown(made([("A", 5), ("B", 5)], RATE, rates=known), "rate") == [("A", 5, 0.5), ("B", 5, 0.4)]


def test_table_without_a_time_gives_the_row_of_the_key_whatever_the_time() -> None:
    joined = made([("A", 1), ("A", 900), ("B", 5)], MILES, routes=routes({"A": 100.0, "Z": 300.0}))
    assert shown(joined, "miles") == [("A", 1, 100.0), ("A", 900, 100.0)]
    assert (joined.certificate.rows_measured, joined.certificate.oldest_age_hours) == (0, 0.0)


def test_two_tables_stand_side_by_side_and_a_row_needs_both() -> None:
    tables = {"rates": rates({("A", 4): 0.4, ("B", 4): 0.5, ("C", 9): 0.6}), "routes": routes({"A": 100.0, "C": 300.0})}
    joined = made([("A", 5), ("B", 5), ("C", 5)], RATE, MILES, **tables)
    assert shown(joined, "rate", "miles") == [("A", 5, 0.4, 100.0)]
    assert [(found.rows_matched, found.rows_lost) for found in joined.certificate.lookups] == [(2, 1), (2, 1)]
    assert joined.certificate.rows_lost == 2


def test_one_table_can_be_looked_up_twice() -> None:
    week = lookup(rename_outputs={"rate": "recent"}, lookback_window=HOUR, default_values={"recent": -1})
    joined = made([("A", 5), ("A", 9)], RATE, week, rates=rates({("A", 4): 0.4}))
    assert shown(joined, "rate", "recent") == [("A", 5, 0.4, 0.4), ("A", 9, 0.4, -1.0)]


def test_excluded_columns_leave_after_they_were_used() -> None:
    joined = made([("A", 5)], RATE, MILES, exclude=("miles",), rates=rates({("A", 4): 0.4}), routes=routes({"A": 1.0}))
    assert joined.table.columns == ["route", "at", "late", "rate"]
    assert joined.table.roles == Roles(primary_keys=("route",), timestamp="at", label="late", features=("rate",))


def test_lost_rows_are_told_in_the_words_of_the_guide_with_the_keys_of_both_tables() -> None:
    known = rates({("A", 4): 0.4, ("A", 3): 0.3, ("C", 9): 0.9, ("X", 1): 0.1, ("Y", 1): 0.1})
    certificate = made([("A", 5), ("A", 1), ("B", 5), ("C", 5)], RATE, rates=known).certificate
    assert (certificate.spine_rows, certificate.matched_rows, certificate.rows_lost) == (4, 1, 3)
    (found,) = certificate.lookups
    assert (found.spine_keys, found.table_keys, found.absent_keys) == (3, 4, 1)
    assert certificate.lost_message == (
        "Lost 3 rows in join. Ensure label table has matching lookup_key values: "
        "labels has 3 keys (route), rates has 4, 1 of labels are not in it."
    )


def test_nothing_is_said_where_nothing_is_lost() -> None:
    assert made([("A", 5)], RATE, rates=rates({("A", 4): 0.4})).certificate.lost_message is None


def test_only_lookups_that_lose_rows_are_told() -> None:
    tables = {"rates": rates({("A", 4): 0.4, ("B", 4): 0.4}), "routes": routes({"A": 1.0})}
    message = made([("A", 5), ("B", 5)], RATE, MILES, **tables).certificate.lost_message
    assert message is not None
    assert message.endswith("values: labels has 2 keys (route), routes has 1, 1 of labels are not in it.")


def test_no_row_left_is_refused_in_the_words_of_the_guide() -> None:
    with pytest.raises(
        PointInTimeError, match=r"None of the 1 rows .* Lost 1 rows in join.*labels has 1 keys \(route\), rates has 1, 1 of"
    ):
        made([("A", 5)], RATE, rates=rates({("B", 4): 0.4}))


def test_certificate_measures_all_lookups_with_a_time() -> None:
    """Of a row the youngest counts in the latest, the oldest in the median: ages are 1 and 4 for A, 3 and 2 for B."""
    tables = {"rates": rates({("A", 4): 0.4, ("B", 2): 0.2}), "others": rates({("A", 1): 0.1, ("B", 3): 0.3})}
    certificate = made([("A", 5), ("B", 5)], RATE, lookup(table_name="others", rename_outputs={"rate": "other"}), **tables).certificate
    ages = (certificate.latest_feature_minus_label_hours, certificate.median_age_hours, certificate.oldest_age_hours)
    assert ages == (-1.0, 3.5, 4.0)
