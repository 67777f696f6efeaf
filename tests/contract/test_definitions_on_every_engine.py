"""Feature definitions on every engine: what Polars computes, DuckDB, pandas and Spark compute as well.

Compared are names, types, null-ness and values of features and labels, and the text of what is refused. Rates, means, counts and
columns that pass through are equal to the last bit, since they are made of whole numbers; amounts of money are sums of floats in
whatever order, and equal to 9 digits. What the values should be is told by hand in `tests/spec`.
"""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stackhouse.errors import StackhouseError
from stackhouse.features import CarrierDay, Churn, Columns, CostFeatures, Definition, Flight, ReliabilityFeatures, RouteDay, WeatherHour
from stackhouse.synthetic import CustomersParameters, generate_customers
from tests.contract.engines import NEEDS_JAVA, SOCKETS, collected, drawn, examples, opened, require_close, require_equal

pytestmark = SOCKETS

FIRST = date(2024, 2, 26)
"""A Monday; the days after it run into the 29th of February."""
TIME = pl.Datetime("us", "UTC")
Frames = dict[str, pl.DataFrame]
TIME_TYPES = {
    "dates": pl.Date,
    "naive": pl.Datetime("us"),
    "milliseconds": pl.Datetime("ms"),
    "utc": TIME,
    "zone": pl.Datetime("us", "America/New_York"),
}

LOCAL = ["duckdb", "pandas"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def outcome(definition: Definition, what: str, frames: Frames, engine: str, folder: Path) -> pl.DataFrame | str:
    """The rows of features or labels on an engine, or the text of the error."""
    sources = {name: opened(engine, frame, folder, title=name) for name, frame in frames.items()}
    try:
        return collected(getattr(definition, what)(sources))
    except StackhouseError as error:
        return f"{type(error).__name__}: {error}"


def check(definition: Definition, frames: Frames, engine: str, folder: Path, relative: dict[str, float] | None = None) -> None:
    for what in ("features", "labels"):
        expected, found = (outcome(definition, what, frames, name, folder) for name in ("polars", engine))
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected
        elif relative:
            time = definition.timestamp if what == "features" else definition.label_roles.timestamp
            close = {name: tolerance for name, tolerance in relative.items() if name in expected.columns}
            require_close(found, expected, (*definition.primary_keys, str(time)), close)
        else:
            require_equal(found, expected)


# --- flights

MINUTES = (None, math.nan, math.inf, -math.inf, -0.0, 0.0, -7.0, 15.0, 15.5, 16.0, -15.5, 62.25, 480.0, 1_140.0)
FLIGHT = st.tuples(
    st.integers(0, 5),
    st.sampled_from([None, 1, 600, 759, 1430, 2359]),
    st.sampled_from(MINUTES),
    st.sampled_from(MINUTES),
    st.sampled_from([*MINUTES, 59.0, 61.5, 200.0]),
)
ROUTE_FLIGHTS = st.lists(FLIGHT, min_size=1, max_size=8)
MINUTES_TYPES = {"float64": pl.Float64, "int64": pl.Int64, "decimal": pl.Decimal(9, 2), "float32": pl.Float32}
ROUTE_DAYS = (
    RouteDay(),
    RouteDay(windows=(3, 1), lags=(2, 1), late_minutes=0, min_flights=1),
    RouteDay(windows=(2,), lags=(), late_minutes=16, min_flights=2),
)


def flights(routes: list[list[tuple[Any, ...]]], minutes: str, *, gaps: bool) -> Frames:
    """One route for each list; unless there may be gaps, another one flies each day."""
    rows = [("ZXY"[number % 3], f"D{number // 3}", *flight) for number, route in enumerate(routes) for flight in route]
    rows += [] if gaps else [("Y", "D", day, 900, 0.0, 20.0 * (day % 2), 60.0 + day) for day in (3, 1, 5, 0, 2, 4)]
    rows.sort(key=lambda row: str(row[4:]))  # neither by route nor by day
    kind = MINUTES_TYPES[minutes]
    schema = {"origin": pl.String, "dest": pl.String, "day": pl.Int64, "sched_dep_time": pl.Int64}
    values = dict.fromkeys(("dep_delay", "arr_delay", "air_time"), pl.Float64)
    frame = pl.DataFrame(rows, schema={**schema, **values}, orient="row")
    if minutes in {"int64", "decimal"}:
        frame = frame.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).cast(kind, strict=False) for name in values)
    day = pl.lit(FIRST) + pl.duration(days=pl.col("day"))
    return {"flights": frame.with_columns(pl.col(*values).cast(kind), day.alias("date")).drop("day")}


