"""Differences of two times in one frame, in microseconds, on every engine."""

from typing import Any

import narwhals as nw

HOUR = 3_600_000_000
"""Microseconds of an hour."""


def microseconds_between(frame: nw.LazyFrame[Any], later: str, earlier: str) -> nw.Expr:
    """Whole microseconds from one column of dates or datetimes to another of the same type; null where one is. Shape: (n_rows,).

    Finer times are cut to the microsecond. Sessions of SQL engines have to be in UTC where datetimes have a time zone.

    Source: Narwhals gives no duration in numbers on Spark; there a timestamp is cast to its seconds since 1970 (whole, rounded
    down, whatever the session's zone), and what has no time zone is counted from its calendar parts.
    """
    dtype = frame.collect_schema()[later]
    if frame.implementation.is_spark_like():
        if getattr(dtype, "time_zone", None):
            return _instant(later) - _instant(earlier)
        return _calendar(later, is_date=dtype == nw.Date) - _calendar(earlier, is_date=dtype == nw.Date)
    first, last = nw.col(earlier), nw.col(later)
    if dtype == nw.Date:
        first, last = first.cast(nw.Datetime("us")), last.cast(nw.Datetime("us"))
    return (last - first).dt.total_microseconds()


def _instant(column: str) -> nw.Expr:
    return nw.col(column).cast(nw.Int64) * 1_000_000 + nw.col(column).dt.microsecond().cast(nw.Int64)


def _calendar(column: str, *, is_date: bool) -> nw.Expr:
    """Microseconds since the first day of the year 1 (plus a day), counted by the Gregorian calendar."""
    time = nw.col(column).dt
    past = time.year().cast(nw.Int64) - 1
    days = past * 365 + past // 4 - past // 100 + past // 400 + time.ordinal_day().cast(nw.Int64)
    if is_date:
        return days * 24 * HOUR
    seconds = time.hour().cast(nw.Int64) * 3600 + time.minute().cast(nw.Int64) * 60 + time.second().cast(nw.Int64)
    return days * 24 * HOUR + seconds * 1_000_000 + time.microsecond().cast(nw.Int64)
