"""Carrier-day features and labels, flights in and numbers out. Service day d closes, and day d + 1 begins, at 09:00 UTC of d + 1."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError
from stackhouse.features import CarrierDay
from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

SCHEMA = {
    "date": pl.Date,
    "carrier": pl.String,
    "origin": pl.String,
    "sched_dep_time": pl.Int64,
    "dep_delay": pl.Float64,
    "arr_delay": pl.Float64,
    "air_time": pl.Float64,
}
KEYS = ["carrier", "origin", "known_at"]
Flight = dict[str, object]


def flight(
    day: int, *, carrier: str = "UA", origin: str = "JFK", sched: int = 800, dep_delay: float | None = 0, late: float | None = 0
) -> Flight:
    """A flight of a day of January 2013 that arrived `late` minutes late; by default on time, at 08:00, an hour in the air."""
    air = None if late is None else 60
    return dict(zip(SCHEMA, (date(2013, 1, day), carrier, origin, sched, dep_delay, late, air), strict=True))


def cancelled(day: int, *, carrier: str = "UA", origin: str = "JFK") -> Flight:
    return flight(day, carrier=carrier, origin=origin, dep_delay=None, late=None)


def table(*flights: Flight) -> Table:
    return Table.of(pl.DataFrame(list(flights), schema=SCHEMA), name="flights")


def by_day(name: str, *flights: Flight, carrier: str = "UA", origin: str = "JFK", **parameters: object) -> dict[int, float | None]:
    """The feature of one carrier at one origin by the service day that it describes."""
    features = CarrierDay(**{"windows": (2,), "lags": (1,), **parameters}).features({"flights": table(*flights)})
    rows = features.collect().to_native().filter(pl.col("carrier") == carrier, pl.col("origin") == origin).sort("known_at")
    days = [(known - timedelta(hours=33)).day for known in rows["known_at"]]
    return dict(zip(days, rows[name].to_list(), strict=True))


def labels(*flights: Flight, min_flights: int = 1) -> dict[tuple[str, str, int], tuple[float, int]]:
    rows = CarrierDay(min_flights=min_flights).labels({"flights": table(*flights)}).collect().to_native().to_dicts()
    return {(row["carrier"], row["origin"], row["label_time"].day): (row["cancelled_rate"], row["scheduled"]) for row in rows}


# --- features of a day


def test_cancelled_rate_of_today_is_the_share_of_what_was_scheduled() -> None:
    assert by_day("cancelled_rate_today", flight(1), flight(1), flight(1), cancelled(1), cancelled(2)) == {1: 0.25, 2: 1.0}


@pytest.mark.parametrize(("dep_delay", "rate"), [(480, 0.0), (481, 1.0)])
def test_flight_that_has_not_left_by_the_close_counts_as_cancelled_until_then(dep_delay: int, rate: float) -> None:
    """Scheduled at 20:00, eight hours late it leaves at the very close, 04:00."""
    assert by_day("cancelled_rate_today", flight(1, sched=2000, dep_delay=dep_delay, late=dep_delay)) == {1: rate}


def test_nan_departure_is_a_cancelled_flight_as_null_is() -> None:
    nan = flight(1, dep_delay=float("nan"), late=None)
    assert by_day("cancelled_rate_today", flight(1), nan) == {1: 0.5}
    assert labels(flight(1), nan) == {("UA", "JFK", 1): (0.5, 2)}


def test_late_rate_of_today_is_the_share_of_what_landed() -> None:
    flights = [flight(1, late=16), flight(1, late=15), cancelled(1), flight(2, late=None)]
    assert by_day("late_rate_today", *flights) == {1: 0.5, 2: None}
    assert by_day("late_rate_today", *flights, late_minutes=14) == {1: 1.0, 2: None}


def test_rate_of_the_origin_counts_the_flights_of_all_carriers_there_and_of_no_other_origin() -> None:
    flights = [flight(1), cancelled(1, carrier="B6"), flight(1, carrier="B6"), cancelled(1, carrier="B6"), cancelled(1, origin="EWR")]
    assert by_day("origin_cancelled_rate_today", *flights) == {1: 0.5}
    assert by_day("origin_cancelled_rate_today", *flights, carrier="B6") == {1: 0.5}
    assert by_day("origin_cancelled_rate_today", *flights, origin="EWR") == {1: 1.0}
    assert by_day("cancelled_rate_today", *flights) == {1: 0.0}


def test_rate_of_the_origin_holds_on_a_day_without_flights_of_the_carrier() -> None:
    flights = [flight(1), cancelled(2, carrier="B6"), flight(3)]
    assert by_day("origin_cancelled_rate_today", *flights) == {1: 0.0, 2: 1.0, 3: 0.0}
    assert by_day("cancelled_rate_today", *flights) == {1: 0.0, 2: None, 3: 0.0}
    assert by_day("flights_today", *flights) == {1: 1.0, 2: 0.0, 3: 1.0}


# --- windows, lags, calendar


def test_windows_weigh_flights_and_let_older_days_go() -> None:
    flights = [cancelled(1), flight(2), flight(2), flight(2), flight(3, late=40), flight(3)]
    assert by_day("cancelled_rate_2d", *flights) == {1: 1.0, 2: 0.25, 3: 0.0}
    assert by_day("flights_2d", *flights) == {1: 1.0, 2: 4.0, 3: 5.0}
    assert by_day("late_rate_2d", *flights) == {1: None, 2: 0.0, 3: 0.2}
    assert by_day("delay_mean_2d", *flights) == {1: None, 2: 0.0, 3: 8.0}


def test_lag_is_the_rate_of_the_day_so_many_days_before() -> None:
    flights = [cancelled(1), flight(2), flight(3)]
    assert by_day("cancelled_rate_lag_1d", *flights, lags=(1, 2)) == {1: None, 2: 1.0, 3: 0.0}
    assert by_day("cancelled_rate_lag_2d", *flights, lags=(1, 2)) == {1: None, 2: None, 3: 1.0}


def test_carriers_and_origins_do_not_see_each_other_in_windows_and_lags() -> None:
    flights = [one for day in (1, 2) for one in (cancelled(day), flight(day, carrier="B6"), flight(day, origin="EWR"))]
    assert by_day("cancelled_rate_2d", *flights) == {1: 1.0, 2: 1.0}
    assert by_day("cancelled_rate_2d", *flights, carrier="B6") == {1: 0.0, 2: 0.0}
    assert by_day("cancelled_rate_2d", *flights, origin="EWR") == {1: 0.0, 2: 0.0}
    assert by_day("cancelled_rate_lag_1d", *flights, carrier="B6") == {1: None, 2: 0.0}


@pytest.mark.parametrize(("day", "weekday", "month"), [(6, 1.0, 1.0), (5, 7.0, 1.0), (31, 5.0, 2.0)])
def test_weekday_and_month_are_those_of_the_day_that_follows(day: int, weekday: float, month: float) -> None:
    assert by_day("day_of_week", flight(day)) == {day: weekday}
    assert by_day("month", flight(day)) == {day: month}


def test_source_that_leaves_a_day_out_is_refused() -> None:
    with pytest.raises(DataError, match="flights has rows for 2 of the 3 days from 2013-01-01 to 2013-01-03"):
        by_day("flights_today", flight(1), flight(3))


def test_features_of_a_day_do_not_change_when_later_days_become_known() -> None:
    first, later = [cancelled(1), flight(2), flight(2, carrier="B6"), flight(3)], [cancelled(4), cancelled(5, carrier="B6")]
    definition = CarrierDay(windows=(2,), lags=(1,))
    known = definition.features({"flights": table(*first)}).collect().to_native()
    more = definition.features({"flights": table(*later, *first)}).collect().to_native()
    assert more.filter(pl.col("known_at") <= known["known_at"].max()).sort(KEYS).equals(known.sort(KEYS))


# --- labels


def test_label_is_the_share_of_the_days_flights_that_never_left() -> None:
    left_after_the_close = flight(1, sched=2000, dep_delay=600, late=600)
    assert labels(flight(1), left_after_the_close, cancelled(1), flight(1, late=None)) == {("UA", "JFK", 1): (0.25, 4)}


def test_label_counts_each_carrier_origin_and_day_alone() -> None:
    flights = [cancelled(1), flight(2), flight(1, carrier="B6"), flight(1, origin="EWR")]
    expected = {("UA", "JFK", 1): 1.0, ("UA", "JFK", 2): 0.0, ("B6", "JFK", 1): 0.0, ("UA", "EWR", 1): 0.0}
    assert {key: rate for key, (rate, _) in labels(*flights).items()} == expected


@pytest.mark.parametrize(("min_flights", "days"), [(2, [1, 2]), (3, [2]), (4, [])])
def test_day_with_fewer_flights_than_needed_has_no_label(min_flights: int, days: list[int]) -> None:
    flights = [flight(1), cancelled(1), flight(2), cancelled(2), cancelled(2)]
    assert sorted(day for *_, day in labels(*flights, min_flights=min_flights)) == days


def test_label_of_a_day_is_joined_to_the_features_of_the_day_before() -> None:
    definition = CarrierDay(windows=(2,), lags=(1,), min_flights=1)
    sources = {"flights": table(cancelled(1), flight(2), flight(3))}
    joined = join_as_of(definition.labels(sources), definition.features(sources))
    rows = joined.table.collect().to_native().sort("label_time")
    assert rows["label_time"].to_list() == [datetime(2013, 1, day, 9, tzinfo=UTC) for day in (2, 3)]
    assert rows["cancelled_rate"].to_list() == [0.0, 0.0]
    assert rows["cancelled_rate_today"].to_list() == [1.0, 0.0]
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


# --- roles, columns, parameters


def test_features_are_float64_and_come_in_the_order_of_their_names() -> None:
    definition = CarrierDay()
    features = definition.features({"flights": table(flight(1))})
    frame = features.collect().to_native()
    assert frame.columns == [*KEYS, *definition.feature_names]
    assert {frame[name].dtype for name in definition.feature_names} == {pl.Float64}
    assert features.roles == Roles(primary_keys=("carrier", "origin"), timestamp="known_at", features=definition.feature_names)
    assert len(definition.feature_names) == 16


def test_columns_of_the_labels() -> None:
    definition = CarrierDay(min_flights=1)
    labels = definition.labels({"flights": table(flight(1))})
    assert labels.roles == Roles(primary_keys=("carrier", "origin"), timestamp="label_time", label="cancelled_rate")
    assert labels.columns == [*labels.roles.identity, *definition.label_columns] == [*KEYS[:2], "label_time", "cancelled_rate", "scheduled"]
    assert dict(labels.collect().to_native().schema)["scheduled"] == pl.Int64
    assert not {*definition.label_columns, *definition.label_roles.identity} & {*definition.feature_names}


@pytest.mark.parametrize("column", [*SCHEMA])
def test_source_without_a_column_is_refused(column: str) -> None:
    source = Table.of(pl.DataFrame([flight(1)], schema=SCHEMA).drop(column), name="the flights")
    for compute in (CarrierDay().features, CarrierDay().labels):
        with pytest.raises(ColumnNotFoundError, match=f"the flights has no column '{column}'"):
            compute({"flights": source})


def test_source_without_flights_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"carrier_day reads \['flights'\]; the source gives \['rows'\]"):
        CarrierDay().features({"rows": table(flight(1))})


@pytest.mark.parametrize(
    "parameters", [{"windows": ()}, {"windows": (7, 7)}, {"lags": (0,)}, {"windows": (367,)}, {"min_flights": 0}, {"lag": (1,)}]
)
def test_parameters_that_mean_nothing_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CarrierDay(**parameters)
