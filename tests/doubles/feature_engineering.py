"""A double of Databricks' client for feature tables, version 0.18.2, written from its documented signatures and rules.

Every argument by its keyword, unknown ones refused, types checked, and each rule that the documentation names broken with a ValueError.
Tables are those of `delta_catalog.Catalog`; joins are computed by Polars, not by the code under test.

Simplified: features from tables only (no functions), one label, models kept in memory, no grants and no lineage.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import polars as pl
from mlflow.types import Schema
from pyspark.sql import DataFrame
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    BooleanType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    MapType,
    ShortType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from tests.doubles.delta_catalog import Catalog, KeptTable
from tests.doubles.feature_lookup import FeatureLookup, mapping, require, texts, three_levels
from tests.doubles.feature_rows import collect, looked_up, merge, to_spark

TYPES = (
    IntegerType,
    LongType,
    FloatType,
    DoubleType,
    StringType,
    BooleanType,
    DateType,
    TimestampType,
    ShortType,
    ArrayType,
    MapType,
    BinaryType,
    DecimalType,
)
"""Types of features that the client takes."""

RESULTS: dict[str, DataType] = {
    "double": DoubleType(),
    "float": FloatType(),
    "long": LongType(),
    "int": IntegerType(),
    "boolean": BooleanType(),
    "string": StringType(),
}


@dataclass(frozen=True)
class FeatureTable:
    """What the client says of a table."""

    name: str
    description: str
    primary_keys: list[str]
    timestamp_keys: list[str]
    features: list[str]
    tags: dict[str, str]


@dataclass
class TrainingSet:
    """Lookups on a frame, computed when the rows are asked for."""

    catalog: Catalog
    df: DataFrame
    lookups: list[FeatureLookup]
    label: str | None
    exclude_columns: list[str]
    loaded: bool = False

    def load_df(self) -> DataFrame:
        """All rows of the frame with the latest features that were known, of the newest version; null where there are none."""
        self.loaded = True
        return to_spark(self.catalog, looked_up(self.catalog, collect(self.df), self.lookups).drop(self.exclude_columns))

    @property
    def inputs(self) -> list[str]:
        """Columns that a model gets."""
        outputs = [output for lookup in self.lookups for output in lookup.outputs(self.catalog.table(lookup.table_name)).values()]
        return [column for column in (*self.df.columns, *outputs) if column not in (*self.exclude_columns, self.label)]


class FeatureEngineeringClient:
    """The client of one workspace: `installed` gives it a catalog."""

    catalog: Catalog
    models: dict[str, dict[str, Any]]

    def __init__(self, *, model_registry_uri: str | None = None) -> None:
        require(model_registry_uri, "model_registry_uri", str, type(None))

    def create_table(
        self,
        *,
        name: str,
        primary_keys: str | list[str],
        df: DataFrame | None = None,
        timeseries_column: str | None = None,
        partition_columns: str | list[str] | None = None,
        schema: StructType | None = None,
        description: str | None = None,
        tags: dict[str, str] | None = None,
    ) -> FeatureTable:
        keys = texts(primary_keys, "primary_keys")
        require(timeseries_column, "timeseries_column", str, type(None))
        require(df, "df", DataFrame, type(None))
        require(schema, "schema", StructType, type(None))
        require(description, "description", str, type(None))
        if df is None and schema is None:
            raise ValueError("either df or schema is needed")
        columns = schema if schema is not None else df.schema
        if not keys or (missing := [key for key in keys if key not in columns.names]):
            raise ValueError(f"primary keys {keys} must be columns of the table; missing are {missing if keys else keys}")
        if timeseries_column is not None and timeseries_column not in keys:
            raise ValueError(f"the column of time '{timeseries_column}' must be among the primary keys {keys}")
        if timeseries_column is not None and not isinstance(columns[timeseries_column].dataType, (TimestampType, DateType)):
            raise ValueError(f"the column of time '{timeseries_column}' must be a timestamp or a date")
        if refused := [column.name for column in columns if not isinstance(column.dataType, TYPES)]:
            raise ValueError(f"features {refused} are of types that are not supported")
        if three_levels(name) in self.catalog.tables:
            raise ValueError(f"table {name} already exists")
        self.catalog.create(name, columns, keys, timeseries_column, description or "", mapping(tags, "tags"))
        if df is not None:
            self.write_table(name=name, df=df)
        return self.get_table(name=name)

    def get_table(self, *, name: str) -> FeatureTable:
        kept = self._table(name)
        features = [column for column in kept.newest.schema.names if column not in kept.primary_keys]
        times = [kept.timeseries] if kept.timeseries else []
        return FeatureTable(name, kept.newest.description, list(kept.primary_keys), times, features, dict(kept.tags))

    def read_table(self, *, name: str) -> DataFrame:
        return self.catalog.frame(self._table(name).newest)

    def write_table(self, *, name: str, df: DataFrame, mode: str = "merge") -> None:
        kept = self._table(name)
        require(df, "df", DataFrame)
        if mode not in {"merge", "overwrite"}:
            raise ValueError(f"mode must be merge or overwrite, not {mode!r}")
        if missing := [key for key in kept.primary_keys if key not in df.columns]:
            raise ValueError(f"df lacks the primary keys {missing}")
        schema = kept.newest.schema
        if retyped := [column.name for column in df.schema if column.name in schema.names and not same_type(column, schema)]:
            raise ValueError(f"columns {retyped} of df have other types than those of {name}")
        rows = collect(df)
        self.catalog.commit_hook()
        if mode == "merge":
            merge(self.catalog, kept, rows, df.schema)
            return
        if set(df.columns) != set(schema.names):
            raise ValueError(f"an overwrite keeps the columns {schema.names}; df has {df.columns}")
        base, gone = kept.newest.number, self.catalog.rows(name).select(*schema.names, pl.lit("delete").alias("_change_type"))
        new = rows.select(*schema.names, pl.lit("insert").alias("_change_type"))
        kept.write(rows, schema, "WRITE", pl.concat([gone, new], how="vertical_relaxed"), base)

    def set_feature_table_tag(self, *, name: str, key: str, value: str) -> None:
        require(value, "value", str)
        self._table(name).tags[key] = value

    def delete_feature_table_tag(self, *, name: str, key: str) -> None:
        if key not in self._table(name).tags:
            raise ValueError(f"{name} has no tag {key}")
        del self._table(name).tags[key]

    def create_training_set(
        self,
        *,
        df: DataFrame,
        feature_lookups: list[FeatureLookup] | None = None,
        label: str | list[str] | None,
        exclude_columns: list[str] | None = None,
    ) -> TrainingSet:
        require(df, "df", DataFrame)
        require(feature_lookups, "feature_lookups", list)
        require(label, "label", str, type(None))
        require(exclude_columns, "exclude_columns", list, type(None))
        for lookup in feature_lookups:
            require(lookup, "a lookup", FeatureLookup)
        excluded = texts(exclude_columns or [], "exclude_columns")
        outputs: list[str] = []
        for lookup in feature_lookups:
            kept = self._table(lookup.table_name)
            lookup.check_keys(kept)
            outputs += lookup.outputs(kept).values()
            check_spine(df, lookup, kept)
        if repeated := sorted({name for name in outputs if outputs.count(name) > 1 or name in df.columns}):
            raise ValueError(f"features and columns of df must have names of their own; {repeated} stand twice")
        if label in outputs:
            raise ValueError(f"the label '{label}' must not be a feature")
        if label is not None and label not in df.columns:
            raise ValueError(f"the label '{label}' is no column of df")
        return TrainingSet(self.catalog, df, feature_lookups, label, excluded)

    def log_model(
        self,
        *,
        model: Any,
        artifact_path: str,
        flavor: ModuleType,
        training_set: TrainingSet | None = None,
        registered_model_name: str | None = None,
        infer_input_example: bool = False,
        output_schema: Schema | None = None,
    ) -> None:
        require(artifact_path, "artifact_path", str)
        require(flavor, "flavor", ModuleType)
        require(training_set, "training_set", TrainingSet)
        require(infer_input_example, "infer_input_example", bool)
        require(output_schema, "output_schema: Unity Catalog takes no model without outputs in its signature; it", Schema)
        keys = {key for lookup in training_set.lookups for key in (*lookup.lookup_key, *lookup.times)}
        if given := sorted(keys & set(training_set.inputs)):
            raise ValueError(f"the keys {given} would be inputs of the model: exclude them from the training set")
        version = sum(uri.startswith(f"models:/{registered_model_name}/") for uri in self.models) + 1
        self.models[f"models:/{three_levels(registered_model_name)}/{version}"] = {
            "model": model,
            "training_set": training_set,
            "output_schema": output_schema,
            "infer_input_example": infer_input_example,
        }

    def score_batch(self, *, model_uri: str, df: DataFrame, result_type: str = "double", env_manager: str = "local") -> DataFrame:
        require(model_uri, "model_uri", str)
        require(df, "df", DataFrame)
        if result_type not in RESULTS:
            raise ValueError(f"result_type must be one of {sorted(RESULTS)}")
        if env_manager not in {"local", "virtualenv", "conda"}:
            raise ValueError(f"env_manager {env_manager} is not known")
        if model_uri not in self.models:
            raise ValueError(f"there is no model {model_uri}")
        logged = self.models[model_uri]
        training_set: TrainingSet = logged["training_set"]
        for lookup in training_set.lookups:
            check_spine(df, lookup, self._table(lookup.table_name))
        rows = looked_up(self.catalog, collect(df), training_set.lookups)
        answers = logged["model"].predict(rows.select(training_set.inputs).to_pandas())
        scored = to_spark(self.catalog, rows.with_columns(pl.Series("prediction", list(answers))))
        return scored.withColumn("prediction", scored["prediction"].cast(RESULTS[result_type]))

    def _table(self, name: Any) -> KeptTable:
        if three_levels(name) not in self.catalog.tables:
            raise ValueError(f"Table '{name}' does not exist in Unity Catalog")
        return self.catalog.tables[name]


def same_type(column: StructField, schema: StructType) -> bool:
    return bool(schema[column.name].dataType == column.dataType)


def check_spine(df: DataFrame, lookup: FeatureLookup, kept: KeptTable) -> None:
    """The frame has the columns that a lookup asks for, in the types of the table's keys."""
    keys = [key for key in kept.primary_keys if key != kept.timeseries]
    pairs = dict(zip((*lookup.lookup_key, *lookup.times), (*keys, *([kept.timeseries] if kept.timeseries else [])), strict=True))
    if missing := [column for column in pairs if column not in df.columns]:
        raise ValueError(f"df lacks the lookup keys {missing}")
    for ours, theirs in pairs.items():
        if df.schema[ours].dataType != kept.newest.schema[theirs].dataType:
            raise ValueError(f"'{ours}' is of another type than the key '{theirs}' of {lookup.table_name}")


@contextmanager
def installed(catalog: Catalog) -> Iterator[type]:
    """Put the double into the place of `databricks.feature_engineering`."""
    module = ModuleType("databricks.feature_engineering")
    module.FeatureEngineeringClient = type("FeatureEngineeringClient", (FeatureEngineeringClient,), {"catalog": catalog, "models": {}})
    module.FeatureLookup = FeatureLookup
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module
    try:
        yield module.FeatureEngineeringClient
    finally:
        if before is None:
            del sys.modules[module.__name__]
        else:
            sys.modules[module.__name__] = before
