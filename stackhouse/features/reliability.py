"""Features and labels of a job on a day: how often it ran, how long, and how often it failed.

A run is all timeline rows of one workspace, job and run id: a long one is cut by the hour, and only its last row has a result. It
belongs to the UTC day in which it ended, so a run that goes on past midnight counts, and fails, on the next day. A run that is
repaired ends again and counts on each day on which it ended, with the last result of that day: what a day says never changes.

Source: docs.databricks.com/admin/system-tables/jobs (timeline rows, result states, ids that are unique within a workspace).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import narwhals as nw
from pydantic import Field

from stackhouse.features.calendar import after_midnight, iso_weekday, whole_seconds
from stackhouse.features.days import every_day, require_every_day
from stackhouse.features.definition import Definition
from stackhouse.features.windows import coefficient_of_variation, partitioned, ratio, rolling_sum
from stackhouse.table import Roles, Table

JOB = ("workspace_id", "job_id")
RUN = (*JOB, "run_id")
FAILURES = ("FAILED", "ERROR", "TIMED_OUT")
"""Results that count as a failure; a run that was CANCELLED, SKIPPED or BLOCKED neither failed nor succeeded."""
MONTH = 30

_COUNTS = ("runs", "succeeded", "failed", "seconds", "seconds_squared")


class ReliabilityFeatures(Definition):
    """Feature definition of one row for each job (workspace_id, job_id) and day, from the input `job_run_timeline`."""

    kind: Literal["reliability_features"] = "reliability_features"
    min_runs: int = Field(1, ge=1, description="A day on which fewer runs of a job ended gives no label.")

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """Columns of `system.lakeflow.job_run_timeline`."""
        return {"job_run_timeline": (*RUN, "period_start_time", "period_end_time", "result_state")}

    @property
    def primary_keys(self) -> tuple[str, ...]:
        """A job; its id is unique within a workspace only."""
        return JOB

    @property
    def timestamp(self) -> str:
        """Column that says from when a feature row was known."""
        return "known_at"

    @property
    def label_roles(self) -> Roles:
        """Roles of the columns of the label table."""
        return Roles(primary_keys=JOB, timestamp="label_time", label="day_failure_rate")

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label.

        None has the name of a feature: `failure_rate` is one, of the day before, so that of the day to come is `day_failure_rate`.
        """
        return ("day_failure_rate", "is_failed", "runs")

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        day = ("total_runs", "avg_duration_sec", "success_rate", "failure_rate")
        return (*day, "duration_cv", "rolling_failure_rate_30d", "prev_day_failed", "is_weekend", "day_of_week")

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_jobs × n_days since the job's first run ended, 4 + n_features).

        Keys are workspace_id and job_id; `known_at` (UTC) is midnight after the day; `run_date` is carried along. All are float64.
        `total_runs`, `avg_duration_sec`, `success_rate` and `failure_rate` are those of the runs that ended on the day, the last three
        null where none did; `duration_cv` and `rolling_failure_rate_30d` those of 30 days, null where none ended in them;
        `prev_day_failed` is 1 where a run failed on the day; `is_weekend` (0, 1) and `day_of_week` (Monday 1) are those of the next.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ConfigurationError: where the input is missing.
            DataError: where the input leaves a day out between its first and its last.
        """
        timeline = self.read(sources, "job_run_timeline")
        ended = timeline.frame.filter(~nw.col("result_state").is_null()).select(nw.col("period_end_time").dt.date().alias("day"))
        require_every_day(ended, "day", f"{timeline.name} has runs that ended on", "windows count days as rows")
        grid, by = partitioned(every_day(_count(timeline.frame), JOB, "run_date", _COUNTS), JOB)
        totals = grid.with_columns(*(rolling_sum(name, MONTH, by, "run_date").alias(f"{name}_30d") for name in _COUNTS))
        weekday = iso_weekday(nw.col("run_date").dt.offset_by("1d"))
        features = totals.with_columns(
            nw.col("runs").cast(nw.Float64).alias("total_runs"),
            ratio("seconds", "runs").alias("avg_duration_sec"),
            ratio("succeeded", "runs").alias("success_rate"),
            ratio("failed", "runs").alias("failure_rate"),
            coefficient_of_variation("seconds_30d", "seconds_squared_30d", "runs_30d").alias("duration_cv"),
            ratio("failed_30d", "runs_30d").alias("rolling_failure_rate_30d"),
            (nw.col("failed") > 0).cast(nw.Float64).alias("prev_day_failed"),
            (weekday >= 6).cast(nw.Float64).alias("is_weekend"),
            weekday.alias("day_of_week"),
            after_midnight(nw.col("run_date"), timedelta(days=1)).alias("known_at"),
        )
        roles = Roles(primary_keys=JOB, timestamp=self.timestamp, features=self.feature_names)
        return Table(features.select(*roles.columns, "run_date"), roles, "reliability_features features")

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Compute how each job's runs of a day ended, where at least `min_runs` did; shape (n_rows, 7).

        `day_failure_rate` is the share in [0, 1] that failed, float64; `is_failed` is 1 where any did, and `runs` counts them, int64.
        `label_time` (UTC) is when the day begins; `run_date` is the day.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ConfigurationError: where the input is missing.
        """
        counted = _count(self.read(sources, "job_run_timeline").frame).filter(nw.col("runs") >= self.min_runs)
        rows = counted.with_columns(
            ratio("failed", "runs").alias("day_failure_rate"),
            (nw.col("failed") > 0).cast(nw.Int64).alias("is_failed"),
            nw.col("runs").cast(nw.Int64).alias("runs"),
            after_midnight(nw.col("run_date"), timedelta(0)).alias("label_time"),
        )
        roles = self.label_roles
        return Table(rows.select(*roles.identity, *self.label_columns, "run_date"), roles, "reliability_features labels")


def _count(timeline: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Whole numbers of each job and day on which a run ended, so that sums over windows are exact; shape (n_job_days, 3 + n_counts)."""
    ended = timeline.filter(~nw.col("result_state").is_null()).with_columns(nw.col("period_end_time").dt.date().alias("run_date"))
    last = ended.group_by(*RUN, "run_date").agg(nw.col("period_end_time").max().alias("ended_at"))
    started = timeline.group_by(*RUN).agg(nw.col("period_start_time").min().alias("started_at"))
    state = nw.col("result_state")
    results = (
        ended.join(last, on=[*RUN, "run_date"], how="inner")
        .filter(nw.col("period_end_time") == nw.col("ended_at"))
        .with_columns(state.is_in(FAILURES).cast(nw.Int64).alias("failed"), (state == "SUCCEEDED").cast(nw.Int64).alias("succeeded"))
        .group_by(*RUN, "run_date", "ended_at")
        .agg(nw.col("failed").max(), nw.col("succeeded").min())
    )
    runs = results.join(started, on=list(RUN), how="inner").with_columns(
        (whole_seconds(nw.col("ended_at")) - whole_seconds(nw.col("started_at"))).alias("seconds"), nw.lit(1).cast(nw.Int64).alias("runs")
    )
    squared = runs.with_columns((nw.col("seconds") * nw.col("seconds")).alias("seconds_squared"))
    return squared.group_by(*JOB, "run_date").agg(*(nw.col(name).sum() for name in _COUNTS))
