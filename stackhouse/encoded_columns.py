"""Columns of an encoding: what a feature of each kind becomes in the matrix, as it was learned from training rows."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from stackhouse.algorithms import Vector
from stackhouse.cleaning import CleaningRule
from stackhouse.table import Table

MAX_CATEGORIES = 200
"""Categories that are kept of a feature, the most frequent ones; rarer ones count as unknown."""

CALENDAR_PARTS = ("year", "month", "day", "day_of_week", "hour")
"""Parts of a date or time (UTC), day_of_week from Monday 1 to Sunday 7. A date's hour is 0, a missing date's parts are the replacement."""


@dataclass(frozen=True)
class RowsToEncode:
    """Rows with their numbers cleaned, and all else as it was given."""

    count: int
    numbers: Mapping[str, Vector]
    """Features that are numbers, each of shape (n_rows,), finite float64."""
    others: pl.DataFrame
    """Texts, dates and times; a feature may be absent."""
    cleaning: CleaningRule

    def given(self, name: str) -> pl.Series | None:
        """Return a feature that is no number; None where the rows do not have it, or hold nothing but null."""
        if name not in self.others.columns or self.others.schema[name] == pl.Null:
            return None
        return self.others[name]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Column(_Frozen):
    @abstractmethod
    def names(self, *, one_hot: bool) -> tuple[str, ...]:
        """Names of the columns of the matrix; with `one_hot`, a category has one for each of its values."""

    @abstractmethod
    def encode(self, rows: RowsToEncode, *, one_hot: bool) -> npt.NDArray[Any]:
        """Return the columns of the matrix, shape (n_rows, n_names), numbers or booleans."""


class Cut(_Frozen):
    """A feature that says how many of the quantiles of a number, taken on the training rows, a row's value exceeds.

    With `quantiles: [0.5]` it is 1 above the median. Rows that `where` does not hold for get 0.
    """

    name: str = Field(min_length=1, description="Name of the feature.")
    column: str = Field(description="Feature whose quantiles cut, a number.")
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.5,), min_length=1, description="Where to cut, in (0, 1), rising.")
    where: Mapping[str, str] = Field(default_factory=dict, description="Text that features have to hold, e.g. contract: Month-to-month.")


class NumberColumn(_Column):
    """A number; it is read as it is."""

    kind: Literal["number"] = "number"
    name: str

    def names(self, *, one_hot: bool) -> tuple[str, ...]:
        """The feature's own name."""
        return (self.name,)

    def encode(self, rows: RowsToEncode, *, one_hot: bool) -> npt.NDArray[Any]:
        """Return the number."""
        return rows.numbers[self.name][:, None]


class CategoryColumn(_Column):
    """A category; `categories` are those that training saw, the most frequent first."""

    kind: Literal["category"] = "category"
    name: str
    categories: tuple[str, ...]
    numeric: bool = False
    """Whether the column holds numbers that stand for categories."""

    @classmethod
    def fit(cls, train: Table, name: str, *, numeric: bool) -> Self:
        """Take the most frequent texts of training rows, ties by text."""
        column = train.collect([name])[name].to_native()
        counts = dict(_as_text(column).drop_nulls().rename("text").value_counts(name="rows").iter_rows())
        categories = sorted(counts, key=lambda text: (-counts[text], text))[:MAX_CATEGORIES]
        return cls(name=name, categories=tuple(categories), numeric=numeric)

    def names(self, *, one_hot: bool) -> tuple[str, ...]:
        """The feature's own name, or NAME=VALUE for each category."""
        return tuple(f"{self.name}={value}" for value in self.categories) if one_hot else (self.name,)

    def encode(self, rows: RowsToEncode, *, one_hot: bool) -> npt.NDArray[Any]:
        """Return the place among the categories, NaN for an unknown or missing one; or which category it is."""
        given = rows.given(self.name)
        if given is None:
            codes = np.full(rows.count, np.nan)
        else:
            places = {value: float(number) for number, value in enumerate(self.categories)}
            found = _as_text(given).replace_strict(places, default=None, return_dtype=pl.Float64)
            codes = found.to_numpy().astype(np.float64)
        return codes[:, None] == np.arange(len(self.categories)) if one_hot else codes[:, None]


class CalendarColumn(_Column):
    """A date or time; its calendar parts are read."""

    kind: Literal["calendar"] = "calendar"
    name: str

    def names(self, *, one_hot: bool) -> tuple[str, ...]:
        """NAME_PART for each calendar part."""
        return tuple(f"{self.name}_{part}" for part in CALENDAR_PARTS)

    def encode(self, rows: RowsToEncode, *, one_hot: bool) -> npt.NDArray[Any]:
        """Return the calendar parts, of a missing date the replacement."""
        given, missing = rows.given(self.name), rows.cleaning.replacement(self.name)
        if given is None:
            return np.full((rows.count, len(CALENDAR_PARTS)), missing)
        time = given.cast(pl.Datetime("us")).dt
        parts = (time.year(), time.month(), time.day(), time.weekday(), time.hour())
        return np.column_stack([part.cast(pl.Float64).fill_null(missing).to_numpy() for part in parts])


class CutColumn(_Column):
    """A cut feature with the values of its quantiles on the training rows."""

    kind: Literal["cut"] = "cut"
    cut: Cut
    edges: tuple[float, ...]

    @classmethod
    def fit(cls, train: Table, cut: Cut) -> Self:
        """Take the quantiles of training rows."""
        values = train.collect([cut.column])[cut.column].to_numpy().astype(np.float64)
        return cls(cut=cut, edges=tuple(float(edge) for edge in np.quantile(values, sorted(cut.quantiles))))

    @property
    def name(self) -> str:
        """Name of the feature."""
        return self.cut.name

    def names(self, *, one_hot: bool) -> tuple[str, ...]:
        """The feature's own name."""
        return (self.name,)

    def encode(self, rows: RowsToEncode, *, one_hot: bool) -> npt.NDArray[Any]:
        """Return how many quantiles the value exceeds, 0 where the condition does not hold."""
        above = np.searchsorted(self.edges, rows.numbers[self.cut.column], side="left")
        return np.where(_holds(rows, self.cut.where), above, 0)[:, None]


EncodedColumn = Annotated[NumberColumn | CategoryColumn | CalendarColumn | CutColumn, Field(discriminator="kind")]
"""A column of an encoding, by its kind."""


def _as_text(column: pl.Series) -> pl.Series:
    """A category as text; 7 and 7.0 are the same, and NaN is no category."""
    if not column.dtype.is_float():
        return column.cast(pl.String)
    given, whole = pl.col(column.name), pl.col(column.name).cast(pl.Int64, strict=False)
    text = pl.when(given == whole).then(whole.cast(pl.String)).when(given.is_finite()).then(given.cast(pl.String))
    return column.to_frame().select(text.alias(column.name)).to_series()


def _holds(rows: RowsToEncode, where: Mapping[str, str]) -> npt.NDArray[np.bool_]:
    held = np.ones(rows.count, dtype=np.bool_)
    for name, text in where.items():
        given = rows.given(name)
        held &= False if given is None else (_as_text(given) == text).fill_null(value=False).to_numpy()
    return held
