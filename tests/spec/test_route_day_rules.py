"""Route-day features and labels, flights in and numbers out. Service day d closes, and day d + 1 begins, at 09:00 UTC of d + 1."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from stackhouse.errors import ColumnNotFoundError, DataError
from stackhouse.features import RouteDay
from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

SCHEMA = {
    "date": pl.Date,
    "origin": pl.String,
    "dest": pl.String,
    "sched_dep_time": pl.Int64,
    "dep_delay": pl.Float64,
    "arr_delay": pl.Float64,
    "air_time": pl.Float64,
}
Flight = dict[str, object]


def flight(
    day: int,
    *,
    dest: str = "BOS",
    origin: str = "JFK",
    sched: int = 800,
    dep_delay: float | None = 0,
    late: float | None = 0,
    air: float | None = 60,
) -> Flight:
    """A flight of a day of January 2013 that arrived `late` minutes late; by default on time, at 08:00, an hour in the air."""
    values = (date(2013, 1, day), origin, dest, sched, dep_delay, late, air)
    return dict(zip(SCHEMA, values, strict=True))


def cancelled(day: int) -> Flight:
    return flight(day, dep_delay=None, late=None, air=None)


def diverted(day: int) -> Flight:
    return flight(day, late=None, air=None)


def table(*flights: Flight) -> Table:
    return Table.of(pl.DataFrame(list(flights), schema=SCHEMA), name="flights")


def by_day(name: str, *flights: Flight, dest: str = "BOS", origin: str = "JFK", **parameters: object) -> dict[int, float | None]:
    """The feature of one route by the service day that it describes."""
    features = RouteDay(**{"windows": (2,), "lags": (1,), **parameters}).features({"flights": table(*flights)})
    rows = features.collect().to_native().filter(pl.col("dest") == dest, pl.col("origin") == origin).sort("known_at")
    days = [(known - timedelta(hours=33)).day for known in rows["known_at"]]
    return dict(zip(days, rows[name].to_list(), strict=True))


def labels(*flights: Flight, min_flights: int = 1, late_minutes: int = 15) -> dict[tuple[str, int], tuple[float, int]]:
    rows = RouteDay(min_flights=min_flights, late_minutes=late_minutes).labels({"flights": table(*flights)}).collect().to_native()
    return {(row["dest"], row["label_time"].day): (row["late_rate"], row["arrivals"]) for row in rows.to_dicts()}


# --- what is late


@pytest.mark.parametrize(("minutes", "rate"), [(14, 0.0), (15, 0.0), (16, 1.0), (-5, 0.0)])
def test_flight_is_late_above_the_limit_and_not_at_it(minutes: int, rate: float) -> None:
    assert by_day("late_rate_today", flight(1, late=minutes)) == {1: rate}
    assert labels(flight(1, late=minutes)) == {("BOS", 1): (rate, 1)}


def test_limit_of_late_is_a_parameter() -> None:
    assert by_day("late_rate_today", flight(1, late=31), flight(1, late=30), late_minutes=30) == {1: 0.5}
    assert labels(flight(1, late=31), flight(1, late=30), late_minutes=30) == {("BOS", 1): (0.5, 2)}


# --- one day


def test_late_rate_is_the_share_of_what_landed() -> None:
    assert by_day("late_rate_today", flight(1, late=60), flight(1), flight(1), flight(1)) == {1: 0.25}


def test_cancelled_and_diverted_flights_are_no_arrivals() -> None:
    flights = [flight(1, late=60), cancelled(1), diverted(1), cancelled(1)]
    assert by_day("late_rate_today", *flights) == {1: 1.0}
    assert by_day("cancelled_rate_2d", *flights) == {1: 0.5}
    assert by_day("flights_today", *flights) == {1: 4.0}
    assert labels(*flights) == {("BOS", 1): (1.0, 1)}


def test_rate_of_a_day_without_arrivals_is_null() -> None:
    assert by_day("late_rate_today", cancelled(1)) == {1: None}
    assert by_day("delay_mean_2d", cancelled(1)) == {1: None}
    assert by_day("air_time_cv_2d", cancelled(1)) == {1: None}


def test_nan_delay_is_no_arrival_as_null_is() -> None:
    nan = flight(1, late=float("nan"))
    assert labels(flight(1, late=60), nan) == {("BOS", 1): (1.0, 1)}
    assert by_day("late_rate_today", flight(1, late=60), nan) == {1: 1.0}


def test_nan_departure_is_a_cancelled_flight_as_null_is() -> None:
    nan = float("nan")
    assert by_day("cancelled_rate_2d", flight(1), flight(1, dep_delay=nan, late=nan, air=nan)) == {1: 0.5}


# --- still in the air at the close


@pytest.mark.parametrize(
    ("sched", "dep_delay", "air", "rate"),
    [
        (2300, 0, 240, 1.0),  # 23:00 + 4 h + 1 h on the ground = 04:00, the close
        (2300, 0, 241, None),
        (2300, 1, 240, None),
        (2230, 30, 240, 1.0),  # hhmm is read as hours and minutes: 22:30 + 30 min
        (2230, 31, 240, None),
        (800, 0, 1140, 1.0),  # 08:00 + 19 h + 1 h
        (800, 0, 1141, None),
    ],
)
def test_flight_counts_once_it_has_landed_by_the_close(sched: int, dep_delay: int, air: int, rate: float | None) -> None:
    late = flight(1, sched=sched, dep_delay=dep_delay, air=air, late=60)
    assert by_day("late_rate_today", late) == {1: rate}


def test_flight_that_has_not_left_by_the_close_counts_as_cancelled_until_then() -> None:
    """Scheduled at 20:00, eight hours late it leaves at the very close, 04:00; a minute more, and nobody can tell."""
    assert by_day("cancelled_rate_2d", flight(1, sched=2000, dep_delay=480, late=480)) == {1: 0.0}
    assert by_day("cancelled_rate_2d", flight(1, sched=2000, dep_delay=481, late=481)) == {1: 1.0}


def test_flight_still_in_the_air_is_scheduled_and_not_cancelled() -> None:
    flights = [flight(1), flight(1, sched=2300, air=600, late=60)]
    assert by_day("flights_today", *flights) == {1: 2.0}
    assert by_day("cancelled_rate_2d", *flights) == {1: 0.0}
    assert by_day("late_rate_2d", *flights) == {1: 0.0}
    assert by_day("air_time_mean_2d", *flights) == {1: 60.0}


def test_flight_still_in_the_air_counts_for_the_label_of_its_day() -> None:
    assert labels(flight(1), flight(1, sched=2300, air=600, late=60)) == {("BOS", 1): (0.5, 2)}


# --- windows and lags


def test_window_sums_its_days_and_lets_older_ones_go() -> None:
    flights = [flight(1, late=60), flight(2), flight(3), flight(3, late=60), flight(4)]
    assert by_day("late_rate_2d", *flights) == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3), 4: pytest.approx(1 / 3)}
    assert by_day("flights_2d", *flights) == {1: 1.0, 2: 2.0, 3: 3.0, 4: 3.0}


def test_windows_of_several_lengths_stand_beside_each_other() -> None:
    flights = [flight(1, late=60), flight(2), flight(3)]
    assert by_day("late_rate_1d", *flights, windows=(1, 3)) == {1: 1.0, 2: 0.0, 3: 0.0}
    assert by_day("late_rate_3d", *flights, windows=(1, 3)) == {1: 1.0, 2: 0.5, 3: pytest.approx(1 / 3)}


def test_rate_of_a_window_weighs_flights_and_not_days() -> None:
    assert by_day("late_rate_2d", flight(1, late=60), flight(2), flight(2), flight(2))[2] == 0.25


def test_mean_delay_counts_early_arrivals_as_negative() -> None:
    assert by_day("delay_mean_2d", flight(1, late=-10), flight(2, late=40)) == {1: -10.0, 2: 15.0}


def test_air_time_has_a_mean_and_a_coefficient_of_variation() -> None:
    flights = [flight(1, air=60), flight(2, air=120), flight(3, air=120)]
    assert by_day("air_time_mean_2d", *flights) == {1: 60.0, 2: 90.0, 3: 120.0}
    assert by_day("air_time_cv_2d", *flights) == {1: 0.0, 2: pytest.approx(30 / 90), 3: 0.0}


def test_cancelled_rate_is_the_share_of_what_was_scheduled() -> None:
    assert by_day("cancelled_rate_2d", flight(1), cancelled(1), flight(2), flight(2)) == {1: 0.5, 2: 0.25}


def test_lag_is_the_rate_of_the_day_so_many_days_before_and_null_where_there_is_none() -> None:
    flights = [flight(1, late=60), flight(2), flight(3, late=60), flight(3)]
    assert by_day("late_rate_lag_1d", *flights) == {1: None, 2: 1.0, 3: 0.0}
    assert by_day("late_rate_lag_2d", *flights, lags=(1, 2)) == {1: None, 2: None, 3: 1.0}


def test_day_without_a_flight_on_the_route_is_a_day_of_zero_flights() -> None:
    flights = [flight(1, late=60), flight(2, dest="LAX"), flight(3)]
    assert by_day("flights_today", *flights) == {1: 1.0, 2: 0.0, 3: 1.0}
    assert by_day("late_rate_today", *flights) == {1: 1.0, 2: None, 3: 0.0}
    assert by_day("late_rate_2d", *flights) == {1: 1.0, 2: 1.0, 3: 0.0}
    assert by_day("late_rate_lag_1d", *flights) == {1: None, 2: 1.0, 3: None}


def test_source_that_leaves_a_day_out_is_refused_since_windows_count_days_as_rows() -> None:
    with pytest.raises(DataError, match="flights has rows for 2 of the 3 days from 2013-01-01 to 2013-01-03"):
        RouteDay().features({"flights": table(flight(1, late=60), flight(3))})


def test_route_has_no_row_before_its_first_flight() -> None:
    flights = [flight(1, dest="LAX"), flight(2), flight(3, dest="LAX")]
    assert [*by_day("flights_today", *flights)] == [2, 3]
    assert [*by_day("flights_today", *flights, dest="LAX")] == [1, 2, 3]


def test_routes_do_not_see_each_other() -> None:
    flights = [
        flight(1, late=60),
        flight(2, late=60),
        flight(1, dest="LAX"),
        flight(2, dest="LAX"),
        flight(1, origin="EWR"),
        flight(2, origin="EWR"),
    ]
    assert by_day("late_rate_2d", *flights) == {1: 1.0, 2: 1.0}
    assert by_day("late_rate_2d", *flights, dest="LAX") == {1: 0.0, 2: 0.0}
    assert by_day("late_rate_2d", *flights, origin="EWR") == {1: 0.0, 2: 0.0}
    assert by_day("late_rate_lag_1d", *flights, dest="LAX") == {1: None, 2: 0.0}


def test_features_of_a_day_do_not_change_when_later_days_become_known() -> None:
    first = [flight(1, late=60), flight(2), flight(2, dest="LAX"), flight(3, late=60)]
    definition, later = RouteDay(windows=(2,), lags=(1, 2)), [flight(4, late=99), flight(5, dest="LAX")]
    known = definition.features({"flights": table(*first)}).collect().to_native()
    more = definition.features({"flights": table(*first, *later)}).collect().to_native()
    keys = ["origin", "dest", "known_at"]
    assert more.filter(pl.col("known_at") <= known["known_at"].max()).sort(keys).equals(known.sort(keys))


def test_order_of_the_flights_does_not_matter() -> None:
    flights = [flight(1, late=60), flight(2), flight(2, dest="LAX"), flight(3, late=60), cancelled(3)]
    keys = ["origin", "dest", "known_at"]
    both_ways = (RouteDay().features({"flights": table(*rows)}) for rows in (flights, flights[::-1]))
    straight, turned = (features.collect().to_native().sort(keys) for features in both_ways)
    assert straight.equals(turned)


# --- calendar and times


@pytest.mark.parametrize(("day", "weekday"), [(5, 7.0), (6, 1.0), (11, 6.0)])
def test_day_of_week_is_that_of_the_day_that_follows(day: int, weekday: float) -> None:
    assert by_day("day_of_week", flight(day)) == {day: weekday}


@pytest.mark.parametrize("day", [date(2013, 1, 31), date(2013, 3, 9), date(2013, 7, 4), date(2013, 11, 2), date(2013, 12, 31)])
def test_day_begins_and_the_day_before_closes_at_nine_utc_in_summer_and_winter(day: date) -> None:
    one = table({**flight(1), "date": day})
    begins = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    assert RouteDay(min_flights=1).labels({"flights": one}).collect()["label_time"].to_list() == [begins]
    assert RouteDay().features({"flights": one}).collect()["known_at"].to_list() == [begins + timedelta(days=1)]


def test_label_of_a_day_is_joined_to_the_features_of_the_day_before() -> None:
    flights = table(flight(1, late=60), flight(2), flight(3, late=60))
    definition = RouteDay(windows=(2,), lags=(1,), min_flights=1)
    joined = join_as_of(definition.labels({"flights": flights}), definition.features({"flights": flights}))
    rows = joined.table.collect(["label_time", "late_rate", "late_rate_today"]).to_native().sort("label_time")
    assert rows["late_rate"].to_list() == [0.0, 1.0]
    assert rows["late_rate_today"].to_list() == [1.0, 0.0]
    assert joined.certificate.rows_lost == 1
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


# --- labels


@pytest.mark.parametrize(("min_flights", "days"), [(1, [1, 2]), (2, [1, 2]), (3, [2]), (4, [])])
def test_day_with_fewer_arrivals_than_needed_has_no_label(min_flights: int, days: list[int]) -> None:
    flights = [flight(1), flight(1), cancelled(1), flight(2), flight(2), flight(2)]
    assert sorted(day for _, day in labels(*flights, min_flights=min_flights)) == days


def test_label_counts_each_route_and_day_alone() -> None:
    flights = [flight(1, late=60), flight(1), flight(2), flight(1, dest="LAX", late=60)]
    assert labels(*flights) == {("BOS", 1): (0.5, 2), ("BOS", 2): (0.0, 1), ("LAX", 1): (1.0, 1)}


def mean_delay(*flights: Flight, min_flights: int = 1) -> dict[int, float | None]:
    rows = RouteDay(min_flights=min_flights).labels({"flights": table(*flights)}).collect().to_native()
    return {row["label_time"].day: row["mean_arr_delay"] for row in rows.to_dicts()}


def test_mean_delay_of_a_day_is_that_of_its_arrivals_and_counts_early_ones_as_negative() -> None:
    assert mean_delay(flight(1, late=40), flight(1, late=-10), cancelled(1), diverted(1), flight(2, late=-7)) == {1: 15.0, 2: -7.0}


def test_mean_delay_counts_a_flight_that_was_still_in_the_air_at_the_close() -> None:
    assert mean_delay(flight(1), flight(1, sched=2300, air=600, late=60)) == {1: 30.0}


@pytest.mark.parametrize(("minutes", "rounded"), [(0.9, 0.0), (-0.1, -1.0), (62.25, 62.0)])
def test_fractions_of_a_minute_are_rounded_down_in_the_mean_delay(minutes: float, rounded: float) -> None:
    assert mean_delay(flight(1, late=minutes)) == {1: rounded}


def test_day_with_too_few_arrivals_has_no_mean_delay() -> None:
    assert mean_delay(flight(1), flight(2), flight(2), min_flights=2) == {2: 0.0}


# --- roles and columns


def test_roles_of_features_and_labels() -> None:
    definition, flights = RouteDay(windows=(2,), lags=(1,)), table(flight(1))
    assert definition.features({"flights": flights}).roles == Roles(
        primary_keys=("origin", "dest"), timestamp="known_at", features=definition.feature_names
    )
    labels = definition.labels({"flights": flights})
    assert labels.roles == Roles(primary_keys=("origin", "dest"), timestamp="label_time", label="late_rate")


def test_features_are_float64_and_come_in_the_order_of_their_names() -> None:
    definition = RouteDay()
    frame = definition.features({"flights": table(flight(1))}).collect().to_native()
    assert frame.columns == ["origin", "dest", "known_at", *definition.feature_names]
    assert {frame[name].dtype for name in definition.feature_names} == {pl.Float64}


def test_defaults_give_seventeen_features() -> None:
    names = RouteDay().feature_names
    assert len(names) == len(set(names)) == 17
    assert names[:4] == ("late_rate_today", "flights_today", "late_rate_lag_1d", "late_rate_lag_6d")
    assert names[-1] == "day_of_week"


@pytest.mark.parametrize("column", [*SCHEMA])
def test_source_without_a_column_is_refused(column: str) -> None:
    source = Table.of(pl.DataFrame([flight(1)], schema=SCHEMA).drop(column), name="the flights")
    for compute in (RouteDay().features, RouteDay().labels):
        with pytest.raises(ColumnNotFoundError, match=f"the flights has no column '{column}'; it has .*route_day reads these columns"):
            compute({"flights": source})
