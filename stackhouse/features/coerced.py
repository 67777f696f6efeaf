"""Columns of a file that somebody wrote by hand, as numbers, flags and texts: what is none becomes null, on every engine alike.

Engines do not agree on casts of text: some raise, some give null, some take "nan" and "inf" for numbers. Here a pattern decides first,
and only what it lets through is cast.
"""

from typing import Any

import narwhals as nw

from stackhouse.errors import ColumnTypeError
from stackhouse.table import Table

NUMBER = r"^[+-]?(?:[0-9]{1,100}(?:\.[0-9]{0,100})?|\.[0-9]{1,100})(?:[eE][+-]?[0-9]{1,2})?$"
"""A decimal number that a float64 can hold: digits, a point among them, an exponent of two digits at most."""
BLANKS = " \t\r\n"


def number(table: Table, column: str) -> nw.Expr:
    """Column as float64; null where it holds text that is no decimal number, NaN or ±Inf. Shape: (n_rows,).

    Blanks around a number do not count. Words such as "nan" and "inf", a comma and a thousands separator make no number.

    Raises:
        ColumnTypeError: where the column is neither text nor numbers nor booleans.

    Source: pandas.to_numeric with `errors="coerce"`, but for infinity, which is no value of a feature.
    """
    dtype = _type(table, column)
    if dtype == nw.String:
        stripped = nw.col(column).str.strip_chars(BLANKS)
        return nw.when(stripped.str.contains(NUMBER)).then(stripped).cast(nw.Float64)
    _require(table, column, allowed=dtype.is_numeric() or dtype == nw.Boolean, remedy="a number")
    value = nw.col(column).cast(nw.Float64)
    return nw.when(value.is_finite()).then(value)


def flag(table: Table, column: str) -> nw.Expr:
    """Column as booleans: "Yes" and "No" in any case, 1 and 0, or booleans; null where it is anything else. Shape: (n_rows,).

    Raises:
        ColumnTypeError: where the column is neither text nor numbers nor booleans.
    """
    dtype = _type(table, column)
    if dtype == nw.Boolean:
        return nw.col(column)
    _require(table, column, allowed=dtype == nw.String or dtype.is_numeric(), remedy="Yes or No")
    value = nw.col(column).str.strip_chars(BLANKS).str.to_lowercase() if dtype == nw.String else nw.col(column)
    yes, no = ("yes", "no") if dtype == nw.String else (1, 0)
    return nw.when((value == yes) | (value == no)).then(value == yes)


def text(table: Table, column: str) -> nw.Expr:
    """Column as text without blanks around it, null where nothing is left; whole numbers are written out. Shape: (n_rows,).

    Raises:
        ColumnTypeError: where the column is neither text nor whole numbers.
    """
    dtype = _type(table, column)
    _require(table, column, allowed=dtype == nw.String or dtype.is_integer(), remedy="text")
    if dtype.is_integer():
        return nw.col(column).cast(nw.String)
    stripped = nw.col(column).str.strip_chars(BLANKS)
    return nw.when(stripped != "").then(stripped)


def label(table: Table, column: str) -> nw.Expr:
    """Column as it is measured: text without blanks around it, null where nothing is left; numbers and booleans as float64.

    NaN and ±Inf stay, since it is the label's rule that says what they mean. Shape: (n_rows,).

    Raises:
        ColumnTypeError: where the column is neither text nor numbers nor booleans.
    """
    dtype = _type(table, column)
    if dtype == nw.String:
        return text(table, column)
    _require(table, column, allowed=dtype.is_numeric() or dtype == nw.Boolean, remedy="text, a number or a boolean")
    return nw.col(column).cast(nw.Float64)


def _type(table: Table, column: str) -> Any:
    return table.frame.collect_schema()[column]


def _require(table: Table, column: str, *, allowed: bool, remedy: str) -> None:
    if not allowed:
        raise ColumnTypeError(
            f"{table.name}: column '{column}' is {_type(table, column)}, and it has to be {remedy}. "
            "Convert it at the source; in a CSV file, give its type under source.types."
        )
