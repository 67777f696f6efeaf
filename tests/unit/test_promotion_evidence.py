"""Evidence: the same for every task, in the metric's own direction; tests where they apply; slices by the rules of the evaluation."""

import numpy as np
import polars as pl
import pytest

from stackhouse.evaluation.intervals import Interval, Resampling
from stackhouse.evaluation.predicted import Predicted
from stackhouse.promotion.evidence import Evidence, gather
from stackhouse.promotion.rule import PromotionRule
from stackhouse.tasks import TASKS

ROWS = 600
HOW = Resampling(drawn="rows", units=ROWS, resamples=200, confidence=0.95)


def rule(metric: str, **knobs: object) -> PromotionRule:
    return PromotionRule(metric=metric, resamples=200, **knobs)


def pair(task: str, seed: int = 1, rows: int = ROWS) -> tuple[Predicted, Predicted]:
    """A challenger that knows of the label, and a champion that guesses."""
    draw, kind = np.random.default_rng(seed), TASKS[task]
    if task == "multiclass_classification":
        y, labels = draw.integers(0, 3, rows), ("y",)
        told = [draw.dirichlet(np.ones(3), rows) + weight * np.eye(3)[y] for weight in (0.5, 0.0)]
        scores = [one / one.sum(axis=1, keepdims=True) for one in told]
    elif task == "multilabel_classification":
        y, labels = draw.integers(0, 2, (rows, 2)), ("a", "b")
        scores = [1 / (1 + np.exp(-(draw.normal(0, 1, (rows, 2)) + weight * (2 * y - 1)))) for weight in (1.0, 0.0)]
    elif task == "regression":
        y, labels = draw.normal(10, 1, rows), ("y",)
        scores = [y + draw.normal(0, error, rows) for error in (0.5, 1.0)]
    elif task == "anomaly_detection":
        y, labels = (draw.random(rows) < 0.2).astype(int), ("known",)
        scores = [draw.normal(0.5, 1, rows) - weight * y for weight in (2.0, 0.0)]
    else:
        y, labels = draw.integers(0, 2, rows), ("y",)
        scores = [1 / (1 + np.exp(-(draw.normal(0, 1, rows) + weight * (2 * y - 1)))) for weight in (1.0, 0.0)]
    ours, theirs = (Predicted(kind, y, one, kind.answer(one, 0.5), labels) for one in scores)
    return ours, theirs


EVERY = [
    ("binary_classification", "roc_auc"),
    ("binary_classification", "log_loss"),
    ("binary_classification", "f1"),
    ("binary_classification", "brier_score"),
    ("multiclass_classification", "macro_f1"),
    ("multiclass_classification", "log_loss"),
    ("multilabel_classification", "roc_auc"),
    ("multilabel_classification", "hamming_loss"),
    ("regression", "r2"),
    ("regression", "rmse"),
    ("anomaly_detection", "roc_auc"),
    ("anomaly_detection", "f1"),
]


@pytest.mark.parametrize(("task", "metric"), EVERY)
def test_better_model_convinces_and_the_worse_one_does_not_in_the_direction_of_the_metric(task: str, metric: str) -> None:
    ours, theirs = pair(task)
    there, back = gather(ours, theirs, {}, None, rule(metric)), gather(theirs, ours, {}, None, rule(metric))
    assert (there.convincing, there.verdict) == (True, "better")
    assert (back.convincing, back.verdict) == (False, "worse")
    assert there.improvement == -back.improvement == abs(ours.metrics[metric] - theirs.metrics[metric])
    assert there.interval.low < there.improvement < there.interval.high


@pytest.mark.parametrize(("task", "metric"), EVERY)
def test_model_against_itself_is_a_tie_with_an_interval_of_nothing(task: str, metric: str) -> None:
    ours, _ = pair(task)
    found = gather(ours, ours, {}, None, rule(metric))
    assert (found.verdict, found.convincing, found.interval) == ("equal", False, Interval(low=0, high=0))
    assert found.mcnemar is None or (found.mcnemar.only_challenger, found.mcnemar.p_value) == (0, 1.0)