@pytest.mark.parametrize("engine", LOCAL)
@examples(8)
@given(
    routes=st.lists(ROUTE_FLIGHTS, max_size=8),
    minutes=st.sampled_from([*MINUTES_TYPES]),
    gaps=st.integers(0, 3).map(lambda number: number == 0),
    definition=st.sampled_from(ROUTE_DAYS),
)
@example(routes=[], minutes="float64", gaps=True, definition=ROUTE_DAYS[0])
def test_route_day(engine: str, folder: Path, routes: list[Any], minutes: str, gaps: bool, definition: RouteDay) -> None:
    check(definition, flights(routes, minutes, gaps=gaps), engine, folder)


@pytest.mark.slow
@NEEDS_JAVA
@pytest.mark.parametrize(("definition", "minutes"), [(ROUTE_DAYS[0], "float64"), (ROUTE_DAYS[1], "decimal")], ids=["default", "short"])
def test_route_day_on_spark(folder: Path, definition: RouteDay, minutes: str) -> None:
    check(definition, flights(drawn(ROUTE_FLIGHTS, 60), minutes, gaps=False), "spark", folder)


# --- flights of carriers, and single flights

PLANES = (None, "N1", "N2", "N3", "N4", "N9")
CARRIER_FLIGHT = st.tuples(FLIGHT, st.sampled_from(["9E", "UA", "ü'"]), st.sampled_from(PLANES), st.sampled_from([None, 0, 23]))
ROUTE_CARRIERS = st.lists(CARRIER_FLIGHT, min_size=1, max_size=6)
CARRIER_DAYS = (CarrierDay(), CarrierDay(windows=(1, 3), lags=(), late_minutes=0, min_flights=1))
FLIGHTS = (Flight(), Flight(windows=(2,), plane_days=1, late_minutes=0, with_departure_delay=True))
FLEET = pl.DataFrame(
    {
        "tailnum": ["N1", "N2", "N3", "N4"],
        "seats": [20.0, 379.5, math.nan, None],
        "year": pl.Series([1956, 2013, None, 2001], dtype=pl.Int64),
    }
)


def carriers(routes: list[list[tuple[Any, ...]]], minutes: str, *, gaps: bool) -> Frames:
    """The flights of `flights` with a carrier, a number, a plane, and the hour of the scheduled departure."""
    frames = flights([[flight for flight, *_ in route] for route in routes], minutes, gaps=gaps)["flights"]
    rest = [row for route in routes for _, *row in route] + ([] if gaps else [("UA", f"N{day % 4 + 1}", 600) for day in range(6)])
    schema = {"carrier": pl.String, "tailnum": pl.String, "distance": pl.Float64}
    hour = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC") + pl.duration(hours=13)
    frame = pl.concat([frames, pl.DataFrame(rest, schema=schema, orient="row")], how="horizontal")
    return {"flights": frame.with_columns(hour.alias("time_hour"), flight=pl.int_range(pl.len(), dtype=pl.Int64)), "planes": FLEET}


EVERY_CARRIER = given(
    routes=st.lists(ROUTE_CARRIERS, max_size=8),
    minutes=st.sampled_from([*MINUTES_TYPES]),
    gaps=st.integers(0, 3).map(lambda number: number == 0),
    number=st.integers(0, 1),
)
NOTHING = example(routes=[], minutes="float64", gaps=True, number=0)


@pytest.mark.parametrize("engine", LOCAL)
@examples(8)
@EVERY_CARRIER
@NOTHING
def test_carrier_day(engine: str, folder: Path, routes: list[Any], minutes: str, gaps: bool, number: int) -> None:
    check(CARRIER_DAYS[number], {"flights": carriers(routes, minutes, gaps=gaps)["flights"]}, engine, folder)


