"""Column profiles: what a person wants to see of a table without seeing a raw row."""

from typing import Any

import narwhals as nw

from stackhouse.cleaning import numeric_features
from stackhouse.report import Report
from stackhouse.table import Table

BINS = 20
SHOWN = 5
FEWEST = 10
"""A text that fewer rows hold is not shown: it could be somebody's name."""
_QUARTILES = (0.25, 0.5, 0.75)
_NAMES = tuple(f"q{share}" for share in _QUARTILES)


class ColumnProfile(Report):
    """Spread of one numeric column; quantiles and histogram over the finite values, which may be none (then all are 0)."""

    unusable: int
    mean: float
    std: float
    quantiles: tuple[float, float, float, float, float]
    """Minimum, lower quartile, median, upper quartile, maximum."""
    histogram: tuple[int, ...]
    """Counts in `BINS` equal bins from minimum to maximum."""


class TextProfile(Report):
    """What a column of texts, dates or times holds."""

    missing: int
    distinct: int
    most_frequent: tuple[tuple[str, int], ...]
    """The `SHOWN` values that most rows have, at least `FEWEST` of them, with their rows, ties by value."""


class TableProfile(Report):
    """Rows, and the profile of each feature."""

    table: str
    rows: int
    columns: dict[str, ColumnProfile]
    texts: dict[str, TextProfile] = {}


def profile(table: Table) -> TableProfile:
    """Profile the features of a table by aggregates alone: no column is collected, whatever engine computes them.

    Quantiles are interpolated linearly; a histogram's bins are equal and include their lower edge, the last one its upper as well.
    """
    names = numeric_features(table)
    finite = table.frame.select(*(_finite(name) for name in names)) if names else table.frame
    rows = table.count()
    moments = _one_row(finite.select(*(moment for name in names for moment in _moments(name)))) if names else {}
    columns = {name: _profile_column(finite, name, rows, moments) for name in names}
    texts = {name: _profile_text(table, name, rows) for name in table.roles.features if name not in names}
    return TableProfile(table=table.name, rows=rows, columns=columns, texts=texts)


def _profile_text(table: Table, name: str, rows: int) -> TextProfile:
    value = nw.col(name).cast(nw.String).alias(name)
    counted = table.frame.select(value).filter(~nw.col(name).is_null()).group_by(name).agg(nw.len().alias("__rows"))
    whole = _one_row(counted.select(nw.len().alias("distinct"), nw.col("__rows").sum().alias("present")))
    common = counted.filter(nw.col("__rows") >= FEWEST)
    frequent = common.sort("__rows", name, descending=[True, False]).head(SHOWN).collect(backend="polars")
    return TextProfile(
        missing=rows - int(whole["present"] or 0),
        distinct=int(whole["distinct"]),
        most_frequent=tuple((str(text), int(count)) for text, count in frequent.select(name, "__rows").rows()),
    )


def _finite(name: str) -> nw.Expr:
    """The column with null for everything that is no finite number, which aggregates leave out."""
    value = nw.col(name).cast(nw.Float64)
    return nw.when(value.is_finite()).then(value).alias(name)


def _moments(name: str) -> list[nw.Expr]:
    value = nw.col(name)
    quantiles = {f"q{share}": value.quantile(share, "linear") for share in _QUARTILES}
    measured = {"count": value.count(), "mean": value.mean(), "std": value.std(ddof=0), "low": value.min(), "high": value.max()}
    return [expression.alias(f"{name}__{what}") for what, expression in {**measured, **quantiles}.items()]


def _profile_column(finite: nw.LazyFrame[Any], name: str, rows: int, moments: dict[str, Any]) -> ColumnProfile:
    count = int(moments[f"{name}__count"])
    if not count:
        return ColumnProfile(unusable=rows, mean=0, std=0, quantiles=(0, 0, 0, 0, 0), histogram=(0,) * BINS)
    mean, std, low, high, *middle = (float(moments[f"{name}__{what}"]) for what in ("mean", "std", "low", "high", *_NAMES))
    return ColumnProfile(
        unusable=rows - count,
        mean=mean,
        std=std,
        quantiles=(low, *middle, high),
        histogram=_histogram(finite.select(name).filter(~nw.col(name).is_null()), name, low, high),
    )


def _histogram(finite: nw.LazyFrame[Any], name: str, low: float, high: float) -> tuple[int, ...]:
    """Count the values in equal bins; where all are the same, they stand in the middle one, as in NumPy."""
    if low == high:
        rows = int(_one_row(finite.select(nw.len().alias("rows")))["rows"])
        return tuple(rows if number == BINS // 2 else 0 for number in range(BINS))
    place = ((nw.col(name) - low) / (high - low) * BINS).floor().clip(0, BINS - 1).cast(nw.Int64)
    counted = finite.select(place.alias("bin")).group_by("bin").agg(nw.len().alias("rows")).collect(backend="polars")
    counts = dict(zip(counted["bin"].to_list(), counted["rows"].to_list(), strict=True))
    return tuple(int(counts.get(number, 0)) for number in range(BINS))


def _one_row(frame: nw.LazyFrame[Any]) -> dict[str, Any]:
    row: dict[str, Any] = frame.collect(backend="polars").rows(named=True)[0]
    return row
