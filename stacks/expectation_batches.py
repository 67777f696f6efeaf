"""Batches for Great Expectations: the columns that a check reads, handed over, judged, and let go.

What belongs here: the library itself, its data sources and its results. Which checks there are stands in
`expectation_suite.py`. Nothing is written and nothing is sent: the context lives in memory and has no documentation site.
"""

import gc
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Literal

import narwhals as nw
import pandas as pd

from stackhouse.labels.labelling import label_rows
from stackhouse.labels.rules import AnyLabel
from stackhouse.table import Table
from stackhouse.validation import Dimension, Kind, kind_of

LabelRule = AnyLabel

PANDAS_TYPES: Mapping[Kind | None, str] = {
    "number": "float64",
    "text": "str",
    "time": "datetime64[us]",
    "boolean": "bool",
    None: "category",
}
"""The pandas type that stands for each kind of column where types are compared."""


@dataclass(frozen=True)
class Outcome:
    """What was found: the rows that break an expectation with one of them as an example, or the number that was observed."""

    passed: bool
    unexpected: int = 0
    observed: Any = None
    example: Any = None
    error: str = ""


@dataclass(frozen=True, eq=False)
class Check:
    """One expectation: its class there and its settings, the columns and the batch that it reads, and how its outcome reads.

    Batches: `values` are the rows; `newest` is the latest timestamp alone, in UTC; `types` holds the types of the columns and no rows;
    `classes` is the label after its rule. Where it does not count rows, it judges the column as a whole.
    """

    dimension: Dimension
    expectation: str
    settings: Mapping[str, Any]
    columns: tuple[str, ...]
    says: Callable[[Outcome], str]
    batch: Literal["values", "newest", "types", "classes"] = "values"
    counts_rows: bool = True

    @property
    def speaks_when_met(self) -> bool:
        """Whether its numbers say something where it is met; otherwise they are known to be 0."""
        return not self.counts_rows or self.settings.get("mostly", 1) < 1


LARGE_ROWS = 1_000_000
"""From here on a batch is worth the half second that it takes to give its memory back at once."""


def judge(table: Table, checks: Iterable[Check], rule: LabelRule | None) -> Iterator[tuple[Check, Outcome]]:
    """Give the outcome of each check, batch after batch.

    Checks of the same columns share a batch. All checks of the rows of a Spark table do, since none of its columns is held here.
    """
    on_spark = is_spark(table)

    def place(check: Check) -> tuple[str, tuple[str, ...]]:
        return (check.batch, () if on_spark and check.batch == "values" else check.columns)

    for (batch, _), group in groupby(sorted(checks, key=place), key=place):
        together = list(group)
        columns = tuple(dict.fromkeys(name for check in together for name in check.columns))
        frame = _batch_frame(table, batch, columns, rule)
        yield from zip(together, _judge_batch(frame, together), strict=True)
        large = not on_spark and len(frame) >= LARGE_ROWS
        del frame
        if large:
            gc.collect()  # Great Expectations keeps its batches in reference cycles, a column each


def is_spark(table: Table) -> bool:
    """Say whether the rows lie in Spark."""
    return bool(table.frame.implementation.is_pyspark() or table.frame.implementation.is_pyspark_connect())


def _batch_frame(table: Table, batch: str, columns: tuple[str, ...], rule: LabelRule | None) -> Any:
    """Return the batch as a pandas frame, or as a Spark frame where the rows lie in Spark."""
    schema = table.frame.collect_schema()
    if batch == "types":
        return pd.DataFrame({name: pd.Series(dtype=PANDAS_TYPES[kind_of(schema[name])]) for name in columns})
    if batch == "newest":
        newest = table.frame.select(nw.col(*columns).max()).collect(backend="polars").rows(named=True)[0]
        return pd.DataFrame({name: pd.to_datetime([time], utc=True) for name, time in newest.items()})
    if batch == "classes" and rule is not None:
        labelled = label_rows(table.select(rule.sources), rule).table
        frame = labelled.frame.select(nw.col(rule.name).cast(nw.Float64))
    else:
        frame = table.frame.select(*(_comparable(name, schema[name]) for name in columns))
    return frame.to_native() if is_spark(table) else frame.collect(backend="polars").to_pandas()


