"""Splits: which rows a model learns from, which choose between candidates, and which judge it.

By time wherever there is a timestamp: every validation row is strictly later than every training row, every test row
strictly later than every validation row. A random split stays for tables without a timestamp, and for comparison.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

import narwhals as nw
import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from stackhouse.errors import ConfigurationError, DataError, PrimaryKeyError
from stackhouse.table import Table, require_rows


class _Shares(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    test_size: float = Field(0.2, gt=0, lt=1, description="Share of the test rows, in (0, 1).")
    validation_size: float = Field(0.2, gt=0, lt=1, description="Share of the remaining rows that choose between candidates.")
    sample_ratio: float = Field(
        1.0, gt=0, le=1, description="Share of the training and validation rows that is kept, where all would not fit; test rows all are."
    )
    sample_seed: int = Field(42, ge=0, description="Seed of that sample.")


class TimeSplit(_Shares):
    """The last share of the distinct times is the test set, the last share of what remains is the validation set."""

    kind: Literal["time"] = "time"
    gap_days: int = Field(
        0, ge=0, description="Days before the validation and the test set whose rows are left out, where labels reach so far ahead."
    )


class RandomSplit(_Shares):
    """Rows are drawn with a seed; `stratify` keeps the share of each class equal in all parts, where the label has classes."""

    kind: Literal["random"] = "random"
    stratify: bool = Field(True, description="Keep the classes in proportion.")
    seed: int = Field(42, ge=0, description="Seed of the draw.")

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Self:
        if self.test_size + self.validation_size * (1 - self.test_size) >= 1:
            raise ValueError("test_size and validation_size leave no rows to train on")
        return self


SplitRule = Annotated[TimeSplit | RandomSplit, Field(discriminator="kind")]
"""How rows are divided; a model file chooses by `kind`."""


@dataclass(frozen=True)
class Split:
    """Three tables without a common row: `train` fits, `validation` chooses, `test` judges."""

    train: Table
    validation: Table
    test: Table


def split(table: Table, rule: TimeSplit | RandomSplit) -> Split:
    """Divide a table. Every row of the input is in exactly one part, but for those of a gap, which are in none.

    Raises:
        ConfigurationError: where a split by time is asked of a table without a timestamp.
        DataError: where there are fewer than three distinct times, or too few rows for three parts.
        EmptyTableError: where the table has no rows.
        PrimaryKeyError: where a timestamp to split by is null.
    """
    require_rows(table, "Compute features for a longer period, or loosen the label's filter.")
    parts = _by_time(table, rule) if isinstance(rule, TimeSplit) else _at_random(table, rule)
    if rule.sample_ratio == 1:
        return parts
    train, validation = (sample(part, rule.sample_ratio, rule.sample_seed) for part in (parts.train, parts.validation))
    return Split(train, validation, parts.test)


def sample(table: Table, ratio: float, seed: int) -> Table:
    """Keep about `ratio` of the rows, lazily: those whose place in the order of keys and time a fixed scramble sends below it.

    The same rows give the same sample on every engine and in whatever order they arrive. A table without keys is ordered by all
    its columns.

    Source: Knuth, The Art of Computer Programming 3, 6.4, multiplicative hashing (the multiplier of 32 bits).
    """
    place = nw.col(_PLACE).cast(nw.Int64) + 1 + seed % _SCRAMBLE_RANGE
    scrambled = (place % _SCRAMBLE_RANGE) * _MULTIPLIER % _SCRAMBLE_RANGE
    order = table.roles.identity or tuple(table.columns)
    numbered = table.frame.with_row_index(_PLACE, order_by=order)
    return table.with_frame(numbered.filter(scrambled < int(ratio * _SCRAMBLE_RANGE)).drop(_PLACE))


_PLACE = "__place"
_SCRAMBLE_RANGE = 2**31
_MULTIPLIER = 2_654_435_761 % _SCRAMBLE_RANGE


def _by_time(table: Table, rule: TimeSplit) -> Split:
    time = table.roles.timestamp
    if time is None:
        raise ConfigurationError(f"{table.name} has no timestamp to split by. Set model.split.kind to random, or name a timestamp.")
    times = table.frame.select(time).unique().sort(time).collect(backend="polars")[time]
    if times.null_count():
        raise PrimaryKeyError.null(table.name, {time: int(table.collect([time])[time].null_count())})
    test_from, validation_from = _cuts(len(times), rule)
    if not 0 < validation_from < test_from < len(times):
        raise DataError(f"{table.name} has {len(times)} distinct times, too few to split by time. Use a longer period, or a random split.")
    starts_validation, starts_test, gap = times[validation_from], times[test_from], timedelta(days=rule.gap_days)
    train, before_test = nw.col(time) < starts_validation - gap, nw.col(time) < starts_test - gap
    if gap and (starts_validation - gap <= times[0] or starts_test - gap <= starts_validation):
        raise DataError(
            f"A gap of {rule.gap_days} days leaves {table.name} no training or validation rows. Use a longer period, or a smaller gap."
        )
    return Split(
        train=table.with_frame(table.frame.filter(train)),
        validation=table.with_frame(table.frame.filter((nw.col(time) >= starts_validation) & before_test)),
        test=table.with_frame(table.frame.filter(nw.col(time) >= starts_test)),
    )


def _at_random(table: Table, rule: RandomSplit) -> Split:
    """Rows are put in order of their keys first, so that the draw does not depend on the order in which they arrive."""
    identity = table.roles.identity
    order = [*identity, *(column for column in table.columns if column not in identity)]
    rows = table.frame.collect(backend="polars").sort(*order)
    generator = np.random.default_rng(rule.seed)
    classes = class_numbers(rows, table.roles.labels) if rule.stratify else np.zeros(len(rows), dtype=np.int64)
    part = np.empty(len(rows), dtype=np.int64)
    for value in np.unique(classes):
        members = generator.permutation(np.flatnonzero(classes == value))
        test_from, validation_from = _cuts(len(members), rule)
        part[members[:validation_from]], part[members[validation_from:test_from]], part[members[test_from:]] = 0, 1, 2
    if len(np.unique(part)) < 3:
        raise DataError(f"{table.name} has {len(rows)} rows, too few for a training, a validation and a test set.")
    parts = [table.with_frame(rows.filter((part == number).tolist()).lazy()) for number in range(3)]
    return Split(*parts)


def class_numbers(rows: nw.DataFrame[Any], labels: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """A number for each combination of classes that occurs, shape (n_rows,); 0 for all rows where the labels are no classes."""
    if not labels or not all(rows.schema[label].is_integer() for label in labels):
        return np.zeros(len(rows), dtype=np.int64)
    _, numbers = np.unique(np.column_stack([rows[label].to_numpy() for label in labels]), axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)


def _cuts(count: int, rule: _Shares) -> tuple[int, int]:
    """Positions at which the test part and the validation part begin; shares are rounded down to whole positions of training."""
    test_from = int(count * (1 - rule.test_size) + 1e-9)
    return test_from, int(test_from * (1 - rule.validation_size) + 1e-9)
