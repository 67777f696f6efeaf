"""Usage beside its list price: the one price of its cloud, SKU and unit that held when the usage began.

Decimals become float64 here, and the fields that are read of structs become columns.

Source: docs.databricks.com/en/admin/system-tables/pricing (list prices and their windows).
"""

from typing import Any

import narwhals as nw

from stackhouse.errors import DataError
from stackhouse.table import Table


def usage_with_price(usage: Table, prices: Table) -> nw.LazyFrame[Any]:
    """Give each row of `system.billing.usage` its price of `system.billing.list_prices`; shape (n_rows, n_columns).

    Raises:
        DataError: where usage has no list price, or several; the rows are counted for it.
    """
    priced = _priced(_flat_usage(usage.frame), _flat_prices(prices.frame))
    _require_one_price(priced, usage.name)
    return priced.filter(nw.col("applies"))


def _flat_usage(usage: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Fields of structs as columns, decimals as float64; a missing `is_serverless` is none."""
    return usage.select(
        *(nw.col(name) for name in ("record_id", "workspace_id", "cloud", "sku_name", "usage_unit", "usage_start_time", "usage_date")),
        nw.coalesce("ingestion_date", "usage_date").alias("ingestion_date"),
        nw.col("usage_quantity").cast(nw.Float64).alias("quantity"),
        nw.col("usage_metadata").struct.field("job_id").alias("job_id"),
        nw.col("product_features").struct.field("is_serverless").fill_null(value=False).alias("serverless"),
    )


def _flat_prices(prices: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    price = nw.col("pricing").struct.field("default").cast(nw.Float64).alias("price")
    return prices.select("cloud", "sku_name", "usage_unit", "price_start_time", "price_end_time", price)


def _priced(usage: nw.LazyFrame[Any], prices: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Usage with every price of its SKU; `applies` says which one held when the usage began."""
    joined = usage.join(prices, on=["cloud", "sku_name", "usage_unit"], how="left")
    begun = nw.col("usage_start_time") >= nw.col("price_start_time")
    open_ended = nw.col("price_end_time").is_null()
    ended = (nw.col("usage_start_time") >= nw.col("price_end_time")).fill_null(value=False)
    holds = begun.fill_null(value=False) & (open_ended | ~ended) & ~nw.col("price").is_null()
    return joined.with_columns(holds.alias("applies"))


def _require_one_price(priced: nw.LazyFrame[Any], where: str) -> None:
    applies = nw.when(nw.col("applies")).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64).alias("prices")
    found = priced.select("record_id", "sku_name", applies).group_by("record_id", "sku_name").agg(nw.col("prices").sum())
    wrong = found.filter(nw.col("prices") != 1).with_columns((nw.col("prices") > 1).alias("several"))
    counts = wrong.group_by("sku_name", "several").agg(nw.len().alias("rows")).collect(backend="polars").sort("sku_name", "several")
    if len(counts):
        problems = [
            f"{rows:,} rows of {sku} have {'more than one list price' if several else 'no list price'}"
            for sku, several, rows in counts.select("sku_name", "several", "rows").rows()
        ]
        raise DataError(
            f"{where}: {'; '.join(problems)} at the time of use. Their cost would be left out or counted twice. "
            "Load list_prices for every cloud, SKU and unit of the period, each record_id once."
        )
