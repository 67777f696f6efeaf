"""Numbers that every engine compares alike: float64, and null where there is no finite value."""

from collections.abc import Iterable
from typing import Any

import narwhals as nw


def finite(frame: nw.LazyFrame[Any], columns: Iterable[str]) -> nw.LazyFrame[Any]:
    """Give columns as float64, NaN and ±Inf as null: engines do not agree on whether NaN is above a number. Rows stay."""
    values = {name: nw.col(name).cast(nw.Float64) for name in columns}
    return frame.with_columns(*(nw.when(value.is_finite()).then(value).alias(name) for name, value in values.items()))