@pytest.mark.parametrize("engine", LOCAL)
@examples(8)
@EVERY_CARRIER
@NOTHING
def test_flight(engine: str, folder: Path, routes: list[Any], minutes: str, gaps: bool, number: int) -> None:
    check(FLIGHTS[number], carriers(routes, minutes, gaps=gaps), engine, folder)


@pytest.mark.parametrize("engine", LOCAL)
def test_flight_refuses_a_plane_that_stands_twice(engine: str, folder: Path) -> None:
    frames = carriers([], "float64", gaps=False)
    check(FLIGHTS[0], {**frames, "planes": pl.concat([FLEET, FLEET.head(1)])}, engine, folder)


@pytest.mark.slow
@NEEDS_JAVA
def test_carrier_day_and_flight_on_spark(folder: Path) -> None:
    frames = carriers(drawn(ROUTE_CARRIERS, 40), "float64", gaps=False)
    check(CARRIER_DAYS[1], {"flights": frames["flights"]}, "spark", folder)
    check(FLIGHTS[1], frames, "spark", folder)


# --- weather

READINGS = (None, math.nan, math.inf, -0.0, 0.0, 0.1, 39.02, 1012.3, -17.9)
WEATHER = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
OBSERVED = st.tuples(st.sampled_from("XYZ"), st.integers(0, 9), *(st.sampled_from(READINGS) for _ in WEATHER))
WEATHER_ROWS = st.lists(OBSERVED, max_size=12, unique_by=lambda row: row[:2])
DEPARTURES = st.lists(st.tuples(st.sampled_from("XYZ"), st.integers(0, 9), st.sampled_from(MINUTES)), max_size=12)
WEATHER_HOURS = (WeatherHour(), WeatherHour(change_hours=(2,)), WeatherHour(change_hours=()))


def weather(rows: list[tuple[Any, ...]], departures: list[tuple[Any, ...]], times: str) -> Frames:
    """Hours of weather and flights around the 29th of February, their times as one of `TIME_TYPES`."""
    kind = TIME_TYPES[times]
    zone = getattr(kind, "time_zone", None)
    start = pl.lit(datetime(2024, 2, 28, 20, tzinfo=None))  # noqa: DTZ001 - the zone is given with the type
    at = start + pl.duration(hours=pl.col("hour"))
    at = (at.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else at).cast(kind)
    key = {"origin": pl.String, "hour": pl.Int64}
    frames = {
        "weather": pl.DataFrame(rows, schema={**key, **dict.fromkeys(WEATHER, pl.Float64)}, orient="row"),
        "flights": pl.DataFrame(departures, schema={**key, "dep_delay": pl.Float64}, orient="row"),
    }
    return {name: frame.with_columns(at.alias("time_hour")).drop("hour") for name, frame in frames.items()}


@pytest.mark.parametrize("engine", LOCAL)
@examples(12)
@given(
    rows=WEATHER_ROWS,
    departures=DEPARTURES,
    times=st.sampled_from(["naive", "milliseconds", "utc", "zone"]),
    definition=st.sampled_from(WEATHER_HOURS),
)
@example(rows=[], departures=[], times="utc", definition=WEATHER_HOURS[0])
def test_weather_hour(engine: str, folder: Path, rows: list[Any], departures: list[Any], times: str, definition: WeatherHour) -> None:
    check(definition, weather(rows, departures, times), engine, folder)


@NEEDS_JAVA
def test_weather_hour_on_spark(folder: Path) -> None:
    rows = {row[:2]: row for row in drawn(OBSERVED, 60)}
    departures = [flight for flights in drawn(DEPARTURES, 20) for flight in flights]
    check(WeatherHour(), weather([*rows.values()], departures, "utc"), "spark", folder)


# --- usage and prices

