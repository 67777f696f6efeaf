"""Schemas of the system tables of a Databricks account, as far as they are made.

Maps have no form that Polars, DuckDB, pandas and Spark share, so `usage.custom_tags` and `job_run_timeline.job_parameters` are left
out; of the structs `usage_metadata` and `product_features` the fields that name compute, jobs and tiers are given.

Source: docs.databricks.com/en/admin/system-tables/billing (usage: records, corrections, metadata, product features),
docs.databricks.com/en/admin/system-tables/pricing (list_prices: the price window, `pricing.default`),
docs.databricks.com/admin/system-tables/jobs (job_run_timeline: runs cut by the hour, `result_state` on the last row).
"""

from typing import Any

import polars as pl

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
