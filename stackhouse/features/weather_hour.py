"""Features of the weather at an airport in an hour, for a detector of anomalies; measured beside it, how the next hour's flights left.

The weather of an hour is known when the hour has ended. That is the label time of the flights that are scheduled to leave in the hour
that begins then, so that a point-in-time join gives each label the weather of the hour before. The label is there to look at what was
found, and not to learn from.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

import narwhals as nw
from pydantic import AfterValidator, Field

from stackhouse.features.comparable import comparable
from stackhouse.features.definition import TimedDefinition
from stackhouse.features.finite import finite
from stackhouse.features.windows import ratio
from stackhouse.table import Roles, Table

PLACE = ("origin",)
MEASURED = ("temp", "dewp", "humid", "wind_speed", "wind_gust", "precip", "pressure", "visib")
"""In the units of the National Weather Service: °F, °F, %, mph, mph, inches in the hour, millibars, miles."""
CHANGING = ("temp", "dewp", "humid", "wind_speed", "pressure", "visib")
"""Those of which a change is told; gusts and rain are mostly none."""
HOUR = timedelta(hours=1)


def _each_once(hours: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(hours)) < len(hours):
        raise ValueError(f"{list(hours)} names a number of hours twice; each gives one feature of each measure")
    return hours


Hours = Annotated[int, Field(ge=1, le=72)]


class WeatherHour(TimedDefinition):
    """Feature definition of one row for each origin and hour of the input `weather`; labels come of the input `flights`."""

    kind: Literal["weather_hour"] = "weather_hour"
    change_hours: Annotated[tuple[Hours, ...], AfterValidator(_each_once)] = Field(
        (1, 3), description="How many hours back changes are measured."
    )

    entity: ClassVar[tuple[str, ...]] = PLACE
    usual_label: ClassVar[str] = "mean_dep_delay"

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """Weather, one row for each origin and `time_hour`, when the hour begins; and flights with that of their scheduled departure."""
        return {"weather": (*PLACE, "time_hour", *MEASURED), "flights": (*PLACE, "time_hour", "dep_delay")}

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label."""
        return ("mean_dep_delay", "departures")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        return (*MEASURED, *(f"{name}_change_{hours}h" for hours in self.change_hours for name in CHANGING))

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_rows of the weather, 2 + n_features).

        The key is origin; `known_at` (UTC) is when the hour has ended. All are float64, null where nothing was measured. A change is the
        hour's value minus that of the hour so many hours before, and null where that hour has no row.

        Raises:
            ColumnNotFoundError: where an input lacks a column.
            ColumnTypeError: where `time_hour` is no time.
            ConfigurationError: where an input is missing.
        """
        hourly = finite(_by_hour(self.read(sources, "weather")), MEASURED)
        rows = hourly
        for hours in self.change_hours:
            earlier = hourly.select(
                *PLACE,
                (nw.col("time_hour") + hours * HOUR).alias("time_hour"),
                *(nw.col(name).alias(f"{name}_{hours}h_before") for name in CHANGING),
            )
            rows = rows.join(earlier, on=[*PLACE, "time_hour"], how="left")
        changes = (
            (nw.col(name) - nw.col(f"{name}_{hours}h_before")).alias(f"{name}_change_{hours}h")
            for hours in self.change_hours
            for name in CHANGING
        )
        features = rows.with_columns(*changes, (nw.col("time_hour") + HOUR).alias("known_at"))
        return self.feature_table(features)

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Measure how the flights left that were scheduled in the hour after each hour of weather, shape (n_rows of the weather, 4).

        `mean_dep_delay` is in minutes, each rounded down, below 0 where they left early; float64, null where none left, as in every night.
        `departures` counts those that left, int64; `label_time` (UTC) is when their hour begins.

        Raises:
            ColumnNotFoundError: where an input lacks a column.
            ColumnTypeError: where `time_hour` is no time.
            ConfigurationError: where an input is missing.
        """
        left = finite(_by_hour(self.read(sources, "flights")), ["dep_delay"]).filter(~nw.col("dep_delay").is_null())
        departures = (
            left.select(
                *PLACE,
                nw.col("time_hour").alias("label_time"),
                nw.col("dep_delay").floor().cast(nw.Int64).alias("delay"),
                nw.lit(1).cast(nw.Int64).alias("departures"),
            )
            .group_by(*PLACE, "label_time")
            .agg(nw.col("delay").sum(), nw.col("departures").sum())
        )
        hours = _by_hour(self.read(sources, "weather")).select(*PLACE, (nw.col("time_hour") + HOUR).alias("label_time"))
        rows = hours.join(departures, on=[*PLACE, "label_time"], how="left").with_columns(nw.col("departures").fill_null(0).cast(nw.Int64))
        measured = rows.with_columns(ratio("delay", "departures").alias("mean_dep_delay"))
        return self.label_table(measured)


def _by_hour(table: Table) -> nw.LazyFrame[Any]:
    """The rows with `time_hour` as datetime[us, UTC]."""
    return comparable(Table(table.frame, Roles(timestamp="time_hour"), table.name)).frame
