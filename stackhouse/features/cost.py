"""Features and labels of a workspace on a day: what it used, what that cost at list price, and how unusual it was.

A day ends at midnight UTC, and its row is known `arrival_days` later. Usage is a ledger: corrections (RETRACTION, RESTATEMENT) are
summed with what they correct, but only from the day on which they were ingested; the features of a day see the ledger as it then was.
The label of a day is what the whole ledger says today, and carries the midnight at which the day began. Days on which somebody knows
that a workspace used far more than it should can be given as a table of their own, to judge by it what is found without labels.

Source: docs.databricks.com/en/admin/system-tables/billing (sum over all record types; records arrive within hours, corrections later),
docs.databricks.com/en/admin/system-tables/pricing (list prices and their windows).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal

import narwhals as nw
from pydantic import Field

from stackhouse.features.calendar import after_midnight, day_number, iso_weekday
from stackhouse.features.days import require_every_day
from stackhouse.features.definition import TimedDefinition
from stackhouse.features.list_price import usage_with_price
from stackhouse.features.windows import ratio
from stackhouse.table import Table

WORKSPACE = ("workspace_id",)
WEEK, MONTH = 7, 30
FLAT = 1e-10
"""Share of Σx² below which a spread is rounding: a coefficient of variation under 0.001 %, a flat line."""
DECIMALS = 9
"""What a day's sums are rounded to, so that usage and its retraction give 0 on every engine, whatever the order of the sum."""

_AMOUNTS = ("dbu", "cost", "serverless_dbu", "jobs_on_all_purpose")
_SUMS = {
    **{name: (name, (0, 0)) for name in _AMOUNTS},
    "dbu_1d_ago": ("dbu", (1, 1)),
    "dbu_7d_ago": ("dbu", (WEEK, WEEK)),
    "dbu_total_7d": ("dbu", (0, WEEK - 1)),
    "cost_total_7d": ("cost", (0, WEEK - 1)),
    "dbu_total_30d": ("dbu", (0, MONTH - 1)),
    "dbu_total_before": ("dbu", (1, WEEK)),
    "dbu_squares_before": ("dbu_squared", (1, WEEK)),
}
"""Sums over days by their age: name, what is summed, from the youngest to the oldest day."""


