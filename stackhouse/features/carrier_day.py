"""Features and labels of a carrier at an airport on a day: which share of its flights is cancelled.

What is known when a service day closes (`service_day.py`) is a feature of that day: a flight that has not left by then counts as
cancelled. The label of a day carries the time at which the day begins, 09:00 UTC, and counts flights that never left. Days on which a
carrier cancels much are rare and come with storms, so that a threshold on the label gives classes of very different size.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import narwhals as nw
from pydantic import Field

from stackhouse.features.calendar import after_midnight, iso_weekday
from stackhouse.features.service_day import (
    COUNTS,
    SERVICE_DAY_CLOSES,
    SERVICE_DAY_STARTS,
    WINDOW_RATES,
    ServiceDayDefinition,
    total,
    window_rates,
)
from stackhouse.features.windows import lag, partitioned, ratio, rolling_sum
from stackhouse.table import Table

CARRIER = ("carrier", "origin")

_COUNTS = tuple(name for name in COUNTS if not name.startswith("air"))


class CarrierDay(ServiceDayDefinition):
    """Feature definition of one row for each carrier at an origin (carrier, origin) and day, from the input `flights`."""

    kind: Literal["carrier_day"] = "carrier_day"
    min_flights: int = Field(10, ge=1, description="A day with fewer scheduled flights gives no label: its rate says too little.")

    entity: ClassVar[tuple[str, ...]] = CARRIER
    usual_label: ClassVar[str] = "cancelled_rate"

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label."""
        return ("cancelled_rate", "scheduled")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        today = ("cancelled_rate_today", "origin_cancelled_rate_today", "late_rate_today", "flights_today")
        lags = (f"cancelled_rate_lag_{days}d" for days in self.lags)
        rolling = (f"{name}_{days}d" for days in self.windows for name in WINDOW_RATES)
        return (*today, *lags, *rolling, "day_of_week", "month")

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_carriers_at_origins × n_days since the first flight of each, 3 + n_features).

        Keys are carrier and origin; `known_at` (UTC) is when the service day had closed. All are float64. `cancelled_rate`, `late_rate`
        and `delay_mean` are shares in [0, 1] and minutes, null where nothing was scheduled, or landed; `origin_cancelled_rate_today` is
        that of all carriers of the origin. `day_of_week` (Monday 1) and `month` are those of the day that follows.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
            ConfigurationError: where the input is missing.
            DataError: where the source leaves a day out between its first and its last.
        """
        days = self.counts_of_days(sources, _COUNTS)
        everyone = days.group_by("origin", "date").agg(*(nw.col(name).sum().alias(f"origin_{name}") for name in ("cancelled", "scheduled")))
        grid, by = partitioned(days.join(everyone, on=["origin", "date"], how="left"), CARRIER)
        totals = grid.with_columns(
            ratio("cancelled", "scheduled").alias("cancelled_rate_today"),
            *(rolling_sum(name, length, by, "date").alias(total(name, length)) for length in self.windows for name in _COUNTS),
        )
        following = nw.col("date").dt.offset_by("1d")
        features = totals.with_columns(
            ratio("origin_cancelled", "origin_scheduled").alias("origin_cancelled_rate_today"),
            ratio("late", "landed").alias("late_rate_today"),
            nw.col("scheduled").cast(nw.Float64).alias("flights_today"),
            *(lag("cancelled_rate_today", back, by, "date").alias(f"cancelled_rate_lag_{back}d") for back in self.lags),
            *(expression for length in self.windows for expression in window_rates(length)),
            iso_weekday(following).alias("day_of_week"),
            following.dt.month().cast(nw.Float64).alias("month"),
            after_midnight(nw.col("date"), SERVICE_DAY_CLOSES).alias("known_at"),
        )
        return self.feature_table(features)

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Measure the cancelled share of each carrier, origin and day with at least `min_flights` scheduled, shape (n_rows, 5).

        `cancelled_rate` is the share in [0, 1] of the day's flights that never left, float64; `scheduled` counts the day's flights, int64;
        `label_time` (UTC) is when the day begins.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
            ConfigurationError: where the input is missing.
        """
        flights = self.flights(sources)
        cancelled = nw.col("dep_delay").is_null().cast(nw.Float64)
        daily = (
            flights.select(*CARRIER, "date", cancelled.alias("cancelled_rate"))
            .group_by(*CARRIER, "date")
            .agg(nw.col("cancelled_rate").mean(), nw.len().alias("scheduled"))
            .filter(nw.col("scheduled") >= self.min_flights)
            .with_columns(nw.col("scheduled").cast(nw.Int64), after_midnight(nw.col("date"), SERVICE_DAY_STARTS).alias("label_time"))
        )
        return self.label_table(daily)