AMOUNT = pl.Decimal(38, 18)
USAGE = {
    "record_id": pl.String,
    "workspace_id": pl.String,
    "cloud": pl.String,
    "sku_name": pl.String,
    "usage_unit": pl.String,
    "usage_start_time": TIME,
    "usage_date": pl.Date,
    "usage_quantity": AMOUNT,
    "ingestion_date": pl.Date,
    "usage_metadata": pl.Struct({"job_id": pl.String, "cluster_id": pl.String}),
    "product_features": pl.Struct({"is_serverless": pl.Boolean, "jobs_tier": pl.String}),
}
PRICES = {
    "cloud": pl.String,
    "sku_name": pl.String,
    "usage_unit": pl.String,
    "price_start_time": TIME,
    "price_end_time": TIME,
    "pricing": pl.Struct({"default": AMOUNT}),
}
QUANTITIES = ("0", "0.1", "0.2", "-0.3", "1", "7.25", "1234.567890123456789012", "-2", "999999.999999999", "0.333333333333333333")
SKUS = ("JOBS", "ALL_PURPOSE", "STORAGE")
DAYS = 10
USED = st.tuples(
    st.integers(0, DAYS - 1),
    st.sampled_from([0, 0, 0, 1, 3]),
    st.sampled_from(SKUS),
    st.sampled_from([None, *QUANTITIES]),
    st.sampled_from([None, "j"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, 0, 0, 1, 4, 31]),
)
WORKSPACE_USAGE = st.lists(USED, min_size=1, max_size=12)
SUMS = ("daily_dbu", "daily_cost", "avg_dbu_7d", "avg_dbu_30d", "dbu_change_pct_1d", "dbu_change_pct_7d")
MONEY = {
    **dict.fromkeys((*SUMS, "serverless_adoption_ratio", "jobs_on_all_purpose_cost", "cost_growth_rate"), 1e-9),
    **dict.fromkeys(("cost", "cost_next_7d", "serverless_share"), 1e-9),
    "z_score_7d": 1e-6,
}
"""A standard deviation is a small difference of two large sums, where they lose digits."""


def midnight(day: int, hours: int = 0) -> datetime:
    return datetime(FIRST.year, FIRST.month, FIRST.day, hours, tzinfo=UTC) + timedelta(days=day)


def ledger(workspaces: list[list[tuple[Any, ...]]], fault: str | None = None) -> Frames:
    """One workspace for each list; another one uses something each day. Each row may be retracted on the day of its restatement."""
    used = [(f"w{number}", *row) for number, rows in enumerate(workspaces) for row in rows]
    used += [("anchor", day, 0, SKUS[day % 2], str(Decimal(day) / 3), None, day % 3 == 0, 0) for day in (5, 3, 4, 9, 8, 7, 6, 0, 1, 2)]
    records: list[tuple[Any, ...]] = []
    for workspace, day, corrected, sku, quantity, job, serverless, ingested in used:
        date_ = FIRST + timedelta(days=day)
        unit = "GB" if sku == "STORAGE" else "DBU"
        arrived = None if ingested is None else date_ + timedelta(days=ingested)
        metadata, features = {"job_id": job, "cluster_id": None}, {"is_serverless": serverless, "jobs_tier": "x"}
        for amount, lag in ((quantity, 0), (quantity and str(-Decimal(quantity)), corrected), (quantity and "0.7", corrected)):
            if lag or amount is quantity:
                known = arrived if not lag else date_ + timedelta(days=lag + (ingested or 0))
                start = midnight(day, 0 if len(records) % 5 == 0 else 13)
                value = None if amount is None else Decimal(amount)
                records.append((str(len(records)), workspace, "AWS", sku, unit, start, date_, value, known, metadata, features))
    records.sort(key=lambda record: record[0][::-1])
    change = midnight(4)
    prices = [
        ("AWS", "JOBS", "DBU", midnight(-100), change, {"default": Decimal("0.15")}),
        ("AWS", "JOBS", "DBU", change, None, {"default": Decimal("0.165000000000000001")}),
        ("AWS", "ALL_PURPOSE", "DBU", midnight(-100), None, {"default": Decimal("0.55")}),
        ("AWS", "STORAGE", "GB", midnight(-100), None, {"default": Decimal("0.023")}),
        ("AWS", "STORAGE", "GB", midnight(-100), None, {"default": None}),
        ("GCP", "JOBS", "DBU", midnight(-100), None, {"default": Decimal(9)}),
    ]
    if fault == "price":
        prices = [*prices[1:], ("AWS", "ALL_PURPOSE", "DBU", midnight(2), None, {"default": Decimal(1)})]
    if fault == "day":
        records = [record for record in records if record[6] != FIRST + timedelta(days=5)]
    used_far_more = [(f"w{day % 3}", FIRST + timedelta(days=day)) for day in (3, 0, 9, 7)] * 2
    return {
        "usage": pl.DataFrame(records, schema=USAGE, orient="row"),
        "list_prices": pl.DataFrame(prices, schema=PRICES, orient="row"),
        "known_anomalies": pl.DataFrame(used_far_more, schema={"workspace_id": pl.String, "usage_date": pl.Date}, orient="row"),
    }