class CostFeatures(TimedDefinition):
    """Feature definition of one row for each workspace and day, from the inputs `usage` and `list_prices`."""

    kind: Literal["cost_features"] = "cost_features"
    arrival_days: int = Field(0, ge=0, le=7, description="Days after midnight until the usage of a day has arrived and its row is known.")
    known_anomalies: bool = Field(
        default=False, description="The input `known_anomalies` names workspaces and days, and the label table gains `is_anomaly`."
    )

    entity: ClassVar[tuple[str, ...]] = WORKSPACE
    usual_label: ClassVar[str] = "cost_growth_rate"

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """Columns of `system.billing.usage` and `system.billing.list_prices`, of whose structs a field or two are read; known anomalies."""
        joined = ("cloud", "sku_name", "usage_unit")
        usage = ("record_id", "workspace_id", *joined, "usage_start_time", "usage_date", "usage_quantity", "ingestion_date")
        known = {"known_anomalies": (*WORKSPACE, "usage_date")} if self.known_anomalies else {}
        return {
            "usage": (*usage, "usage_metadata", "product_features"),
            "list_prices": (*joined, "price_start_time", "price_end_time", "pricing"),
            **known,
        }

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label.

        None has the name of a feature: `daily_cost` is one, so the label of the day to come is `cost`.
        """
        return ("cost_growth_rate", "cost", "cost_next_7d", "serverless_share", *(("is_anomaly",) if self.known_anomalies else ()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        used = ("daily_dbu", "daily_cost", "avg_dbu_7d", "avg_dbu_30d", "dbu_change_pct_1d", "dbu_change_pct_7d", "z_score_7d")
        return (*used, "serverless_adoption_ratio", "jobs_on_all_purpose_cost", "is_weekend", "day_of_week")

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_workspaces × n_days since the workspace's first usage, 3 + n_features).

        The key is workspace_id; `known_at` (UTC) is midnight after the day, `arrival_days` later; `usage_date` is carried along.
        All are float64. `daily_dbu` and `daily_cost` are 0 on a day without usage, cost in the currency of the list prices;
        `avg_dbu_*` are means over the day and those before it; `dbu_change_pct_*` are the change in percent since one and seven days
        before, null where there was nothing to change from; `z_score_7d` is how many (population) standard deviations of the seven
        days before lie between their mean and the day, null where there are fewer or they do not vary; `serverless_adoption_ratio` is a
        share of DBU, null without any; `is_weekend` (0, 1) and `day_of_week` (Monday 1) are those of the day that begins at `known_at`.

        Raises:
            ColumnNotFoundError: where an input lacks a column.
            ConfigurationError: where an input is missing.
            DataError: where usage has no list price, or several, or where a day has no usage at all.
        """
        grid, ledger = self._read_ledger(sources)
        total, squares = nw.col("dbu_total_before"), nw.col("dbu_squares_before")
        spread = WEEK * squares - total * total
        varies = (nw.col("days_before") >= WEEK) & (spread > FLAT * WEEK * squares)
        deviation = nw.when(varies).then(spread).sqrt() / WEEK
        next_day = nw.col("day").dt.offset_by(f"{1 + self.arrival_days}d")
        weekday = iso_weekday(next_day)
        rows = self._seen_on_each_day(grid, ledger).with_columns(
            nw.col("dbu").alias("daily_dbu"),
            nw.col("cost").alias("daily_cost"),
            ratio("dbu_total_7d", "days_7d").alias("avg_dbu_7d"),
            ratio("dbu_total_30d", "days_30d").alias("avg_dbu_30d"),
            ((ratio("dbu", "dbu_1d_ago") - 1) * 100).alias("dbu_change_pct_1d"),
            ((ratio("dbu", "dbu_7d_ago") - 1) * 100).alias("dbu_change_pct_7d"),
            ((nw.col("dbu") - total / WEEK) / deviation).alias("z_score_7d"),
            ratio("serverless_dbu", "dbu").alias("serverless_adoption_ratio"),
            nw.col("jobs_on_all_purpose").alias("jobs_on_all_purpose_cost"),
            (weekday >= 6).cast(nw.Float64).alias("is_weekend"),
            weekday.alias("day_of_week"),
            after_midnight(nw.col("day"), timedelta(days=1 + self.arrival_days)).alias("known_at"),
            nw.col("day").alias("usage_date"),
        )
        return self.feature_table(rows, "usage_date")

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Compute what each workspace cost on each day, and how much more than usual; shape (n_workspaces × n_days, 3 + n_label_columns).

        `cost` is the day's list cost, corrections included whenever they came; `cost_growth_rate` is cost over the mean of the seven
        days before, as they were known when the day began, less 1: 0.1 is a tenth more. It is null in a workspace's first seven days
        and after a week without cost. `cost_next_7d` is the cost of the day and the six after it, null where the source ends before;
        `serverless_share` the share in [0, 1] of the day's DBU, null without any. `label_time` (UTC) is when the day begins;
        `usage_date` is the day.

        `is_anomaly` tells of another day: the last one of which the features are known at `label_time`, 1 + `arrival_days` before. It
        is 1 where that day is a known anomaly and else 0, float64, null where the workspace had used nothing by then.

        Raises:
            ColumnNotFoundError: where an input lacks a column.
            ConfigurationError: where an input is missing.
            DataError: where usage has no list price, or several, or where a day has no usage at all.
        """
        grid, ledger = self._read_ledger(sources)
        usual = self._seen_on_each_day(grid, ledger).with_columns(
            nw.col("day").dt.offset_by("1d").cast(nw.Date).alias("day"),
            nw.when(nw.col("days_7d") == WEEK).then(nw.col("cost_total_7d") / WEEK).alias("usual"),
        )
        measured = _measured(grid, ledger)
        rows = (
            measured.join(usual.select(*WORKSPACE, "day", "usual"), on=[*WORKSPACE, "day"], how="left")
            .join(_of_the_week(measured), on=[*WORKSPACE, "day"], how="left")
            .with_columns(
                (ratio("cost", "usual") - 1).alias("cost_growth_rate"),
                ratio("serverless_dbu", "dbu").alias("serverless_share"),
                after_midnight(nw.col("day"), timedelta(0)).alias("label_time"),
                nw.col("day").alias("usage_date"),
            )
        )
        if self.known_anomalies:
            rows = self._with_anomalies(rows, self.read(sources, "known_anomalies").frame)
        return self.label_table(rows, "usage_date")

    def _with_anomalies(self, rows: nw.LazyFrame[Any], anomalies: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Say of the last day of which features are known whether it is among the anomalies."""
        known = 1 + self.arrival_days
        told = anomalies.select(
            *WORKSPACE, nw.col("usage_date").dt.offset_by(f"{known}d").cast(nw.Date).alias("day"), nw.lit(1.0).alias("told")
        ).unique()
        used = day_number(nw.col("day")) - day_number(nw.col("first_day")) >= known
        is_anomaly = nw.when(used).then(nw.col("told").fill_null(0.0)).alias("is_anomaly")
        return rows.join(told, on=[*WORKSPACE, "day"], how="left").with_columns(is_anomaly)

    def _read_ledger(self, sources: Mapping[str, Table]) -> tuple[nw.LazyFrame[Any], nw.LazyFrame[Any]]:
        """The grid of workspaces and days, and the amounts of each workspace by the day of use and the day of ingestion."""
        usage, prices = self.read(sources, "usage"), self.read(sources, "list_prices")
        reason = "a day of which nothing was loaded would count as one without cost"
        require_every_day(usage.frame, "usage_date", f"{usage.name} has usage on", reason)
        dbu = nw.when(nw.col("usage_unit") == "DBU").then(nw.col("quantity")).otherwise(0.0)
        cost = nw.col("quantity") * nw.col("price")
        on_all_purpose = ~nw.col("job_id").is_null() & nw.col("sku_name").str.contains("ALL_PURPOSE")
        ledger = (
            usage_with_price(usage, prices)
            .with_columns(dbu.alias("dbu"), cost.alias("cost"))
            .with_columns(
                nw.when(nw.col("serverless")).then(nw.col("dbu")).otherwise(0.0).alias("serverless_dbu"),
                nw.when(on_all_purpose).then(nw.col("cost")).otherwise(0.0).alias("jobs_on_all_purpose"),
            )
            .group_by(*WORKSPACE, "usage_date", "ingestion_date")
            .agg(*(nw.col(name).sum() for name in _AMOUNTS))
        )
        return _grid(usage.frame), ledger

    def _seen_on_each_day(self, grid: nw.LazyFrame[Any], ledger: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """One row for each workspace and day, with sums over what its ledger said of that day and the 30 before, when they were known."""
        age = day_number(nw.col("day")) - day_number(nw.col("usage_date"))
        arrived = day_number(nw.col("ingestion_date")) - day_number(nw.col("day")) <= self.arrival_days
        days = (
            grid.join(ledger, on=list(WORKSPACE), how="inner")
            .with_columns(age.alias("age"), arrived.alias("arrived"))
            .filter((nw.col("age") >= 0) & (nw.col("age") < MONTH) & nw.col("arrived"))
            .group_by(*WORKSPACE, "day", "age")
            .agg(*(nw.col(name).sum() for name in _AMOUNTS))
            .with_columns(*(nw.col(name).round(DECIMALS) for name in _AMOUNTS))
        )

        sums = (
            days.with_columns((nw.col("dbu") * nw.col("dbu")).alias("dbu_squared"))
            .select(*WORKSPACE, "day", *(_of_ages(column, ages).alias(name) for name, (column, ages) in _SUMS.items()))
            .group_by(*WORKSPACE, "day")
            .agg(*(nw.col(name).sum() for name in _SUMS))
        )
        since = day_number(nw.col("day")) - day_number(nw.col("first_day"))
        return (
            grid.join(sums, on=[*WORKSPACE, "day"], how="left")
            .with_columns(*(nw.col(name).fill_null(0.0) for name in _SUMS), since.alias("days_before"))
            .with_columns(
                _at_most(nw.col("days_before") + 1, WEEK).alias("days_7d"), _at_most(nw.col("days_before") + 1, MONTH).alias("days_30d")
            )
        )


def _grid(usage: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row for each workspace and each day of the source since the workspace's first usage, with that `first_day`."""
    workspaces = usage.group_by(*WORKSPACE).agg(nw.col("usage_date").min().alias("first_day"))
    days = usage.select(nw.col("usage_date").alias("day")).unique()
    return workspaces.join(days, how="cross").filter(nw.col("day") >= nw.col("first_day"))


def _measured(grid: nw.LazyFrame[Any], ledger: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """The grid with what the whole ledger says of each day, 0 where it says nothing; shape (n_workspaces × n_days, 3 + n_amounts)."""
    totals = ledger.group_by(*WORKSPACE, "usage_date").agg(*(nw.col(name).sum() for name in _AMOUNTS))
    return grid.join(totals, left_on=[*WORKSPACE, "day"], right_on=[*WORKSPACE, "usage_date"], how="left").with_columns(
        *(nw.col(name).fill_null(0.0).round(DECIMALS) for name in _AMOUNTS)
    )


def _of_the_week(measured: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Cost of each day of a workspace and the six after it, for the days that have so many; shape (n_rows, 3)."""
    costs = measured.select(*WORKSPACE, nw.col("day").alias("other_day"), nw.col("cost").alias("other_cost"))
    ahead = day_number(nw.col("other_day")) - day_number(nw.col("day"))
    weeks = measured.select(*WORKSPACE, "day").join(costs, on=list(WORKSPACE), how="inner").with_columns(ahead.alias("ahead"))
    week = weeks.filter((nw.col("ahead") >= 0) & (nw.col("ahead") < WEEK)).group_by(*WORKSPACE, "day")
    totals = week.agg(nw.col("other_cost").sum().alias("cost_next_7d"), nw.col("other_cost").count().alias("days"))
    return totals.filter(nw.col("days") == WEEK).select(*WORKSPACE, "day", nw.col("cost_next_7d").round(DECIMALS))


def _of_ages(column: str, ages: tuple[int, int]) -> nw.Expr:
    youngest, oldest = ages
    inside = (nw.col("age") >= youngest) & (nw.col("age") <= oldest)
    return nw.when(inside).then(nw.col(column)).otherwise(0.0)


def _at_most(count: nw.Expr, limit: int) -> nw.Expr:
    return nw.when(count > limit).then(nw.lit(limit)).otherwise(count).cast(nw.Float64)
