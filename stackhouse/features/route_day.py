"""Features and labels of a flight route on a day: how late it ran in the last week and month.

What is known when a service day closes (`service_day.py`) is a feature of that day: a flight that has not left counts as cancelled, one
that has not landed gives no delay. The label of a day carries the time at which the day begins, 09:00 UTC.
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
from stackhouse.features.windows import coefficient_of_variation, lag, partitioned, ratio, rolling_sum
from stackhouse.table import Table

ROUTE = ("origin", "dest")


class RouteDay(ServiceDayDefinition):
    """Feature definition of one row for each route (origin, dest) and day, from the input `flights`."""

    kind: Literal["route_day"] = "route_day"
    min_flights: int = Field(6, ge=1, description="A day with fewer arrivals on a route gives no label: its rate says too little.")

    entity: ClassVar[tuple[str, ...]] = ROUTE
    usual_label: ClassVar[str] = "late_rate"

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label."""
        return ("late_rate", "mean_arr_delay", "arrivals")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        rolling = [f"{name}_{days}d" for days in self.windows for name in (*WINDOW_RATES, "air_time_mean", "air_time_cv")]
        return ("late_rate_today", "flights_today", *(f"late_rate_lag_{days}d" for days in self.lags), *rolling, "day_of_week")

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_routes × n_days since the route's first flight, 3 + n_features).

        Keys are origin and dest; `known_at` (UTC) is when the service day had closed. A flight that was still in the air
        then (the latest possible arrival, departure + air time + an hour on the ground) is left out of that day.
        Rates and means are float64 and null where nothing arrived in the window.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
            DataError: where the source leaves a day out between its first and its last.
        """
        grid, by = partitioned(self.counts_of_days(sources, COUNTS), ROUTE)
        totals = grid.with_columns(
            ratio("late", "landed").alias("late_rate_today"),
            *(rolling_sum(name, days, by, "date").alias(total(name, days)) for days in self.windows for name in COUNTS),
        )
        features = totals.with_columns(
            nw.col("scheduled").cast(nw.Float64).alias("flights_today"),
            *(lag("late_rate_today", days, by, "date").alias(f"late_rate_lag_{days}d") for days in self.lags),
            *(expression for days in self.windows for expression in (*window_rates(days), *_air_time(days))),
            iso_weekday(nw.col("date").dt.offset_by("1d")).alias("day_of_week"),
            after_midnight(nw.col("date"), SERVICE_DAY_CLOSES).alias("known_at"),
        )
        return self.feature_table(features)

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Measure how late each route ran on each day with at least `min_flights` arrivals, shape (n_rows, 6).

        `late_rate` is the share in [0, 1] of the day's arrivals that were late; `mean_arr_delay` their mean delay in minutes, each rounded
        down, below 0 where they came early; both float64. `arrivals` counts them, int64; `label_time` (UTC) is when the day begins.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
        """
        flights = self.flights(sources)
        arrived = flights.filter(~nw.col("arr_delay").is_null())
        late = (nw.col("arr_delay") > self.late_minutes).cast(nw.Float64)
        daily = (
            arrived.select(*ROUTE, "date", late.alias("late_rate"), nw.col("arr_delay").floor().alias("mean_arr_delay"))
            .group_by(*ROUTE, "date")
            .agg(nw.col("late_rate").mean(), nw.col("mean_arr_delay").mean(), nw.len().alias("arrivals"))
            .filter(nw.col("arrivals") >= self.min_flights)
            .with_columns(nw.col("arrivals").cast(nw.Int64), after_midnight(nw.col("date"), SERVICE_DAY_STARTS).alias("label_time"))
        )
        return self.label_table(daily)


def _air_time(days: int) -> list[nw.Expr]:
    air, squared, landed = (total(name, days) for name in ("air", "air_squared", "landed"))
    return [
        ratio(air, landed).alias(f"air_time_mean_{days}d"),
        coefficient_of_variation(air, squared, landed).alias(f"air_time_cv_{days}d"),
    ]
