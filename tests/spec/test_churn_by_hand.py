"""Churn features and labels, rows of a CSV file in and values out."""

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError
from stackhouse.features.churn import Churn
from stackhouse.table import Roles, Table

PLAIN = Churn(numbers=("total_charges",), flags=("partner",), categories=("internet_service",))
NAMES = ("customer_id", "tenure", "monthly_charges", "total_charges", "partner", "contract", "internet_service", "churn")


def rows(**columns: list[Any]) -> dict[str, Table]:
    """Rows of which only the given columns matter."""
    count = len(next(iter(columns.values())))
    usual: dict[str, Any] = {"tenure": 1, "monthly_charges": 20.0, "total_charges": "20.0", "partner": "Yes", "internet_service": "DSL"}
    usual |= {"contract": "One year", "churn": "No"}
    frame = pl.DataFrame({"customer_id": [f"C{number}" for number in range(count)], **columns})
    absent = [pl.lit(value).alias(name) for name, value in usual.items() if name not in columns]
    return {"rows": Table.of(frame.with_columns(absent), name="customers.csv")}


def feature(name: str, definition: Churn = PLAIN, **columns: list[Any]) -> list[Any]:
    return definition.features(rows(**columns)).collect()[name].to_list()


# --- numbers, flags and texts that somebody wrote


@pytest.mark.parametrize(
    ("written", "expected"),
    [("29.85", 29.85), (" 7 ", 7.0), ("-1", -1.0), ("+5", 5.0), ("5.", 5.0), (".5", 0.5), ("1e3", 1000.0), ("1E-2", 0.01), ("0", 0.0)],
)
def test_text_that_is_a_decimal_number_is_one(written: str, expected: float) -> None:
    assert feature("total_charges", total_charges=[written, "1"]) == [expected, 1.0]


@pytest.mark.parametrize(
    "written", ["", " ", "\t", None, "nan", "NaN", "inf", "-Infinity", "1,5", "1 000", "1_000", "0x10", "1e999", "٣", "no"]
)
def test_what_is_no_decimal_number_is_null_and_its_row_stays(written: str | None) -> None:
    assert feature("total_charges", total_charges=[written, "1"]) == [None, 1.0]


def test_numbers_that_are_no_value_are_null() -> None:
    nan, inf = float("nan"), float("inf")
    assert feature("total_charges", total_charges=[nan, inf, -inf, None, 2.5]) == [None, None, None, None, 2.5]
    assert feature("tenure", tenure=[3, None]) == [3.0, None]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["Yes", "No", " yes ", "NO", "", None, "No phone service"], [True, False, True, False, None, None, None]),
        ([True, False, None], [True, False, None]),
        ([1, 0, 2, None], [True, False, None, None]),
    ],
)
def test_flag_is_yes_or_no_and_null_where_it_is_neither(written: list[Any], expected: list[bool | None]) -> None:
    assert feature("partner", partner=written) == expected


def test_category_is_its_text_without_blanks_around_it() -> None:
    assert feature("contract", contract=["Two year ", "two year", " ", "", None]) == ["Two year", "two year", None, None, None]
    assert feature("internet_service", internet_service=[2, None]) == ["2", None]


# --- what is made of them


@pytest.mark.parametrize(
    ("tenure", "category"),
    [
        (0, "New"),
        (12, "New"),
        (12.5, "Medium"),
        (13, "Medium"),
        (24, "Medium"),
        (25, "Long"),
        (48, "Long"),
        (49, "Very_Long"),
        (1_000, "Very_Long"),
        (-1, None),
        (None, None),
    ],
)
def test_upper_end_of_a_tenure_category_belongs_to_it_and_0_is_new(tenure: float | None, category: str | None) -> None:
    assert feature("tenure_category", tenure=[None if tenure is None else float(tenure), 1.0]) == [category, "New"]


def test_amounts_are_made_of_tenure_and_monthly_charges() -> None:
    given: dict[str, list[Any]] = {"tenure": [0, 9, 3, None, -1], "monthly_charges": ["30", "20", " ", "20", "20"]}
    assert feature("total_amount", **given) == [0.0, 180.0, None, None, None]
    assert feature("avg_monthly_charges", **given) == [30.0, 2.0, None, None, None]


