"""Times and days on every engine: what Narwhals leaves to each of them, said in the one form that all of them compute alike."""

import narwhals as nw


def utc(naive: nw.Expr) -> nw.Expr:
    """Say of a time without a zone that it is UTC. Shape: (n_rows,), datetime[us, UTC].

    Source: DuckDB and Spark keep the zone with the session, so Narwhals' `replace_time_zone` does nothing there; a cast does,
    where the session's zone is UTC, which the engines see to.
    """
    return naive.cast(nw.Datetime("us", "UTC"))


def iso_weekday(day: nw.Expr) -> nw.Expr:
    """Day of the week, Monday 1 to Sunday 7, as float64. Shape: (n_rows,).

    Source: Narwhals' `dt.weekday` gives Sunday as 0 on Spark and as 7 elsewhere (narwhals 2.28).
    """
    number = day.dt.weekday()
    return nw.when(number == 0).then(nw.lit(7)).otherwise(number).cast(nw.Float64)