def _comparable(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """Give a column in the type that is compared fast and alike everywhere.

    NaN becomes null, which Great Expectations tells apart in Spark only. Integers become int64, other numbers and booleans
    float64, since it compares every other type of pandas value by value.
    """
    column = nw.col(name)
    if dtype.is_float() or dtype.is_decimal():
        number = column.cast(nw.Float64)
        return nw.when(~number.is_nan()).then(number).otherwise(None).alias(name)
    if dtype == nw.Boolean:
        return column.cast(nw.Float64)
    exact = dtype.is_integer() and dtype not in {nw.UInt64, nw.Int128, nw.UInt128}
    return column.cast(nw.Int64) if exact else column


def _judge_batch(frame: Any, checks: list[Check]) -> list[Outcome]:
    """Judge all checks; ask again, with numbers, for those that failed and those that always have some.

    Numbers cost Great Expectations one more pass each, which on Spark is a job.
    """
    batch = _batch(frame)
    settled = [not check.speaks_when_met for check in checks]
    plain = [check for check, alone in zip(checks, settled, strict=True) if alone]
    met = dict(zip(plain, _results(batch, plain, "BOOLEAN_ONLY"), strict=True))
    asked = [check for check in checks if check not in met or not met[check]["success"]]
    found = dict(zip(asked, _results(batch, asked, {"result_format": "BASIC", "partial_unexpected_count": 1}), strict=True))
    return [_outcome(found[check]) if check in found else Outcome(passed=True) for check in checks]


def _results(batch: Any, checks: list[Check], result_format: Any) -> list[Any]:
    if not checks:
        return []
    library = _library()
    suite = library.ExpectationSuite(name="expectations")
    suite.expectations = [
        getattr(library.expectations, check.expectation)(**check.settings, meta={"n": n}) for n, check in enumerate(checks)
    ]
    results = batch.validate(suite, result_format=result_format).results
    return sorted(results, key=lambda result: int(result.expectation_config.meta["n"]))


def _outcome(result: Any) -> Outcome:
    """Read a result; one that could not be computed has failed, and says why."""
    found = result["result"]
    if error := _error(result["exception_info"] or {}):
        return Outcome(passed=False, error=error)
    examples = found.get("partial_unexpected_list") or [None]
    return Outcome(bool(result["success"]), int(found.get("unexpected_count") or 0), found.get("observed_value"), examples[0])


def _error(info: Mapping[str, Any]) -> str:
    """Return the last line of what was raised, where anything was. Source: `exception_info` is one record, or one a metric."""
    records = [info] if "raised_exception" in info else [record for record in info.values() if isinstance(record, Mapping)]
    raised = [str(record["exception_message"]) for record in records if record.get("raised_exception")]
    return raised[0].strip().splitlines()[-1] if raised else ""


def _batch(frame: Any) -> Any:
    """Hand a frame over, to a context of its own, which forgets it with the batch."""
    library = _library()
    types = library.data_context.types.base
    quiet = types.DataContextConfig(
        store_backend_defaults=types.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
        progress_bars=types.ProgressBarsConfig(globally=False, metric_calculations=False),
        analytics_enabled=False,
    )
    sources = library.get_context(mode="ephemeral", project_config=quiet).data_sources
    source = sources.add_pandas("rows") if isinstance(frame, pd.DataFrame) else sources.add_spark("rows", persist=False)
    definition = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")
    return definition.get_batch(batch_parameters={"dataframe": frame})


@cache
def _library() -> Any:
    """Import Great Expectations, which takes seconds, and keep its logs and the deprecations of its imports to itself."""
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations
    return great_expectations