def test_a_row_does_not_depend_on_other_rows() -> None:
    columns = {"tenure": [1, 50, 20], "monthly_charges": [10.0, 100.0, 50.0], "contract": ["Month-to-month", "One year", " "]}
    alone = [
        PLAIN.features(rows(**{name: [values[place]] for name, values in columns.items()})).collect().to_native() for place in range(3)
    ]
    together = PLAIN.features(rows(**columns)).collect().to_native()
    assert pl.concat(alone).drop("customer_id").equals(together.drop("customer_id"))


# --- labels


@pytest.mark.parametrize(
    ("measured", "expected"),
    [(["Yes", "No", " ", None], ["Yes", "No", None, None]), ([1, 0, None], [1.0, 0.0, None]), ([True, False], [1.0, 0.0])],
)
def test_label_stays_as_it_is_measured_and_is_never_filled(measured: list[Any], expected: list[Any]) -> None:
    labels = PLAIN.labels(rows(churn=measured))
    assert labels.columns == ["customer_id", "churn"]
    assert labels.collect()["churn"].to_list() == expected


# --- roles and columns


def test_roles_of_features_and_labels() -> None:
    given = rows(tenure=[1])
    features = PLAIN.features(given)
    names = ("tenure", "monthly_charges", "total_charges", "partner", "contract", "internet_service")
    assert PLAIN.feature_names == (*names, "tenure_category", "total_amount", "avg_monthly_charges")
    assert features.roles == Roles(primary_keys=("customer_id",), features=PLAIN.feature_names)
    assert features.columns == ["customer_id", *PLAIN.feature_names]
    assert PLAIN.labels(given).roles == PLAIN.label_roles == Roles(primary_keys=("customer_id",), label="churn")
    assert PLAIN.timestamp is None
    schema = features.collect().to_native().schema
    numbers, texts = ("tenure", "monthly_charges", "total_charges", "total_amount"), ("contract", "internet_service", "tenure_category")
    assert [schema[name] for name in (*numbers, *texts)] == [pl.Float64] * 4 + [pl.String] * 3
    assert schema["partner"] == pl.Boolean


def test_keys_of_a_csv_are_whole_numbers_of_64_bits() -> None:
    given = {"rows": rows(tenure=[1])["rows"].with_frame(rows(tenure=[1])["rows"].frame)}
    frame = given["rows"].collect().to_native().with_columns(customer_id=pl.lit(7, pl.Int32))
    assert PLAIN.features({"rows": Table.of(frame)}).collect().to_native().schema["customer_id"] == pl.Int64


@pytest.mark.parametrize("column", NAMES)
def test_input_without_a_column_is_refused(column: str) -> None:
    given = {"rows": rows(tenure=[1])["rows"].select([name for name in NAMES if name != column])}
    for compute in (PLAIN.features, PLAIN.labels):
        with pytest.raises(ColumnNotFoundError, match=rf"customers\.csv has no column '{column}'"):
            compute(given)


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("tenure", [[1]], r"column 'tenure' is List\(Int64\), and it has to be a number"),
        ("partner", [[1]], "column 'partner' is .*, and it has to be Yes or No"),
        ("contract", [1.5], "column 'contract' is Float64, and it has to be text"),
        ("churn", [[1]], "column 'churn' is .*, and it has to be text, a number or a boolean"),
    ],
)
def test_column_that_cannot_be_what_it_is_named_as_is_refused(column: str, values: list[Any], message: str) -> None:
    with pytest.raises(ColumnTypeError, match=message):
        (PLAIN.labels if column == "churn" else PLAIN.features)(rows(**{column: values}))


@pytest.mark.parametrize(
    "twice",
    [
        {"numbers": ("tenure",)},
        {"flags": ("partner", "partner")},
        {"categories": ("churn",)},
        {"numbers": ("a",), "flags": ("a",)},
        {"keys": ("contract",)},
        {"label": "total_amount"},
    ],
)
def test_column_that_is_named_twice_is_refused(twice: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="stands in two places"):
        Churn(**twice)
