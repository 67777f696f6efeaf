"""The features and labels of `stackhouse/features/route_day.py`, written directly in Polars with the same parameters."""

import polars as pl

ROUTE = ["origin", "dest"]
WINDOWS, LAGS, LATE_MINUTES, MIN_FLIGHTS = (7, 30), (1, 6), 15, 6
COUNTS = ["scheduled", "cancelled", "landed", "late", "delay", "air", "air_squared"]


def features(flights: pl.LazyFrame) -> pl.LazyFrame:
    """One row for each route and day since its first flight, with what was known when the service day had closed."""
    departure = pl.col("sched_dep_time") // 100 * 60 + pl.col("sched_dep_time") % 100 + pl.col("dep_delay")
    landed = (departure + pl.col("air_time") + 60 <= 28 * 60).fill_null(value=False) & pl.col("arr_delay").is_not_null()

    def when_landed(expression: pl.Expr) -> pl.Expr:
        return pl.when(landed).then(expression.cast(pl.Int64)).otherwise(0)

    daily = (
        flights.select(
            *ROUTE,
            "date",
            pl.lit(1, pl.Int64).alias("scheduled"),
            (departure <= 28 * 60).fill_null(value=False).not_().cast(pl.Int64).alias("cancelled"),
            when_landed(pl.lit(1)).alias("landed"),
            when_landed(pl.col("arr_delay") > LATE_MINUTES).alias("late"),
            when_landed(pl.col("arr_delay")).alias("delay"),
            when_landed(pl.col("air_time")).alias("air"),
            when_landed(pl.col("air_time") * pl.col("air_time")).alias("air_squared"),
        )
        .group_by(*ROUTE, "date")
        .agg(pl.col(COUNTS).sum())
    )
    routes = daily.group_by(ROUTE).agg(pl.col("date").min().alias("first_day"))
    grid = routes.join(daily.select("date").unique(), how="cross").filter(pl.col("date") >= pl.col("first_day"))
    dense = grid.join(daily, on=[*ROUTE, "date"], how="left").with_columns(pl.col(COUNTS).fill_null(0)).sort(*ROUTE, "date")
    sums = [pl.col(COUNTS).rolling_sum(days, min_samples=1).over(ROUTE).name.suffix(f"_sum_{days}d") for days in WINDOWS]
    summed = dense.with_columns(_ratio("late", "landed").alias("late_rate_today"), *sums)
    return summed.select(
        *ROUTE,
        pl.col("date").cast(pl.Datetime("us")).dt.offset_by("33h").dt.replace_time_zone("UTC").alias("known_at"),
        "late_rate_today",
        pl.col("scheduled").cast(pl.Float64).alias("flights_today"),
        *(pl.col("late_rate_today").shift(days).over(ROUTE).alias(f"late_rate_lag_{days}d") for days in LAGS),
        *(expression for days in WINDOWS for expression in _rolling(days)),
        pl.col("date").dt.offset_by("1d").dt.weekday().cast(pl.Float64).alias("day_of_week"),
    )


def labels(flights: pl.LazyFrame) -> pl.LazyFrame:
    """The late rate and mean delay of each route and day with enough arrivals."""
    arrived = flights.filter(pl.col("arr_delay").is_not_null())
    late = (pl.col("arr_delay") > LATE_MINUTES).cast(pl.Float64).mean().alias("late_rate")
    delay = pl.col("arr_delay").mean().alias("mean_arr_delay")
    grouped = arrived.group_by(*ROUTE, "date").agg(late, delay, pl.len().cast(pl.Int64).alias("arrivals"))
    daily = grouped.filter(pl.col("arrivals") >= MIN_FLIGHTS)
    began = pl.col("date").cast(pl.Datetime("us")).dt.offset_by("9h").dt.replace_time_zone("UTC").alias("label_time")
    return daily.select(*ROUTE, began, "late_rate", "mean_arr_delay", "arrivals")


def _ratio(numerator: str, denominator: str) -> pl.Expr:
    return pl.when(pl.col(denominator) > 0).then(pl.col(numerator).cast(pl.Float64) / pl.col(denominator))


def _rolling(days: int) -> list[pl.Expr]:
    late, cancelled, scheduled, landed, delay, air, squared = (
        f"{name}_sum_{days}d" for name in ("late", "cancelled", "scheduled", "landed", "delay", "air", "air_squared")
    )
    spread = pl.col(landed) * pl.col(squared) - pl.col(air) * pl.col(air)
    return [
        _ratio(late, landed).alias(f"late_rate_{days}d"),
        _ratio(cancelled, scheduled).alias(f"cancelled_rate_{days}d"),
        pl.col(scheduled).cast(pl.Float64).alias(f"flights_{days}d"),
        _ratio(delay, landed).alias(f"delay_mean_{days}d"),
        _ratio(air, landed).alias(f"air_time_mean_{days}d"),
        pl.when(pl.col(air) > 0).then(spread.cast(pl.Float64).sqrt() / pl.col(air)).alias(f"air_time_cv_{days}d"),
    ]
