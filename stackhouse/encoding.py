"""Encoding: from features of every kind to the matrix that an algorithm reads. Fitted on training rows, kept with the model.

Numbers stay as they are. A text is a category: the algorithms that read categories get its code, NaN where training had not seen
it or it is missing; others get a column of 0 and 1 for each. A date or time becomes its calendar parts. Fitted features are cut
at quantiles of the training rows. Each kind stands in `encoded_columns.py`.
"""

from typing import Self

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from pydantic import BaseModel, ConfigDict

from stackhouse.algorithms import Design, Matrix
from stackhouse.cleaning import CleaningRule, clean_columns, clean_matrix
from stackhouse.encoded_columns import CalendarColumn, CategoryColumn, Cut, CutColumn, EncodedColumn, NumberColumn, RowsToEncode
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError
from stackhouse.table import Table


class Encoding(BaseModel):
    """How each feature is encoded, in the order in which the matrix holds them: numbers first, as an algorithm finds them fastest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: tuple[EncodedColumn, ...]
    one_hot: bool = False
    """Whether each category is a column of 0 and 1, in place of a code."""

    @classmethod
    def of_numbers(cls, features: tuple[str, ...]) -> Self:
        """Return the encoding of features that all are numbers, for which nothing is fitted."""
        return cls(columns=tuple(NumberColumn(name=name) for name in features))

    @classmethod
    def fit(cls, train: Table, features: tuple[str, ...], categorical: tuple[str, ...], cuts: tuple[Cut, ...], *, one_hot: bool) -> Self:
        """Learn categories and quantiles from training rows.

        Args:
            train: the training rows.
            features: what the model reads.
            categorical: features that are categories although they hold numbers.
            cuts: features to cut.
            one_hot: whether each category becomes a column.

        Raises:
            ColumnNotFoundError: where a cut names a column that is no feature.
            ColumnTypeError: where a feature is neither number, boolean, text nor date.
        """
        schema = train.frame.collect_schema()
        columns: list[EncodedColumn] = []
        for name in features:
            dtype = schema[name]
            if name in categorical or dtype in (nw.String, nw.Categorical, nw.Enum):
                columns.append(CategoryColumn.fit(train, name, numeric=dtype.is_numeric()))
            elif dtype.is_numeric() or dtype == nw.Boolean:
                columns.append(NumberColumn(name=name))
            elif dtype.is_temporal() and dtype not in (nw.Duration, nw.Time):
                columns.append(CalendarColumn(name=name))
            else:
                raise ColumnTypeError.not_numeric(train.name, {name: str(dtype)})
        numbers = [column.name for column in columns if isinstance(column, NumberColumn)]
        for cut in cuts:
            if missing := [name for name in (cut.column, *cut.where) if name not in (numbers if name == cut.column else features)]:
                raise ColumnNotFoundError.missing(f"The cut '{cut.name}'", missing, numbers, "Name a feature that is a number.")
        columns += [CutColumn.fit(train, cut) for cut in cuts]
        return cls(columns=tuple(columns), one_hot=one_hot)

    @property
    def design(self) -> Design:
        """The columns of the matrix."""
        names: list[str] = []
        categorical = []
        for column in self.columns:
            if isinstance(column, CategoryColumn) and not self.one_hot:
                categorical.append(len(names))
            names += column.names(one_hot=self.one_hot)
        return Design(tuple(names), tuple(categorical))

    @property
    def owners(self) -> tuple[str, ...]:
        """For each column of the matrix, the feature that it is made of."""
        return tuple(column.name for column in self.columns for _ in column.names(one_hot=self.one_hot))

    @property
    def numbers(self) -> tuple[str, ...]:
        """The features that are numbers."""
        return tuple(column.name for column in self.columns if isinstance(column, NumberColumn))

    def matrix(self, rows: pl.DataFrame, cleaning: CleaningRule) -> Matrix:
        """Encode raw rows: shape (n_rows, n_columns), float64, C order; rows are never dropped and keep their order.

        NaN, ±Inf and null in numbers are replaced by the rule, and so is every row of a column that is not there.

        Raises:
            ColumnTypeError: where a number holds text.
        """
        return self._assemble(rows, clean_columns(rows, self.numbers, cleaning), cleaning)

    def matrix_of_pandas(self, rows: pd.DataFrame, cleaning: CleaningRule) -> Matrix:
        """Encode the rows of a serving request, exactly as `matrix` does."""
        numbers = clean_matrix(rows, self.numbers, cleaning)
        others = {column.name: rows[column.name] for column in self.columns if column.name in rows and column.name not in self.numbers}
        return self._assemble(pl.DataFrame({name: _of_pandas(values) for name, values in others.items()}), numbers, cleaning)

    def _assemble(self, rows: pl.DataFrame, numbers: Matrix, cleaning: CleaningRule) -> Matrix:
        if len(self.numbers) == len(self.columns):
            return numbers
        to_encode = RowsToEncode(len(numbers), dict(zip(self.numbers, numbers.T, strict=True)), rows, cleaning)
        blocks = [column.encode(to_encode, one_hot=self.one_hot) for column in self.columns]
        return np.ascontiguousarray(np.hstack(blocks), dtype=np.float64)


def _of_pandas(values: "pd.Series[object]") -> pl.Series:
    """A column of a request; objects are texts, with None for whatever is missing."""
    if values.dtype == object:
        return pl.Series([None if pd.isna(value) else str(value) for value in values], dtype=pl.String)
    return pl.Series(pl.from_pandas(values))
