"""A Databricks account made from a seed: usage, list prices and job runs, with the schemas of the system tables.

The tables have what makes the real ones hard: corrections, prices that change within the period, several timeline rows a run, ids
that are unique within a workspace only, and nulls. Cost spikes and failing jobs are planted, and named, so that a test can look for them.

Maps have no form that Polars, DuckDB, pandas and Spark share, so `usage.custom_tags` and `job_run_timeline.job_parameters` are left
out; of the structs `usage_metadata` and `product_features` the fields that name compute, jobs and tiers are given.

Source: docs.databricks.com/en/admin/system-tables/billing (usage: records, corrections, metadata, product features),
docs.databricks.com/en/admin/system-tables/pricing (list_prices: the price window, `pricing.default`),
docs.databricks.com/admin/system-tables/jobs (job_run_timeline: runs cut by the hour, `result_state` on the last row).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

HOUR, DAY = 3_600, 86_400
ACCOUNT_ID = "0d9e5a34-7c1f-4c5b-9a51-6f2f1c7be001"
CLOUD = "AWS"
AMOUNT = pl.Decimal(38, 18)
TIME = pl.Datetime("us", "UTC")

USAGE_SCHEMA: dict[str, Any] = {
    "record_id": pl.String,
    "account_id": pl.String,
    "workspace_id": pl.String,
    "sku_name": pl.String,
    "cloud": pl.String,
    "usage_start_time": TIME,
    "usage_end_time": TIME,
    "usage_date": pl.Date,
    "usage_unit": pl.String,
    "usage_quantity": AMOUNT,
    "usage_metadata": pl.Struct(
        dict.fromkeys(
            ("cluster_id", "job_id", "warehouse_id", "instance_pool_id", "node_type", "job_run_id", "notebook_id", "dlt_pipeline_id"),
            pl.String,
        )
    ),
    "identity_metadata": pl.Struct({"run_as": pl.String, "owned_by": pl.String, "created_by": pl.String}),
    "record_type": pl.String,
    "ingestion_date": pl.Date,
    "billing_origin_product": pl.String,
    "product_features": pl.Struct(
        {
            "jobs_tier": pl.String,
            "sql_tier": pl.String,
            "dlt_tier": pl.String,
            "is_serverless": pl.Boolean,
            "is_photon": pl.Boolean,
            "serving_type": pl.String,
        }
    ),
    "usage_type": pl.String,
}
"""Columns of `system.billing.usage`."""

LIST_PRICES_SCHEMA: dict[str, Any] = {
    "price_start_time": TIME,
    "price_end_time": TIME,
    "account_id": pl.String,
    "sku_name": pl.String,
    "cloud": pl.String,
    "currency_code": pl.String,
    "usage_unit": pl.String,
    "pricing": pl.Struct(
        {"default": AMOUNT, "promotional": pl.Struct({"default": AMOUNT}), "effective_list": pl.Struct({"default": AMOUNT})}
    ),
}
"""Columns of `system.billing.list_prices`."""

JOB_RUN_TIMELINE_SCHEMA: dict[str, Any] = {
    "account_id": pl.String,
    "workspace_id": pl.String,
    "job_id": pl.String,
    "run_id": pl.String,
    "period_start_time": TIME,
    "period_end_time": TIME,
    "trigger_type": pl.String,
    "run_type": pl.String,
    "run_name": pl.String,
    "compute_ids": pl.List(pl.String),
    "result_state": pl.String,
    "termination_code": pl.String,
}
"""Columns of `system.lakeflow.job_run_timeline`."""

KNOWN_ANOMALIES_SCHEMA: dict[str, Any] = {"workspace_id": pl.String, "usage_date": pl.Date}
"""A workspace and a day on which it used far more than it should. Databricks has no such table; incidents on record could fill it."""

JOBS, SERVERLESS, ALL_PURPOSE, SQL = (
    "PREMIUM_JOBS_COMPUTE",
    "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA",
    "PREMIUM_ALL_PURPOSE_COMPUTE",
    "PREMIUM_SERVERLESS_SQL_COMPUTE_US_EAST_N_VIRGINIA",
)
_PRICES = {JOBS: ("0.15", "0.165"), SERVERLESS: ("0.45", "0.35"), ALL_PURPOSE: ("0.55", "0.605"), SQL: ("0.70", "0.70")}
_PRODUCTS = {JOBS: "JOBS", SERVERLESS: "JOBS", ALL_PURPOSE: "ALL_PURPOSE", SQL: "SQL"}
_CODES = {"SUCCEEDED": "SUCCESS", "FAILED": "RUN_EXECUTION_ERROR", "TIMED_OUT": "RUN_EXECUTION_ERROR", "CANCELLED": "USER_CANCELED"}
_CORRECTED_SHARE = 0.01
_SPIKE_EVERY = 28

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class AccountParameters(BaseModel):
    """What an account is made from; equal parameters give equal tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(7, ge=0, description="Seed of everything that is drawn.")
    days: int = Field(180, ge=1, le=1_096, description="How many days the tables cover.")
    workspaces: int = Field(6, ge=1, le=1_000, description="How many workspaces the account has.")
    jobs_per_workspace: int = Field(
        12, ge=1, le=1_000, description="How many jobs run in each workspace; their ids repeat in every workspace."
    )
    first_day: date = Field(date(2025, 1, 1), description="First day, UTC.")
    serverless_moves: float = Field(
        0.0, ge=0, le=1, description="Share of the jobs on other compute that move to serverless within the period, a third of them back."
    )


