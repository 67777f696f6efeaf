"""The suite as Great Expectations runs it: each expectation on both sides of its boundary, with the rows that it counts."""

import math
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, DataValidationError, EmptyTableError
from stackhouse.labels.rules import AnomalyLabel, AnyLabel, BinaryLabel, ThresholdLabel, ValueLabel
from stackhouse.table import Roles, Table
from stackhouse.validation import ExpectationResult, Expectations, ValidationResult, require_met
from stacks.expectation_suite import run_suite
from tests.conftest import PROJECT

NOW = datetime(2024, 1, 4, 12, tzinfo=UTC)
ROLES = Roles(primary_keys=("k",), timestamp="t", features=("a", "b"))
COLUMNS: dict[str, Any] = {
    "k": ["x", "y", "z", "w"],
    "t": [datetime(2024, 1, 1, 12, tzinfo=UTC)] * 4,
    "a": [0.0, 0.5, 0.75, 1.0],
    "b": [1.0, 2.0, 3.0, 4.0],
    "c": ["u", "u", "v", None],
    "n": [1, 2, 2, 3],
    "f": [True, False, True, None],
    "m": [0.1, math.nan, 0.3, None],
}
RULE = ThresholdLabel(source="m", name="high", threshold=0.2)
NULL = "expect_column_values_to_not_be_null"
BETWEEN = "expect_column_values_to_be_between"
UNIQUE = "expect_compound_columns_to_be_unique"


def table(**changed: Any) -> Table:
    return Table.of(pl.DataFrame({**COLUMNS, **changed}, strict=False), ROLES, "dev.demo")


def validate(found: Table, expectations: Expectations, now: datetime, rule: AnyLabel | None = None) -> ValidationResult:
    """What the step does: judge, and refuse what is not met."""
    result = run_suite(found, expectations, now, rule)
    require_met(result)
    return result


def failures(found: Table, rule: AnyLabel | None = None, **declared: Any) -> list[tuple[str, str, int | None]]:
    """Name, words and rows of each expectation that failed."""
    result = run_suite(found, Expectations(**declared), NOW, rule)
    return [(failed.expectation, failed.observed, failed.rows_unexpected) for failed in result.failed]


def one(found: Table, dimension: str, expectation: str, **declared: Any) -> ExpectationResult:
    result = run_suite(found, Expectations(**declared), NOW, RULE)
    return next(each for each in result.of(dimension) if each.expectation == expectation)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    session = sql.SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    yield session
    session.stop()


ENGINES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "pandas": lambda frame: frame.to_pandas(),
    "polars": lambda frame: frame.lazy(),
    "duckdb": lambda frame: duckdb.from_arrow(frame.to_arrow()),
}


def test_clean_table_meets_what_is_always_checked() -> None:
    result = validate(table(), Expectations(), NOW)
    assert (result.table, result.rows, result.passed) == ("dev.demo", 4, True)
    assert [(each.dimension, each.expectation, each.columns, each.rows_unexpected) for each in result.expectations] == [
        ("completeness", NULL, ("k",), 0),
        ("completeness", NULL, ("t",), 0),
        ("completeness", NULL, ("a",), 0),
        ("completeness", NULL, ("b",), 0),
        ("validity", BETWEEN, ("a",), 0),
        ("validity", BETWEEN, ("b",), 0),
        ("uniqueness", UNIQUE, ("k", "t"), 0),
        ("completeness", "expect_table_row_count_to_be_between", (), None),
    ]


@pytest.mark.parametrize("value", [math.nan, None])
def test_missing_feature_is_counted(value: float | None) -> None:
    assert failures(table(b=[value, 2.0, value, 1.0])) == [(NULL, "'b' is null or NaN in 2 of 4 rows", 2)]


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_infinite_feature_is_counted(value: float) -> None:
    assert failures(table(b=[value, 2.0, value, value])) == [(BETWEEN, "'b' is ±Inf in 3 of 4 rows", 3)]


