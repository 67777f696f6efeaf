"""Cleaning, labels, splits, keys, profiles and arrays on every engine, and the engines' own reading, writing and cutting.

What Polars gives, DuckDB, pandas and Spark give as well, to the last bit; only means, spreads and quantiles of a profile, which are
sums in an order of the engine's own, are equal to 9 digits. What is refused is refused in the same words.
"""

import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stackhouse.algorithms import XGBoost
from stackhouse.cleaning import CleaningRule, clean
from stackhouse.content import content_hash, sum_of_rows
from stackhouse.encoding import Encoding
from stackhouse.errors import StackhouseError
from stackhouse.evaluation.evaluation import period
from stackhouse.fitted import ScoringRules, to_arrays
from stackhouse.labels.labelling import label_rows
from stackhouse.labels.rules import BinaryLabel, ThresholdLabel
from stackhouse.profile import TableProfile, profile
from stackhouse.splits import RandomSplit, TimeSplit, split
from stackhouse.table import Roles, Table, concatenate, require_times, require_unique_keys
from stacks.engines import engine, engine_of
from tests.contract.engines import (
    EVERY_ENGINE,
    NEEDS_JAVA,
    OTHER_ENGINES,
    SOCKETS,
    bits,
    collected,
    computed,
    drawn,
    examples,
    opened,
    others_with,
    require_equal,
)

pytestmark = SOCKETS

