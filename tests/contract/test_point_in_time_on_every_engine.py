"""Training sets against a brute-force oracle, on every engine: equal times, unsorted rows, NaN and ±Inf, keys of many types."""

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import narwhals as nw
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from stackhouse.errors import PointInTimeError, PrimaryKeyError
from stackhouse.lookups import FeatureLookup
from stackhouse.table import Roles, Table, require_unique_keys
from stackhouse.times import microseconds_between
from stackhouse.training_set import create_training_set

DAY, HOUR, MOMENT = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
OFFSETS = (timedelta(0), MOMENT, HOUR - MOMENT, HOUR, HOUR + MOMENT, 2 * HOUR, 30 * DAY, -40_000 * DAY)
WINDOWS = (None, MOMENT, HOUR, 2 * HOUR, 30 * DAY)
VALUES = (1.5, -2.0, 0.0, math.nan, math.inf, -math.inf, None)
KEYS: dict[str, tuple[Any, ...]] = {
    "integers": (1, 2, -3),
    "text": ("EWR", "", "é'\"x"),
    "dates": (date(2024, 2, 29), date(1969, 12, 31), date(2024, 3, 1)),
    "datetimes": tuple(datetime(2024, 1, 1, tzinfo=UTC) + offset for offset in (-HOUR, MOMENT, HOUR)),
}
KEY_TYPES = {"integers": pl.Int64, "text": pl.String, "dates": pl.Date, "datetimes": pl.Datetime("us", "UTC")}
PANDAS_TYPES = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype(), pa.large_string(): pd.StringDtype()}
Engine = Callable[[pl.DataFrame], Any]


def polars(frame: pl.DataFrame) -> pl.LazyFrame:
    return frame.lazy()


def pandas(frame: pl.DataFrame) -> pd.DataFrame:
    arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    return arrow.to_pandas(types_mapper=lambda dtype: PANDAS_TYPES.get(dtype, pd.ArrowDtype(dtype)))


