"""Expectations as a model file declares them: what is refused, what a result says, and what the error names."""

import math
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, DataValidationError
from stackhouse.table import Roles, Table
from stackhouse.validation import ExpectationResult, Expectations, ValidationResult, kind_of, require_known_columns, require_met

FULL: dict[str, Any] = {
    "min_rows": 1000,
    "not_null": {"carrier": 0.95},
    "ranges": {"late_rate": (0, 1)},
    "allowed": {"origin": ["EWR", "JFK", "LGA"]},
    "types": {"origin": "text"},
    "consistent": [{"left": "arrived", "operator": "<=", "right": "departed"}],
    "unique": [["flight", "day"]],
    "freshness": {"max_age_days": 2},
    "target": {"positive_share": [0.05, 0.95], "mean": [0.05, 0.6], "min_distinct": 10, "not_null": 0.9},
}
TABLE = Table.of(pl.DataFrame({"k": ["x"], "late_rate": [0.5]}), Roles(primary_keys=("k",), features=("late_rate",)), "dev.demo")


def result(passed: bool, **changed: Any) -> ExpectationResult:
    fields = {"dimension": "validity", "expectation": "expect_x", "columns": ("a",), "observed": "'a' is wrong", "rows_unexpected": 1}
    return ExpectationResult(**{**fields, "passed": passed, **changed})


def test_nothing_has_to_be_declared() -> None:
    assert Expectations() == Expectations(min_rows=1, ranges={}, freshness=None, target=None)


def test_full_declaration_survives_json() -> None:
    declared = Expectations(**FULL)
    assert Expectations.model_validate_json(declared.model_dump_json()) == declared


def test_list_of_columns_expects_a_value_in_every_row() -> None:
    assert Expectations(not_null=["a", "b"]).not_null == {"a": 1.0, "b": 1.0}


def test_features_and_labels_have_expectations_of_their_own() -> None:
    declared = Expectations(**FULL)
    assert declared.of_features == Expectations(**{**FULL, "target": None})
    assert declared.of_labels == Expectations(target=FULL["target"])


@pytest.mark.parametrize(
    ("declared", "where"),
    [
        ({"min_rows": 0}, "min_rows"),
        ({"minimum_rows": 3}, "minimum_rows"),
        ({"not_null": {"a": 0}}, "not_null"),
        ({"not_null": {"a": 1.01}}, "not_null"),
        ({"not_null": {"a": math.nan}}, "not_null"),
        ({"ranges": {"a": (1, 0)}}, "ranges"),
        ({"ranges": {"a": (math.nan, 1)}}, "ranges"),
        ({"ranges": {"a": (0, math.inf)}}, "ranges"),
        ({"allowed": {"a": []}}, "none, or one stands twice"),
        ({"allowed": {"a": ["u", "u"]}}, "none, or one stands twice"),
        ({"allowed": {"a": ["u", 1]}}, "of several kinds"),
        ({"allowed": {"a": [True, 2]}}, "of several kinds"),
        ({"types": {"a": "float"}}, "types"),
        ({"consistent": ["a <= b"]}, "consistent"),
        ({"consistent": [{"left": "a", "operator": "!=", "right": "b"}]}, "operator"),
        ({"consistent": [{"left": "a", "operator": "<", "right": "a"}]}, "compared with itself"),
        ({"consistent": [{"left": "a", "operator": "<", "right": "b"}] * 2}, "stands twice"),
        ({"unique": [[]]}, "names no column, or one twice"),
        ({"unique": [["a", "a"]]}, "names no column, or one twice"),
        ({"unique": [["a", "b"], ["b", "a"]]}, "one set of columns stands twice"),
        ({"freshness": {"max_age_days": 0}}, "max_age_days"),
        ({"freshness": {"max_age_days": math.inf}}, "max_age_days"),
        ({"target": {}}, "target expects nothing"),
        ({"target": {"positive_share": [0, 1]}}, "met by every target"),
        ({"target": {"positive_share": [0, 0]}}, "met by every target"),
        ({"target": {"positive_share": [1, 1]}}, "met by every target"),
        ({"target": {"positive_share": [-0.1, 0.5]}}, "met by every target"),
        ({"target": {"positive_share": [0.5, 1.1]}}, "met by every target"),
        ({"target": {"positive_share": [0.6, 0.5]}}, "does not run from a smaller"),
        ({"target": {"mean": [2, 1]}}, "does not run from a smaller"),
        ({"target": {"min_distinct": 1}}, "min_distinct"),
        ({"target": {"not_null": 0}}, "not_null"),
    ],
)
def test_expectation_that_cannot_fail_or_cannot_pass_is_refused(declared: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError, match=where):
        Expectations(**declared)