BIG = 2**53
AMOUNT = pl.Decimal(38, 18)
TIME = pl.Datetime("us", "UTC")
FEATURES = {"x": pl.Float64, "count": pl.Int64, "flag": pl.Boolean, "amount": AMOUNT, "half": pl.Float32}
SCHEMA = {"key": pl.Int64, "shop": pl.String, "at": TIME, **FEATURES, "y": pl.Float64}
ROLES = Roles(primary_keys=("key", "shop"), timestamp="at", label="y", features=tuple(FEATURES))
TIMES = tuple(datetime(2024, *day, 1, 30, 0, day[1], tzinfo=UTC) for day in ((2, 28), (2, 29), (3, 1), (3, 31), (10, 27), (12, 31)))
FLOATS = (None, math.nan, math.inf, -math.inf, -0.0, 0.0, 0.1, 1.5, -7.25, 5e-324, 1e15)
RATES = (None, math.nan, -0.0, 0.0, math.nextafter(0.2, 0), 0.2, math.nextafter(0.2, 1), 1.0)
ROW = st.tuples(
    st.integers(0, 4),
    st.sampled_from(["a", "", "ü 'b'"]),
    st.sampled_from(TIMES),
    st.sampled_from(FLOATS),
    st.sampled_from([None, 0, -3, BIG - 1, BIG, BIG + 1, -(BIG + 1)]),
    st.sampled_from([None, True, False]),
    st.sampled_from([None, Decimal(0), Decimal("0.1"), Decimal("-12.125"), Decimal(BIG + 1), Decimal("123456789.123456789123456789")]),
    st.sampled_from([None, math.nan, -0.0, 0.1, math.inf]),
    st.sampled_from(RATES),
)
ROWS = st.lists(ROW, max_size=14)
LOCAL = ["duckdb", "pandas"]
"""Engines for which each example is a frame of its own."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rows")


def frame_of(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


MANY = 90
"""Rows of the one frame that Spark gets."""


def rows_at_once(number: int = MANY) -> list[tuple[Any, ...]]:
    """Rows of many examples, each with keys of its own."""
    groups = drawn(ROWS, number // 3)
    return [(10 * position + key, *rest) for position, rows in enumerate(groups) for key, *rest in rows][:number]


def shown(value: Any) -> Any:
    """What a rule gave, in a form that can be compared: rows with their bits in an order of their own, errors with their text."""
    if isinstance(value, Table):
        rows = bits(collected(value))
        ordered = sorted(zip(*([str(cell) for cell in rows[name]] for name in sorted(rows)), strict=True))
        return value.roles, dict(collected(value).schema), ordered
    return value


def outcome(rule: Callable[[Table], Any], rows: pl.DataFrame, name: str, folder: Path, roles: Roles = ROLES) -> Any:
    try:
        given_back = rule(opened(name, rows, folder, roles))
        return [shown(part) for part in given_back] if isinstance(given_back, tuple) else shown(given_back)
    except StackhouseError as error:
        return f"{type(error).__name__}: {error}"


def check(rule: Callable[[Table], Any], rows: pl.DataFrame, name: str, folder: Path, roles: Roles = ROLES) -> Any:
    expected, found = (outcome(rule, rows, engine_name, folder, roles) for engine_name in ("polars", name))
    assert found == expected
    return found


# --- the rules, each as a function of a table


def cleaned(table: Table, rule: CleaningRule) -> tuple[Any, ...]:
    done = clean(table, rule)
    return done.table, done.report


def labelled(table: Table, rule: ThresholdLabel | BinaryLabel) -> tuple[Any, ...]:
    done = label_rows(table, rule)
    return done.table, done.report


def divided(table: Table, rule: TimeSplit | RandomSplit) -> tuple[Any, ...]:
    parts = split(table, rule)
    return parts.train, parts.validation, parts.test


def put_together(table: Table) -> Table:
    """A table cut in two and put together in the other order."""
    upper, lower = (table.with_frame(table.frame.filter(condition)) for condition in (nw.col("key") >= 2, nw.col("key") < 2))
    return concatenate(upper, lower)


def arrays(table: Table) -> tuple[Any, ...]:
    """Bytes of features and label of the rows that can be used."""
    usable = label_rows(clean(table, REPLACE).table, THRESHOLDS["exclusive"]).table
    rules = ScoringRules(algorithm=XGBoost(), features=ROLES.features, cleaning=REPLACE, label=THRESHOLDS["exclusive"])
    X, y = to_arrays(usable, Encoding.of_numbers(ROLES.features), rules)
    return X.shape, X.tobytes(), y.tolist()


REPLACE = CleaningRule(default=-1.5, columns={"count": 7})
THRESHOLDS = {
    boundary: ThresholdLabel(source="y", name="high", threshold=0.2, boundary=boundary) for boundary in ("exclusive", "inclusive")
}
RULES: dict[str, Callable[[Table], Any]] = {
    "clean": partial(cleaned, rule=REPLACE),
    "refuse": partial(cleaned, rule=REPLACE.refusing()),
    "above 0.2": partial(labelled, rule=THRESHOLDS["exclusive"]),
    "from 0.2": partial(labelled, rule=THRESHOLDS["inclusive"]),
    "split by time": partial(divided, rule=TimeSplit(test_size=0.3, validation_size=0.3)),
    "split at random": partial(divided, rule=RandomSplit(stratify=False, seed=3)),
    "concatenate": put_together,
    "keys": require_unique_keys,
    "times": require_times,
    "period": period,
    "arrays": arrays,
}


@pytest.mark.parametrize("name", LOCAL)
@examples(4)
@given(rows=ROWS)
@example(rows=[])
def test_every_rule(name: str, folder: Path, rows: list[Any]) -> None:
    for rule in RULES.values():
        check(rule, frame_of(rows), name, folder)


@NEEDS_JAVA
@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "from 0.2"])
def test_every_rule_on_spark(rule: str, folder: Path) -> None:
    assert check(RULES[rule], frame_of(rows_at_once()), "spark", folder) or rule in {"keys", "times"}


# --- one rule at a time, with what it is hard on


UNCLEAN = pl.DataFrame(
    {
        "x": [None, math.nan, math.inf, -math.inf, -0.0, 1.5, math.nan],
        "count": [1, None, BIG + 1, -(BIG + 1), 0, None, 3],
        "flag": [True, None, None, False, True, True, None],
        "amount": [Decimal("0.1"), None, Decimal(BIG + 1), Decimal(0), None, None, Decimal("-0.000000000000000001")],
        "half": [None, None, None, math.nan, math.nan, math.inf, 0.5],
        "rate": [0.25, math.nan, 0.5, 1.0, None, math.nan, math.nan],
    },
    schema={**FEATURES, "rate": pl.Float64},
)


@pytest.mark.parametrize("name", EVERY_ENGINE)
def test_cleaning_tells_null_from_nan_and_infinity(name: str, folder: Path) -> None:
    done = clean(opened(name, UNCLEAN, folder, Roles(features=tuple(UNCLEAN.columns))), REPLACE)
    counts = {column: (found.null, found.nan, found.infinite) for column, found in done.report.replaced.items()}
    assert counts == {"x": (1, 2, 2), "count": (2, 0, 0), "flag": (3, 0, 0), "amount": (3, 0, 0), "half": (3, 2, 1), "rate": (1, 3, 0)}
    assert sorted(collected(done.table)["x"].to_list()) == [-1.5] * 5 + [0.0, 1.5]
    assert sorted(collected(done.table)["count"].to_list()) == [-float(BIG), 0.0, 1.0, 3.0, 7.0, 7.0, float(BIG)]


@pytest.mark.parametrize("name", EVERY_ENGINE)
@pytest.mark.parametrize(("boundary", "at_threshold"), [("exclusive", 0), ("inclusive", 1)])
def test_nan_and_null_leave_before_the_threshold(name: str, boundary: str, at_threshold: int, folder: Path) -> None:
    """Some engines hold NaN > 0.2 for true, so that two of them may agree and both be wrong."""
    rows = pl.DataFrame({"key": ["nan", "null", "below", "at", "above"], "y": [math.nan, None, 0.1, 0.2, 0.3]})
    done = label_rows(opened(name, rows, folder, Roles(primary_keys=("key",))), THRESHOLDS[boundary])
    assert dict(collected(done.table).rows()) == {"below": 0, "at": at_threshold, "above": 1}
    assert (done.report.rows, done.report.dropped) == (3, 2)


BINARY = {
    "booleans": (pl.Boolean, [True, None, False]),
    "integers": (pl.Int64, [1, 0, None]),
    "floats": (pl.Float64, [0.0, math.nan, 1.0, None, -0.0]),
    "decimals": (AMOUNT, [Decimal(0), Decimal(1), None]),
    "another number": (pl.Float64, [0.0, 1.0, 0.5, math.nan]),
    "infinity": (pl.Float64, [0.0, math.inf]),
    "none": (pl.Float64, [None, math.nan]),
}


@pytest.mark.parametrize(("name", "kind"), others_with(BINARY, ["floats", "another number"]))
def test_binary_label(name: str, kind: str, folder: Path) -> None:
    dtype, values = BINARY[kind]
    rows = pl.DataFrame({"key": range(len(values)), "y": pl.Series(values, dtype=dtype)})
    check(partial(labelled, rule=BinaryLabel(source="y")), rows, name, folder, Roles(primary_keys=("key",)))


@pytest.mark.parametrize(("name", "wrong"), others_with([math.inf, -math.inf, 1.5, -0.1], [math.inf]))
def test_binarizing_refuses_what_lies_outside_of_the_range(name: str, wrong: float, folder: Path) -> None:
    rows = pl.DataFrame({"key": [1, 2, 3, 4], "y": [0.5, math.nan, None, wrong]})
    assert "LabelError" in check(partial(labelled, rule=THRESHOLDS["exclusive"]), rows, name, folder, Roles(primary_keys=("key",)))


TWELVE = [(key, "a", TIMES[key % len(TIMES)], 0.5, 1, True, None, 0.5, float(key % 2)) for key in (7, 3, 11, 0, 4, 8, 1, 10, 2, 6, 9, 5)]


@pytest.mark.parametrize("name", OTHER_ENGINES)
@pytest.mark.parametrize(
    "rule", [TimeSplit(), RandomSplit(seed=5), RandomSplit(stratify=False, seed=6)], ids=["time", "stratified", "random"]
)
def test_split_gives_the_same_three_parts(name: str, rule: TimeSplit | RandomSplit, folder: Path) -> None:
    parts = check(partial(divided, rule=rule), frame_of(TWELVE), name, folder)
    assert sum(len(rows) for _, _, rows in parts) == 12
    assert all(rows for _, _, rows in parts)


KEYS = {
    "unique": pl.DataFrame({"key": [1, 1, 2], "at": [1, 2, 1]}),
    "twice": pl.DataFrame({"key": [2, 1, 2, 1, 3, 2], "at": [5, 9, 5, 9, 1, 5]}),
    "null key": pl.DataFrame({"key": [None, 1, None], "at": [1, 2, 1]}),
    "null time": pl.DataFrame({"key": [1, 1], "at": [None, 2]}),
    "empty": pl.DataFrame({"key": [], "at": []}, schema={"key": pl.Int64, "at": pl.Int64}),
}
AT = {"datetimes": TIME, "naive": pl.Datetime("us"), "dates": pl.Date, "integers": pl.Int64}


TIMED = [*((keys, "datetimes") for keys in KEYS), ("twice", "naive"), ("twice", "dates"), ("unique", "integers")]


@pytest.mark.parametrize(("name", "timed"), others_with(TIMED, [("twice", "dates"), ("null key", "datetimes")]))
def test_keys_and_times_are_judged_alike(name: str, timed: tuple[str, str], folder: Path) -> None:
    keys, times = timed
    rows, roles = KEYS[keys].with_columns(pl.col("at").cast(AT[times])), Roles(primary_keys=("key",), timestamp="at")
    for rule in (require_unique_keys, require_times, period):
        if rule is not period or times == "datetimes":
            check(rule, rows, name, folder, roles)


# --- profiles


def require_same_profile(found: TableProfile, expected: TableProfile) -> None:
    for column, ours in expected.columns.items():
        theirs = found.columns[column]
        assert (theirs.unusable, theirs.histogram) == (ours.unusable, ours.histogram)
        assert (theirs.quantiles[0], theirs.quantiles[4]) == (ours.quantiles[0], ours.quantiles[4])
        scale = 1e-9 * max(abs(ours.quantiles[0]), abs(ours.quantiles[4]))
        assert (theirs.mean, theirs.std, *theirs.quantiles) == pytest.approx((ours.mean, ours.std, *ours.quantiles), rel=1e-9, abs=scale)
    assert (found.rows, found.table, [*found.columns]) == (expected.rows, expected.table, [*expected.columns])


def profiled(name: str, rows: pl.DataFrame, folder: Path) -> TableProfile:
    return profile(opened(name, rows, folder, Roles(features=tuple(FEATURES))))


@pytest.mark.parametrize("name", LOCAL)
@examples(4)
@given(rows=ROWS)
def test_profile(name: str, folder: Path, rows: list[Any]) -> None:
    require_same_profile(profiled(name, frame_of(rows), folder), profiled("polars", frame_of(rows), folder))


@NEEDS_JAVA
def test_profile_on_spark(folder: Path) -> None:
    rows = frame_of(rows_at_once())
    require_same_profile(profiled("spark", rows, folder), profiled("polars", rows, folder))


# --- the engines themselves


VALUES = pl.DataFrame(
    {
        "key": range(1, 13),
        "value": [*FLOATS, math.pi],
        "half": pl.Series([0.1, math.nan, -0.0, None, math.inf, *[0.5] * 7], dtype=pl.Float32),
        "count": [2**63 - 1, -(2**63), BIG + 1, None, *range(8)],
        "small": pl.Series([1, -(2**31), 2**31 - 1, None, *range(8)], dtype=pl.Int32),
        "amount": pl.Series(
            [Decimal("99999999999999999999.999999999999999999"), None, Decimal("-0.000000000000000001"), *map(Decimal, range(9))],
            dtype=AMOUNT,
        ),
        "flag": [True, False, None, *[True] * 9],
        "text": ["", None, "null", "line\nbreak", "NaN", "ü", *"abcdef"],
        "day": [date(1, 1, 1), date(9999, 12, 31), None, date(1969, 12, 31), *[date(2024, 2, 29)] * 8],
        "naive": [datetime(2024, 3, 31, 1, 30), None, datetime(1900, 1, 1, 0, 0, 0, 1), *[datetime(2262, 4, 12)] * 9],  # noqa: DTZ001
        "at": [datetime(1950, 1, 1, tzinfo=UTC), None, *[datetime(2024, 3, 31, 1, 30, 0, 999_999, tzinfo=UTC)] * 10],
        "parts": pl.Series(
            [{"a": 1.5, "b": None}, None, *[{"a": None, "b": "x"}] * 10], dtype=pl.Struct({"a": pl.Float64, "b": pl.String})
        ),
    },
    schema_overrides={"naive": pl.Datetime("us"), "at": TIME},
)
SINGLE, NONE = VALUES[:1], VALUES[:0]


def comparable(rows: pl.DataFrame) -> pl.DataFrame:
    """Structs as columns of their own, so that the bits of floats in them are compared as well."""
    return rows.unnest("parts")


@pytest.mark.parametrize("name", EVERY_ENGINE)
@pytest.mark.parametrize("rows", [VALUES, SINGLE, NONE], ids=["values", "one row", "no rows"])
def test_what_is_written_is_read_as_it_was(name: str, rows: pl.DataFrame, folder: Path, tmp_path: Path) -> None:
    table = opened(name, rows, folder)
    engine_of(table).sink_parquet(table.frame, tmp_path)
    files = sorted(tmp_path.glob("*.parquet"))
    for reader in {name, "polars"}:
        again = Table(engine(reader).scan_parquet(files), Roles(), "again")
        require_equal(comparable(collected(again)), comparable(rows))
        assert content_hash(again) == content_hash(Table.of(rows))
    assert {file.suffix for file in tmp_path.iterdir() if not file.name.startswith((".", "_"))} == {".parquet"}


@pytest.mark.parametrize("name", EVERY_ENGINE)
def test_a_frame_of_several_files_is_one(name: str, folder: Path, tmp_path: Path) -> None:
    files = [tmp_path / "cut=1" / "it's.parquet", tmp_path / "cut=2" / "it's.parquet"]
    for file, rows in zip(files, (VALUES[:5], VALUES[5:]), strict=True):
        rows.write_parquet(file, mkdir=True)
    require_equal(comparable(collected(Table(engine(name).scan_parquet(files), Roles()))), comparable(VALUES))


@pytest.mark.parametrize("name", EVERY_ENGINE)
def test_nan_is_found_beside_finite_numbers(name: str, folder: Path) -> None:
    """Parquet keeps the smallest and largest number of a column and nothing of its NaN."""
    frame = opened(name, pl.DataFrame({"y": [0.25, 1.0, math.nan, None, 0.5]}), folder).frame
    value = nw.col("y")
    kept = {"nan": value.is_nan(), "numbers": ~value.is_nan(), "finite": value.is_finite(), "small": ~value.is_nan() & (value <= 1)}
    counts = {what: frame.filter(condition).select(nw.len()).collect("polars").item() for what, condition in kept.items()}
    assert counts == {"nan": 1, "numbers": 3, "finite": 3, "small": 3}
    assert frame.select(value.is_nan().cast(nw.Int64).sum()).collect("polars").item() == 1


@pytest.mark.parametrize("name", EVERY_ENGINE)
def test_batches_give_every_row_once(name: str, folder: Path) -> None:
    table = opened(name, VALUES, folder)
    require_equal(comparable(computed(table)), comparable(VALUES))
    batches = list(engine(name).batches(table.frame, 5))
    assert sum(batch.num_rows for batch in batches) == len(VALUES)
    assert sum_of_rows(pl.DataFrame(pl.from_arrow(batch)) for batch in batches) == sum_of_rows([VALUES])
    empty = table.with_frame(table.frame.filter(nw.col("key") < 0))
    assert sum(batch.num_rows for batch in engine(name).batches(empty.frame)) == 0


@pytest.mark.parametrize(("name", "cut"), [*(("polars", cut) for cut in (1, 5, 12, 100)), *others_with([1, 5], [5])])
def test_pieces_cover_every_row_once(name: str, cut: int, folder: Path) -> None:
    table = opened(name, VALUES, folder)
    pieces = [collected(table.with_frame(piece)) for piece in engine(name).pieces(table.frame, cut)]
    require_equal(comparable(pl.concat(pieces)), comparable(VALUES))
    nothing = [collected(table.with_frame(piece)) for piece in engine(name).pieces(table.frame.filter(nw.col("key") < 0), cut)]
    require_equal(comparable(pl.concat(nothing)), comparable(NONE))


def doubled(rows: pl.DataFrame) -> pl.DataFrame:
    """A score of each row that depends on nothing but the row."""
    return rows.select("key", "count", score=pl.col("value").fill_null(-1.0) * 2, text=pl.col("text"), at=pl.col("at"))


DOUBLED = {"key": pl.Int64(), "count": pl.Int64(), "score": pl.Float64(), "text": pl.String(), "at": pl.Datetime("us", "UTC")}


@pytest.mark.parametrize("name", EVERY_ENGINE)
@pytest.mark.parametrize("rows", [VALUES, NONE], ids=["values", "no rows"])
def test_a_function_of_rows_gives_the_same_however_they_are_cut(name: str, rows: pl.DataFrame, folder: Path) -> None:
    table = opened(name, rows, folder)
    mapped = table.with_frame(engine(name).map_batches(table.frame, doubled, DOUBLED))
    assert engine_of(mapped).name == name
    require_equal(collected(mapped), doubled(rows))
