"""The suite of a table: what is always checked and what the model file declares, in the words of Great Expectations.

What belongs here: which expectation stands for which promise, and how its outcome reads. How rows are handed over and
judged stands in `expectation_batches.py`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pandas as pd

from stackhouse.cleaning import numeric_features, require_numeric
from stackhouse.errors import ConfigurationError
from stackhouse.table import Table, require_rows, require_times
from stackhouse.validation import (
    Comparison,
    Dimension,
    ExpectationResult,
    Expectations,
    Kind,
    TargetExpectations,
    ValidationResult,
    kind_of,
    require_known_columns,
)
from stacks.expectation_batches import PANDAS_TYPES, Check, LabelRule, Outcome, judge

LARGEST = 1.7976931348623157e308
"""Largest finite float64; what lies beyond is ±Inf."""


def run_suite(table: Table, expectations: Expectations, now: datetime, rule: LabelRule | None = None) -> ValidationResult:
    """Judge a table of shape (n_rows, n_columns) by what is always checked and by what is declared; rows are counted exactly.

    Null and NaN are the same; only completeness counts them. Integers beside nulls are compared as float64.

    Args:
        table: features or labels; features have to be finite, other columns need not be.
        expectations: what the model file declares.
        now: the time that freshness refers to, with a zone. A timestamp without one is taken for UTC.
        rule: how the target becomes a label, where its distribution is expected.

    Raises:
        ColumnNotFoundError: where an expectation names a column that is not there.
        ColumnTypeError: where the timestamp has no order in time, or features or target are not numeric.
        ConfigurationError: where there is no primary key, a target without a rule, freshness without a timestamp, or `now` without a zone.
        EmptyTableError: where the table has no rows, or none has a label.
        LabelError: where a share of class 1 is expected and the target lies outside the range of its rule.
    """
    _require_answerable(table, expectations, now, rule)
    rows = require_rows(table, "The source gave none.")
    checks = [*_always(table, rows), *_declared(table, expectations, rows), *_fresh(table, expectations, now)]
    if expectations.target is not None and rule is not None:
        checks += _distributed(table, expectations.target, rule, rows)
    outcomes = dict(judge(table, checks, rule))
    return ValidationResult(table=table.name, rows=rows, expectations=tuple(_result(check, outcomes[check], rows) for check in checks))


def _require_answerable(table: Table, expectations: Expectations, now: datetime, rule: LabelRule | None) -> None:
    require_known_columns(table, expectations)
    require_times(table)
    require_numeric(table, numeric_features(table))
    if not table.roles.primary_keys:
        raise ConfigurationError(f"{table.name} has no primary key. Name its key columns; a feature table cannot do without.")
    if now.tzinfo is None:
        raise ConfigurationError("The time that freshness refers to has no zone. Give one, e.g. datetime.now(UTC).")
    if expectations.freshness is not None and table.roles.timestamp is None:
        raise ConfigurationError(f"{table.name} has no timestamp, so it has no age. Remove model.validation.freshness.")
    if expectations.target is not None:
        if rule is None:
            raise ConfigurationError(f"{table.name} has no label rule, so model.validation.target names no column. Give model.label.rule.")
        if len(rule.sources) != 1:
            raise ConfigurationError(
                f"model.validation.target is for a label of one column, and {rule.name} has {len(rule.sources)}. Remove it."
            )
        require_known_columns(table, Expectations(not_null=dict.fromkeys(rule.sources, 1.0)))
        if expectations.target.positive_share is not None and rule.task_name != "binary_classification":
            raise ConfigurationError(f"{rule.name} has no class 1. Remove model.validation.target.positive_share.")
        if expectations.target.mean is not None:
            require_numeric(table, rule.sources)


def _always(table: Table, rows: int) -> Iterator[Check]:
    """Keys and timestamp whole and unique, features finite."""
    identity = table.roles.identity
    numbers = numeric_features(table)
    for name in (*identity, *numbers):
        yield _whole(table, name, 1.0, rows)
    for name in numbers:
        bounds = {"column": name, "min_value": -LARGEST, "max_value": LARGEST}
        yield Check("validity", "ExpectColumnValuesToBeBetween", bounds, (name,), _counts(f"'{name}' is ±Inf", rows))
    yield _unique(identity, rows)


def _declared(table: Table, expectations: Expectations, rows: int) -> Iterator[Check]:
    """What the model file says of single rows and of their number."""
    first = table.roles.identity[:1]
    said = f"{rows:,} rows, at least {expectations.min_rows:,} expected"
    yield Check(
        "completeness", "ExpectTableRowCountToBeBetween", {"min_value": expectations.min_rows}, first, lambda _: said, counts_rows=False
    )
    always = {*table.roles.identity, *numeric_features(table)}
    yield from (_whole(table, name, share, rows) for name, share in expectations.not_null.items() if name not in always)
    yield from (_typed(table, name, kind, rows) for name, kind in expectations.types.items())
    for name, (low, high) in expectations.ranges.items():
        bounds = {"column": name, "min_value": low, "max_value": high}
        words = _counts(f"'{name}' is outside [{low:g}, {high:g}]", rows)
        yield Check("validity", "ExpectColumnValuesToBeBetween", bounds, (name,), words)
    for name, values in expectations.allowed.items():
        allowed = {"column": name, "value_set": [float(value) if isinstance(value, bool) else value for value in values]}
        yield Check("validity", "ExpectColumnValuesToBeInSet", allowed, (name,), _counts(f"'{name}' is none of {list(values)}", rows))
    yield from (_compared(comparison, rows) for comparison in expectations.consistent)
    yield from (_unique(columns, rows, ignore_missing=True) for columns in expectations.unique)


def _fresh(table: Table, expectations: Expectations, now: datetime) -> Iterator[Check]:
    name = table.roles.timestamp
    if expectations.freshness is None or name is None:
        return
    days = expectations.freshness.max_age_days
    oldest = now.astimezone(UTC) - timedelta(days=days)

    def says(outcome: Outcome) -> str:
        newest = "missing" if pd.isna(outcome.observed) else f"{pd.Timestamp(outcome.observed):%Y-%m-%d %H:%M} UTC"
        return f"the newest '{name}' is {newest}, {oldest:%Y-%m-%d %H:%M} UTC or later expected ({days:g} days before now)"

    settings = {"column": name, "min_value": pd.Timestamp(oldest)}
    yield Check("freshness", "ExpectColumnMaxToBeBetween", settings, (name,), says, batch="newest", counts_rows=False)


def _distributed(table: Table, target: TargetExpectations, rule: LabelRule, rows: int) -> Iterator[Check]:
    """What the model file says of the target."""
    name = rule.sources[0]
    if target.not_null is not None:
        yield _whole(table, name, target.not_null, rows, "target")
    if target.mean is not None:
        yield _mean(name, target.mean, f"the mean of '{name}'", "values")
    if target.positive_share is not None:
        yield _mean(rule.name, target.positive_share, f"the share of class 1 of '{rule.name}'", "classes")
    if (least := target.min_distinct) is not None:
        settings = {"column": name, "min_value": least}
        yield Check(
            "target",
            "ExpectColumnUniqueValueCountToBeBetween",
            settings,
            (name,),
            lambda outcome: f"'{name}' has {outcome.observed:,} different values, at least {least:,} expected",
            counts_rows=False,
        )


def _whole(table: Table, name: str, share: float, rows: int, dimension: Dimension = "completeness") -> Check:
    missing = "null or NaN" if table.frame.collect_schema()[name].is_float() else "null"
    words = _counts(f"'{name}' is {missing}", rows, "" if share == 1 else f"; a value in at least {share * 100:g} % expected")
    settings = {"column": name, "mostly": share}
    return Check(dimension, "ExpectColumnValuesToNotBeNull", settings, (name,), words)


def _unique(columns: tuple[str, ...], rows: int, *, ignore_missing: bool = False) -> Check:
    """Expect that the columns name each row once; a row with a null is not judged where `ignore_missing`."""
    names = ", ".join(f"'{name}'" for name in columns)

    def says(outcome: Outcome) -> str:
        example = outcome.example if isinstance(outcome.example, Mapping) else {columns[0]: outcome.example}
        shown = ", ".join(f"{name}={value}" for name, value in example.items()) if outcome.unexpected else ""
        verb = "stands" if len(columns) == 1 else "stand together"
        return f"{names} {verb} more than once in {outcome.unexpected:,} of {rows:,} rows" + (f", e.g. {shown}" if shown else "")

    if len(columns) == 1:
        return Check("uniqueness", "ExpectColumnValuesToBeUnique", {"column": columns[0]}, columns, says)
    settings = {"column_list": list(columns), "ignore_row_if": "any_value_is_missing" if ignore_missing else "never"}
    return Check("uniqueness", "ExpectCompoundColumnsToBeUnique", settings, columns, says)


def _compared(comparison: Comparison, rows: int) -> Check:
    """Expect an order or equality of two columns; Great Expectations knows `A > B` and `A >= B`, so the smaller one is B."""
    left, right, operator = comparison.left, comparison.right, comparison.operator
    words = _counts(f"'{left}' {operator} '{right}' does not hold", rows)
    larger, smaller = (left, right) if operator in {">", ">="} else (right, left)
    settings: dict[str, Any] = {"column_A": larger, "column_B": smaller, "ignore_row_if": "either_value_is_missing"}
    if operator == "==":
        return Check("consistency", "ExpectColumnPairValuesToBeEqual", settings, (left, right), words)
    settings["or_equal"] = operator in {"<=", ">="}
    return Check("consistency", "ExpectColumnPairValuesAToBeGreaterThanB", settings, (left, right), words)


def _typed(table: Table, name: str, kind: Kind, rows: int) -> Check:
    found = kind_of(table.frame.collect_schema()[name]) or "of another kind"

    def says(_: Outcome) -> str:
        return f"'{name}' is {found}, {kind} expected" + ("" if found == kind else f", in {rows:,} of {rows:,} rows")

    settings = {"column": name, "type_": PANDAS_TYPES[kind]}
    return Check("validity", "ExpectColumnValuesToBeOfType", settings, (name,), says, batch="types")


def _mean(name: str, bounds: tuple[float, float], what: str, batch: Literal["values", "classes"]) -> Check:
    low, high = bounds
    settings = {"column": name, "min_value": low, "max_value": high}

    def says(outcome: Outcome) -> str:
        found = "unknown, no row has a value" if outcome.observed is None else f"{outcome.observed:.6g}"
        return f"{what} is {found}, [{low:g}, {high:g}] expected"

    return Check("target", "ExpectColumnMeanToBeBetween", settings, (name,), says, batch=batch, counts_rows=False)


def _counts(what: str, rows: int, more: str = "") -> Callable[[Outcome], str]:
    return lambda outcome: f"{what} in {outcome.unexpected:,} of {rows:,} rows{more}"


def _result(check: Check, outcome: Outcome, rows: int) -> ExpectationResult:
    unexpected = (0 if outcome.passed else rows) if check.batch == "types" else outcome.unexpected
    names = ", ".join(f"'{name}'" for name in check.columns)
    return ExpectationResult(
        dimension=check.dimension,
        expectation=_snake_case(check.expectation),
        columns=() if check.expectation.startswith("ExpectTable") else check.columns,
        observed=f"{names} could not be judged: {outcome.error}" if outcome.error else check.says(outcome),
        rows_unexpected=unexpected if check.counts_rows and not outcome.error else None,
        passed=outcome.passed,
    )


def _snake_case(name: str) -> str:
    """Write a class as the type of its expectation; the library spells its single letters A and B alone."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
