"""Features and labels of a flight route on a day: how late it ran in the last week and month.

A service day closes at 09:00 UTC of the next morning (04:00 or 05:00 in New York; no departure is scheduled before 05:00).
What is known by then is a feature of that day: a flight that has not left counts as cancelled, one that has not landed gives
no delay. The label of a day carries the time at which the day begins, 09:00 UTC.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

import narwhals as nw
from pydantic import Field, field_validator

from stackhouse.features.calendar import after_midnight, iso_weekday
from stackhouse.features.days import every_day, require_every_day
from stackhouse.features.definition import Definition
from stackhouse.features.windows import coefficient_of_variation, lag, partitioned, ratio, rolling_sum
from stackhouse.table import Roles, Table

ROUTE = ("origin", "dest")
SERVICE_DAY_STARTS = timedelta(hours=9)
SERVICE_DAY_CLOSES = timedelta(hours=33)
CLOSING_MINUTE = 28 * 60
"""04:00 local time of the next day, in minutes after the local midnight at which the day began: never after 09:00 UTC."""
TAXI_MINUTES = 60
"""Upper bound of taxi-out and taxi-in together, since the data gives air time and not the time on the ground."""


Days = Annotated[int, Field(ge=1, le=366)]
"""How many days a window is long, or how many days back a lag reads; a lag of 0 is today, and a negative one the future."""


class RouteDay(Definition):
    """Feature definition of one row for each route (origin, dest) and day, from the input `flights`."""

    kind: Literal["route_day"] = "route_day"
    windows: tuple[Days, ...] = Field((7, 30), description="Lengths of the rolling windows, in days.", min_length=1)
    lags: tuple[Days, ...] = Field((1, 6), description="How many days back a single day's late rate is read.")
    late_minutes: int = Field(15, ge=0, le=600, description="A flight is late when it arrives more than this many minutes late.")
    min_flights: int = Field(6, ge=1, description="A day with fewer arrivals on a route gives no label: its rate says too little.")

    @field_validator("windows", "lags")
    @classmethod
    def _each_once(cls, days: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(days)) < len(days):
            raise ValueError(f"{list(days)} names a number of days twice; each gives one feature")
        return days

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """One row a flight; times as hhmm of the day in New York, delays and air time in minutes, null where there was none."""
        return {"flights": ("date", *ROUTE, "sched_dep_time", "dep_delay", "arr_delay", "air_time")}

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """A route."""
        return ROUTE

    @property
    def timestamp(self) -> str:
        """Column that says from when a feature row was known."""
        return "known_at"

    @property
    def label_roles(self) -> Roles:
        """Roles of the columns of the label table."""
        return Roles(primary_keys=ROUTE, timestamp="label_time", label="late_rate")

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label."""
        return ("late_rate", "arrivals")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `compute` gives them."""
        rolling = [
            f"{name}_{days}d"
            for days in self.windows
            for name in ("late_rate", "cancelled_rate", "flights", "delay_mean", "air_time_mean", "air_time_cv")
        ]
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
        flights = self.read(sources, "flights")
        require_every_day(flights.frame, "date", f"{flights.name} has rows for", "windows and lags count days as rows")
        daily = self._count(_finite_minutes(flights.frame))
        grid, by = partitioned(every_day(daily, ROUTE, "date", _COUNTS), ROUTE)
        totals = grid.with_columns(
            ratio("late", "landed").alias("late_rate_today"),
            *(rolling_sum(name, days, by, "date").alias(f"{name}_sum_{days}d") for days in self.windows for name in _COUNTS),
        )
        features = totals.with_columns(
            nw.col("scheduled").cast(nw.Float64).alias("flights_today"),
            *(lag("late_rate_today", days, by, "date").alias(f"late_rate_lag_{days}d") for days in self.lags),
            *(expression for days in self.windows for expression in _rolling_features(days)),
            iso_weekday(nw.col("date").dt.offset_by("1d")).alias("day_of_week"),
            after_midnight(nw.col("date"), SERVICE_DAY_CLOSES).alias("known_at"),
        )
        roles = Roles(primary_keys=ROUTE, timestamp=self.timestamp, features=self.feature_names)
        return Table(features.select(*roles.columns), roles, "route_day features")

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Compute the late rate of each route and day with at least `min_flights` arrivals, shape (n_rows, 5).

        `late_rate` is the share in [0, 1] of the day's arrivals that were late; `label_time` (UTC) is when the day begins.

        Raises:
            ColumnNotFoundError: where the source lacks a column.
        """
        flights = _finite_minutes(self.read(sources, "flights").frame)
        arrived = flights.filter(~nw.col("arr_delay").is_null())
        late = (nw.col("arr_delay") > self.late_minutes).cast(nw.Float64)
        daily = (
            arrived.select(*ROUTE, "date", late.alias("late_rate"))
            .group_by(*ROUTE, "date")
            .agg(nw.col("late_rate").mean(), nw.len().alias("arrivals"))
            .filter(nw.col("arrivals") >= self.min_flights)
            .with_columns(nw.col("arrivals").cast(nw.Int64), after_midnight(nw.col("date"), SERVICE_DAY_STARTS).alias("label_time"))
        )
        roles = self.label_roles
        return Table(daily.select(*roles.identity, *self.label_columns), roles, "route_day labels")

    def _count(self, source: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Whole numbers of each route and day, so that sums over windows are exact; shape (n_route_days, 3 + n_counts).

        Minutes are rounded down before they are summed, since a cast to integers rounds on one engine and cuts on another.
        """
        departure = nw.col("sched_dep_time") - (nw.col("sched_dep_time") / 100).floor() * 40 + nw.col("dep_delay")
        left = (departure <= CLOSING_MINUTE).fill_null(value=False)
        arrived = (departure + nw.col("air_time") + TAXI_MINUTES <= CLOSING_MINUTE).fill_null(value=False)
        known = source.with_columns((arrived & ~nw.col("arr_delay").is_null()).alias("known"), left.alias("left"))

        def of_known(expression: nw.Expr) -> nw.Expr:
            return nw.when(nw.col("known")).then(expression.cast(nw.Int64)).otherwise(0)

        delay, air = nw.col("arr_delay").floor(), nw.col("air_time").floor()
        counted = known.select(
            *ROUTE,
            "date",
            nw.lit(1).cast(nw.Int64).alias("scheduled"),
            (~nw.col("left")).cast(nw.Int64).alias("cancelled"),
            nw.col("known").cast(nw.Int64).alias("landed"),
            of_known(nw.col("arr_delay") > self.late_minutes).alias("late"),
            of_known(delay).alias("delay"),
            of_known(air).alias("air"),
            of_known(air * air).alias("air_squared"),
        )
        return counted.group_by(*ROUTE, "date").agg(*(nw.col(name).sum() for name in _COUNTS))


def _finite_minutes(frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Times and delays as float64, NaN and ±Inf as null: engines do not agree on whether NaN is above a number."""
    values = {name: nw.col(name).cast(nw.Float64) for name in ("sched_dep_time", "dep_delay", "arr_delay", "air_time")}
    return frame.with_columns(*(nw.when(value.is_finite()).then(value).alias(name) for name, value in values.items()))


_COUNTS = ("scheduled", "cancelled", "landed", "late", "delay", "air", "air_squared")


def _rolling_features(days: int) -> list[nw.Expr]:
    def total(name: str) -> str:
        return f"{name}_sum_{days}d"

    return [
        ratio(total("late"), total("landed")).alias(f"late_rate_{days}d"),
        ratio(total("cancelled"), total("scheduled")).alias(f"cancelled_rate_{days}d"),
        nw.col(total("scheduled")).cast(nw.Float64).alias(f"flights_{days}d"),
        ratio(total("delay"), total("landed")).alias(f"delay_mean_{days}d"),
        ratio(total("air"), total("landed")).alias(f"air_time_mean_{days}d"),
        coefficient_of_variation(total("air"), total("air_squared"), total("landed")).alias(f"air_time_cv_{days}d"),
    ]