@pytest.mark.parametrize(("task", "tested"), [(task, task != "regression") for task in TASKS])
def test_answers_are_tested_for_every_task_but_numbers(task: str, tested: bool) -> None:
    metric = "rmse" if task == "regression" else "macro_f1" if task == "multiclass_classification" else "roc_auc"
    found = gather(*pair(task), {}, None, rule(metric)).mcnemar
    assert (found is not None) is tested
    if found:
        assert found.only_challenger > found.only_champion
        assert found.p_value < 0.05


def test_row_of_several_labels_is_right_where_all_of_it_is() -> None:
    kind, y = TASKS["multilabel_classification"], np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 10)
    half = y.copy()
    half[:, 1] = 1 - half[:, 1]
    ours, theirs = (Predicted(kind, y, told.astype(float), told, ("a", "b")) for told in (y, half))
    found = gather(ours, theirs, {}, None, rule("micro_f1"))
    assert (found.mcnemar.only_challenger, found.mcnemar.only_champion) == (40, 0)


@pytest.mark.parametrize(
    ("task", "metric", "tested"),
    [("binary_classification", "roc_auc", True), ("binary_classification", "f1", False), ("anomaly_detection", "roc_auc", False)],
)
def test_areas_are_tested_where_the_metric_is_the_area_of_a_binary_classifier(task: str, metric: str, tested: bool) -> None:
    found = gather(*pair(task), {}, None, rule(metric))
    assert (found.delong is not None) is tested
    if tested:
        assert found.delong.difference == pytest.approx(found.improvement)


def test_detector_without_known_anomalies_has_no_evidence() -> None:
    kind, scores = TASKS["anomaly_detection"], np.linspace(-1, 1, 50)
    rows = Predicted(kind, np.empty(0), scores, kind.answer(scores, 0.5), ())
    assert gather(rows, rows, {}, None, rule("roc_auc")) is None


def test_metric_that_the_rows_leave_undefined_gives_no_evidence() -> None:
    ours, theirs = pair("binary_classification")
    ones = ours.y == 1
    assert gather(ours.take(ones), theirs.take(ones), {}, None, rule("roc_auc")) is None


def test_metric_that_many_resamples_leave_undefined_does_not_convince() -> None:
    ours, theirs = pair("binary_classification", rows=40)
    y = np.r_[1, np.zeros(39, dtype=int)]
    ours, theirs = (Predicted(one.task, y, scores, one.answers, ("y",)) for one, scores in ((ours, 0.1 + 0.8 * y), (theirs, theirs.scores)))
    found = gather(ours, theirs, {}, None, rule("roc_auc"))
    assert (found.improvement > 0, found.interval, found.convincing) == (True, None, False)
    assert found.bounds == "no interval, since too many resamples leave the metric undefined"


@pytest.mark.parametrize(
    ("low", "min_effect", "verdict"),
    [
        (0.0101, 0.01, "better"),
        (0.01, 0.01, "better, and not surely by more than 0.01"),
        (0.0, 0.0, "better, which may be chance"),
        (-0.001, 0.01, "better, which may be chance"),
    ],
)
def test_lower_end_has_to_be_above_the_least_improvement(low: float, min_effect: float, verdict: str) -> None:
    found = Evidence(
        metric="f1",
        rows=ROWS,
        challenger=0.6,
        champion=0.55,
        improvement=0.05,
        interval=Interval(low=low, high=0.1),
        resampling=HOW,
        min_effect=min_effect,
    )
    assert (found.verdict, found.convincing) == (verdict, verdict == "better")


def test_worse_challenger_whose_interval_holds_zero_may_be_so_by_chance() -> None:
    told = {"metric": "f1", "rows": ROWS, "challenger": 0.5, "champion": 0.55, "improvement": -0.05, "resampling": HOW, "min_effect": 0.0}
    assert Evidence(**told, interval=Interval(low=-0.1, high=0.01)).verdict == "worse, which may be chance"
    assert Evidence(**told, interval=Interval(low=-0.1, high=-0.01)).verdict == "worse"


