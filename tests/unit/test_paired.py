"""The paired interval: both models on the same resamples, by whole days where these are drawn, in the metric's own direction."""

import numpy as np
import pytest
from pydantic import ValidationError

from stackhouse.evaluation import intervals as module
from stackhouse.evaluation.intervals import resample, resampling
from stackhouse.evaluation.predicted import Predicted
from stackhouse.promotion.paired import improvement, improvements, paired_interval, student
from stackhouse.promotion.rule import PromotionRule
from stackhouse.tasks import TASKS

BINARY, REGRESSION = TASKS["binary_classification"], TASKS["regression"]


def answers(y: np.ndarray, error: np.ndarray) -> Predicted:
    return Predicted(REGRESSION, y, y + error, y + error, ("y",))


def hard_rows(rows: int = 400, seed: int = 1, less: float = 0.9) -> tuple[Predicted, Predicted]:
    """Two regressions that err alike, the challenger by a tenth less: every row is better, and some rows are hard for both."""
    generator = np.random.default_rng(seed)
    y, error = generator.normal(0, 1, rows), generator.standard_t(3, rows)
    return answers(y, less * error), answers(y, error)


def by_rows(rows: int, resamples: int = 500, confidence: float = 0.95) -> module.Resampling:
    return resampling(rows, None, resamples, confidence)


def interval_of(
    challenger: Predicted, champion: Predicted, metric: str, how: module.Resampling, days: np.ndarray | None = None
) -> module.Interval:
    gained = improvement(metric, challenger.metrics[metric], champion.metrics[metric])
    return paired_interval(gained, improvements(challenger, champion, metric, how, days, 1), how)


def test_every_resample_is_of_the_same_rows_for_both_models() -> None:
    challenger, champion = hard_rows()
    found = improvements(challenger, champion, "mae", by_rows(400), None, seed=1)
    alone = resample(champion, ("mae",), by_rows(400), None, seed=1)["mae"]
    assert found == pytest.approx(0.1 * alone)


def test_paired_interval_is_narrower_than_the_models_own() -> None:
    challenger, champion = hard_rows()
    paired = interval_of(challenger, champion, "rmse", by_rows(400))
    alone = module.intervals(champion, {"rmse": 0.0}, by_rows(400), None, 1)["rmse"]
    assert paired.high - paired.low < 0.2 * (alone.high - alone.low)
    assert paired.low > 0


def test_models_may_order_the_rows_in_any_way() -> None:
    """The rows are drawn by position, and not by the rank that either model gives them."""
    generator = np.random.default_rng(2)
    y = generator.integers(0, 2, 300)
    ours, theirs = (Predicted(BINARY, y, p, BINARY.answer(p, 0.5), ("y",)) for p in generator.random((2, 300)))
    how = by_rows(300)
    found = improvements(ours, theirs, "accuracy", how, None, 3)
    right = (ours.answers == y).astype(float) - (theirs.answers == y)
    counts = resample_of_positions(theirs, how, 3)
    assert found == pytest.approx(counts @ right / 300)


def resample_of_positions(first: Predicted, how: module.Resampling, seed: int) -> np.ndarray:
    """How often each row was drawn, by measuring a model that errs at one row alone, for each row."""
    rows = first.rows
    order = np.argsort(-first.scores, kind="stable")
    counts = np.concatenate(list(module._draw(np.arange(rows), how.resamples, np.random.default_rng(seed))))
    back = np.empty_like(counts)
    back[:, order] = counts
    return back


def test_whole_days_are_drawn_for_both() -> None:
    generator = np.random.default_rng(4)
    day = np.repeat(np.arange(40), 25)
    y = np.zeros(1000)
    ours, theirs = (answers(y, 1.0 + generator.normal(0, 0.3, 40)[day]) for _ in range(2))
    how = resampling(1000, day, 500, 0.95)
    assert how.drawn == "days"
    wide, narrow = interval_of(ours, theirs, "mae", how, day), interval_of(ours, theirs, "mae", by_rows(1000))
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_more_rows_than_are_drawn_from_give_the_interval_of_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    challenger, champion = hard_rows(8000)
    how = by_rows(8000)
    whole = interval_of(challenger, champion, "rmse", how)
    monkeypatch.setattr(module, "MAX_ROWS", 2000)
    part = interval_of(challenger, champion, "rmse", how)
    assert part.low + part.high == pytest.approx(whole.low + whole.high)
    assert part.high - part.low == pytest.approx(whole.high - whole.low, rel=0.35)


def test_same_seed_gives_the_same_interval_and_another_gives_another() -> None:
    challenger, champion = hard_rows()
    first, again, other = (improvements(challenger, champion, "rmse", by_rows(400), None, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("metric", "expected"), [("roc_auc", 0.25), ("rmse", -0.25), ("hamming_loss", -0.25), ("r2", 0.25)])
def test_improvement_has_the_direction_of_the_metric(metric: str, expected: float) -> None:
    assert improvement(metric, 0.75, 0.5) == expected


@pytest.mark.parametrize(("units", "t"), [(6, 2.5706), (10, 2.2622), (30, 2.0452), (100, 1.9842), (10**9, 1.9600)])
def test_interval_is_as_many_standard_errors_wide_as_students_t_asks_for(units: int, t: float) -> None:
    """Quantiles of Student's t at 0.975, from a table; the spread of resamples is a root of (n - 1) / n too small."""
    values = 0.3 + np.random.default_rng(1).normal(0, 0.01, 5000)
    how = module.Resampling(drawn="rows", units=units, resamples=5000, confidence=0.95)
    found, error = paired_interval(0.3, values, how), np.std(values, ddof=1) * np.sqrt(units / (units - 1))
    assert (found.low, found.high) == pytest.approx((0.3 - t * error, 0.3 + t * error), abs=1e-4)


@pytest.mark.parametrize(("confidence", "t"), [(0.5, 0.6828), (0.9, 1.6973), (0.99, 2.7500), (0.999, 3.6460)])
def test_more_confidence_reaches_further(confidence: float, t: float) -> None:
    """Student's t with 30 degrees of freedom, from a table."""
    assert student((1 + confidence) / 2, 30) == pytest.approx(t, abs=1e-3)


def test_metric_that_many_resamples_leave_undefined_has_no_interval() -> None:
    values, how = np.r_[np.full(5, np.nan), np.ones(95)], by_rows(50, resamples=100)
    assert paired_interval(1.0, values, how) == module.Interval(low=1.0, high=1.0)
    assert paired_interval(1.0, np.r_[values[:-1], np.nan], how) is None


def test_single_row_has_no_interval() -> None:
    assert paired_interval(1.0, np.ones(200), by_rows(1)) is None


@pytest.mark.parametrize(
    "knob", [{"confidence": 1.0}, {"confidence": 0.4}, {"min_effect": -0.1}, {"min_effect": float("inf")}, {"resamples": 50}], ids=str
)
def test_knob_out_of_range_is_refused(knob: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(knob))):
        PromotionRule(**knob)