TAKEN_BACK = [
    [(day, 0, "JOBS", amount, None, True, 0) for day in (0, 1, 7) for amount in amounts] + [(2, 0, "JOBS", "1", None, True, 0)]
    for amounts in permutations(("0.1", "0.2", "-0.3"))
]
"""Floats of these give 0 in one order and not in another."""


@pytest.mark.parametrize("engine", LOCAL)
@examples(3)
@given(
    workspaces=st.lists(WORKSPACE_USAGE, max_size=5),
    arrival_days=st.sampled_from([0, 2]),
    fault=st.sampled_from([None, None, "price", "day"]),
)
@example(workspaces=TAKEN_BACK, arrival_days=0, fault=None)
def test_cost_features(engine: str, folder: Path, workspaces: list[Any], arrival_days: int, fault: str | None) -> None:
    check(CostFeatures(arrival_days=arrival_days, known_anomalies=True), ledger(workspaces, fault), engine, folder, MONEY)


@pytest.mark.slow
@NEEDS_JAVA
def test_cost_features_on_spark(folder: Path) -> None:
    check(CostFeatures(arrival_days=1, known_anomalies=True), ledger([*drawn(WORKSPACE_USAGE, 40), *TAKEN_BACK]), "spark", folder, MONEY)


# --- timeline

STATES = (None, "SUCCEEDED", "SUCCEEDED", "FAILED", "ERROR", "TIMED_OUT", "CANCELLED", "SKIPPED")
TIMELINE_ROW = st.tuples(
    st.sampled_from([None, *(hours * 3_600_000_000 + extra for hours in (0, 1, 23, 24, 40, 71, 96) for extra in (-1, 0, 999_999))]),
    st.sampled_from([0, 1, 999_999, 1_000_000, 3_599_999_999, 3_600_000_000, 86_400_000_000]),
    st.sampled_from(STATES),
    st.integers(0, 2),
)
JOB_ROWS = st.lists(TIMELINE_ROW, min_size=1, max_size=8)


def timeline(jobs: list[list[tuple[Any, ...]]], *, gaps: bool) -> Frames:
    """One job for each list, ids repeating between workspaces and run ids between jobs; unless there may be gaps, one runs each day."""
    start = midnight(0)
    rows: list[tuple[Any, ...]] = []
    for number, job in enumerate(jobs):
        for begun, lasted, state, run in job:
            ended = start + timedelta(microseconds=(begun or 0) + lasted)
            beginning = None if begun is None else start + timedelta(microseconds=begun)
            rows.append(("wuv"[number % 3], f"j{number // 3}", f"r{run}", beginning, ended, state))
    if not gaps:
        rows += [("v", "daily", f"{day}", midnight(day, 5), midnight(day, 6 + day % 2), "SUCCEEDED") for day in (2, -1, 0, 5, 4, 3, 1)]
    rows.sort(key=lambda row: str(row[5:]) + str(row[3])[::-1])
    schema = dict.fromkeys(("workspace_id", "job_id", "run_id"), pl.String) | {"period_start_time": TIME, "period_end_time": TIME}
    return {"job_run_timeline": pl.DataFrame(rows, schema={**schema, "result_state": pl.String}, orient="row")}