def test_whole_days_are_drawn_where_rows_cover_thirty() -> None:
    ours, theirs = pair("regression")
    by_day, by_row = (gather(ours, theirs, {}, np.arange(ROWS) % days, rule("rmse")).resampling for days in (30, 29))
    assert (by_day.drawn, by_day.units, by_row.drawn, by_row.units) == ("days", 30, "rows", ROWS)


def test_interval_of_days_that_are_alike_within_is_wider() -> None:
    draw, day, kind = np.random.default_rng(6), np.arange(1200) // 30, TASKS["regression"]
    y = draw.normal(0, 1, 1200)
    ours, theirs = (Predicted(kind, y, told, told, ("y",)) for told in y + 1 + draw.normal(0, 0.3, (2, 40))[:, day])
    by_day, by_row = (gather(ours, theirs, {}, days, rule("mae")).interval for days in (day, None))
    assert by_day.high - by_day.low > 3 * (by_row.high - by_row.low)


def mixed() -> tuple[Predicted, Predicted, pl.Series]:
    """The challenger is better at JFK, worse at EWR, and the same at LGA, which has few rows."""
    draw = np.random.default_rng(4)
    place = np.repeat(["JFK", "EWR", "LGA"], (300, 250, 50))
    y, kind = draw.normal(0, 1, 600), TASKS["regression"]
    error = draw.normal(0, 1, 600)
    ours = y + error * np.select([place == "JFK", place == "EWR"], [0.5, 1.5], 1.0)
    challenger, champion = (Predicted(kind, y, told, told, ("y",)) for told in (ours, y + error))
    return challenger, champion, pl.Series("origin", place)


def test_slices_say_where_the_challenger_is_better_and_where_worse() -> None:
    challenger, champion, origin = mixed()
    found = {part.value: part for part in gather(challenger, champion, {"origin": origin}, None, rule("rmse")).slices}
    assert [(name, part.better, part.worse, part.judged) for name, part in found.items()] == [
        ("EWR", False, True, True),
        ("JFK", True, False, True),
        ("LGA", False, False, False),
    ]
    for name, part in found.items():
        rows = np.flatnonzero((origin == name).to_numpy())
        ours, theirs = (model.take(rows).metrics["rmse"] for model in (challenger, champion))
        assert (part.rows, part.challenger, part.champion, part.improvement) == (len(rows), ours, theirs, theirs - ours)
    assert found["LGA"].interval is None


@pytest.mark.parametrize(("min_slice_rows", "judged"), [(50, True), (51, False)])
def test_slice_at_the_least_rows_is_judged(min_slice_rows: int, judged: bool) -> None:
    challenger, champion, origin = mixed()
    found = gather(challenger, champion, {"origin": origin}, None, rule("rmse", min_slice_rows=min_slice_rows)).slices
    assert found[2].judged is judged


def test_more_slices_ask_for_wider_intervals() -> None:
    challenger, champion, origin = mixed()
    alone, more = (
        gather(challenger, champion, dict.fromkeys(names, origin), None, rule("rmse")).slices[0].interval for names in ("a", "abcdef")
    )
    assert more.high - more.low > 1.2 * (alone.high - alone.low)


def test_slice_that_leaves_the_metric_undefined_has_no_difference() -> None:
    ours, theirs = pair("binary_classification")
    found = gather(ours, theirs, {"y": pl.Series(ours.y)}, None, rule("roc_auc")).slices
    assert [(part.improvement, part.interval, part.judged) for part in found] == [(None, None, False), (None, None, False)]


def test_same_seed_gives_equal_evidence_and_another_gives_other_intervals() -> None:
    challenger, champion, origin = mixed()
    first, again, other = (gather(challenger, champion, {"origin": origin}, None, rule("rmse", seed=seed)) for seed in (1, 1, 2))
    assert first == again
    assert first.interval != other.interval
