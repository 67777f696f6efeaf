"""Names that are made of the label's name: suspected where its words stand in them, unless they say that they look back."""

import pytest

from stackhouse.leaks.derived_names import named_after


@pytest.mark.parametrize(
    ("feature", "column"),
    [
        ("late_rate", "late_rate"),
        ("LATE_RATE", "late_rate"),
        ("lateRate", "late_rate"),
        ("late-rate", "late_rate"),
        ("late_rate_today", "late_rate"),
        ("mean_late_rate", "late_rate"),
        ("late_rate", "high_late_rate"),
        ("late", "is_late"),
        ("will_be_late", "late"),
        ("churn_score", "churn_flag"),
        ("target", "target"),
        ("y", "y"),
        ("HTTPErrors", "http_errors"),
    ],
)
def test_name_that_holds_the_words_of_the_label_is_suspected(feature: str, column: str) -> None:
    assert named_after(feature, ["arrivals", column]) == column


@pytest.mark.parametrize(
    "feature",
    [
        *("late_rate_7d", "late_rate_30d", "late_rate_24h", "late_rate_12months", "late_rate_lag_1d", "late_rate_lag", "prev_late_rate"),
        *("lagged_late_rate", "rolling_late_rate", "LateRatePrevious", "yesterday_late_rate", "trailing-late-rate", "late_rate_ewm"),
    ],
)
def test_name_that_says_that_it_looks_back_is_not_suspected(feature: str) -> None:
    assert named_after(feature, ["late_rate"]) is None


@pytest.mark.parametrize("feature", ["rate", "late", "rate_late", "translate_rate", "late_flights_rate", "day_of_week", "", "é"])
def test_other_name_is_not_suspected(feature: str) -> None:
    assert named_after(feature, ["late_rate"]) is None


def test_without_columns_nothing_is_suspected() -> None:
    assert named_after("late_rate", []) is None