@pytest.mark.parametrize("engine", LOCAL)
@examples(6)
@given(
    jobs=st.lists(JOB_ROWS, max_size=9),
    gaps=st.integers(0, 3).map(lambda number: number == 0),
    min_runs=st.sampled_from([1, 2]),
    sla=st.sampled_from([{}, {"sla_seconds": 3_600}, {"sla_factor": 1.1}]),
)
@example(jobs=[], gaps=True, min_runs=1, sla={"sla_factor": 1.1})
def test_reliability_features(engine: str, folder: Path, jobs: list[Any], gaps: bool, min_runs: int, sla: dict[str, Any]) -> None:
    check(ReliabilityFeatures(min_runs=min_runs, **sla), timeline(jobs, gaps=gaps), engine, folder)


@pytest.mark.slow
@NEEDS_JAVA
@pytest.mark.parametrize("definition", [ReliabilityFeatures(sla_seconds=3_600), ReliabilityFeatures(sla_factor=1.1)], ids=["s", "factor"])
def test_reliability_features_on_spark(folder: Path, definition: ReliabilityFeatures) -> None:
    check(definition, timeline(drawn(JOB_ROWS, 60), gaps=False), "spark", folder)


# --- columns as they are

BIG = 2**53
FLOATS = (None, math.nan, math.inf, -math.inf, -0.0, 0.0, 0.1, 5e-324, 1.7976931348623157e308, float(BIG))
MOMENTS = (
    None,
    datetime(1969, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001 - the zone is given with the type
    datetime(2024, 2, 29, 5, 0, 0, 1),  # noqa: DTZ001
    datetime(2024, 3, 31, 1, 30),  # noqa: DTZ001
)
KEY_TYPES = {"text": pl.String, "integers": pl.Int64, "dates": pl.Date}
ROW = st.tuples(
    st.integers(0, 2),
    st.sampled_from(MOMENTS),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, 0, -1, BIG - 1, BIG, BIG + 1, -(BIG + 1), 2**63 - 1, -(2**63)]),
    st.sampled_from([None, Decimal(0), Decimal("-0.000000000000000001"), Decimal("9007199254740993.000000000000000001")]),
    st.sampled_from(FLOATS),
    st.sampled_from([None, math.nan, -0.0, 0.5, math.inf]),
    st.sampled_from([None, 0.0, -0.0, 1.0, math.nan]),
)
COLUMNS = {"flag": pl.Boolean, "count": pl.Int64, "amount": AMOUNT, "value": pl.Float64, "half": pl.Float32, "y": pl.Float64}


def plain(rows: list[tuple[Any, ...]], keys: str, times: str, *, apart: bool = False) -> Frames:
    moment = pl.col("at").cast(pl.Datetime("us"))
    kind = TIME_TYPES[times]
    zone = getattr(kind, "time_zone", None)
    at = (moment.dt.replace_time_zone("UTC").dt.convert_time_zone(zone) if zone else moment).cast(kind)
    key = {"text": pl.format("ü '{}'", "key"), "integers": pl.col("key") + BIG, "dates": pl.lit(FIRST) + pl.duration(days=pl.col("key"))}
    frame = pl.DataFrame(rows, schema={"key": pl.Int64, "at": pl.Datetime("us"), **COLUMNS}, orient="row")
    frame = frame.with_columns(at.alias("at"), key[keys].cast(KEY_TYPES[keys]).alias("key"), other=pl.lit("not asked for"))
    return {"rows": frame.drop("y"), "labels": frame.select("key", "at", "y")} if apart else {"rows": frame}


def as_they_are(*, timed: bool = True, apart: bool = False) -> Columns:
    names = tuple(name for name in COLUMNS if name != "y")
    return Columns(keys=("key",), time="at" if timed else None, names=names, label="y", separate_labels=apart)


@pytest.mark.parametrize("engine", LOCAL)
@examples(20)
@given(
    rows=st.lists(ROW, max_size=12),
    keys=st.sampled_from([*KEY_TYPES]),
    times=st.sampled_from([*TIME_TYPES]),
    timed=st.booleans(),
    apart=st.booleans(),
)
def test_columns(engine: str, folder: Path, rows: list[Any], keys: str, times: str, timed: bool, apart: bool) -> None:
    check(as_they_are(timed=timed, apart=apart), plain(rows, keys, times, apart=apart), engine, folder)


