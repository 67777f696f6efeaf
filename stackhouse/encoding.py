"""Encoding: from features of every kind to the matrix that an algorithm reads. Fitted on training rows, kept with the model.

Numbers stay as they are. A text is a category: the algorithms that read categories get its code, NaN where training had not seen
it or it is missing; others get a column of 0 and 1 for each. A date or time becomes its calendar parts. Fitted features are cut
at quantiles of the training rows.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from stackhouse.algorithms import Design, Matrix
from stackhouse.cleaning import CleaningRule, clean_columns, clean_matrix
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError
from stackhouse.table import Table

MAX_CATEGORIES = 200
"""Categories that are kept of a feature, the most frequent ones; rarer ones count as unknown."""

CALENDAR_PARTS = ("year", "month", "day", "day_of_week", "hour")
"""Parts of a date or time (UTC), day_of_week from Monday 1 to Sunday 7. A date's hour is 0, a missing date's parts are the replacement."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cut(_Frozen):
    """A feature that says how many of the quantiles of a number, taken on the training rows, a row's value exceeds.

    With `quantiles: [0.5]` it is 1 above the median. Rows that `where` does not hold for get 0.
    """

    name: str = Field(min_length=1, description="Name of the feature.")
    column: str = Field(description="Feature whose quantiles cut, a number.")
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.5,), min_length=1, description="Where to cut, in (0, 1), rising.")
    where: Mapping[str, str] = Field(default_factory=dict, description="Text that features have to hold, e.g. contract: Month-to-month.")


class NumberColumn(_Frozen):
    """A number; it is read as it is."""

    kind: Literal["number"] = "number"
    name: str


class CategoryColumn(_Frozen):
    """A category; `categories` are those that training saw, the most frequent first."""

    kind: Literal["category"] = "category"
    name: str
    categories: tuple[str, ...]
    numeric: bool = False
    """Whether the column holds numbers that stand for categories."""


class CalendarColumn(_Frozen):
    """A date or time; its calendar parts are read."""

    kind: Literal["calendar"] = "calendar"
    name: str


class CutColumn(_Frozen):
    """A cut feature with the values of its quantiles on the training rows."""

    kind: Literal["cut"] = "cut"
    cut: Cut
    edges: tuple[float, ...]

    @property
    def name(self) -> str:
        """Name of the feature."""
        return self.cut.name


EncodedColumn = Annotated[NumberColumn | CategoryColumn | CalendarColumn | CutColumn, Field(discriminator="kind")]


class Encoding(_Frozen):
    """How each feature is encoded, in the order in which the matrix holds them: numbers first, as an algorithm finds them fastest."""

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
                columns.append(CategoryColumn(name=name, categories=_categories(train, name), numeric=dtype.is_numeric()))
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
        columns += [CutColumn(cut=cut, edges=_quantiles(train, cut)) for cut in cuts]
        return cls(columns=tuple(columns), one_hot=one_hot)

    @property
    def design(self) -> Design:
        """The columns of the matrix."""
        names: list[str] = []
        categorical = []
        for column in self.columns:
            if isinstance(column, CategoryColumn) and not self.one_hot:
                categorical.append(len(names))
            names += self._names(column)
        return Design(tuple(names), tuple(categorical))

    @property
    def owners(self) -> tuple[str, ...]:
        """For each column of the matrix, the feature that it is made of."""
        return tuple(column.name for column in self.columns for _ in self._names(column))

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

    def _names(self, column: EncodedColumn) -> list[str]:
        if isinstance(column, CategoryColumn) and self.one_hot:
            return [f"{column.name}={value}" for value in column.categories]
        if isinstance(column, CalendarColumn):
            return [f"{column.name}_{part}" for part in CALENDAR_PARTS]
        return [column.name]

    def _assemble(self, rows: pl.DataFrame, numbers: Matrix, cleaning: CleaningRule) -> Matrix:
        if len(self.numbers) == len(self.columns):
            return numbers
        position = {name: number for number, name in enumerate(self.numbers)}
        blocks = []
        for column in self.columns:
            match column:
                case NumberColumn():
                    blocks.append(numbers[:, position[column.name], None])
                case CategoryColumn():
                    codes = _codes(rows, column, len(numbers))
                    blocks.append(codes[:, None] == np.arange(len(column.categories)) if self.one_hot else codes[:, None])
                case CalendarColumn():
                    blocks.append(_calendar(rows, column.name, len(numbers), cleaning.replacement(column.name)))
                case CutColumn():
                    above = np.searchsorted(column.edges, numbers[:, position[column.cut.column]], side="left")
                    blocks.append(np.where(_holds(rows, column.cut.where, len(numbers)), above, 0)[:, None])
        return np.ascontiguousarray(np.hstack(blocks), dtype=np.float64)


def _categories(train: Table, name: str) -> tuple[str, ...]:
    """The most frequent texts, ties by text."""
    column = pl.DataFrame({name: train.collect([name])[name].to_native()})
    counts = Counter(dict(column.select(_as_text(column.schema[name], name)).drop_nulls().group_by(name).len().iter_rows()))
    return tuple(sorted(counts, key=lambda text: (-counts[text], text))[:MAX_CATEGORIES])


def _as_text(dtype: pl.DataType, name: str) -> pl.Expr:
    """A category as text; 7 and 7.0 are the same, and NaN is no category."""
    column = pl.col(name)
    if dtype.is_float():
        whole = column.cast(pl.Int64, strict=False)
        return pl.when(column == whole).then(whole.cast(pl.String)).when(column.is_finite()).then(column.cast(pl.String)).alias(name)
    return column.cast(pl.String)


def _codes(rows: pl.DataFrame, column: CategoryColumn, count: int) -> Matrix:
    if column.name not in rows.columns or rows.schema[column.name] == pl.Null:
        return np.full(count, np.nan)
    codes = {value: float(number) for number, value in enumerate(column.categories)}
    text = rows.select(_as_text(rows.schema[column.name], column.name))[column.name]
    return text.replace_strict(codes, default=None, return_dtype=pl.Float64).to_numpy().astype(np.float64)


def _calendar(rows: pl.DataFrame, name: str, count: int, missing: float) -> Matrix:
    if name not in rows.columns or rows.schema[name] == pl.Null:
        return np.full((count, len(CALENDAR_PARTS)), missing)
    time = pl.col(name).cast(pl.Datetime("us"))
    parts = (time.dt.year(), time.dt.month(), time.dt.day(), time.dt.weekday(), time.dt.hour())
    named = (part.cast(pl.Float64).fill_null(missing).alias(said) for part, said in zip(parts, CALENDAR_PARTS, strict=True))
    return rows.select(named).to_numpy()


def _holds(rows: pl.DataFrame, where: Mapping[str, str], count: int) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    held = np.ones(count, dtype=np.bool_)
    for name, text in where.items():
        if name not in rows.columns:
            return np.zeros(count, dtype=np.bool_)
        held &= rows.select((_as_text(rows.schema[name], name) == text).fill_null(value=False))[name].to_numpy()
    return held


def _quantiles(train: Table, cut: Cut) -> tuple[float, ...]:
    values = train.collect([cut.column])[cut.column].to_numpy().astype(np.float64)
    return tuple(float(edge) for edge in np.quantile(values, sorted(cut.quantiles)))


def _of_pandas(values: "pd.Series[object]") -> pl.Series:
    """A column of a request; objects are texts, with None for whatever is missing."""
    if values.dtype == object:
        return pl.Series([None if pd.isna(value) else str(value) for value in values], dtype=pl.String)
    return pl.Series(pl.from_pandas(values))