@dataclass(frozen=True)
class Planted:
    """What is hidden in the tables: days on which a workspace spends far more, and jobs that fail for a reason one can see coming."""

    cost_spikes: tuple[tuple[str, date], ...]
    flaky_jobs: tuple[tuple[str, str], ...]
    creeping_jobs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Account:
    """Three system tables as Polars frames, and what is planted in them."""

    usage: pl.DataFrame
    list_prices: pl.DataFrame
    job_run_timeline: pl.DataFrame
    planted: Planted

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The tables by the names that definitions read them by; the system tables, and the planted spikes as `known_anomalies`."""
        spikes = pl.DataFrame(self.planted.cost_spikes, schema=KNOWN_ANOMALIES_SCHEMA, orient="row")
        system = {"usage": self.usage, "list_prices": self.list_prices, "job_run_timeline": self.job_run_timeline}
        return {**system, "known_anomalies": spikes}


def generate_account(parameters: AccountParameters) -> Account:
    """Make the tables of an account. Times are whole seconds, UTC; quantities are whole millionths of a DBU; the current price has no end.

    A steady job fails in 2 % of its runs. A flaky one fails far more often, most of all on Mondays; a creeping one takes longer every
    day for weeks, then fails until it is repaired. Any job may have an incident, some days on which most runs fail.
    """
    rng = np.random.default_rng(parameters.seed)
    workspaces = [_Workspace(parameters, number, rng) for number in range(parameters.workspaces)]
    usage = pl.concat([workspace.usage() for workspace in workspaces])
    timeline = pl.concat([workspace.timeline() for workspace in workspaces])
    planted = Planted(
        cost_spikes=tuple(spike for workspace in workspaces for spike in workspace.spikes),
        flaky_jobs=tuple(job for workspace in workspaces for job in workspace.of_kind("flaky")),
        creeping_jobs=tuple(job for workspace in workspaces for job in workspace.of_kind("creeping")),
    )
    return Account(_with_corrections(usage, rng), _list_prices(parameters), timeline, planted)


class _Job:
    """Runs of one job: start and end in seconds since the first day's midnight, and how each ended."""

    def __init__(self, parameters: AccountParameters, workspace: int, number: int, kind: str, rng: np.random.Generator) -> None:
        self.id, self.kind = str(100 + number), kind
        sku = str(rng.choice([JOBS, SERVERLESS, ALL_PURPOSE], p=[0.5, 0.3, 0.2]))
        self.dbu_an_hour = float(rng.uniform(2, 12))
        days = np.arange(parameters.days)
        weekday = (days + parameters.first_day.weekday()) % 7
        creep = _creep(parameters.days, rng) if kind == "creeping" else np.zeros(parameters.days)
        failing = _probability(kind, weekday, creep, rng)
        a_day = int(rng.integers(1, 5))
        running = (
            np.flatnonzero(weekday < 5) if number and rng.random() < 0.2 else days
        )  # the first job leaves no day of its workspace empty
        day = np.repeat(running, a_day)
        slot = np.tile(np.arange(a_day), len(running)) * (DAY // a_day)
        self.start = (day * DAY + slot + int(rng.integers(0, DAY // a_day - 600)) + rng.integers(0, 600, len(day))).astype(np.int64)
        failed = rng.random(len(day)) < failing[day]
        minutes = float(rng.uniform(4, 40)) * float(rng.choice([1, 1, 4])) * (1 + creep[day]) * np.exp(rng.normal(0, 0.1, len(day)))
        shortened = rng.uniform(0.5, 1.0, len(day)) if kind != "creeping" else 1.0  # what has become too slow fails at its end
        minutes = np.where(failed, minutes * shortened, minutes)
        self.end = self.start + np.maximum(30, minutes * 60).astype(np.int64)
        self.skus = np.where(_on_serverless(parameters, workspace, number)[day], SERVERLESS, sku)
        aside = rng.random(len(day))
        self.state = np.where(failed, np.where(aside < 0.1, "TIMED_OUT", "FAILED"), np.where(aside < 0.005, "CANCELLED", "SUCCEEDED"))


def _on_serverless(parameters: AccountParameters, workspace: int, number: int) -> NDArray[np.bool_]:
    """On which days a job has moved to serverless compute, shape (days,). Drawn apart, so that all else stays what it is without moves."""
    rng = np.random.default_rng([parameters.seed, workspace, number])
    days, moves, returns = np.arange(parameters.days), rng.random() < parameters.serverless_moves, rng.random() < 1 / 3
    moved_at = int(rng.integers(0, parameters.days))
    stays = int(rng.integers(14, 43)) if returns else parameters.days
    on_serverless: NDArray[np.bool_] = moves & (days >= moved_at) & (days < moved_at + stays)
    return on_serverless


def _creep(days: int, rng: np.random.Generator) -> Floats:
    """How much longer runs take on each day, as a share: it grows by 5 % a day until the job is repaired, three to five weeks later."""
    share, age, repaired_at = np.zeros(days), int(rng.integers(0, 20)), int(rng.integers(21, 35))
    for day in range(days):
        share[day] = 0.05 * age
        age = age + 1 if age < repaired_at else 0
    return share


def _probability(kind: str, weekday: Ints, creep: Floats, rng: np.random.Generator) -> Floats:
    """Probability that a run of each day fails, shape (days,)."""
    usual = 0.02 if kind != "flaky" else float(rng.uniform(0.15, 0.35))
    probability = np.full(len(weekday), usual)
    if kind == "flaky":
        probability = np.where(weekday == 0, np.minimum(0.9, usual * 2.5), probability)
    probability = np.where(creep > 0.8, np.minimum(0.8, probability + (creep - 0.8) * 1.5), probability)
    incident = False
    for day in range(len(weekday)):
        incident = bool(rng.random() < (0.7 if incident else 0.02))
        if incident:
            probability[day] = max(probability[day], 0.8)
    return probability


class _Workspace:
    """One workspace: its jobs, its people, and the days on which it spends far more."""

    def __init__(self, parameters: AccountParameters, number: int, rng: np.random.Generator) -> None:
        self.parameters, self.rng = parameters, rng
        self.id = str(1_000_000_000_000_001 + number)
        jobs = parameters.jobs_per_workspace
        troubled = max(1, jobs // 4)
        kinds = (["flaky"] * troubled + ["creeping"] * troubled + ["steady"] * jobs)[:jobs]
        self.jobs = [_Job(parameters, number, job, kinds[place], rng) for job, place in enumerate(rng.permutation(jobs))]
        first_spikes = range(0, parameters.days - _SPIKE_EVERY + 1, _SPIKE_EVERY)
        self.spike_days = [block + int(rng.integers(10, _SPIKE_EVERY)) for block in first_spikes]
        self.midnight = int(datetime(*parameters.first_day.timetuple()[:3], tzinfo=UTC).timestamp())
        self.slices = self._slices()

    @property
    def spikes(self) -> list[tuple[str, date]]:
        return [(self.id, self.parameters.first_day + timedelta(days=day)) for day in self.spike_days]

    def of_kind(self, kind: str) -> list[tuple[str, str]]:
        return [(self.id, job.id) for job in self.jobs if job.kind == kind]

    def _slices(self) -> pl.DataFrame:
        """Runs cut at each full hour, in order of their starts; what lies after the last day is not known yet."""
        count = [len(job.start) for job in self.jobs]
        runs = pl.DataFrame(
            {
                "start": np.concatenate([job.start for job in self.jobs]),
                "end": np.concatenate([job.end for job in self.jobs]),
                "result_state": np.concatenate([job.state for job in self.jobs]).astype(str),
                "job_id": np.repeat([job.id for job in self.jobs], count),
                "sku_name": np.concatenate([job.skus for job in self.jobs]),
                "dbu_an_hour": np.repeat([job.dbu_an_hour for job in self.jobs], count),
            }
        ).sort("start", "job_id")
        first, last = pl.col("start") // HOUR, (pl.col("end") - 1) // HOUR
        cut = runs.with_columns(
            (pl.row_index() + 10_001).cast(pl.String).alias("run_id"), pl.int_ranges(first, last + 1).alias("hour"), last.alias("last_hour")
        ).explode("hour", empty_as_null=False, keep_nulls=False)
        ends = pl.col("hour") == pl.col("last_hour")
        return cut.with_columns(
            pl.max_horizontal("start", pl.col("hour") * HOUR).alias("from"),
            pl.min_horizontal("end", (pl.col("hour") + 1) * HOUR).alias("until"),
            pl.when(ends).then("result_state").alias("result_state"),
        ).filter(pl.col("until") <= self.parameters.days * DAY)

    def timeline(self) -> pl.DataFrame:
        """Rows of `job_run_timeline`."""
        text = pl.lit(None, pl.String)
        serverless = pl.col("sku_name") == SERVERLESS
        return self.slices.select(
            pl.lit(ACCOUNT_ID).alias("account_id"),
            pl.lit(self.id).alias("workspace_id"),
            "job_id",
            "run_id",
            self._time("from").alias("period_start_time"),
            self._time("until").alias("period_end_time"),
            pl.lit("CRON").alias("trigger_type"),
            pl.lit("JOB_RUN").alias("run_type"),
            text.alias("run_name"),
            pl.when(~serverless).then(pl.concat_list(_cluster(self.id, "job_id"))).alias("compute_ids"),
            "result_state",
            pl.col("result_state").replace_strict(_CODES, default=None, return_dtype=pl.String).alias("termination_code"),
        )

    def usage(self) -> pl.DataFrame:
        """Original rows of `usage`: an hour of a run, of a cluster that people share, or of a warehouse."""
        runs = self.slices.select(
            "hour",
            "sku_name",
            ((pl.col("until") - pl.col("from")) / HOUR * pl.col("dbu_an_hour")).alias("dbu"),
            "job_id",
            pl.col("run_id").alias("job_run_id"),
        )
        rows = pl.concat([runs, self._of_people(float(runs["dbu"].sum()) / self.parameters.days)])
        serverless = pl.col("sku_name").is_in([SERVERLESS, SQL])
        is_job, is_sql = pl.col("job_id").is_not_null(), pl.col("sku_name") == SQL
        text = pl.lit(None, pl.String)
        start = self._time(pl.col("hour") * HOUR)
        cluster = pl.when(is_job).then(_cluster(self.id, "job_id")).otherwise(pl.lit(f"{self.id[-4:]}-people"))
        metadata = {
            "cluster_id": pl.when(~serverless).then(cluster),
            "job_id": pl.col("job_id"),
            "warehouse_id": pl.when(is_sql).then(pl.lit(f"{self.id[-4:]}a0b1c2d3e4f5")),
            "instance_pool_id": text,
            "node_type": pl.when(~serverless).then(pl.lit("m5d.xlarge")),
            "job_run_id": pl.col("job_run_id"),
            "notebook_id": text,
            "dlt_pipeline_id": text,
        }
        features = {
            "jobs_tier": pl.when(is_job & (pl.col("sku_name") != ALL_PURPOSE)).then(pl.lit("CLASSIC")),
            "sql_tier": pl.when(is_sql).then(pl.lit("PRO")),
            "dlt_tier": text,
            "is_serverless": serverless,
            "is_photon": is_sql,
            "serving_type": text,
        }
        person = pl.when(is_job).then(pl.lit("jobs@example.com")).otherwise(pl.lit("people@example.com"))
        return rows.select(
            pl.lit("").alias("record_id"),
            pl.lit(ACCOUNT_ID).alias("account_id"),
            pl.lit(self.id).alias("workspace_id"),
            "sku_name",
            pl.lit(CLOUD).alias("cloud"),
            start.alias("usage_start_time"),
            (start + pl.duration(hours=1)).alias("usage_end_time"),
            start.dt.date().alias("usage_date"),
            pl.lit("DBU").alias("usage_unit"),
            _decimal((pl.col("dbu") * 1_000_000).ceil().cast(pl.Int64)).alias("usage_quantity"),
            _struct(metadata).alias("usage_metadata"),
            pl.struct(run_as=person, owned_by=pl.when(is_sql).then(person), created_by=text).alias("identity_metadata"),
            pl.lit("ORIGINAL").alias("record_type"),
            start.dt.date().alias("ingestion_date"),
            pl.col("sku_name").replace_strict(_PRODUCTS).alias("billing_origin_product"),
            _struct(features).alias("product_features"),
            pl.lit("COMPUTE_TIME").alias("usage_type"),
        )

    def _of_people(self, level: float) -> pl.DataFrame:
        """Usage without a job: clusters and warehouses, on working days from 8 to 18 h, and the spikes; about as much as the jobs take."""
        days = np.arange(self.parameters.days)
        working = (days + self.parameters.first_day.weekday()) % 7 < 5
        dbu = np.where(working, level * np.exp(self.rng.normal(0, 0.15, len(days))), 0.0)
        share = float(self.rng.uniform(0.3, 0.7))
        spike = np.isin(days, self.spike_days) * level * 6
        hours = np.arange(8, 18)
        frames = [
            pl.DataFrame({"hour": (days[:, None] * 24 + hours).ravel(), "sku_name": sku, "dbu": np.repeat(daily / len(hours), len(hours))})
            for sku, daily in ((ALL_PURPOSE, dbu * share + spike), (SQL, dbu * (1 - share)))
        ]
        text = pl.lit(None, pl.String)
        return pl.concat(frames).filter(pl.col("dbu") > 0).with_columns(text.alias("job_id"), text.alias("job_run_id"))

    def _time(self, seconds: str | pl.Expr) -> pl.Expr:
        value = pl.col(seconds) if isinstance(seconds, str) else seconds
        return ((value + self.midnight) * 1_000_000).cast(TIME)


def _cluster(workspace: str, column: str) -> pl.Expr:
    return pl.format("{}-{}", pl.lit(workspace[-4:]), pl.col(column))


def _struct(fields: Mapping[str, pl.Expr]) -> pl.Expr:
    return pl.struct(value.alias(name) for name, value in fields.items())


def _decimal(millionths: pl.Expr) -> pl.Expr:
    return millionths.cast(AMOUNT) / pl.lit(Decimal(1_000_000), AMOUNT)


def _with_corrections(usage: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Give each row its id, and correct some: a retraction takes all of it back, a restatement says four fifths; ingested days later."""
    wrong = usage.filter(pl.Series(rng.random(len(usage)) < _CORRECTED_SHARE))
    later = pl.col("ingestion_date") + pl.duration(days=pl.lit(pl.Series(rng.integers(1, 4, len(wrong)))))
    wrong = wrong.with_columns(later.cast(pl.Date)).filter(pl.col("ingestion_date") <= usage["usage_date"].max())
    retracted = wrong.with_columns((-pl.col("usage_quantity")).cast(AMOUNT), record_type=pl.lit("RETRACTION"))
    restated = wrong.with_columns((pl.col("usage_quantity") * Decimal("0.8")).cast(AMOUNT), record_type=pl.lit("RESTATEMENT"))
    rows = pl.concat([usage, retracted, restated])
    ids = pl.Series([str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(len(rows))], dtype=pl.String)
    return rows.with_columns(ids.alias("record_id")).cast(pl.Schema(USAGE_SCHEMA))


def _list_prices(parameters: AccountParameters) -> pl.DataFrame:
    """Two prices for each SKU: one until some 40 % of the days have passed, 07:00 UTC, and one from then on."""
    begins = datetime(2024, 1, 1, tzinfo=UTC)
    midnight = datetime(*parameters.first_day.timetuple()[:3], tzinfo=UTC)
    rows = []
    for sku, prices in _PRICES.items():
        changes = midnight + timedelta(days=parameters.days * 2 // 5, hours=7)
        for start, end, price in ((min(begins, midnight), changes, prices[0]), (changes, None, prices[1])):
            listed = Decimal(price)
            pricing = {"default": listed, "promotional": {"default": None}, "effective_list": {"default": listed}}
            rows.append((start, end, ACCOUNT_ID, sku, CLOUD, "USD", "DBU", pricing))
    return pl.DataFrame(rows, schema=LIST_PRICES_SCHEMA, orient="row")
