"""Times and days on every engine: what Narwhals leaves to each of them, said in the one form that all of them compute alike."""

from datetime import timedelta

import narwhals as nw


def utc(naive: nw.Expr) -> nw.Expr:
    """Say of a time without a zone that it is UTC. Shape: (n_rows,), datetime[us, UTC].

    Source: DuckDB and Spark keep the zone with the session, so Narwhals' `replace_time_zone` does nothing there; a cast does,
    where the session's zone is UTC, which the engines see to.
    """
    return naive.cast(nw.Datetime("us", "UTC"))


def after_midnight(day: nw.Expr, offset: timedelta) -> nw.Expr:
    """Time (UTC) so long after the midnight at which a date begins. Shape: (n_rows,), datetime[us, UTC].

    Source: Narwhals' `dt.offset_by` of a datetime fails on pandas where there are no rows (narwhals 2.28, pandas 3.0).
    """
    return utc(day.cast(nw.Datetime("us")) + offset)


def iso_weekday(day: nw.Expr) -> nw.Expr:
    """Day of the week, Monday 1 to Sunday 7, as float64. Shape: (n_rows,).

    Source: Narwhals' `dt.weekday` gives Sunday as 0 on Spark and as 7 elsewhere (narwhals 2.28).
    """
    number = day.dt.weekday()
    return nw.when(number == 0).then(nw.lit(7)).otherwise(number).cast(nw.Float64)


def day_number(day: nw.Expr) -> nw.Expr:
    """Days since the first of January of year 1, which is day 1, of a date or time. Shape: (n_rows,), int64.

    A difference of two numbers is a count of days; Spark has no `dt.total_days` of a difference of dates.

    Source: the proleptic Gregorian calendar, a leap year every 4th year, but for the 100th, save the 400th; as `date.toordinal`.
    """
    years = day.dt.year().cast(nw.Int64) - 1
    return years * 365 + years // 4 - years // 100 + years // 400 + day.dt.ordinal_day().cast(nw.Int64)


def whole_seconds(time: nw.Expr) -> nw.Expr:
    """Seconds since the beginning of year 1 of a time, its fraction dropped; differences are durations. Shape: (n_rows,), int64.

    Source: Narwhals has neither `dt.timestamp` nor `dt.total_seconds` on Spark (narwhals 2.28).
    """
    parts = (time.dt.hour(), 3_600), (time.dt.minute(), 60), (time.dt.second(), 1)
    seconds = day_number(time) * 86_400
    for part, weight in parts:
        seconds = seconds + part.cast(nw.Int64) * weight
    return seconds
