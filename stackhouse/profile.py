"""Column profiles: what a person wants to see of a table without seeing a raw row."""

import numpy as np

from stackhouse.report import Report
from stackhouse.table import Table

BINS = 20


class ColumnProfile(Report):
    """Spread of one numeric column; quantiles and histogram over the finite values, which may be none (then all are 0)."""

    unusable: int
    mean: float
    std: float
    quantiles: tuple[float, float, float, float, float]
    """Minimum, lower quartile, median, upper quartile, maximum."""
    histogram: tuple[int, ...]
    """Counts in `BINS` equal bins from minimum to maximum."""


class TableProfile(Report):
    """Rows, and the profile of each feature."""

    table: str
    rows: int
    columns: dict[str, ColumnProfile]


def profile(table: Table) -> TableProfile:
    """Profile the features of a table; one pass over one column at a time, so that memory holds a single column."""
    columns = {name: _profile_column(table, name) for name in table.roles.features}
    return TableProfile(table=table.name, rows=table.count(), columns=columns)


def _profile_column(table: Table, name: str) -> ColumnProfile:
    values = table.collect([name])[name].to_numpy().astype(np.float64)
    finite = values[np.isfinite(values)]
    unusable = len(values) - len(finite)
    if not len(finite):
        return ColumnProfile(unusable=unusable, mean=0, std=0, quantiles=(0, 0, 0, 0, 0), histogram=(0,) * BINS)
    low, lower, middle, upper, high = (float(value) for value in np.quantile(finite, (0, 0.25, 0.5, 0.75, 1)))
    counts, _ = np.histogram(finite, bins=BINS, range=(low, high))
    return ColumnProfile(
        unusable=unusable,
        mean=float(finite.mean()),
        std=float(finite.std()),
        quantiles=(low, lower, middle, upper, high),
        histogram=tuple(int(count) for count in counts),
    )
