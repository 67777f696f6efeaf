"""Features and labels of a job on a day: how often it ran, how long, how often it failed, and how often it broke its SLA.

A run belongs to the UTC day in which it ended, see `job_runs.py`.

An SLA is the longest that a run may take: a number of seconds for all jobs, or a multiple of what the runs of the job took on average
in the 30 days before the day, which is known when the day begins. An average and no median: sums of whole numbers are the same on
every engine, and over days they need no second look at the runs.

Source: docs.databricks.com/admin/system-tables/jobs (timeline rows, result states, ids that are unique within a workspace).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

import narwhals as nw
from pydantic import Field, model_validator

from stackhouse.features.calendar import after_midnight, iso_weekday
from stackhouse.features.days import every_day
from stackhouse.features.definition import TimedDefinition
from stackhouse.features.job_runs import COUNTS, JOB, MONTH, RUN, count_runs, ended_runs, of_the_days_before, require_runs_each_day
from stackhouse.features.windows import coefficient_of_variation, partitioned, ratio, rolling_sum
from stackhouse.table import Table

_SLA_COUNTS = ("judged", "breached")


class ReliabilityFeatures(TimedDefinition):
    """Feature definition of one row for each job (workspace_id, job_id) and day, from the input `job_run_timeline`."""

    kind: Literal["reliability_features"] = "reliability_features"
    min_runs: int = Field(1, ge=1, description="A day on which fewer runs of a job ended gives no label.")
    sla_seconds: int | None = Field(None, ge=1, description="A run that takes longer breaks the SLA; without an SLA where absent.")
    sla_factor: float | None = Field(
        None, ge=1, le=1_000, description="The SLA is so many times the mean duration of the job's runs of the 30 days before."
    )

    entity: ClassVar[tuple[str, ...]] = JOB
    usual_label: ClassVar[str] = "day_failure_rate"

    @model_validator(mode="after")
    def _one_sla(self) -> Self:
        if self.sla_seconds is not None and self.sla_factor is not None:
            raise ValueError("sla_seconds and sla_factor both say when a run breaks the SLA; keep one")
        return self

    @property
    def inputs(self) -> Mapping[str, tuple[str, ...]]:
        """Columns of `system.lakeflow.job_run_timeline`."""
        return {"job_run_timeline": (*RUN, "period_start_time", "period_end_time", "result_state")}

    @property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of the label table that are measured, any of which can be the source of a label.

        None has the name of a feature: `failure_rate` is one, of the day before, so that of the day to come is `day_failure_rate`.
        """
        return ("day_failure_rate", "day_success_rate", "is_failed", "runs", *(("day_sla_breach_rate",) if self._has_sla else ()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order in which `features` gives them."""
        day = ("total_runs", "avg_duration_sec", "success_rate", "failure_rate")
        sla = ("duration_sla_ratio", "sla_breach_rate", "rolling_sla_breach_rate_30d") if self._has_sla else ()
        return (*day, "duration_cv", "rolling_failure_rate_30d", "prev_day_failed", "is_weekend", "day_of_week", *sla)

    def features(self, sources: Mapping[str, Table]) -> Table:
        """Compute the features, shape (n_jobs × n_days since the job's first run ended, 4 + n_features).

        Keys are workspace_id and job_id; `known_at` (UTC) is midnight after the day; `run_date` is carried along. All are float64.
        `total_runs`, `avg_duration_sec`, `success_rate` and `failure_rate` are those of the runs that ended on the day, the last three
        null where none did; `duration_cv` and `rolling_failure_rate_30d` those of 30 days, null where none ended in them;
        `prev_day_failed` is 1 where a run failed on the day; `is_weekend` (0, 1) and `day_of_week` (Monday 1) are those of the next.

        With an SLA, `duration_sla_ratio` is the day's mean duration over the SLA of the next, `sla_breach_rate` the share of the day's
        runs that took longer than their SLA, `rolling_sla_breach_rate_30d` that of 30 days; null where no run had an SLA.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ConfigurationError: where the input is missing.
            DataError: where the input leaves a day out between its first and its last.
        """
        timeline = self.read(sources, "job_run_timeline")
        require_runs_each_day(timeline)
        counts = self._counts
        grid, by = partitioned(every_day(count_runs(self._runs(timeline.frame), counts), JOB, "run_date", counts), JOB)
        totals = grid.with_columns(*(rolling_sum(name, MONTH, by, "run_date").alias(f"{name}_30d") for name in counts))
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
            *self._sla_features(),
        )
        return self.feature_table(features, "run_date")

    def labels(self, sources: Mapping[str, Table]) -> Table:
        """Compute how each job's runs of a day ended, where at least `min_runs` did; shape (n_rows, 4 + n_label_columns).

        `day_failure_rate` and `day_success_rate` are the shares in [0, 1] that failed and that succeeded, float64; `is_failed` is 1
        where any failed, and `runs` counts them, int64. With an SLA, `day_sla_breach_rate` is the share in [0, 1] that took longer,
        however they ended, null where there was nothing before to make the SLA of. `label_time` (UTC) is when the day begins;
        `run_date` is the day.

        Raises:
            ColumnNotFoundError: where the input lacks a column.
            ConfigurationError: where the input is missing.
            DataError: where an SLA is made of the days before, and the input leaves a day out between its first and its last.
        """
        timeline = self.read(sources, "job_run_timeline")
        if self.sla_factor is not None:
            require_runs_each_day(timeline)
        rows = count_runs(self._runs(timeline.frame), self._counts).filter(nw.col("runs") >= self.min_runs)
        breach = [ratio("breached", "judged").alias("day_sla_breach_rate")] if self._has_sla else []
        rows = rows.with_columns(
            *breach,
            ratio("failed", "runs").alias("day_failure_rate"),
            ratio("succeeded", "runs").alias("day_success_rate"),
            (nw.col("failed") > 0).cast(nw.Int64).alias("is_failed"),
            nw.col("runs").cast(nw.Int64).alias("runs"),
            after_midnight(nw.col("run_date"), timedelta(0)).alias("label_time"),
        )
        return self.label_table(rows, "run_date")

    @property
    def _has_sla(self) -> bool:
        return self.sla_seconds is not None or self.sla_factor is not None

    @property
    def _counts(self) -> tuple[str, ...]:
        return (*COUNTS, *_SLA_COUNTS) if self._has_sla else COUNTS

    def _runs(self, timeline: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """The runs that ended; with an SLA, whether each was `judged` by one and whether it took longer (`breached`), as 0 and 1."""
        runs = ended_runs(timeline)
        if not self._has_sla:
            return runs
        if self.sla_factor is not None:
            runs = runs.join(of_the_days_before(runs), on=[*JOB, "run_date"], how="left")
            taken = (nw.col("seconds") * nw.col("runs_before")).cast(nw.Float64)
            allowed = nw.col("seconds_before").cast(nw.Float64) * self.sla_factor
            judged, breached = nw.col("runs_before") > 0, taken > allowed
        else:
            judged, breached = nw.col("runs") > 0, nw.col("seconds") > (self.sla_seconds or 0)
        judged = (judged & ~nw.col("seconds").is_null()).fill_null(value=False)
        counted = {"judged": judged, "breached": judged & breached.fill_null(value=False)}
        return runs.with_columns(*(expression.cast(nw.Int64).alias(name) for name, expression in counted.items()))

    def _sla_features(self) -> list[nw.Expr]:
        if not self._has_sla:
            return []
        usual = nw.col("seconds_30d").cast(nw.Float64) / nw.col("runs_30d") * (self.sla_factor or 1.0)
        sla = nw.when(nw.col("seconds_30d") > 0).then(usual) if self.sla_seconds is None else nw.lit(float(self.sla_seconds))
        return [
            (ratio("seconds", "runs") / sla).alias("duration_sla_ratio"),
            ratio("breached", "judged").alias("sla_breach_rate"),
            ratio("breached_30d", "judged_30d").alias("rolling_sla_breach_rate_30d"),
        ]