def test_largest_finite_numbers_are_finite() -> None:
    assert failures(table(b=[sys.float_info.max, -sys.float_info.max, 5e-324, 0.0])) == []


def test_null_key_and_timestamp_are_counted() -> None:
    assert failures(table(k=["x", None, "z", None], t=[*COLUMNS["t"][:3], None])) == [
        (NULL, "'k' is null in 2 of 4 rows", 2),
        (NULL, "'t' is null in 1 of 4 rows", 1),
    ]


def test_rows_of_a_key_that_stands_twice_are_counted_with_an_example() -> None:
    assert failures(table(k=["x", "x", "z", "x"])) == [
        (UNIQUE, "'k', 't' stand together more than once in 3 of 4 rows, e.g. k=x, t=2024-01-01 12:00:00+00:00", 3)
    ]


def test_same_key_at_another_time_is_another_row() -> None:
    assert failures(table(k=["x"] * 4, t=[NOW + timedelta(hours=hour) for hour in range(4)])) == []


@pytest.mark.parametrize(
    ("min_rows", "failed"), [(4, []), (5, [("expect_table_row_count_to_be_between", "4 rows, at least 5 expected", None)])]
)
def test_as_many_rows_as_expected_are_enough(min_rows: int, failed: list[Any]) -> None:
    assert failures(table(), min_rows=min_rows) == failed


@pytest.mark.parametrize(("share", "passed"), [(0.75, True), (0.76, False), (1.0, False)])
def test_share_of_values_counts_the_nulls_on_both_sides(share: float, passed: bool) -> None:
    found = next(each for each in run_suite(table(), Expectations(not_null={"c": share}), NOW).expectations if each.columns == ("c",))
    assert (found.expectation, found.rows_unexpected, found.passed) == (NULL, 1, passed)
    assert found.observed.startswith("'c' is null in 1 of 4 rows")


@pytest.mark.parametrize(("bounds", "count"), [((0, 1), 0), ((0.1, 1), 1), ((0, 0.9), 1), ((0.6, 0.7), 4)])
def test_both_ends_of_a_range_are_inside(bounds: tuple[float, float], count: int) -> None:
    words = f"'a' is outside [{bounds[0]}, {bounds[1]}] in {count} of 4 rows"
    assert failures(table(), ranges={"a": bounds}) == ([(BETWEEN, words, count)] if count else [])


def test_infinite_value_is_outside_every_range_and_a_missing_one_is_not() -> None:
    found = failures(table(a=[math.inf, math.nan, None, 0.5]), ranges={"a": (0, 1)})
    assert found == [
        (NULL, "'a' is null or NaN in 2 of 4 rows", 2),
        (BETWEEN, "'a' is ±Inf in 1 of 4 rows", 1),
        (BETWEEN, "'a' is outside [0, 1] in 1 of 4 rows", 1),
    ]


@pytest.mark.parametrize(
    ("column", "values", "failed"),
    [
        ("c", ["u", "v"], []),
        ("c", ["u"], [("expect_column_values_to_be_in_set", "'c' is none of ['u'] in 1 of 4 rows", 1)]),
        ("n", [1, 2, 3], []),
        ("n", [1, 3], [("expect_column_values_to_be_in_set", "'n' is none of [1, 3] in 2 of 4 rows", 2)]),
        ("f", [True, False], []),
        ("f", [True], [("expect_column_values_to_be_in_set", "'f' is none of [True] in 1 of 4 rows", 1)]),
    ],
)
def test_value_that_is_not_allowed_is_counted_and_a_missing_one_is_not(column: str, values: list[Any], failed: list[Any]) -> None:
    assert failures(table(), allowed={column: values}) == failed


