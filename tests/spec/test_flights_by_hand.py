"""Definitions for the flights against the same numbers counted directly in Polars, over ranges of dates, on real flights and weather."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from stackhouse.features import CarrierDay, Flight, WeatherHour
from stackhouse.sources import FlightsSource, SourceTables
from stacks.sources import read_source

CARRIER = ["carrier", "origin"]


@pytest.fixture(scope="module")
def sources() -> SourceTables:
    """Flights and weather of January and February 2013, a month of storms, and the planes."""
    return read_source(FlightsSource(days=59), ["flights", "weather", "planes"])


@pytest.fixture(scope="module")
def flights(sources: SourceTables) -> pl.DataFrame:
    """The flights, with whether each had left, and had landed for certain, at the close of its day, and with its plane."""
    rows = sources["flights"].collect().to_native()
    leaves = pl.col("sched_dep_time") // 100 * 60 + pl.col("sched_dep_time") % 100 + pl.col("dep_delay")
    left, landed = leaves <= 28 * 60, (leaves + pl.col("air_time") + 60 <= 28 * 60) & pl.col("arr_delay").is_not_null()
    planes = sources["planes"].collect().to_native().select("tailnum", "seats", built="year")
    known = rows.with_columns(left=left.fill_null(value=False), landed=landed.fill_null(value=False))
    return known.join(planes, on="tailnum", how="left")


def over_days(asked: pl.DataFrame, flights: pl.DataFrame, keys: list[str], days: int, **measures: pl.Expr) -> pl.DataFrame:
    """Measures over the flights of the days before each asked `date`, where there are any."""
    counted = flights.select(*keys, "left", "landed", "arr_delay", "seats", "built", of="date")
    pairs = asked.select(*keys, "date").unique().join(counted, on=keys)
    inside = pairs.filter(pl.col("of") < pl.col("date"), pl.col("of") >= pl.col("date") - timedelta(days=days))
    return inside.group_by(*keys, "date").agg(**measures)


LANDED = pl.col("arr_delay").filter(pl.col("landed"))
RATES = {
    "late_rate": (LANDED > 15).mean(),
    "cancelled_rate": pl.col("left").not_().mean(),
    "flights": pl.len().cast(pl.Float64),
    "delay_mean": LANDED.mean(),
}


@pytest.mark.parametrize("days", [7, 30])
def test_windows_of_a_carrier(sources: SourceTables, flights: pl.DataFrame, days: int) -> None:
    made = CarrierDay().features(sources.tables).collect().to_native()
    made = made.with_columns(date=pl.col("known_at").dt.date()).select(*CARRIER, "date", *(f"{name}_{days}d" for name in RATES))
    by_hand = over_days(made, flights, CARRIER, days, **{f"{name}_{days}d": rate for name, rate in RATES.items()})
    found = made.filter(pl.col(f"flights_{days}d") > 0)
    assert len(found) > 1_800
    assert_frame_equal(found, by_hand.select(found.columns), check_row_order=False, rel_tol=0, abs_tol=1e-12)


def test_cancelled_share_of_a_carriers_day(sources: SourceTables) -> None:
    rows = sources["flights"].collect().to_native()
    daily = rows.group_by(*CARRIER, "date").agg(cancelled_rate=pl.col("dep_time").is_null().mean(), scheduled=pl.len().cast(pl.Int64))
    made = CarrierDay().labels(sources.tables).collect().to_native().with_columns(date=pl.col("label_time").dt.date())
    expected = daily.filter(pl.col("scheduled") >= 10).select(*CARRIER, "date", "cancelled_rate", "scheduled")
    assert_frame_equal(made.select(expected.columns), expected, check_row_order=False, rel_tol=0, abs_tol=1e-12)


@pytest.mark.parametrize("days", [7, 30])
def test_rates_of_a_flights_route(sources: SourceTables, flights: pl.DataFrame, days: int) -> None:
    keys, names = ["origin", "dest"], [f"route_{name}_{days}d" for name in RATES]
    made = Flight().features(sources.tables).collect().to_native().with_columns(date=pl.col("known_at").dt.date())
    found = made.select(*keys, "date", *names).unique().filter(pl.col(f"route_flights_{days}d") > 0)
    by_hand = over_days(made, flights, keys, days, **dict(zip(names, RATES.values(), strict=True)))
    assert_frame_equal(found, by_hand.select(found.columns), check_row_order=False, rel_tol=0, abs_tol=1e-12)


def test_planes_of_a_flights_carrier_on_its_route(sources: SourceTables, flights: pl.DataFrame) -> None:
    keys, flown = ["carrier", "origin", "dest"], pl.col("left")
    made = Flight().features(sources.tables).collect().to_native().with_columns(date=pl.col("known_at").dt.date())
    found = made.select(*keys, "date", "seats_30d", "plane_year_30d").unique().drop_nulls("seats_30d")
    means = {"seats_30d": pl.col("seats").filter(flown).mean(), "plane_year_30d": pl.col("built").filter(flown).mean()}
    by_hand = over_days(made, flights, keys, 30, **means).drop_nulls("seats_30d")
    assert len(found) > 10_000
    assert_frame_equal(found, by_hand.select(found.columns), check_row_order=False, rel_tol=0, abs_tol=1e-9)


def test_labels_of_flights_count_what_the_record_holds(sources: SourceTables) -> None:
    rows, made = sources["flights"].collect().to_native(), Flight().labels(sources.tables).collect().to_native()
    delayed = {"late_departure": (rows["dep_delay"] > 15).sum(), "late_arrival": (rows["arr_delay"] > 15).sum()}
    assert {name: made[name].sum() for name in delayed} == delayed
    assert made["cancelled"].sum() == rows["dep_time"].null_count()
    assert made["late_arrival"].null_count() == rows.filter(pl.col("dep_time").is_not_null())["arr_delay"].null_count()
    assert made["flight_id"].n_unique() == len(rows)


def test_changes_of_the_weather(sources: SourceTables) -> None:
    hours = sources["weather"].collect().to_native()
    known = {(row["origin"], row["time_hour"]): row["pressure"] for row in hours.to_dicts()}
    made = WeatherHour().features(sources.tables).collect().to_native()
    for row in made.to_dicts():
        now, before = (known.get((row["origin"], row["known_at"] - timedelta(hours=hours))) for hours in (1, 4))
        assert row["pressure_change_3h"] == (None if now is None or before is None else now - before)
    assert made["pressure_change_3h"].is_not_null().sum() > 3_000
