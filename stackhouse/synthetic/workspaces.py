"""Workspaces of a made account: what its jobs and its people use, and the rows of the system tables that tell of it."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import polars as pl

from stackhouse.synthetic.account_parameters import AccountParameters
from stackhouse.synthetic.jobs import DAY, Job
from stackhouse.synthetic.skus import ALL_PURPOSE, PRODUCTS, SERVERLESS, SQL
from stackhouse.synthetic.system_tables import ACCOUNT_ID, AMOUNT, CLOUD, TIME

HOUR = 3_600

_CODES = {"SUCCEEDED": "SUCCESS", "FAILED": "RUN_EXECUTION_ERROR", "TIMED_OUT": "RUN_EXECUTION_ERROR", "CANCELLED": "USER_CANCELED"}
_SPIKE_EVERY = 28


class Workspace:
    """One workspace: its jobs, its people, and the days on which it spends far more."""

    def __init__(self, parameters: AccountParameters, number: int, rng: np.random.Generator) -> None:
        self.parameters, self.rng = parameters, rng
        self.id = str(1_000_000_000_000_001 + number)
        jobs = parameters.jobs_per_workspace
        troubled = max(1, jobs // 4)
        kinds = (["flaky"] * troubled + ["creeping"] * troubled + ["steady"] * jobs)[:jobs]
        self.jobs = [Job(parameters, number, job, kinds[place], rng) for job, place in enumerate(rng.permutation(jobs))]
        first_spikes = range(0, parameters.days - _SPIKE_EVERY + 1, _SPIKE_EVERY)
        self.spike_days = [block + int(rng.integers(10, _SPIKE_EVERY)) for block in first_spikes]
        self.midnight = int(parameters.midnight.timestamp())
        self.slices = self._slices()

    @property
    def spikes(self) -> list[tuple[str, date]]:
        """The workspace with each day on which it spends far more."""
        return [(self.id, self.parameters.first_day + timedelta(days=day)) for day in self.spike_days]

    def of_kind(self, kind: str) -> list[tuple[str, str]]:
        """Return the workspace with each job of a kind."""
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
            pl.col("sku_name").replace_strict(PRODUCTS).alias("billing_origin_product"),
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
