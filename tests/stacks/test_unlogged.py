"""The key of a fitted model that MLflow did not take: it is another one wherever the fit would give another model."""

from typing import Any

import polars as pl
import pytest

from stackhouse.algorithms import XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.fitted import ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.table import Roles, Table
from stacks.unlogged import fit_key

RULES = ScoringRules(algorithm=XGBoost(), features=("late_rate",), cleaning=CleaningRule(), label=BinaryLabel(source="late"))
LATE_RATES = [0.1, 0.2, 0.3, 0.4]


def key(late_rates: list[float] = LATE_RATES, model: str = "dev.flights.delay", code: str = "code", **rules: Any) -> str:
    frame = pl.DataFrame({"day": [1, 2, 3, 4][: len(late_rates)], "late_rate": late_rates, "late": [0, 1, 0, 1][: len(late_rates)]})
    rows = Table.of(frame, Roles(primary_keys=("day",), label="late", features=("late_rate",)), "training_set")
    return fit_key(model, rows, RULES.model_copy(update=rules), code)


def test_equal_rows_and_rules_have_one_key() -> None:
    assert key() == key([0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("late_rates", [[0.1, 0.2, 0.3, 0.0], [0.1, 0.2, 0.3]], ids=["a default value", "a lookback window"])
def test_lookups_that_give_other_rows_of_the_same_tables_have_another_key(late_rates: list[float]) -> None:
    assert key(late_rates) != key()


@pytest.mark.parametrize(
    "other",
    [{"model": "dev.flights.cancellation"}, {"code": "other code"}, {"algorithm": XGBoost(max_depth=2)}],
    ids=["model", "code", "algorithm"],
)
def test_another_model_other_code_or_other_rules_have_another_key(other: dict[str, Any]) -> None:
    assert key(**other) != key()
