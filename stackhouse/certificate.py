"""The certificate of a point-in-time join: what it found, what it lost, and how old the features are that each row sees.

How it is measured stands in `point_in_time.py`.
"""

from collections.abc import Sequence
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from stackhouse.report import Report


class LookupMatch(BaseModel):
    """What one lookup found. Every spine row is matched, filled or lost; a key is a distinct value of the lookup's columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    lookup_key: tuple[str, ...]
    rows_matched: int
    rows_filled: int
    """Rows without a match whose outputs are all default values."""
    rows_lost: int
    """Rows without a match, left out of the training set."""
    spine_keys: int
    table_keys: int
    absent_keys: int
    """Keys of the spine that the table does not have at any time."""


class Certificate(Report):
    """What the join did: rows, losses, and the largest feature time minus label time, which must not be above 0.

    Ages are in hours; an age is label time minus feature time, and of a row with several lookups the oldest counts in the
    median. They are 0 where `rows_measured` is: no row then holds features of a known time, and nothing is proved.
    """

    spine: str
    features: str
    spine_rows: int
    matched_rows: int
    latest_feature_minus_label_hours: float
    median_age_hours: float
    oldest_age_hours: float
    rows_measured: int | None = None
    """Rows with features of a known time, which the ages are of; None where it was not counted."""
    lookups: tuple[LookupMatch, ...] = ()

    @property
    def rows_lost(self) -> int:
        """Spine rows without any feature row that was known by then; they are left out."""
        return self.spine_rows - self.matched_rows

    @property
    def lost_message(self) -> str | None:
        """The guides' words on lost rows, with the keys of both tables; None where no row is lost."""
        return lost_words(self.spine, self.rows_lost, self.lookups) if self.rows_lost else None

    @model_validator(mode="after")
    def _no_more_rows_than_spine(self) -> Self:
        if self.matched_rows > self.spine_rows:
            raise ValueError(f"{self.matched_rows} rows came of {self.spine_rows}: the features are not unique by key and time")
        return self


def lost_words(spine: str, rows: int, lookups: Sequence[LookupMatch]) -> str:
    """The guides' words, then the keys of both tables for each lookup that lost rows.

    Source: model training guide, "Feature Store join fails - no matching keys".
    """
    words = f"Lost {rows:,} rows in join. Ensure label table has matching lookup_key values"
    counts = [
        f"{spine} has {lookup.spine_keys:,} keys ({', '.join(lookup.lookup_key)}), {lookup.table} has {lookup.table_keys:,}, "
        f"{lookup.absent_keys:,} of {spine} are not in it"
        for lookup in lookups
        if lookup.rows_lost
    ]
    return ": ".join([words, "; ".join(counts)]) + "." if counts else f"{words}."
