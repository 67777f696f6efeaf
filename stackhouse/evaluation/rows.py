"""Test rows in one order: what a model says of them, their days, and what they are sliced by."""

from collections.abc import Iterable

import narwhals as nw
import numpy as np
import polars as pl

from stackhouse.errors import ColumnNotFoundError
from stackhouse.evaluation.intervals import Days
from stackhouse.evaluation.predicted import Predicted
from stackhouse.fitted import FittedModel, to_arrays
from stackhouse.table import Table


def predict(model: FittedModel, test: Table) -> Predicted:
    """Put together what was measured of the test rows and what a model says of them, in the order of `in_order`.

    Raises:
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    X, y = to_arrays(test, model.encoding, model.rules)
    scores = model.scores_of_matrix(X)
    return Predicted(model.rules.task, y, scores, model.answer(scores), model.rules.label.names)


def in_order(test: Table, read: Iterable[str], sliced_by: tuple[str, ...]) -> tuple[Table, pl.DataFrame]:
    """Bring the test rows into the order in which `to_arrays` gives them, and return them also as a frame with what they are sliced by.

    Rows that are equal in all that is read may change places, and the model says the same of them.

    Raises:
        ColumnNotFoundError: where the test rows lack a column to slice by.
    """
    if missing := [column for column in sliced_by if column not in test.columns]:
        raise ColumnNotFoundError.missing(test.name, missing, test.columns, "Name features or keys under model.evaluation.slices.")
    time, keys = test.roles.timestamp, test.roles.primary_keys
    first = tuple(dict.fromkeys((*((time,) if time else ()), *keys)))
    columns = tuple(dict.fromkeys((*first, *read, *sliced_by)))
    collected = test.collect(columns)
    rows: pl.DataFrame = (collected.sort(*columns) if first else collected).to_native()
    kept = test.select(column for column in columns if column in test.roles.columns)
    return kept.with_frame(nw.from_native(rows).select(*kept.columns).lazy()), rows


def days_of(test: Table) -> Days | None:
    """The day of each row in UTC (or in the zone of its time) as a number, shape (n_rows,); None where rows have no time."""
    time = test.roles.timestamp
    if time is None or not test.count():
        return None
    dates: pl.Series = test.collect([time]).to_native()[time].cast(pl.Date)
    return np.unique(dates.to_physical().to_numpy(), return_inverse=True)[1].astype(np.int64)
