"""What the double of the client does with rows: upserts by key, and as-of joins by Polars."""

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql.types import StructField, StructType

from tests.doubles.delta_catalog import Catalog, KeptTable
from tests.doubles.feature_lookup import FeatureLookup


def merge(catalog: Catalog, kept: KeptTable, rows: pl.DataFrame, incoming: StructType) -> None:
    """Update rows of known keys, insert others, take new columns; every row that was matched counts as updated."""
    keys, base, old = kept.primary_keys, kept.newest.number, catalog.rows(kept.name)
    if rows.select(keys).is_duplicated().any():
        raise ValueError("[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot perform Merge: rows of df share a key")
    new = [StructField(column.name, column.dataType) for column in incoming if column.name not in kept.newest.schema.names]
    schema = StructType([*kept.newest.schema.fields, *new])
    old = old.with_columns(pl.lit(None, rows.schema[column.name]).alias(column.name) for column in new).cast(
        {name: rows.schema[name] for name in rows.columns if name in old.columns}
    )
    lacking = [name for name in schema.names if name not in rows.columns]
    full = rows.join(old.select(*keys, *lacking), on=keys, how="left") if lacking else rows
    full, old = full.select(schema.names), old.select(schema.names)
    known = full.join(old, on=keys, how="semi")
    changes = [
        old.join(full, on=keys, how="semi").with_columns(pl.lit("update_preimage").alias("_change_type")),
        known.with_columns(pl.lit("update_postimage").alias("_change_type")),
        full.join(old, on=keys, how="anti").with_columns(pl.lit("insert").alias("_change_type")),
    ]
    kept.write(pl.concat([old.join(full, on=keys, how="anti"), full]), schema, "MERGE", pl.concat(changes), base)


def looked_up(catalog: Catalog, rows: pl.DataFrame, lookups: list[FeatureLookup]) -> pl.DataFrame:
    """Rows with the outputs of all lookups; defaults fill every null."""
    for lookup in lookups:
        kept = catalog.table(lookup.table_name)
        outputs = lookup.outputs(kept)
        keys = [key for key in kept.primary_keys if key != kept.timeseries]
        found = catalog.rows(kept.name)
        names = dict(zip(keys, lookup.lookup_key, strict=True)) | outputs
        known = pl.col(kept.timeseries).alias("__known") if kept.timeseries else pl.lit(None).alias("__known")
        right = found.select(*(pl.col(theirs).alias(ours) for theirs, ours in names.items()), known)
        if lookup.times:
            [time] = lookup.times
            left = rows.with_row_index("__row").sort(time)
            rows = left.join_asof(right.sort("__known"), left_on=time, right_on="__known", by=lookup.lookup_key, strategy="backward")
            rows = rows.sort("__row").drop("__row")
            if lookup.lookback_window is not None:
                old = pl.col(time) - pl.col("__known") > lookup.lookback_window
                rows = rows.with_columns(pl.when(~old).then(pl.col(output)).alias(output) for output in outputs.values())
        else:
            rows = rows.join(right, on=lookup.lookup_key, how="left", maintain_order="left")
        rows = rows.drop("__known").with_columns(pl.col(name).fill_null(value) for name, value in lookup.default_values.items())
    return rows


def collect(df: DataFrame) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(df.toArrow()))


def to_spark(catalog: Catalog, rows: pl.DataFrame) -> DataFrame:
    return catalog.spark.createDataFrame(rows.to_arrow(compat_level=pl.CompatLevel.oldest()))
