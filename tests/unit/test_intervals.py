"""Intervals hold the true value as often as they say, by rows and by days; and are absent where a metric is not defined."""

import numpy as np
import pytest

from stackhouse.evaluation import intervals as module
from stackhouse.evaluation.intervals import intervals, normal_interval, resample, resampling
from stackhouse.evaluation.predicted import Predicted
from stackhouse.tasks import TASKS

BINARY, REGRESSION = TASKS["binary_classification"], TASKS["regression"]
SEPARATION = 1.0
TRUE_AUC = 0.7602499389065233
"""P(a > b) of normal a and b that lie 1 standard deviation apart: the normal distribution at 1 / root of 2."""


def classified(generator: np.random.Generator, rows: int) -> Predicted:
    y = generator.integers(0, 2, rows)
    score = 1 / (1 + np.exp(-generator.normal(y * SEPARATION, 1)))
    return Predicted(BINARY, y, score, BINARY.answer(score, 0.6), ("y",))


def by_rows(rows: int, confidence: float = 0.95, resamples: int = 300) -> module.Resampling:
    return resampling(rows, None, resamples, confidence)


def test_intervals_of_rows_hold_the_true_value_as_often_as_they_say() -> None:
    generator = np.random.default_rng(11)
    accuracy = classified(np.random.default_rng(0), 400_000).metrics["accuracy"]
    truth, held = {"roc_auc": TRUE_AUC, "accuracy": accuracy}, {"roc_auc": 0, "accuracy": 0}
    times = 300
    for number in range(times):
        rows = classified(generator, 250)
        found = intervals(rows, {"roc_auc": 0.0, "accuracy": 0.0}, by_rows(250, 0.9), None, seed=number)
        for name, value in truth.items():
            held[name] += found[name].low <= value <= found[name].high
    assert {name: count / times for name, count in held.items()} == pytest.approx({"roc_auc": 0.9, "accuracy": 0.9}, abs=0.04)


def test_intervals_of_days_hold_the_true_value_where_those_of_rows_do_not() -> None:
    generator = np.random.default_rng(12)
    times, days, a_day = 200, 60, 20
    day = np.repeat(np.arange(days), a_day)
    held = {"rows": 0, "days": 0}
    for number in range(times):
        error = generator.normal(0, 1, days)[day] + generator.normal(0, 1, days * a_day)
        rows = Predicted(REGRESSION, error + 1.0, np.ones(len(error)), np.ones(len(error)), ("y",))
        for drawn, its_days in (("rows", None), ("days", day)):
            how = resampling(len(error), its_days, 300, 0.9)
            bounds = intervals(rows, {"rmse": 0.0}, how, its_days, seed=number)["rmse"]
            held[drawn] += bounds.low <= np.sqrt(2) <= bounds.high
    assert held["days"] / times == pytest.approx(0.9, abs=0.05)
    assert held["rows"] / times < 0.75


def test_more_rows_than_are_drawn_from_give_the_interval_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = classified(np.random.default_rng(3), 8000)
    whole = intervals(rows, rows.metrics, by_rows(8000, resamples=500), None, seed=1)
    monkeypatch.setattr(module, "MAX_ROWS", 2000)
    part = intervals(rows, rows.metrics, by_rows(8000, resamples=500), None, seed=1)
    assert set(part) == set(whole)
    for name, value in rows.metrics.items():
        if name in whole:
            assert part[name].low < value < part[name].high
            width, expected = (one[name].high - one[name].low for one in (part, whole))
            assert width == pytest.approx(expected, rel=0.25)


def test_more_rows_of_days_than_are_drawn_from_are_not_narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(4)
    day = np.repeat(np.arange(50), 100)
    error = generator.normal(0, 1, 50)[day] + generator.normal(0, 0.2, 5000)
    rows = Predicted(REGRESSION, error, np.zeros(5000), np.zeros(5000), ("y",))
    how = resampling(5000, day, 400, 0.95)
    whole = intervals(rows, {"rmse": 0.0}, how, day, seed=1)["rmse"]
    monkeypatch.setattr(module, "MAX_ROWS", 1000)
    part = intervals(rows, {"rmse": 0.0}, how, day, seed=1)["rmse"]
    assert part.high - part.low == pytest.approx(whole.high - whole.low, rel=0.2)


def test_same_seed_gives_the_same_intervals_and_another_gives_others() -> None:
    rows = classified(np.random.default_rng(5), 200)
    first, again, other = (intervals(rows, rows.metrics, by_rows(200), None, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_all_resamples_are_drawn_however_few_fit_into_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = classified(np.random.default_rng(6), 300)
    monkeypatch.setattr(module, "_CELLS", 900)
    assert resample(rows, ("roc_auc",), by_rows(300, resamples=101), None, seed=1)["roc_auc"].shape == (101,)


def test_metric_that_is_the_same_for_every_model_has_no_interval() -> None:
    rows = classified(np.random.default_rng(7), 100)
    assert set(rows.metrics) - set(intervals(rows, rows.metrics, by_rows(100), None, 1)) == {"positive_class_ratio"}


def test_metric_that_many_resamples_leave_undefined_has_no_interval() -> None:
    rows = classified(np.random.default_rng(8), 40)
    rare = Predicted(BINARY, np.r_[1, np.zeros(39, dtype=int)], rows.scores, rows.answers, ("y",))
    found = intervals(rare, rare.metrics, by_rows(40), None, 1)
    assert "roc_auc" in rare.metrics
    assert "roc_auc" not in found
    assert "accuracy" in found


def test_detector_without_known_anomalies_has_no_intervals() -> None:
    scores = np.linspace(-1, 1, 50)
    rows = Predicted(TASKS["anomaly_detection"], np.empty(0), scores, np.where(scores < 0, -1, 1), ())
    assert intervals(rows, rows.metrics, by_rows(50), None, 1) == {}


@pytest.mark.parametrize(("days", "drawn", "units"), [(29, "rows", 290), (30, "days", 30)])
def test_whole_days_are_drawn_from_thirty_days_on(days: int, drawn: str, units: int) -> None:
    how = resampling(days * 10, np.repeat(np.arange(days), 10), 500, 0.95)
    assert (how.drawn, how.units) == (drawn, units)


def test_days_may_have_any_numbers() -> None:
    rows = classified(np.random.default_rng(9), 90)
    day = np.repeat(np.arange(45), 2)
    how = resampling(90, day, 200, 0.95)
    assert intervals(rows, rows.metrics, how, day * 7 + 3, 1) == intervals(rows, rows.metrics, how, day, 1)


def test_normal_interval_reaches_as_many_standard_errors_as_the_confidence_asks_for() -> None:
    values = np.random.default_rng(1).normal(0.7, 0.01, 20_000)
    found = normal_interval(0.7, values, 0.95)
    assert (found.low, found.high) == (pytest.approx(0.7 - 1.96 * 0.01, abs=2e-4), pytest.approx(0.7 + 1.96 * 0.01, abs=2e-4))
    assert normal_interval(0.7, np.full(100, np.nan), 0.95) is None
