"""A label rule for a column of which nothing is told but its name: what its values say of themselves.

0 and 1 are two classes, and so are any two other values, the later one in their order being class 1. Three to fifty whole numbers or
texts are classes. What has more values is measured, and a classifier needs classes.
"""

import narwhals as nw

from stackhouse.errors import ColumnNotFoundError, EmptyTableError, LabelError
from stackhouse.labels.rules import BinaryLabel, ClassLabel
from stackhouse.table import Table

MOST_CLASSES = 50


def infer_label(table: Table, column: str) -> BinaryLabel | ClassLabel:
    """Return the rule by which a column of classes becomes a label; rows whose value is null or NaN say nothing.

    >>> import polars as pl
    >>> infer_label(Table.of(pl.DataFrame({"left": ["yes", "no", None]})), "left").positive
    'yes'

    Raises:
        ColumnNotFoundError: where there is no such column.
        EmptyTableError: where no row has a value.
        LabelError: where all values are one, or there are too many of them for classes.
    """
    if column not in table.columns:
        raise ColumnNotFoundError.missing(table.name, [column], table.columns, "Name one of these as the label.")
    values = distinct_values(table, column)
    if not values:
        raise EmptyTableError.no_rows(table.name, f"No row has a value in '{column}'.")
    if len(values) > MOST_CLASSES or not _are_classes(table, column, values):
        raise LabelError.not_classes(column, len(values), MOST_CLASSES)
    if len(values) == 1:
        raise LabelError.one_class(column, str(values[0]))
    if all(value in {0, 1} for value in values):
        return BinaryLabel(kind="binary", source=column)
    texts = _texts(table, column, values)
    if len(texts) == 2:
        return BinaryLabel(kind="binary", source=column, negative=texts[0], positive=texts[1])
    return ClassLabel(kind="classes", source=column, name=column, classes=texts)


def known_label(table: Table, column: str) -> nw.Expr:
    """Return the condition under which a row has a label: neither null nor NaN."""
    known = ~nw.col(column).is_null()
    return known & ~nw.col(column).is_nan() if table.frame.collect_schema()[column].is_float() else known


def distinct_values(table: Table, column: str) -> list[object]:
    """Return the distinct values in their order, neither null nor NaN; one more than there may be classes at most."""
    known = table.frame.filter(known_label(table, column)).select(column).unique()
    return known.sort(column).head(MOST_CLASSES + 1).collect(backend="polars")[column].to_list()


def _are_classes(table: Table, column: str, values: list[object]) -> bool:
    dtype = table.frame.collect_schema()[column]
    if dtype.is_float() or dtype.is_decimal():
        return all(float(value).is_integer() for value in values)  # type: ignore[arg-type]
    return dtype.is_integer() or dtype in (nw.Boolean, nw.String, nw.Categorical, nw.Enum)


def _texts(table: Table, column: str, values: list[object]) -> tuple[str, ...]:
    """The values as the labelling reads them, in the order of the values themselves: 2 stands before 10."""
    frame = table.frame.filter(nw.col(column).is_in(values)).select(column).unique().sort(column)
    return tuple(frame.select(nw.col(column).cast(nw.String)).collect(backend="polars")[column].to_list())
