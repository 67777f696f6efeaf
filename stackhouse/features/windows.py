"""Window expressions over one row a day: rolling sums, rates, lags and the coefficient of variation.

Every expression expects a dense table (one row for each entity and day, no day left out), which makes a window of
`days` rows a window of `days` days on every engine. They read the current row and earlier ones, never a later one.
"""

from collections.abc import Sequence
from typing import Annotated, Any

import narwhals as nw
from pydantic import AfterValidator, Field

_ENTITY = "__entity"


def _each_once(days: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(days)) < len(days):
        raise ValueError(f"{list(days)} names a number of days twice; each gives one feature")
    return days


Days = Annotated[int, Field(ge=1, le=366)]
"""How many days a window is long, or how many days back a lag reads; a lag of 0 is today, and a negative one the future."""
DifferentDays = Annotated[tuple[Days, ...], AfterValidator(_each_once)]
"""Lengths of windows, or days to look back, each of which gives features of its own."""


def partitioned(frame: nw.LazyFrame[Any], keys: Sequence[str]) -> tuple[nw.LazyFrame[Any], list[str]]:
    """Return the frame with the columns to partition windows by: the keys themselves, or on pandas one column made of them.

    Source: a rolling window of Narwhals on pandas puts the sums of one group into the rows of another where a group has two
    keys (narwhals 2.28, pandas 3.0: the groups come back in an order of their own); with one key it does not.
    """
    if not frame.implementation.is_pandas() or len(keys) == 1:
        return frame, list(keys)
    entity = nw.concat_str(*(nw.col(key).cast(nw.String) for key in keys), separator="\x1f")
    return frame.with_columns(entity.alias(_ENTITY)), [_ENTITY]


def rolling_sum(column: str, days: int, by: Sequence[str], time: str) -> nw.Expr:
    """Sum over the current day and the `days - 1` before it; fewer at the start of an entity. Shape: (n_rows,)."""
    return nw.col(column).rolling_sum(days, min_samples=1).over(*by, order_by=time)


def lag(column: str, days: int, by: Sequence[str], time: str) -> nw.Expr:
    """Value of `days` days before, null where the entity has no such day. Shape: (n_rows,)."""
    return nw.col(column).shift(days).over(*by, order_by=time)


def ratio(numerator: str, denominator: str) -> nw.Expr:
    """Quotient as float64, null where the denominator is 0. Shape: (n_rows,)."""
    return nw.when(nw.col(denominator) > 0).then(nw.col(numerator).cast(nw.Float64) / nw.col(denominator))


def coefficient_of_variation(total: str, total_of_squares: str, count: str) -> nw.Expr:
    """Population standard deviation over mean, from sums; null where the count or the total is 0. Shape: (n_rows,).

    With whole numbers n·Σx² − (Σx)² is exact and never negative, so no rounding makes the root fail.

    Source: Var(x) = Σx²/n − (Σx/n)², hence CV = sqrt(n·Σx² − (Σx)²) / Σx.
    """
    spread = nw.col(count) * nw.col(total_of_squares) - nw.col(total) * nw.col(total)
    return nw.when(nw.col(total) > 0).then(spread.cast(nw.Float64).sqrt() / nw.col(total))
