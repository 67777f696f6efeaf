"""The service day of a flight: when it begins and closes, what was known of its flights at the close, and definitions of one row a day.

A service day closes at 09:00 UTC of the next morning, when the next one begins: 04:00 or 05:00 in New York, and of the flights of 2013
that left, none was scheduled before 05:00. A flight that has not left by the close counts as cancelled, one that may not have landed
gives no delay.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import narwhals as nw
from pydantic import Field

from stackhouse.features.days import every_day, require_every_day
from stackhouse.features.definition import TimedDefinition
from stackhouse.features.finite import finite
from stackhouse.features.windows import DifferentDays, ratio
from stackhouse.table import Table

SERVICE_DAY_STARTS = timedelta(hours=9)
SERVICE_DAY_CLOSES = timedelta(hours=33)
CLOSING_MINUTE = 28 * 60
"""04:00 local time of the next day, in minutes after the local midnight at which the day began: never after 09:00 UTC."""
TAXI_MINUTES = 60
"""Upper bound of taxi-out and taxi-in together, since the data gives air time and not the time on the ground."""

FLIGHT_MINUTES = ("sched_dep_time", "dep_delay", "arr_delay", "air_time")
"""Columns that say how a flight went: its scheduled departure as hhmm in New York, and minutes, null where there were none."""
COUNTS = ("scheduled", "cancelled", "landed", "late", "delay", "air", "air_squared")
"""What `count_flights` gives of each day: numbers of flights, and sums over those that landed of delay, air time and its square."""

_departure = nw.col("sched_dep_time") - (nw.col("sched_dep_time") / 100).floor() * 40 + nw.col("dep_delay")


def left_by_close() -> nw.Expr:
    """Whether a flight had left when its day closed; never null. Shape: (n_rows,), of rows with finite `FLIGHT_MINUTES`."""
    return (_departure <= CLOSING_MINUTE).fill_null(value=False)


def landed_by_close() -> nw.Expr:
    """Whether a flight had landed for certain when its day closed: departure, air time and an hour on the ground; never null."""
    arrived = (_departure + nw.col("air_time") + TAXI_MINUTES <= CLOSING_MINUTE).fill_null(value=False)
    return arrived & ~nw.col("arr_delay").is_null()


def count_flights(flights: nw.LazyFrame[Any], keys: Sequence[str], late_minutes: int) -> nw.LazyFrame[Any]:
    """Whole numbers of each entity and day as known at its close, so that sums over windows are exact; shape (n, n_keys + 1 + n_counts).

    Minutes are rounded down before they are summed, since a cast to integers rounds on one engine and cuts on another.
    """
    known = flights.with_columns(landed_by_close().alias("known"), left_by_close().alias("left"))

    def of_known(expression: nw.Expr) -> nw.Expr:
        return nw.when(nw.col("known")).then(expression.cast(nw.Int64)).otherwise(0)

    delay, air = nw.col("arr_delay").floor(), nw.col("air_time").floor()
    counted = known.select(
        *keys,
        "date",
        nw.lit(1).cast(nw.Int64).alias("scheduled"),
        (~nw.col("left")).cast(nw.Int64).alias("cancelled"),
        nw.col("known").cast(nw.Int64).alias("landed"),
        of_known(nw.col("arr_delay") > late_minutes).alias("late"),
        of_known(delay).alias("delay"),
        of_known(air).alias("air"),
        of_known(air * air).alias("air_squared"),
    )
    return counted.group_by(*keys, "date").agg(*(nw.col(name).sum() for name in COUNTS))


def total(name: str, days: int) -> str:
    """Name of the column that holds the sum of a count over a window.

    >>> total("late", 7)
    'late_sum_7d'
    """
    return f"{name}_sum_{days}d"


def window_rates(days: int) -> list[nw.Expr]:
    """Late rate, cancelled rate, flights and mean delay of a window, from its sums; float64, null where nothing was counted."""
    return [
        ratio(total("late", days), total("landed", days)).alias(f"late_rate_{days}d"),
        ratio(total("cancelled", days), total("scheduled", days)).alias(f"cancelled_rate_{days}d"),
        nw.col(total("scheduled", days)).cast(nw.Float64).alias(f"flights_{days}d"),
        ratio(total("delay", days), total("landed", days)).alias(f"delay_mean_{days}d"),
    ]


WINDOW_RATES = ("late_rate", "cancelled_rate", "flights", "delay_mean")
"""Names of what `window_rates` gives, without the length of the window."""


class ServiceDayDefinition(TimedDefinition):
    """Feature definition of one row for each entity and service day, from the input `flights`."""

    windows: DifferentDays = Field((7, 30), description="Lengths of the rolling windows, in days.", min_length=1)
    lags: DifferentDays = Field((1, 6), description="How many days back the rate of a single day is read.")
    late_minutes: int = Field(15, ge=0, le=600, description="A flight is late when it arrives more than this many minutes late.")

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """One row a flight; times as hhmm of the day in New York, delays and air time in minutes, null where there was none."""
        return {"flights": ("date", *self.entity, *FLIGHT_MINUTES)}

    def flights(self, sources: Mapping[str, Table]) -> nw.LazyFrame[Any]:
        """Return the flights with finite minutes.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
            ConfigurationError: where the input is missing.
        """
        return finite(self.read(sources, "flights").frame, FLIGHT_MINUTES)

    def counts_of_days(self, sources: Mapping[str, Table], counts: Sequence[str]) -> nw.LazyFrame[Any]:
        """Return these of `COUNTS` for each entity and each day since its first flight, as known when the day closed.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
            ConfigurationError: where the input is missing.
            DataError: where the source leaves a day out between its first and its last.
        """
        flights = self.read(sources, "flights")
        require_every_day(flights.frame, "date", f"{flights.name} has rows for", "windows and lags count days as rows")
        daily = count_flights(self.flights(sources), self.entity, self.late_minutes)
        return every_day(daily.select(*self.entity, "date", *counts), self.entity, "date", counts)
