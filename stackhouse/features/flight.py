"""Features and labels of a single flight, as it was scheduled: what was known of it in the morning, and how it left and arrived.

Everything here was known when the service day of the flight began, 09:00 UTC (`service_day.py`), which is before it was scheduled to
leave. The plane is not: the record names the one that flew in the end, and lacks it for 2,512 flights of 2013, all of them cancelled, so
that a missing plane would tell the label. What the carrier flew on the route in the days before stands in for it.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from stackhouse.features.calendar import after_midnight, iso_weekday
from stackhouse.features.comparable import comparable
from stackhouse.features.days import every_day, require_every_day
from stackhouse.features.definition import TimedDefinition
from stackhouse.features.finite import finite
from stackhouse.features.route_day import ROUTE
from stackhouse.features.service_day import (
    COUNTS,
    FLIGHT_MINUTES,
    SERVICE_DAY_STARTS,
    WINDOW_RATES,
    count_flights,
    left_by_close,
    total,
    window_rates,
)
from stackhouse.features.windows import Days, DifferentDays, partitioned, ratio, rolling_sum
from stackhouse.table import Roles, Table, require_unique_keys

FLIGHT = ("flight_id",)
LINE = ("carrier", *ROUTE)
"""A carrier on a route."""

_COUNTS = tuple(name for name in COUNTS if not name.startswith("air"))
_PLANES = ("seats", "seats_known", "built", "built_known")


class Flight(TimedDefinition):
    """Feature definition of one row for each scheduled flight, from the inputs `flights` and `planes`.

    A flight is named by its day, origin, carrier and number, as in '2013-01-01 EWR UA1545'; a number leaves an airport once a day.
    """

    kind: Literal["flight"] = "flight"
    windows: DifferentDays = Field((7, 30), description="Lengths of the rolling windows of the route, in days.", min_length=1)
    plane_days: Days = Field(30, description="Over how many days the planes of the carrier on the route are averaged.")
    late_minutes: int = Field(15, ge=0, le=600, description="Late is more than this many minutes late, at departure and at arrival.")
    with_departure_delay: bool = Field(
        default=False,
        description="Add dep_delay, which nobody knows before departure: a leak on purpose, for the leak detector to find.",
    )

    entity: ClassVar[tuple[str, ...]] = FLIGHT
    usual_label: ClassVar[str] = "late_arrival"

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """One row a flight, with `time_hour`, the hour of its scheduled departure; and one row a plane, with its year of manufacture."""
        flights = ("date", "time_hour", *LINE, "flight", "tailnum", "distance", *FLIGHT_MINUTES)
        return {"flights": flights, "planes": ("tailnum", "seats", "year")}

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label."""
        return ("late_departure", "late_arrival", "cancelled")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        scheduled = (*LINE, "distance", "scheduled_hour", "day_of_week", "month")
        planes = tuple(f"{name}_{self.plane_days}d" for name in ("seats", "plane_year"))
        routes = tuple(f"route_{name}_{days}d" for days in self.windows for name in WINDOW_RATES)
        return (*scheduled, *planes, *routes, *(("dep_delay",) if self.with_departure_delay else ()))

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_flights, 2 + n_features).

        The key is flight_id; `known_at` (UTC) is when the service day of the flight begins, and that of the day before has closed.
        carrier, origin and dest are text, all others float64: distance in miles; `scheduled_hour` of the day in New York, `day_of_week`
        (Monday 1) and `month`; `seats` and `plane_year`, means over the carrier's flights on the route that left in the window, each
        counted where the plane is known, null where none is; and the route's rates (`service_day.py`) over each window up to the day
        before, null where it had no flights. `dep_delay` is in minutes, null where the flight never left.

        Raises:
            ColumnNotFoundError: where an input lacks a column.
            ConfigurationError: where an input is missing.
            DataError: where the flights leave a day out between the first and the last.
            PrimaryKeyError: where a plane stands twice, or has no number.
        """
        flights, planes = self.read(sources, "flights"), self.read(sources, "planes")
        require_every_day(flights.frame, "date", f"{flights.name} has rows for", "windows count days as rows")
        require_unique_keys(Table(planes.frame, Roles(primary_keys=("tailnum",)), planes.name))
        minutes = finite(flights.frame, (*FLIGHT_MINUTES, "distance"))
        scheduled = minutes.select(
            _flight_id(),
            *LINE,
            "date",
            "distance",
            "dep_delay",
            (nw.col("sched_dep_time") / 100).floor().cast(nw.Float64).alias("scheduled_hour"),
            iso_weekday(nw.col("date")).alias("day_of_week"),
            nw.col("date").dt.month().cast(nw.Float64).alias("month"),
            after_midnight(nw.col("date"), SERVICE_DAY_STARTS).alias("known_at"),
        )
        features = scheduled.join(self._planes(minutes, planes.frame), on=[*LINE, "date"], how="left").join(
            self._routes(minutes), on=[*ROUTE, "date"], how="left"
        )
        return self.feature_table(features)

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Measure how each flight left and arrived, shape (n_flights, 5).

        All are float64, 0 or 1. `cancelled` is 1 where it never left. `late_departure` and `late_arrival` are 1 where it was more than
        `late_minutes` late. A flight that was cancelled was neither: it is 0 in both, so that its row stays where a null label leaves.
        One that left and whose arrival nobody measured, since it was diverted, is null in `late_arrival`. `label_time` (UTC) is the full
        hour in which the departure was scheduled.

        Raises:
            ColumnNotFoundError: where an input lacks a column.
            ColumnTypeError: where `time_hour` is no time.
            ConfigurationError: where the input is missing.
        """
        flights = self.read(sources, "flights")
        cancelled = nw.col("dep_delay").is_null()

        def late(column: str) -> nw.Expr:
            over = nw.when(~nw.col(column).is_null()).then((nw.col(column) > self.late_minutes).cast(nw.Float64))
            return nw.when(cancelled).then(nw.lit(0.0)).otherwise(over)

        rows = finite(flights.frame, FLIGHT_MINUTES).select(
            _flight_id(),
            nw.col("time_hour").alias("label_time"),
            late("dep_delay").alias("late_departure"),
            late("arr_delay").alias("late_arrival"),
            cancelled.cast(nw.Float64).alias("cancelled"),
        )
        return comparable(self.label_table(rows))

    def _routes(self, flights: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The rates of each route over each window, by the day after the last one that they count."""
        daily = count_flights(flights, ROUTE, self.late_minutes).select(*ROUTE, "date", *_COUNTS)
        grid, by = partitioned(every_day(daily, ROUTE, "date", _COUNTS), ROUTE)
        sums = (rolling_sum(name, days, by, "date").alias(total(name, days)) for days in self.windows for name in _COUNTS)
        rates = grid.with_columns(*sums).with_columns(*(rate for days in self.windows for rate in window_rates(days)))
        names = [f"{name}_{days}d" for days in self.windows for name in WINDOW_RATES]
        return rates.select(*ROUTE, _next_day(), *(nw.col(name).alias(f"route_{name}") for name in names))

    def _planes(self, flights: nw.LazyFrame[Any], planes: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Mean seats and year of the planes of each carrier on each route, by the day after the last one that they count."""
        known = finite(planes.select("tailnum", "seats", nw.col("year").alias("built")), ("seats", "built"))
        flown = flights.select(*LINE, "date", "tailnum", left_by_close().alias("left")).join(known, on="tailnum", how="left")

        def of_flown(name: str) -> list[nw.Expr]:
            there = nw.col("left") & ~nw.col(name).is_null()
            value = nw.when(there).then(nw.col(name).floor().cast(nw.Int64)).otherwise(0)
            return [value.alias(name), there.cast(nw.Int64).alias(f"{name}_known")]

        daily = flown.select(*LINE, "date", *of_flown("seats"), *of_flown("built")).group_by(*LINE, "date")
        grid, by = partitioned(every_day(daily.agg(*(nw.col(name).sum() for name in _PLANES)), LINE, "date", _PLANES), LINE)
        days = self.plane_days
        sums = grid.with_columns(*(rolling_sum(name, days, by, "date").alias(total(name, days)) for name in _PLANES))
        means = {"seats": "seats", "plane_year": "built"}
        return sums.select(
            *LINE, _next_day(), *(ratio(total(of, days), total(f"{of}_known", days)).alias(f"{name}_{days}d") for name, of in means.items())
        )


def _flight_id() -> nw.Expr:
    """Day, origin, carrier and number of a flight, as text; null where one of them is."""
    number = nw.concat_str(nw.col("carrier"), nw.col("flight").cast(nw.Int64).cast(nw.String))
    return nw.concat_str(nw.col("date").dt.to_string("%Y-%m-%d"), nw.col("origin"), number, separator=" ").alias("flight_id")


def _next_day() -> nw.Expr:
    return nw.col("date").dt.offset_by("1d").alias("date")