@pytest.mark.parametrize("share", [[0, 0.95], [0.05, 1], [0.3, 0.3]])
def test_share_that_leaves_a_target_out_is_accepted(share: list[float]) -> None:
    assert Expectations(target={"positive_share": share}).target is not None


@pytest.mark.parametrize("column", ["late", "k"])
def test_range_of_a_column_that_is_no_feature_is_refused(column: str) -> None:
    with pytest.raises(ColumnNotFoundError, match=f"no column '{column}'; it has 'late_rate'. Name features under model.validation.ranges"):
        require_known_columns(TABLE, Expectations(ranges={column: (0, 1)}))


@pytest.mark.parametrize(
    "declared",
    [
        {"not_null": ["z"]},
        {"allowed": {"z": [1]}},
        {"types": {"z": "text"}},
        {"unique": [["k", "z"]]},
        {"consistent": [{"left": "k", "operator": "<", "right": "z"}]},
        {"consistent": [{"left": "z", "operator": "<", "right": "k"}]},
    ],
)
def test_column_that_the_table_lacks_is_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ColumnNotFoundError, match=r"dev.demo has no column 'z'; it has 'k', 'late_rate'. Name one of these"):
        require_known_columns(TABLE, Expectations(**declared))


def test_columns_that_the_table_has_are_accepted() -> None:
    require_known_columns(TABLE, Expectations(ranges={"late_rate": (0, 1)}, not_null=["k"]))


def test_result_passes_where_every_expectation_is_met() -> None:
    met = ValidationResult(table="t", rows=3, expectations=(result(passed=True), result(passed=True)))
    assert met.passed
    assert met.failed == ()
    require_met(met)


def test_error_names_each_failure_and_nothing_else() -> None:
    failed = result(passed=False, observed="'a' is outside [0, 1] in 12 of 1,000 rows")
    other = result(passed=False, expectation="expect_y", observed="999 rows, at least 1,000 expected")
    broken = ValidationResult(table="dev.demo", rows=1000, expectations=(failed, result(passed=True, observed="fine"), other))
    assert not broken.passed
    with pytest.raises(DataValidationError) as error:
        require_met(broken)
    assert str(error.value) == (
        "dev.demo failed validation: expect_x: 'a' is outside [0, 1] in 12 of 1,000 rows; expect_y: 999 rows, at least 1,000 expected. "
        "Nothing was written. Data quality issue detected: repair the source, or correct the expectation under model.validation."
    )


def test_results_are_found_by_dimension() -> None:
    late = result(passed=True, dimension="freshness")
    assert list(ValidationResult(table="t", rows=1, expectations=(result(passed=True), late)).of("freshness")) == [late]


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (nw.Float32(), "number"),
        (nw.UInt64(), "number"),
        (nw.Decimal(), "number"),
        (nw.Boolean(), "boolean"),
        (nw.Date(), "time"),
        (nw.Datetime("ms", "UTC"), "time"),
        (nw.String(), "text"),
        (nw.Categorical(), "text"),
        (nw.List(nw.Int64()), None),
        (nw.Duration(), None),
    ],
)
def test_kind_of_a_column(dtype: nw.dtypes.DType, kind: str | None) -> None:
    assert kind_of(dtype) == kind
