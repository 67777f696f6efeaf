"""Runs of jobs, made of the rows of `system.lakeflow.job_run_timeline`, and counted by the day on which they ended.

A run is all timeline rows of one workspace, job and run id: a long one is cut by the hour, and only its last row has a result. It
belongs to the UTC day in which it ended, so a run that goes on past midnight counts, and fails, on the next day. A run that is
repaired ends again and counts on each day on which it ended, with the last result of that day: what a day says never changes.

Source: docs.databricks.com/admin/system-tables/jobs (timeline rows, result states, ids that are unique within a workspace).
"""

from collections.abc import Sequence
from typing import Any

import narwhals as nw

from stackhouse.features.calendar import whole_seconds
from stackhouse.features.days import every_day, require_every_day
from stackhouse.features.windows import lag, partitioned, rolling_sum
from stackhouse.table import Table

JOB = ("workspace_id", "job_id")
"""A job; its id is unique within a workspace only."""
RUN = (*JOB, "run_id")
FAILURES = ("FAILED", "ERROR", "TIMED_OUT")
"""Results that count as a failure; a run that was CANCELLED, SKIPPED or BLOCKED neither failed nor succeeded."""
MONTH = 30

COUNTS = ("runs", "succeeded", "failed", "seconds", "seconds_squared")
"""What is counted of the runs of a job and day: whole numbers, of which sums over windows are exact."""


def require_runs_each_day(timeline: Table) -> None:
    """Check that a run ended on each day between the first and the last of the timeline.

    Raises:
        DataError: where none did on some day.
    """
    ended = timeline.frame.filter(~nw.col("result_state").is_null()).select(nw.col("period_end_time").dt.date().alias("day"))
    require_every_day(ended, "day", f"{timeline.name} has runs that ended on", "windows count days as rows")


def ended_runs(timeline: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """One row for each run and day on which it ended: how, and after how many seconds; shape (n_run_days, 9)."""
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
    return results.join(started, on=list(RUN), how="inner").with_columns(
        (whole_seconds(nw.col("ended_at")) - whole_seconds(nw.col("started_at"))).alias("seconds"), nw.lit(1).cast(nw.Int64).alias("runs")
    )


def count_runs(runs: nw.LazyFrame[Any], counts: Sequence[str]) -> nw.LazyFrame[Any]:
    """Whole numbers of each job and day on which a run ended, so that sums over windows are exact; shape (n_job_days, 3 + n_counts)."""
    squared = runs.with_columns((nw.col("seconds") * nw.col("seconds")).alias("seconds_squared"))
    return squared.group_by(*JOB, "run_date").agg(*(nw.col(name).sum() for name in counts))


def of_the_days_before(runs: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Runs of a job in the 30 days before each day since its first, and their seconds; shape (n_job_days, 5)."""
    counts = ("runs", "seconds")
    grid, by = partitioned(every_day(count_runs(runs, counts), JOB, "run_date", counts), JOB)
    totals = grid.with_columns(*(rolling_sum(name, MONTH, by, "run_date").alias(f"{name}_30d") for name in counts))
    before = totals.with_columns(*(lag(f"{name}_30d", 1, by, "run_date").alias(f"{name}_before") for name in counts))
    return before.select(*JOB, "run_date", *(f"{name}_before" for name in counts))
