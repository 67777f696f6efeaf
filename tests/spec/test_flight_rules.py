"""Features and labels of single flights, the schedule in and numbers out. A service day begins at 09:00 UTC, which is 04:00 in New York."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError, PrimaryKeyError
from stackhouse.features import Flight
from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

TIME = pl.Datetime("us", "UTC")
SCHEMA = {
    "date": pl.Date,
    "time_hour": TIME,
    "carrier": pl.String,
    "origin": pl.String,
    "dest": pl.String,
    "flight": pl.Int64,
    "tailnum": pl.String,
    "distance": pl.Float64,
    "sched_dep_time": pl.Int64,
    "dep_delay": pl.Float64,
    "arr_delay": pl.Float64,
    "air_time": pl.Float64,
}
PLANES = {"tailnum": pl.String, "seats": pl.Int64, "year": pl.Int64}
FLEET = (("N100", 100, 2000), ("N200", 200, 2010), ("NOLD", 50, None))
Row = dict[str, object]


def flight(
    day: int,
    number: int = 1,
    *,
    carrier: str = "UA",
    dest: str = "BOS",
    origin: str = "JFK",
    plane: str | None = "N100",
    sched: int = 800,
    left: float | None = 0,
    late: float | None = 0,
) -> Row:
    """A flight of a day of January 2013, 187 miles, that left `left` and arrived `late` minutes late after an hour in the air."""
    hour = datetime(2013, 1, day, tzinfo=UTC) + timedelta(hours=5 + sched // 100)
    air = None if late is None else 60
    values = (date(2013, 1, day), hour, carrier, origin, dest, number, plane, 187, sched, left, late, air)
    return dict(zip(SCHEMA, values, strict=True))


def cancelled(day: int, number: int = 1, **values: object) -> Row:
    return {**flight(day, number), **values, "dep_delay": None, "arr_delay": None, "air_time": None}


def diverted(day: int, number: int = 1, *, left: float = 0) -> Row:
    return {**flight(day, number, left=left), "arr_delay": None, "air_time": None}


def sources(*flights: Row, planes: tuple[tuple[object, ...], ...] = FLEET) -> dict[str, Table]:
    frame = pl.DataFrame(list(flights), schema=SCHEMA)
    return {
        "flights": Table.of(frame, name="flights"),
        "planes": Table.of(pl.DataFrame([*planes], schema=PLANES, orient="row"), name="planes"),
    }


def features(*flights: Row, **parameters: object) -> dict[str, Row]:
    """The features of each flight by its id."""
    table = Flight(**{"windows": (2,), "plane_days": 2, **parameters}).features(sources(*flights))
    return {row["flight_id"]: row for row in table.collect().to_native().to_dicts()}


def by_day(name: str, *flights: Row, number: int = 1, carrier: str = "UA", **parameters: object) -> dict[int, object]:
    """A feature of the flight of one number by the day on which it was scheduled."""
    rows = features(*flights, **parameters)
    return {int(flight_id[8:10]): row[name] for flight_id, row in sorted(rows.items()) if flight_id.endswith(f" {carrier}{number}")}


def labels(*flights: Row, late_minutes: int = 15) -> dict[int, tuple[float | None, ...]]:
    """late_departure, late_arrival and cancelled of each flight of one day, by its number."""
    definition = Flight(late_minutes=late_minutes)
    rows = definition.labels(sources(*flights)).collect().to_native().sort("flight_id")
    return {int(row["flight_id"].split("UA")[1]): tuple(row[name] for name in definition.label_columns) for row in rows.to_dicts()}


# --- the key


def test_flight_is_named_by_day_origin_carrier_and_number() -> None:
    assert [*features(flight(3, 1545, origin="EWR"))] == ["2013-01-03 EWR UA1545"]


def test_number_that_leaves_two_airports_on_a_day_names_two_flights() -> None:
    flights = [flight(1, origin="JFK", dest="EWR", left=60), flight(1, origin="EWR", dest="BOS")]
    assert sorted(features(*flights)) == ["2013-01-01 EWR UA1", "2013-01-01 JFK UA1"]
    rows = Flight().labels(sources(*flights)).collect().to_native().sort("flight_id")
    assert rows["late_departure"].to_list() == [0.0, 1.0]


# --- the schedule


def test_schedule_is_told_as_it_stands() -> None:
    (row,) = features(flight(6, carrier="B6", origin="LGA", dest="MIA", sched=1759)).values()
    told = ("carrier", "origin", "dest", "distance", "scheduled_hour", "day_of_week", "month")
    assert [row[name] for name in told] == ["B6", "LGA", "MIA", 187.0, 17.0, 7.0, 1.0]


@pytest.mark.parametrize(("sched", "hour"), [(500, 5.0), (559, 5.0), (600, 6.0), (2359, 23.0)])
def test_scheduled_hour_is_that_of_hhmm(sched: int, hour: float) -> None:
    assert by_day("scheduled_hour", flight(1, sched=sched)) == {1: hour}


def test_cancelled_flight_has_features_as_any_other() -> None:
    assert by_day("distance", cancelled(1), flight(2)) == {1: 187.0, 2: 187.0}
    assert by_day("route_flights_2d", flight(1), cancelled(2), flight(3)) == {1: None, 2: 1.0, 3: 2.0}


# --- the route up to the day before


def test_rates_of_the_route_end_with_the_day_before() -> None:
    flights = [flight(1, late=60), flight(2, late=60), flight(2, 2), cancelled(3), flight(4, late=99), flight(5)]
    assert by_day("route_late_rate_2d", *flights) == {1: None, 2: 1.0, 3: pytest.approx(2 / 3), 4: 0.5, 5: 1.0}
    assert by_day("route_cancelled_rate_2d", *flights) == {1: None, 2: 0.0, 3: 0.0, 4: pytest.approx(1 / 3), 5: 0.5}
    assert by_day("route_flights_2d", *flights) == {1: None, 2: 1.0, 3: 3.0, 4: 3.0, 5: 2.0}
    assert by_day("route_delay_mean_2d", *flights) == {1: None, 2: 60.0, 3: 40.0, 4: 30.0, 5: 99.0}


def test_rates_of_the_route_count_all_carriers_on_it_and_no_other_route() -> None:
    flights = [flight(1, carrier="B6", late=60), flight(1, 2, dest="MIA"), flight(1, 3, origin="EWR"), flight(2)]
    assert by_day("route_late_rate_2d", *flights) == {2: 1.0}


def test_day_without_flights_on_the_route_counts_as_a_day_of_the_window() -> None:
    flights = [flight(1, late=60), flight(2, 2, dest="MIA"), flight(3, 2, dest="MIA"), flight(4)]
    assert by_day("route_late_rate_2d", *flights) == {1: None, 4: None}
    assert by_day("route_late_rate_3d", *flights, windows=(3,)) == {1: None, 4: 1.0}
    assert by_day("route_flights_2d", *flights) == {1: None, 4: 0.0}


def test_flight_that_had_not_left_by_the_close_of_its_day_counts_as_cancelled_in_the_rates() -> None:
    flights = [flight(1, sched=2000, left=481, late=481), flight(2)]
    assert by_day("route_cancelled_rate_2d", *flights) == {1: None, 2: 1.0}
    assert by_day("route_late_rate_2d", *flights) == {1: None, 2: None}


def test_limit_of_late_holds_for_the_rates_as_well() -> None:
    flights = [flight(1, late=20), flight(2)]
    assert by_day("route_late_rate_2d", *flights) == {1: None, 2: 1.0}
    assert by_day("route_late_rate_2d", *flights, late_minutes=20) == {1: None, 2: 0.0}


# --- planes up to the day before


def test_planes_are_those_that_the_carrier_flew_on_the_route_in_the_days_before() -> None:
    flights = [flight(1, plane="N100"), flight(2, plane="N200"), flight(3, plane="N200"), flight(4, plane="N200")]
    assert by_day("seats_2d", *flights) == {1: None, 2: 100.0, 3: 150.0, 4: 200.0}
    assert by_day("plane_year_2d", *flights) == {1: None, 2: 2000.0, 3: 2005.0, 4: 2010.0}
    assert by_day("seats_1d", *flights, plane_days=1) == {1: None, 2: 100.0, 3: 200.0, 4: 200.0}


def test_plane_of_the_flight_itself_is_no_feature_of_it() -> None:
    known, unknown = (by_day("seats_2d", flight(1, plane="N100"), flight(2, plane=plane)) for plane in ("N200", None))
    assert known == unknown == {1: None, 2: 100.0}


def test_planes_of_other_carriers_and_routes_do_not_count() -> None:
    others = [flight(1, 2, carrier="B6", plane="N200"), flight(1, 3, dest="MIA", plane="N200"), flight(1, 4, origin="EWR", plane="N200")]
    assert by_day("seats_2d", *others, flight(1), flight(2)) == {1: None, 2: 100.0}


def test_planes_that_are_not_known_do_not_count_and_where_none_is_known_it_is_null() -> None:
    flights = [flight(1, plane="N100"), flight(1, 2, plane="N-?"), flight(1, 3, plane=None), flight(2, plane=None), flight(3), flight(4)]
    assert by_day("seats_1d", *flights, plane_days=1) == {1: None, 2: 100.0, 3: None, 4: 100.0}


def test_plane_without_a_year_counts_for_its_seats_alone() -> None:
    flights = [flight(1, plane="NOLD"), flight(1, 2, plane="N100"), flight(2)]
    assert by_day("seats_2d", *flights) == {1: None, 2: 75.0}
    assert by_day("plane_year_2d", *flights) == {1: None, 2: 2000.0}


def test_plane_of_a_flight_that_did_not_leave_does_not_count() -> None:
    flights = [cancelled(1, tailnum="N200"), flight(1, 2, sched=2000, left=481, plane="N200"), flight(1, 3, plane="N100"), flight(2)]
    assert by_day("seats_2d", *flights) == {1: None, 2: 100.0}


def test_plane_that_stands_twice_is_refused() -> None:
    with pytest.raises(PrimaryKeyError, match=r"planes: .*tailnum.*N100"):
        Flight().features(sources(flight(1), planes=(*FLEET, ("N100", 1, 1999))))


# --- the leak


def test_departure_delay_is_a_feature_only_where_it_is_asked_for() -> None:
    assert "dep_delay" not in Flight().feature_names
    assert Flight(with_departure_delay=True).feature_names == (*Flight().feature_names, "dep_delay")
    assert "dep_delay" not in features(flight(1))["2013-01-01 JFK UA1"]
    told = by_day("dep_delay", flight(1, left=33), cancelled(2), with_departure_delay=True)
    assert told == {1: 33.0, 2: None}


def test_nothing_but_the_departure_delay_depends_on_how_the_day_of_the_flight_went() -> None:
    before = [flight(1), flight(1, 2, late=60)]
    good = [flight(2), flight(2, 2)]
    bad = [flight(2, plane=None, left=300, late=300), cancelled(2, 2, tailnum=None)]
    assert features(*before, *good) == features(*before, *bad)


# --- labels


@pytest.mark.parametrize(("minutes", "label"), [(-3, 0.0), (15, 0.0), (16, 1.0)])
def test_late_is_above_the_limit_and_not_at_it(minutes: int, label: float) -> None:
    assert labels(flight(1, left=minutes)) == {1: (label, 0.0, 0.0)}
    assert labels(flight(1, late=minutes)) == {1: (0.0, label, 0.0)}


def test_limit_of_late_is_a_parameter() -> None:
    flights = [flight(1, left=31, late=30), flight(1, 2, left=30, late=31)]
    assert labels(*flights, late_minutes=30) == {1: (1.0, 0.0, 0.0), 2: (0.0, 1.0, 0.0)}


def test_cancelled_flight_was_neither_late() -> None:
    assert labels(cancelled(1)) == {1: (0.0, 0.0, 1.0)}


def test_flight_that_was_diverted_has_no_answer_on_its_arrival() -> None:
    assert labels(diverted(1), diverted(1, 2, left=60)) == {1: (0.0, None, 0.0), 2: (1.0, None, 0.0)}


def test_nan_is_not_measured_as_null_is() -> None:
    nan = float("nan")
    assert labels(flight(1, left=nan, late=nan), flight(1, 2, late=nan)) == {1: (0.0, 0.0, 1.0), 2: (0.0, None, 0.0)}


# --- times


def test_flight_is_known_from_the_beginning_of_its_day_and_asked_about_at_its_scheduled_hour() -> None:
    given = sources(flight(1, sched=759), flight(2, sched=759))
    joined = join_as_of(Flight().labels(given), Flight().features(given))
    assert joined.table.collect(["label_time"])["label_time"].sort().to_list() == [datetime(2013, 1, day, 12, tzinfo=UTC) for day in (1, 2)]
    known = Flight().features(given).collect()["known_at"].sort().to_list()
    assert known == [datetime(2013, 1, day, 9, tzinfo=UTC) for day in (1, 2)]
    assert joined.certificate.rows_lost == 0


def test_flight_that_is_scheduled_before_its_day_begins_finds_no_features() -> None:
    given = sources(flight(1, sched=106), flight(1, 2))
    joined = join_as_of(Flight().labels(given), Flight().features(given))
    assert joined.certificate.rows_lost == 1
    assert joined.table.collect(["flight_id"])["flight_id"].to_list() == ["2013-01-01 JFK UA2"]


# --- roles, columns, parameters


def test_text_stays_text_and_all_else_is_float64() -> None:
    definition = Flight(with_departure_delay=True)
    table = definition.features(sources(flight(1)))
    text, numbers = ("carrier", "origin", "dest"), definition.feature_names[3:]
    expected = {"flight_id": pl.String, "known_at": TIME, **dict.fromkeys(text, pl.String), **dict.fromkeys(numbers, pl.Float64)}
    assert dict(table.collect().to_native().schema) == expected
    assert table.columns == [*expected]
    assert table.roles == Roles(primary_keys=("flight_id",), timestamp="known_at", features=definition.feature_names)
    assert definition.feature_names[:9] == (*text, "distance", "scheduled_hour", "day_of_week", "month", "seats_30d", "plane_year_30d")
    assert len(definition.feature_names) == 18


def test_columns_of_the_labels() -> None:
    definition = Flight()
    table = definition.labels(sources(flight(1)))
    assert table.roles == Roles(primary_keys=("flight_id",), timestamp="label_time", label="late_arrival")
    assert table.columns == ["flight_id", "label_time", "late_departure", "late_arrival", "cancelled"]
    assert {table.collect().to_native()[name].dtype for name in definition.label_columns} == {pl.Float64}
    assert not {*table.columns} & {*Flight(with_departure_delay=True).feature_names}


def test_order_of_the_flights_does_not_matter() -> None:
    flights = [flight(1, late=60), flight(2), flight(2, 2, dest="LAX"), flight(3, late=60), cancelled(3, 3)]
    assert features(*flights) == features(*flights[::-1])


def test_source_that_leaves_a_day_out_is_refused() -> None:
    with pytest.raises(DataError, match="flights has rows for 2 of the 3 days from 2013-01-01 to 2013-01-03"):
        features(flight(1), flight(3))


@pytest.mark.parametrize("column", [*SCHEMA])
def test_flights_without_a_column_are_refused(column: str) -> None:
    given = sources(flight(1))
    less = {**given, "flights": Table.of(given["flights"].collect().to_native().drop(column), name="flights")}
    for compute in (Flight().features, Flight().labels):
        with pytest.raises(ColumnNotFoundError, match=f"flights has no column '{column}'"):
            compute(less)


def test_source_without_planes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"flight reads \['flights', 'planes'\]; the source gives \['flights'\]"):
        Flight().features({"flights": sources(flight(1))["flights"]})


@pytest.mark.parametrize("parameters", [{"windows": (7, 7)}, {"windows": ()}, {"plane_days": 0}, {"plane_days": 367}, {"late_minutes": -1}])
def test_parameters_that_mean_nothing_are_refused(parameters: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Flight(**parameters)
