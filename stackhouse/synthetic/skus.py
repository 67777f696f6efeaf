"""SKUs of a made account: which product uses each, and what each costs, in dollars for a DBU, before and after a change of price."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import polars as pl

from stackhouse.synthetic.account_parameters import AccountParameters
from stackhouse.synthetic.system_tables import ACCOUNT_ID, CLOUD, LIST_PRICES_SCHEMA

JOBS, SERVERLESS, ALL_PURPOSE, SQL = (
    "PREMIUM_JOBS_COMPUTE",
    "PREMIUM_JOBS_SERVERLESS_COMPUTE_US_EAST_N_VIRGINIA",
    "PREMIUM_ALL_PURPOSE_COMPUTE",
    "PREMIUM_SERVERLESS_SQL_COMPUTE_US_EAST_N_VIRGINIA",
)
_PRICES = {JOBS: ("0.15", "0.165"), SERVERLESS: ("0.45", "0.35"), ALL_PURPOSE: ("0.55", "0.605"), SQL: ("0.70", "0.70")}
PRODUCTS = {JOBS: "JOBS", SERVERLESS: "JOBS", ALL_PURPOSE: "ALL_PURPOSE", SQL: "SQL"}


def list_prices(parameters: AccountParameters) -> pl.DataFrame:
    """Make `list_prices`, two for each SKU: one until some 40 % of the days have passed, 07:00 UTC, and one from then on."""
    begins = datetime(2024, 1, 1, tzinfo=UTC)
    midnight = parameters.midnight
    rows = []
    for sku, prices in _PRICES.items():
        changes = midnight + timedelta(days=parameters.days * 2 // 5, hours=7)
        for start, end, price in ((min(begins, midnight), changes, prices[0]), (changes, None, prices[1])):
            listed = Decimal(price)
            pricing = {"default": listed, "promotional": {"default": None}, "effective_list": {"default": listed}}
            rows.append((start, end, ACCOUNT_ID, sku, CLOUD, "USD", "DBU", pricing))
    return pl.DataFrame(rows, schema=LIST_PRICES_SCHEMA, orient="row")