@pytest.mark.parametrize(("column", "kind"), [("k", "text"), ("t", "time"), ("a", "number"), ("n", "number"), ("f", "boolean")])
def test_type_is_checked_by_the_kind_of_the_column(column: str, kind: str) -> None:
    assert failures(table(), types={column: kind}) == []
    other = "number" if kind == "text" else "text"
    words = f"'{column}' is {kind}, {other} expected, in 4 of 4 rows"
    assert failures(table(), types={column: other}) == [("expect_column_values_to_be_of_type", words, 4)]


def test_type_of_no_kind_fails_every_expectation() -> None:
    found = failures(table(c=[[1], [2], [3], [4]]), types={"c": "number"})
    assert found == [("expect_column_values_to_be_of_type", "'c' is of another kind, number expected, in 4 of 4 rows", 4)]


@pytest.mark.parametrize(
    ("left", "operator", "right", "count"),
    [
        ("a", "<", "b", 0),
        ("b", "<", "a", 4),
        ("n", "<=", "b", 0),
        ("n", "<", "b", 2),
        ("b", ">=", "n", 0),
        ("b", ">", "n", 2),
        ("b", "==", "n", 2),
        ("m", "<", "a", 1),
    ],
)
def test_rows_whose_columns_do_not_agree_are_counted(left: str, operator: str, right: str, count: int) -> None:
    found = failures(table(), consistent=[{"left": left, "operator": operator, "right": right}])
    kind = "expect_column_pair_values_to_be_equal" if operator == "==" else "expect_column_pair_values_a_to_be_greater_than_b"
    assert found == ([(kind, f"'{left}' {operator} '{right}' does not hold in {count} of 4 rows", count)] if count else [])


def test_columns_that_cannot_be_compared_fail_and_say_why() -> None:
    ((expectation, words, rows),) = failures(table(), consistent=[{"left": "k", "operator": "<", "right": "a"}])
    assert expectation == "expect_column_pair_values_a_to_be_greater_than_b"
    assert words.startswith("'k', 'a' could not be judged: ")
    assert rows is None


@pytest.mark.parametrize(
    ("columns", "failed"),
    [
        (["n"], [("expect_column_values_to_be_unique", "'n' stands more than once in 2 of 4 rows, e.g. n=2", 2)]),
        (["c"], [("expect_column_values_to_be_unique", "'c' stands more than once in 2 of 4 rows, e.g. c=u", 2)]),
        (["c", "n"], []),
        (["m"], []),
    ],
)
def test_further_columns_are_unique_where_they_have_values(columns: list[str], failed: list[Any]) -> None:
    assert failures(table(), unique=[columns]) == failed


def test_set_of_columns_with_a_missing_value_is_not_judged() -> None:
    assert failures(table(c=[None, None, "u", "u"], n=[1, 1, 2, 3]), unique=[["c", "n"]]) == []
    found = failures(table(c=[None, None, "u", "u"], n=[1, 1, 2, 2]), unique=[["c", "n"]])
    assert found == [(UNIQUE, "'c', 'n' stand together more than once in 2 of 4 rows, e.g. c=u, n=2", 2)]


@pytest.mark.parametrize(("days", "fresh"), [(3, True), (2.99, False)])
@pytest.mark.parametrize("newest", [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 1, 12)], ids=["UTC", "no zone"])  # noqa: DTZ001
def test_newest_row_may_be_exactly_as_old_as_allowed(days: float, fresh: bool, newest: datetime) -> None:
    found = failures(table(t=[newest, *[newest - timedelta(days=9)] * 3]), freshness={"max_age_days": days})
    words = "the newest 't' is 2024-01-01 12:00 UTC, 2024-01-01 12:14 UTC or later expected (2.99 days before now)"
    assert found == ([] if fresh else [("expect_column_max_to_be_between", words, None)])


@pytest.mark.parametrize(("days", "fresh"), [(3.5, True), (3.4, False)])
def test_date_is_as_old_as_its_midnight(days: float, fresh: bool) -> None:
    assert (failures(table(t=[date(2024, 1, 1)] * 4), freshness={"max_age_days": days}) == []) is fresh