@NEEDS_JAVA
@pytest.mark.parametrize("times", TIME_TYPES)
def test_columns_on_spark(folder: Path, times: str) -> None:
    check(as_they_are(), plain(drawn(ROW, 80), "text", times), "spark", folder)


# --- customers

WRITTEN = ("0", "12", "12.0", "13", "24.5", "48", "49", "1e3", "-1", "-0", "+5", "5.", ".5", "0.1", "1e-5", " 7 ", "99999999999999999999")
NO_NUMBERS = (None, "", " ", "\t", "nan", "inf", "-Infinity", "1e999", "1,5", "1 000", "0x10", "1_000", "٣", "true", "é")
WORDS = (None, "", " ", "Yes", "No", " yes", "NO\n", "maybe", "No phone service", "Straße ")
CUSTOMER = st.tuples(
    st.sampled_from([*WRITTEN, *NO_NUMBERS]),
    st.sampled_from([*WRITTEN, *NO_NUMBERS]),
    st.sampled_from([None, math.nan, math.inf, -math.inf, -1.0, -0.0, 0.0, 0.5, 12.0, 24.5, 72.0, 1e200]),
    st.sampled_from(WORDS),
    st.sampled_from(WORDS),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, -1, 0, 1, 2]),
    st.sampled_from([None, 0.0, 1.0, 0.5, math.nan]),
)
ASKED = Churn(numbers=("total", "member"), flags=("partner", "member_too", "code_too"), categories=("words", "code"))


def customers(rows: list[tuple[Any, ...]], tenure: str, churn: str) -> Frames:
    """Customers whose tenure is written or counted, and who left in words, in numbers or as booleans."""
    drawn_rows = [(number, *row) for number, row in enumerate(rows)]
    schema = {"customer_id": pl.Int64, **dict.fromkeys(("written", "total"), pl.String), "counted": pl.Float64, "words": pl.String}
    schema |= {"partner": pl.String, "member": pl.Boolean, "code": pl.Int64, "share": pl.Float64}
    frame = pl.DataFrame(drawn_rows, schema=schema, orient="row")
    left = {"text": pl.col("words"), "number": pl.col("share"), "boolean": pl.col("member")}
    return {
        "rows": frame.with_columns(
            pl.col("customer_id").cast(pl.Int32),
            pl.col(tenure).alias("tenure"),
            pl.col("counted").alias("monthly_charges"),
            pl.col("words").alias("contract"),
            pl.col("member").alias("member_too"),
            pl.col("code").alias("code_too"),
            left[churn].alias("churn"),
        )
    }


def check_customers(frames: Frames, engine: str, folder: Path, definition: Churn = ASKED) -> None:
    for what in ("features", "labels"):
        expected, found = (outcome(definition, what, frames, name, folder) for name in ("polars", engine))
        assert not isinstance(expected, str)
        assert not isinstance(found, str), found
        require_equal(found, expected)


@pytest.mark.parametrize("engine", LOCAL)
@examples(20)
@given(
    rows=st.lists(CUSTOMER, max_size=12),
    tenure=st.sampled_from(["written", "counted"]),
    churn=st.sampled_from(["text", "number", "boolean"]),
)
@example(rows=[], tenure="written", churn="text")
def test_churn(engine: str, folder: Path, rows: list[Any], tenure: str, churn: str) -> None:
    check_customers(customers(rows, tenure, churn), engine, folder)


@pytest.mark.slow
@NEEDS_JAVA
@pytest.mark.parametrize(("tenure", "churn"), [("written", "text"), ("counted", "number"), ("written", "boolean")])
def test_churn_on_spark(folder: Path, tenure: str, churn: str) -> None:
    check_customers(customers(drawn(CUSTOMER, 120), tenure, churn), "spark", folder)


@pytest.mark.parametrize("engine", LOCAL)
def test_made_customers(engine: str, folder: Path) -> None:
    check_customers({"rows": generate_customers(CustomersParameters())}, engine, folder, Churn())


@pytest.mark.slow
@NEEDS_JAVA
def test_made_customers_on_spark(folder: Path) -> None:
    check_customers({"rows": generate_customers(CustomersParameters())}, "spark", folder, Churn())
