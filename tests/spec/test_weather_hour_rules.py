"""Weather-hour features and labels, hours in and numbers out. The weather of an hour is known when the hour has ended."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError
from stackhouse.features import WeatherHour
from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

TIME = pl.Datetime("us", "UTC")
MEASURED = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
SCHEMA = {"origin": pl.String, "time_hour": TIME, **dict.fromkeys(MEASURED, pl.Float64)}
START = datetime(2013, 1, 1, tzinfo=UTC)
Row = dict[str, object]


def at(hour: int) -> datetime:
    """So many hours after the beginning of 2013, UTC."""
    return START + timedelta(hours=hour)


def weather(hour: int, *, origin: str = "JFK", **measured: float | None) -> Row:
    """An hour in which all measures are 0 but those that are given."""
    return {"origin": origin, "time_hour": at(hour), **dict.fromkeys(MEASURED, 0.0), **measured}


def departure(hour: int, delay: float | None, *, origin: str = "JFK") -> Row:
    """A flight that was scheduled to leave in an hour."""
    return {"origin": origin, "time_hour": at(hour), "dep_delay": delay}


def sources(hours: list[Row], departures: list[Row] | None = None) -> dict[str, Table]:
    flights = pl.DataFrame(departures or [], schema={"origin": pl.String, "time_hour": TIME, "dep_delay": pl.Float64})
    return {"weather": Table.of(pl.DataFrame(hours, schema=SCHEMA), name="weather"), "flights": Table.of(flights, name="flights")}


def by_hour(name: str, *hours: Row, origin: str = "JFK", change_hours: tuple[int, ...] = (1, 3)) -> dict[int, float | None]:
    """The feature at one origin, by the hour at which it was known."""
    features = WeatherHour(change_hours=change_hours).features(sources([*hours])).collect().to_native()
    rows = features.filter(pl.col("origin") == origin).sort("known_at")
    return {int((known - START) / timedelta(hours=1)): value for known, value in zip(rows["known_at"], rows[name], strict=True)}


def labels(hours: list[Row], departures: list[Row]) -> dict[tuple[str, int], tuple[float | None, int]]:
    rows = WeatherHour().labels(sources(hours, departures)).collect().to_native().to_dicts()
    key = {id(row): (row["origin"], int((row["label_time"] - START) / timedelta(hours=1))) for row in rows}
    return {key[id(row)]: (row["mean_dep_delay"], row["departures"]) for row in rows}


# --- features


@pytest.mark.parametrize("name", MEASURED)
def test_measure_is_known_when_its_hour_has_ended(name: str) -> None:
    assert by_hour(name, weather(5, **{name: 12.5})) == {6: 12.5}


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_measure_that_is_no_number_is_null_and_so_are_its_changes(value: float | None) -> None:
    hours = [weather(1), weather(2, temp=value), weather(3)]
    assert by_hour("temp", *hours) == {2: 0.0, 3: None, 4: 0.0}
    assert by_hour("temp_change_1h", *hours) == {2: None, 3: None, 4: None}
    assert by_hour("dewp_change_1h", *hours) == {2: None, 3: 0.0, 4: 0.0}


@pytest.mark.parametrize("name", ["temp", "dewp", "humid", "wind_speed", "pressure", "visib"])
def test_change_is_the_value_minus_that_of_so_many_hours_before(name: str) -> None:
    hours = [weather(hour, **{name: value}) for hour, value in enumerate((10.0, 12.0, 9.0, 9.0, 20.0))]
    assert by_hour(f"{name}_change_1h", *hours) == {1: None, 2: 2.0, 3: -3.0, 4: 0.0, 5: 11.0}
    assert by_hour(f"{name}_change_3h", *hours) == {1: None, 2: None, 3: None, 4: -1.0, 5: 8.0}


def test_change_over_an_hour_that_is_missing_is_null_and_not_that_of_the_row_before() -> None:
    hours = [weather(0, temp=10.0), weather(2, temp=30.0), weather(3, temp=31.0)]
    assert by_hour("temp_change_1h", *hours, change_hours=(1, 2)) == {1: None, 3: None, 4: 1.0}
    assert by_hour("temp_change_2h", *hours, change_hours=(1, 2)) == {1: None, 3: 20.0, 4: None}


def test_origins_do_not_see_each_other() -> None:
    hours = [weather(0, temp=10.0), weather(1, temp=11.0), weather(0, origin="EWR", temp=50.0), weather(1, origin="EWR", temp=40.0)]
    assert by_hour("temp_change_1h", *hours) == {1: None, 2: 1.0}
    assert by_hour("temp_change_1h", *hours, origin="EWR") == {1: None, 2: -10.0}


def test_features_of_an_hour_do_not_change_when_later_hours_become_known() -> None:
    first, later = [weather(hour, temp=float(hour**2)) for hour in range(4)], [weather(4, temp=99.0), weather(7, temp=99.0)]
    known = WeatherHour().features(sources(first)).collect().to_native()
    more = WeatherHour().features(sources([*later, *first])).collect().to_native()
    assert more.filter(pl.col("known_at") <= known["known_at"].max()).sort("known_at").equals(known.sort("known_at"))


def test_time_without_a_zone_is_utc() -> None:
    given = sources([weather(5)])
    naive = given["weather"].collect().to_native().with_columns(pl.col("time_hour").dt.replace_time_zone(None))
    features = WeatherHour().features({**given, "weather": Table.of(naive)}).collect()
    assert features["known_at"].to_list() == [at(6)]


# --- labels


def test_label_is_the_mean_delay_of_the_flights_of_the_hour_that_follows() -> None:
    departures = [departure(5, 1000), departure(6, 30), departure(6, -10), departure(7, 1000), departure(6, 1000, origin="EWR")]
    assert labels([weather(5)], departures) == {("JFK", 6): (10.0, 2)}


@pytest.mark.parametrize("delay", [None, float("nan")])
def test_flights_that_never_left_are_no_departures(delay: float | None) -> None:
    assert labels([weather(5), weather(6)], [departure(6, 30), departure(6, delay), departure(7, delay)]) == {
        ("JFK", 6): (30.0, 1),
        ("JFK", 7): (None, 0),
    }


def test_hour_without_a_departure_keeps_its_row_and_hour_without_weather_has_none() -> None:
    assert labels([weather(2)], [departure(9, 5)]) == {("JFK", 3): (None, 0)}


@pytest.mark.parametrize(("minutes", "mean"), [(0.9, 0.0), (-0.1, -1.0)])
def test_fractions_of_a_minute_are_rounded_down(minutes: float, mean: float) -> None:
    assert labels([weather(5)], [departure(6, minutes)]) == {("JFK", 6): (mean, 1)}


def test_each_label_is_joined_to_the_weather_of_the_hour_before_it() -> None:
    given = sources([weather(hour, temp=float(hour)) for hour in range(3)], [departure(hour, hour) for hour in range(4)])
    joined = join_as_of(WeatherHour().labels(given), WeatherHour().features(given))
    rows = joined.table.collect(["label_time", "temp", "mean_dep_delay"]).to_native().sort("label_time")
    assert rows.rows() == [(at(1), 0.0, 1.0), (at(2), 1.0, 2.0), (at(3), 2.0, 3.0)]
    assert joined.certificate.rows_lost == 0
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


# --- roles, columns, parameters


def test_features_are_float64_and_come_in_the_order_of_their_names() -> None:
    definition = WeatherHour()
    features = definition.features(sources([weather(0)]))
    frame = features.collect().to_native()
    assert frame.columns == ["origin", "known_at", *definition.feature_names]
    assert dict(frame.schema) == {"origin": pl.String, "known_at": TIME, **dict.fromkeys(definition.feature_names, pl.Float64)}
    assert features.roles == Roles(primary_keys=("origin",), timestamp="known_at", features=definition.feature_names)
    assert definition.feature_names[:9] == (*MEASURED, "temp_change_1h")
    assert len(definition.feature_names) == 20


def test_columns_of_the_labels() -> None:
    labels = WeatherHour().labels(sources([weather(0)], [departure(1, 5)]))
    assert labels.roles == Roles(primary_keys=("origin",), timestamp="label_time", label="mean_dep_delay")
    schema = {"origin": pl.String, "label_time": TIME, "mean_dep_delay": pl.Float64, "departures": pl.Int64}
    assert dict(labels.collect().to_native().schema) == schema


@pytest.mark.parametrize("column", [*SCHEMA])
def test_weather_without_a_column_is_refused(column: str) -> None:
    given = sources([weather(0)])
    with pytest.raises(ColumnNotFoundError, match=f"weather has no column '{column}'"):
        WeatherHour().features({**given, "weather": Table.of(given["weather"].collect().to_native().drop(column), name="weather")})


def test_hour_that_is_text_is_refused() -> None:
    given = sources([weather(0)])
    text = given["weather"].collect().to_native().with_columns(pl.col("time_hour").cast(pl.String))
    with pytest.raises(ColumnTypeError, match="time_hour"):
        WeatherHour().features({**given, "weather": Table.of(text, name="weather")})


def test_source_without_weather_is_refused() -> None:
    given = sources([weather(0)])
    with pytest.raises(ConfigurationError, match=r"weather_hour reads \['flights', 'weather'\]; the source gives \['flights'\]"):
        WeatherHour().features({"flights": given["flights"]})


@pytest.mark.parametrize("hours", [(0,), (-1,), (73,), (2, 2)])
def test_hours_that_are_no_past_or_stand_twice_are_refused(hours: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match="change_hours"):
        WeatherHour(change_hours=hours)