@pytest.mark.parametrize(
    ("target", "failed"),
    [
        ({"not_null": 0.5}, []),
        ({"not_null": 0.51}, [(NULL, "'m' is null or NaN in 2 of 4 rows; a value in at least 51 % expected", 2)]),
        ({"mean": (0.2, 0.2)}, []),
        ({"mean": (0.21, 1)}, [("expect_column_mean_to_be_between", "the mean of 'm' is 0.2, [0.21, 1] expected", None)]),
        ({"mean": (0, 0.19)}, [("expect_column_mean_to_be_between", "the mean of 'm' is 0.2, [0, 0.19] expected", None)]),
        ({"positive_share": (0.5, 0.5)}, []),
        (
            {"positive_share": (0.51, 1)},
            [("expect_column_mean_to_be_between", "the share of class 1 of 'high' is 0.5, [0.51, 1] expected", None)],
        ),
        ({"min_distinct": 2}, []),
        (
            {"min_distinct": 3},
            [("expect_column_unique_value_count_to_be_between", "'m' has 2 different values, at least 3 expected", None)],
        ),
    ],
)
def test_target_is_judged_where_it_was_measured(target: dict[str, Any], failed: list[Any]) -> None:
    assert failures(table(), RULE, target=target) == failed


def test_boundary_of_the_label_rule_decides_the_share() -> None:
    inclusive = ThresholdLabel(source="m", name="high", threshold=0.1, boundary="inclusive")
    assert failures(table(), inclusive, target={"positive_share": (0.9, 1)}) == []


