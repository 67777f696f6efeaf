"""Differences of two times in one frame, in microseconds, on every engine."""

from typing import Any

import narwhals as nw

HOUR = 3_600_000_000
"""Microseconds of an hour."""


def microseconds_between(frame: nw.LazyFrame[Any], later: str, earlier: str) -> nw.Expr:
    """Whole microseconds from one column of dates or datetimes to another of the same type; null where one is. Shape: (n_rows,).

    Finer times are cut to the microsecond. Sessions of SQL engines have to be in UTC.

    Source: Narwhals gives no duration in numbers on Spark (narwhals 2.28).
    """
    dtype = frame.collect_schema()[later]
    if frame.implementation.is_spark_like():
        zoned = getattr(dtype, "time_zone", None) is not None
        return _since_epoch(later, zoned=zoned) - _since_epoch(earlier, zoned=zoned)
    first, last = nw.col(earlier), nw.col(later)
    if dtype == nw.Date:
        first, last = first.cast(nw.Datetime("us")), last.cast(nw.Datetime("us"))
    return (last - first).dt.total_microseconds()


def _since_epoch(column: str, *, zoned: bool) -> nw.Expr:
    """Microseconds since 1970 on Spark: whole seconds, rounded down, and those since the last of them.

    Source: Spark casts a timestamp to seconds, what has no zone not at all; Narwhals' `dt.microsecond` counts from the next
    second, with a minus, before 1970 (pyspark 4.1, narwhals 2.28).
    """
    time = nw.col(column) if zoned else nw.col(column).cast(nw.Datetime("us", "UTC"))
    return time.cast(nw.Int64) * 1_000_000 + (time.dt.microsecond().cast(nw.Int64) + 1_000_000) % 1_000_000