@pytest.fixture(scope="session")
def duck() -> Iterator[Engine]:
    """Relations of a connection of its own, which is not DuckDB's default one."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone='UTC'")

    def relation(frame: pl.DataFrame) -> Any:
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        return connection.from_arrow(arrow)

    yield relation
    connection.close()


@pytest.fixture(scope="session")
def spark() -> Iterator[Engine]:
    if not shutil.which("java"):
        pytest.skip("Spark needs Java 17 or 21 (apt-get install openjdk-17-jre-headless); there is no `java` here")
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        "spark.sql.adaptive.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    builder = SparkSession.builder.master("local[1]").appName("point in time")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield lambda frame: session.createDataFrame(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    session.stop()


@dataclass(frozen=True)
class Case:
    """A spine (key, shop, time), features known at a time by key, features without a time by (shop, key), and how to look up."""

    keys: tuple[Any, ...]
    key_type: Any
    dates: bool
    spine: list[tuple[int, int, int]]
    known: dict[tuple[int, int], float | None]
    fixed: dict[tuple[int, int], float | None]
    window: timedelta | None
    default_known: bool
    default_fixed: bool

    def time(self, number: int) -> date | datetime:
        if self.dates:
            return date(2024, 2, 27) + timedelta(days=number)
        return datetime(2024, 3, 31, 1, tzinfo=UTC) + OFFSETS[number]

    def columns(self, rows: list[tuple[Any, ...]], **types: Any) -> pl.DataFrame:
        time = pl.Date if self.dates else pl.Datetime("us", "UTC")
        schema = {name: {"key": self.key_type, "time": time}.get(dtype, dtype) for name, dtype in types.items()}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def tables(self, engine: Engine) -> tuple[Table, dict[str, Table]]:
        spine = [(self.keys[key], f"s{shop}", self.time(at), float(number)) for number, (key, shop, at) in enumerate(self.spine)]
        known = [(value, self.time(at), self.keys[key]) for (key, at), value in self.known.items()]
        fixed = [(self.keys[key], f"s{shop}", value) for (shop, key), value in self.fixed.items()]
        frames = (
            self.columns(spine, key="key", shop=pl.String, at="time", y=pl.Float64),
            self.columns(known, x=pl.Float64, known_at="time", item="key"),
            self.columns(fixed, key="key", shop=pl.String, x=pl.Float64),
        )
        roles = (
            Roles(primary_keys=("key", "shop"), timestamp="at", label="y"),
            Roles(primary_keys=("item",), timestamp="known_at", features=("x",)),
            Roles(primary_keys=("shop", "key"), features=("x",)),
        )
        names = ("labels", "known", "fixed")
        made = [Table.of(engine(frame), role, name) for frame, role, name in zip(frames, roles, names, strict=True)]
        return made[0], {"known": made[1], "fixed": made[2]}

    @property
    def lookups(self) -> list[FeatureLookup]:
        return [
            FeatureLookup(
                table_name="known",
                lookup_key="key",
                timestamp_lookup_key="at",
                lookback_window=self.window,
                default_values={"x": -1.0} if self.default_known else {},
            ),
            FeatureLookup(
                table_name="fixed",
                lookup_key=("shop", "key"),
                rename_outputs={"x": "z"},
                default_values={"z": -2.0} if self.default_fixed else {},
            ),
        ]


def oracle(case: Case) -> tuple[list[tuple[Any, ...]], list[int], list[timedelta]]:
    """Rows that stay, how many rows each lookup matches, and the ages of the rows that stay: one loop over all pairs."""
    rows, found, ages = [], [0, 0], []
    for number, (key, shop, at) in enumerate(case.spine):
        time = case.time(at)
        candidates = [
            (case.time(known), value) for (other, known), value in case.known.items() if other == key and case.time(known) <= time
        ]
        latest = max(candidates, key=lambda candidate: candidate[0], default=None)
        if latest and case.window is not None and time - latest[0] > case.window:
            latest = None
        found[0] += latest is not None
        found[1] += (shop, key) in case.fixed
        if (latest or case.default_known) and ((shop, key) in case.fixed or case.default_fixed):
            x = latest[1] if latest else -1.0
            rows.append((float(number), shown(x), shown(case.fixed.get((shop, key), -2.0))))
            ages += [time - latest[0]] if latest else []
    return rows, found, ages


def shown(value: float | None) -> str:
    return str(value)


def hours(age: timedelta) -> float:
    return (age // MOMENT) / 3_600_000_000


def check(case: Case, engine: Engine) -> None:
    rows, found, ages = oracle(case)
    spine, tables = case.tables(engine)
    if not rows:
        with pytest.raises(PointInTimeError, match=f"Lost {len(case.spine)} rows in join"):
            create_training_set(spine, case.lookups, tables)
        return
    table, certificate = (result := create_training_set(spine, case.lookups, tables)).table, result.certificate
    collected = table.collect(["y", "x", "z"]).rows()
    assert sorted((y, shown(x), shown(z)) for y, x, z in collected) == rows
    assert table.roles == Roles(primary_keys=("key", "shop"), timestamp="at", label="y", features=("x", "z"))
    assert (certificate.spine_rows, certificate.matched_rows) == (len(case.spine), len(rows))
    assert [lookup.rows_matched for lookup in certificate.lookups] == found
    ours = [{key for key, _, _ in case.spine}, {(shop, key) for key, shop, _ in case.spine}]
    theirs = [{key for key, _ in case.known}, set(case.fixed)]
    counted = [(lookup.spine_keys, lookup.table_keys, lookup.absent_keys) for lookup in certificate.lookups]
    assert counted == [(len(left), len(right), len(left - right)) for left, right in zip(ours, theirs, strict=True)]
    measured = (certificate.latest_feature_minus_label_hours, certificate.median_age_hours, certificate.oldest_age_hours)
    assert certificate.rows_measured == len(ages)
    if not ages:
        assert measured == (0.0, 0.0, 0.0)
        return
    ordered = sorted(hours(age) for age in ages)
    median = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    assert measured == pytest.approx((-ordered[0], median, ordered[-1]), abs=1e-9)


def cases(size: int) -> st.SearchStrategy[Case]:
    key, shop, time, value = st.integers(0, 2), st.integers(0, 1), st.integers(0, len(OFFSETS) - 1), st.sampled_from(VALUES)
    return st.sampled_from(sorted(KEYS)).flatmap(
        lambda kind: st.builds(
            Case,
            keys=st.just(KEYS[kind]),
            key_type=st.just(KEY_TYPES[kind]),
            dates=st.booleans(),
            spine=st.lists(st.tuples(key, shop, time), unique=True, min_size=1, max_size=size),
            known=st.dictionaries(st.tuples(key, time), value, max_size=size),
            fixed=st.dictionaries(st.tuples(shop, key), value, max_size=6),
            window=st.sampled_from(WINDOWS),
            default_known=st.booleans(),
            default_fixed=st.booleans(),
        )
    )


def examples(number: int) -> settings:
    """So many examples. Fixtures of the session may serve all of them."""
    return settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


NAN_BESIDE_DEFAULT = Case(
    keys=KEYS["text"],
    key_type=KEY_TYPES["text"],
    dates=True,
    spine=[(1, 0, 4), (0, 0, 1), (2, 0, 1)],
    known={(0, 1): math.nan, (1, 4): 1.5},
    fixed={(1, 2): math.inf, (0, 1): math.nan},
    window=HOUR,
    default_known=True,
    default_fixed=True,
)
"""Default values next to NaN of matching rows, which on pandas would turn into null in a column without a mask."""


@examples(150)
@given(case=cases(12))
def test_training_set_equals_the_oracle_on_polars(case: Case) -> None:
    check(case, polars)


@examples(40)
@given(case=cases(12))
@example(case=NAN_BESIDE_DEFAULT)
def test_training_set_equals_the_oracle_on_pandas(case: Case) -> None:
    check(case, pandas)


@examples(40)
@given(case=cases(12))
def test_training_set_equals_the_oracle_on_duckdb(duck: Engine, case: Case) -> None:
    check(case, duck)


def wide(kind: str, *, dates: bool, window: timedelta | None, default_known: bool) -> Case:
    """Every combination of times: 3 keys of which one has no feature row and one a single one, 8 times, 2 shops."""
    spine = [(key, shop, at) for at in (5, 2, 7, 0, 3, 6, 1, 4) for shop in (0, 1) for key in (2, 0, 1)]
    known = {(0, at): VALUES[at % len(VALUES)] for at in (6, 1, 3, 0)} | {(1, 0): 7.0}
    fixed = {(0, 0): math.nan, (1, 1): None, (0, 1): 4.0, (0, 2): math.inf}
    return Case(KEYS[kind], KEY_TYPES[kind], dates, spine, known, fixed, window, default_known, not default_known)


WIDE = [
    wide("text", dates=False, window=HOUR, default_known=True),
    wide("datetimes", dates=True, window=2 * DAY, default_known=False),
    wide("dates", dates=False, window=None, default_known=False),
]


@pytest.mark.parametrize("case", WIDE, ids=["text and datetimes", "datetimes and dates", "dates and datetimes"])
@pytest.mark.parametrize("engine", [polars, pandas], ids=["polars", "pandas"])
def test_every_combination_of_times_equals_the_oracle(engine: Engine, case: Case) -> None:
    check(case, engine)


@pytest.mark.parametrize("case", WIDE, ids=["text and datetimes", "datetimes and dates", "dates and datetimes"])
def test_every_combination_of_times_equals_the_oracle_on_duckdb(duck: Engine, case: Case) -> None:
    check(case, duck)


SOCKETS = [
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
"""PySpark leaves closing a socket for each result to the garbage collector."""


class TestSpark:
    """The same on Spark, in few examples: each query takes it a part of a second."""

    pytestmark = SOCKETS

    @pytest.mark.parametrize("case", WIDE[:2], ids=["text and datetimes", "datetimes and dates"])
    def test_every_combination_of_times_equals_the_oracle(self, spark: Engine, case: Case) -> None:
        check(case, spark)

    @examples(3)
    @given(case=cases(24))
    def test_training_set_equals_the_oracle(self, spark: Engine, case: Case) -> None:
        check(case, spark)

    def test_differences_of_times_are_exact(self, spark: Engine) -> None:
        require_differences(spark)

    def test_every_key_tells_rows_apart(self, spark: Engine) -> None:
        require_all_keys(spark)

    def test_repeated_keys_are_refused_with_the_smallest(self, spark: Engine) -> None:
        require_refusal(spark)


@pytest.mark.parametrize("engine", [polars, pandas], ids=["polars", "pandas"])
def test_repeated_keys_are_refused_with_the_smallest(engine: Engine) -> None:
    require_refusal(engine)


def test_repeated_keys_are_refused_with_the_smallest_on_duckdb(duck: Engine) -> None:
    require_refusal(duck)


@pytest.mark.parametrize("engine", [polars, pandas], ids=["polars", "pandas"])
def test_differences_of_times_are_exact(engine: Engine) -> None:
    require_differences(engine)


def test_differences_of_times_are_exact_on_duckdb(duck: Engine) -> None:
    require_differences(duck)


def require_differences(engine: Engine) -> None:
    """Over leap years, ends of centuries and 1970, to the microsecond; dates, and times with and without a zone."""
    written = ("1899-12-31 23:59:59.999999", "1969-12-31", "2000-12-31 01:00", "2024-03-01 00:00:01.000001")
    moments = [datetime.fromisoformat(moment) for moment in written]
    pairs = [(later, earlier) for later in moments for earlier in moments]
    frame = (
        pl.DataFrame(pairs, schema={"b": pl.Datetime("us"), "a": pl.Datetime("us")}, orient="row")
        .with_row_index("row")
        .cast({"row": pl.Int64})
    )
    zoned = (pl.col(name).dt.replace_time_zone("UTC").alias(f"{name}_utc") for name in "ab")
    days = (pl.col(name).dt.date().alias(f"{name}_day") for name in "ab")
    given = nw.from_native(engine(frame.with_columns(*zoned, *days))).lazy().with_columns(nw.col("a", "b").cast(nw.Datetime("us")))
    differences = {kind: microseconds_between(given, f"b{kind}", f"a{kind}") for kind in ("", "_utc", "_day")}
    found = given.select("row", *(value.alias(f"found{kind}") for kind, value in differences.items())).collect(backend="polars")
    exact = [(later - earlier) // MOMENT for later, earlier in pairs]
    whole = [(later.date() - earlier.date()) // MOMENT for later, earlier in pairs]
    assert sorted(found.rows()) == list(zip(range(len(pairs)), exact, exact, whole, strict=True))


@pytest.mark.parametrize("engine", [polars, pandas], ids=["polars", "pandas"])
def test_every_key_tells_rows_apart(engine: Engine) -> None:
    require_all_keys(engine)


def test_every_key_tells_rows_apart_on_duckdb(duck: Engine) -> None:
    require_all_keys(duck)


def require_all_keys(engine: Engine) -> None:
    """Two keys, of which each alone would find the row of another; one row has a null in a key, and finds none."""
    times = {hour: datetime(2024, 1, 1, hour, tzinfo=UTC) for hour in range(6)}
    labels = pl.DataFrame({"row": [1, 2, 3, 4], "a": ["x", "x", "y", None], "b": [1, 2, 1, 1], "at": [times[5]] * 4})
    known = pl.DataFrame(
        {"a": ["x", "x", "y", "z"], "b": [1, 2, 2, 1], "known_at": [times[hour] for hour in (1, 2, 3, 4)], "f": [0.1, 0.2, 0.3, 0.4]}
    )
    spine = Table.of(engine(utc(labels, "at")), Roles(primary_keys=("row",), timestamp="at"), "labels")
    table = Table.of(engine(utc(known, "known_at")), Roles(primary_keys=("a", "b"), timestamp="known_at", features=("f",)), "known")
    joined = create_training_set(
        spine, [FeatureLookup(table_name="known", lookup_key=("a", "b"), timestamp_lookup_key="at")], {"known": table}
    )
    assert sorted(joined.table.collect(["row", "f"]).rows()) == [(1, 0.1), (2, 0.2)]
    (found,) = joined.certificate.lookups
    assert (found.spine_keys, found.table_keys, found.absent_keys) == (3, 4, 1)


def utc(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    return frame.with_columns(pl.col(column).cast(pl.Datetime("us", "UTC")))


def require_refusal(engine: Engine) -> None:
    times = [datetime(2024, 1, day, tzinfo=UTC) for day in (2, 1, 2, 1, 3)]
    frame = pl.DataFrame({"key": ["b", "a", "b", "a", "a"], "at": times}, schema_overrides={"at": pl.Datetime("us", "UTC")})
    table = Table.of(engine(frame), Roles(primary_keys=("key",), timestamp="at"), "demo")
    with pytest.raises(PrimaryKeyError, match=r"2 primary keys \(key, at\) stand more than once, e\.g\. key=a, at=2024-01-01 00:00:00"):
        require_unique_keys(table)
    empty = table.with_frame(table.frame.head(0))
    require_unique_keys(empty)