def test_error_names_expectation_column_and_rows() -> None:
    with pytest.raises(DataValidationError) as error:
        validate(table(a=[0.0, 2.0, 3.0, 1.0]), Expectations(min_rows=9, ranges={"a": (0, 1)}), NOW)
    assert str(error.value).startswith(
        "dev.demo failed validation: expect_table_row_count_to_be_between: 4 rows, at least 9 expected; "
        "expect_column_values_to_be_between: 'a' is outside [0, 1] in 2 of 4 rows. Nothing was written. Data quality issue detected: "
    )


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_every_engine_finds_the_same(engine: Callable[[pl.DataFrame], Any]) -> None:
    assert _everything(engine(_broken())) == EVERYTHING


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_spark_finds_the_same_where_the_rows_lie(spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _broken().write_parquet(tmp_path / "rows.parquet")
    frame = spark.read.parquet(str(tmp_path / "rows.parquet"))
    monkeypatch.setattr(type(frame), "toPandas", lambda _: pytest.fail("the rows were collected"))
    assert _everything(frame) == EVERYTHING


def _broken() -> pl.DataFrame:
    return pl.DataFrame({**COLUMNS, "k": ["x", "x", "z", None], "a": [math.inf, math.nan, None, 2.0]}, strict=False)


def _everything(native: Any) -> list[tuple[str, int | None]]:
    declared = Expectations(
        ranges={"a": (0, 1), "b": (1, 4)},
        allowed={"c": ["u"], "f": [True]},
        types={"n": "text"},
        consistent=[{"left": "b", "operator": "==", "right": "n"}],
        target={"mean": (0.3, 1), "positive_share": (0.6, 1)},
    )
    result = run_suite(Table.of(native, ROLES, "dev.demo"), declared, NOW, RULE)
    return [(failed.observed.partition(", e.g.")[0], failed.rows_unexpected) for failed in result.failed]


EVERYTHING = [
    ("'k' is null in 1 of 4 rows", 1),
    ("'a' is null or NaN in 2 of 4 rows", 2),
    ("'a' is ±Inf in 1 of 4 rows", 1),
    ("'k', 't' stand together more than once in 2 of 4 rows", 2),
    ("'n' is number, text expected, in 4 of 4 rows", 4),
    ("'a' is outside [0, 1] in 2 of 4 rows", 2),
    ("'c' is none of ['u'] in 1 of 4 rows", 1),
    ("'f' is none of [True] in 1 of 4 rows", 1),
    ("'b' == 'n' does not hold in 2 of 4 rows", 2),
    ("the mean of 'm' is 0.2, [0.3, 1] expected", None),
    ("the share of class 1 of 'high' is 0.5, [0.6, 1] expected", None),
]


def test_table_without_rows_is_refused() -> None:
    with pytest.raises(EmptyTableError, match=r"dev.demo has no rows. The source gave none"):
        validate(table().with_frame(table().frame.head(0)), Expectations(), NOW)


def test_columns_that_cannot_be_judged_are_refused() -> None:
    with pytest.raises(ColumnTypeError, match="'t' is String"):
        validate(table(t=["a", "b", "c", "d"]), Expectations(), NOW)
    with pytest.raises(ColumnTypeError, match=r"'a' \(List.* must be numeric"):
        validate(table(a=[[1.0], [2.0], [3.0], [4.0]]), Expectations(), NOW)
    with pytest.raises(ConfigurationError, match=r"model\.validation\.target is for a label of one column"):
        validate(table(), Expectations(target={"mean": (0, 1)}), NOW, AnomalyLabel())
    with pytest.raises(ConfigurationError, match=r"m has no class 1\. Remove model\.validation\.target\.positive_share"):
        validate(table(), Expectations(target={"positive_share": (0.1, 0.9)}), NOW, ValueLabel(source="m"))
    with pytest.raises(ColumnNotFoundError, match="no column 'q'"):
        validate(table(), Expectations(not_null=["q"]), NOW)
    with pytest.raises(ColumnNotFoundError, match="no column 'q'"):
        validate(table(), Expectations(target={"mean": (0, 1)}), NOW, BinaryLabel(source="q"))


@pytest.mark.parametrize(
    ("found", "declared", "now", "words"),
    [
        (Table.of(pl.DataFrame({"a": [1.0]}), name="demo"), {}, NOW, "has no primary key"),
        (
            Table.of(pl.DataFrame({"k": [1]}), Roles(primary_keys=("k",)), "demo"),
            {"freshness": {"max_age_days": 1}},
            NOW,
            "has no timestamp",
        ),
        (table(), {"target": {"mean": (0, 1)}}, NOW, "has no label rule"),
        (table(), {}, NOW.replace(tzinfo=None), "has no zone"),
    ],
)
def test_question_without_an_answer_is_refused(found: Table, declared: dict[str, Any], now: datetime, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        validate(found, Expectations(**declared), now)


def test_nothing_is_sent_printed_or_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("a connection was opened"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *_, **__: pytest.fail("a temporary folder was made"))
    monkeypatch.chdir(tmp_path)
    for variable in ("HOME", "TMPDIR"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert failures(table(a=[2.0] * 4), ranges={"a": (0, 1)}) == [(BETWEEN, "'a' is outside [0, 1] in 4 of 4 rows", 4)]
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_no_batch_holds_more_columns_than_an_expectation_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    from stacks import expectation_batches

    handed, batch = [], expectation_batches._batch
    monkeypatch.setattr(expectation_batches, "_batch", lambda frame: handed.append(frame) or batch(frame))
    run_suite(table(), Expectations(consistent=[{"left": "a", "operator": "<", "right": "b"}], types={"n": "number"}), NOW)
    assert all(isinstance(frame, pd.DataFrame) for frame in handed)
    assert sorted(tuple(frame.columns) for frame in handed) == [("a",), ("a", "b"), ("b",), ("k",), ("k", "t"), ("n",), ("t",)]
    assert [len(frame) for frame in handed if tuple(frame.columns) == ("n",)] == [0]


def test_import_of_the_suite_does_not_import_great_expectations() -> None:
    code = "import sys; import stacks.expectation_suite; print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
