"""Made rows for a binary question: a key, a time, numeric features with unusable values among them, and a target that depends on them.

What a run needs where no table is at hand. The target is drawn from the true values, before some are made unusable.
"""

from datetime import UTC, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

_START = datetime(2024, 1, 1, tzinfo=UTC)
_ROWS_AN_ENTITY = 100
_NOISE = 0.5
"""Standard deviation of what the features do not tell; their own part has 1."""


class RowsParameters(BaseModel):
    """What the rows are made from; equal parameters give equal rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(10_000, ge=10, le=20_000_000, description="How many rows.")
    features: int = Field(5, ge=1, le=500, description="How many numeric features, feature_1 and so on.")
    positive_share: float = Field(0.3, gt=0, lt=1, description="Share of the rows whose target is 1.")
    unusable_fraction: float = Field(0.02, ge=0, le=0.5, description="Share of each feature's values that are NaN, +Inf, -Inf or null.")
    seed: int = Field(42, ge=0, description="Seed of everything that is drawn.")


def generate_rows(parameters: RowsParameters) -> pl.DataFrame:
    """Make rows of shape (rows, features + 3), one a key and hour, with numeric features and a target of 0 or 1.

    A row is named by entity_id (text) and event_time (UTC). Just `positive_share` of the rows, to the nearest row and at least one of
    each class, have the target 1: those where a weighted sum of the features plus noise is largest. The first feature weighs most,
    each further one less. Unusable values are spread evenly over NaN, +Inf, -Inf and null.

    >>> generate_rows(RowsParameters(rows=10, features=1, seed=1))["target"].sum()
    3
    """
    rng = np.random.default_rng(parameters.seed)
    number = np.arange(parameters.rows)
    entities = max(1, parameters.rows // _ROWS_AN_ENTITY)
    weights = 1 / np.arange(1, parameters.features + 1)
    weights /= np.linalg.norm(weights)
    score = rng.normal(0, _NOISE, parameters.rows)
    columns = {}
    for place, weight in enumerate(weights, start=1):
        values = rng.normal(0, 1, parameters.rows)
        score += weight * values
        columns[f"feature_{place}"] = _with_unusable(values, parameters.unusable_fraction, rng)
    return pl.DataFrame(
        {
            "entity_id": pl.Series(number % entities).cast(pl.String).str.zfill(8),
            "event_time": pl.Series(_START.timestamp() * 1e6 + (number // entities) * 3_600e6)
            .cast(pl.Int64)
            .cast(pl.Datetime("us", "UTC")),
            **columns,
            "target": pl.Series(_largest(score, parameters.positive_share)).cast(pl.Int64),
        }
    )


def _with_unusable(values: NDArray[np.float64], fraction: float, rng: np.random.Generator) -> pl.Series:
    """Replace a fraction of the values, to the nearest one, by NaN, +Inf, -Inf and null in turn."""
    places = rng.choice(len(values), round(fraction * len(values)), replace=False)
    changed = values.copy()
    for turn, unusable in enumerate((np.nan, np.inf, -np.inf)):
        changed[places[turn::4]] = unusable
    null = np.zeros(len(values), dtype=bool)
    null[places[3::4]] = True
    return pl.select(pl.when(~pl.Series(null)).then(pl.Series(changed))).to_series()


def _largest(score: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    """Mark the rows with the largest scores, between one row and all but one."""
    count = min(max(round(share * len(score)), 1), len(score) - 1)
    marked = np.zeros(len(score), dtype=bool)
    marked[np.argpartition(score, -count)[-count:]] = True
    return marked
