"""Small frames that several modules fit models to. Everything drawn here has an explicit seed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import settings

from stackhouse.algorithms import Algorithm, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.table import Roles, Table

settings.register_profile("stackhouse", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("stackhouse")

START = datetime(2024, 1, 1, tzinfo=UTC)
ROLES = Roles(primary_keys=("k",), timestamp="t", label="y", features=("signal", "noise"))


def draw_examples(rows: int, seed: int, start: datetime = START) -> pl.DataFrame:
    """One row an hour; `signal` is above 0 where y is 1 in nine rows of ten, `noise` tells nothing of it."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, 2, rows)
    flipped = generator.random(rows) < 0.1
    side = np.where(flipped, 1 - y, y) * 2 - 1
    return pl.DataFrame(
        {
            "k": [f"key {number % 7}" for number in range(rows)],
            "t": [start + timedelta(hours=number) for number in range(rows)],
            "signal": side * generator.uniform(0.1, 1, rows),
            "noise": generator.uniform(-1, 1, rows),
            "y": y,
        }
    )


def scoring_rules(algorithm: Algorithm | None = None, features: tuple[str, ...] = ("signal", "noise")) -> ScoringRules:
    return ScoringRules(
        algorithm=algorithm or XGBoost(n_estimators=5, max_depth=2),
        features=features,
        cleaning=CleaningRule(default=0.0, columns={"noise": 0.5} if "noise" in features else {}),
        label=BinaryLabel(source="y"),
    )


@pytest.fixture(scope="session")
def train() -> Table:
    """200 rows, 2024-01-01 00:00 to 2024-01-09 07:00 UTC."""
    return Table.of(draw_examples(200, seed=1), ROLES, "train")


@pytest.fixture(scope="session")
def later() -> Table:
    """60 rows from 2024-02-01 on, later than every row of `train`."""
    return Table.of(draw_examples(60, seed=2, start=datetime(2024, 2, 1, tzinfo=UTC)), ROLES, "later")


@pytest.fixture(scope="session")
def good(train: Table) -> FittedModel:
    """A model that reads the signal."""
    return FittedModel.fit(train, scoring_rules(features=("signal",)))


@pytest.fixture(scope="session")
def poor(train: Table) -> FittedModel:
    """A model that reads noise only."""
    return FittedModel.fit(train, scoring_rules(features=("noise",)))


@pytest.fixture
def rules() -> ScoringRules:
    """XGBoost, five trees, over signal and noise; an unusable noise becomes 0.5, an unusable signal 0."""
    return scoring_rules()
