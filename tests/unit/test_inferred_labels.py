"""What a column's values say of the label: two classes, several, or none that can be learned."""

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from stackhouse.errors import ColumnNotFoundError, EmptyTableError, LabelError
from stackhouse.labels.inferred import MOST_CLASSES, infer_label
from stackhouse.labels.labelling import label_rows
from stackhouse.labels.rules import BinaryLabel, ClassLabel
from stackhouse.table import Table


def table(values: list[Any], dtype: Any = None) -> Table:
    return Table.of(pl.DataFrame({"y": pl.Series(values, dtype=dtype, strict=False)}))


def codes(values: list[Any], dtype: Any = None) -> list[int]:
    rows = table(values, dtype)
    return label_rows(rows, infer_label(rows, "y")).table.collect(["y"])["y"].to_list()


@pytest.mark.parametrize(
    ("values", "dtype", "learned"),
    [
        ([0, 1, 1], pl.Int64, [0, 1, 1]),
        ([0.0, 1.0, None, float("nan")], pl.Float64, [0, 1]),
        ([True, False], pl.Boolean, [1, 0]),
        (["No", "Yes", None], pl.String, [0, 1]),
        ([1, 2, 1], pl.Int32, [0, 1, 0]),
        ([-1, 1], pl.Int64, [0, 1]),
        ([0, 2], pl.Int64, [0, 1]),
        (["b", "a", "c"], pl.String, [1, 0, 2]),
        ([10, 2, 1], pl.Int64, [2, 1, 0]),
        ([2.0, 0.0, 1.0], pl.Float64, [2, 0, 1]),
        ([Decimal(0), Decimal(1)], pl.Decimal(3, 0), [0, 1]),
    ],
    ids=[
        "0 and 1",
        "floats",
        "booleans",
        "texts",
        "1 and 2",
        "-1 and 1",
        "0 and 2",
        "three texts",
        "numbers in order",
        "whole floats",
        "DECIMAL",
    ],
)
def test_classes_are_numbered_in_the_order_of_their_values(values: list[Any], dtype: Any, learned: list[int]) -> None:
    assert codes(values, dtype) == learned


def test_0_and_1_need_no_texts_and_three_values_are_several_classes() -> None:
    assert infer_label(table([0, 1]), "y") == BinaryLabel(source="y")
    assert infer_label(table(["c", "a", "b"]), "y") == ClassLabel(source="y", name="y", classes=("a", "b", "c"))


@pytest.mark.parametrize("values", [[1, 1], ["a"], [0.0, None]])
def test_one_class_is_refused(values: list[Any]) -> None:
    with pytest.raises(LabelError, match=r"'y' is .* in every row; a classifier needs two"):
        infer_label(table(values), "y")


@pytest.mark.parametrize("values", [[0.1, 0.2], [0.5], list(range(MOST_CLASSES + 1)), [b"a", b"b"], [[1], [2]]])
def test_measured_values_are_no_classes(values: list[Any]) -> None:
    with pytest.raises(LabelError, match=r"that are no classes. Binarize it at the source"):
        infer_label(table(values), "y")


def test_as_many_classes_as_allowed_are_taken() -> None:
    assert len(infer_label(table(list(range(MOST_CLASSES))), "y").outputs) == MOST_CLASSES


def test_no_value_and_no_column_are_refused() -> None:
    with pytest.raises(EmptyTableError, match="No row has a value in 'y'"):
        infer_label(table([None, float("nan")], pl.Float64), "y")
    with pytest.raises(ColumnNotFoundError, match="has no column 'z'; it has 'y'"):
        infer_label(table([0, 1]), "z")
