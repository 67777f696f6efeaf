"""Explanation: planted truth comes first, base and values add up or nothing is shown, and the report holds no raw rows."""

from datetime import datetime
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest

from stackhouse.algorithms import Dummy, GradientBoosting, IsolationForest, LightGBM, RandomForest, XGBoost
from stackhouse.encoded_columns import CalendarColumn
from stackhouse.explanation import explanation
from stackhouse.explanation.contributions import Contributions, contributions
from stackhouse.explanation.explanation import Explanation, by_feature, explain, rows_within_reach
from stackhouse.fitted import FittedModel, to_arrays
from stackhouse.tasks import TASKS, TaskName
from tests.unit.explained import EVERY_KIND, FEATURES, fitted, new_examples

BINARY: TaskName = "binary_classification"
LEARNING = [(algorithm, task) for algorithm, task in EVERY_KIND if task != "anomaly_detection"]
SMALL = XGBoost(n_estimators=20, max_depth=3)


def explained(model: FittedModel, seed: int = 5) -> Explanation:
    task = model.rules.task
    return explain(model, new_examples(task.name), task.deciding, seed)


@pytest.mark.parametrize(("algorithm", "task"), LEARNING, ids=lambda value: str(getattr(value, "kind", value)))
def test_signal_comes_first_and_noise_is_near_zero(algorithm: Any, task: TaskName) -> None:
    found = explained(fitted(algorithm, task))
    drivers = {"signal", "colour"} if task == "multilabel_classification" else {"signal"}
    assert found.withheld is None
    assert set(found.ranking) == set(FEATURES)
    assert set(list(found.ranking)[: len(drivers)]) == drivers
    assert found.ranking["noise"] < 0.12 * sum(found.ranking.values())
    assert found.permutation is not None
    assert next(iter(found.permutation.mean)) in drivers


def test_signal_is_what_makes_planted_anomalies_strange() -> None:
    model = fitted(IsolationForest(), "anomaly_detection", ("noise", "weaker", "signal"))
    X, strange = to_arrays(new_examples("anomaly_detection"), model.encoding, model.rules)
    found = contributions(model, X[strange == 1])
    assert found is not None
    shorter = -found.values[:, 0].mean(axis=0)
    assert shorter[2] > 4 * abs(shorter[:2]).max()


def test_importance_is_the_mean_of_the_magnitudes_over_the_rows() -> None:
    model = fitted(SMALL, BINARY, ("signal", "noise"))
    X, _ = to_arrays(new_examples(BINARY), model.encoding, model.rules)
    values = contributions(model, X)
    assert values is not None
    found = explained(model)
    assert (found.test_rows, found.rows) == (300, 300)
    assert found.importance["signal"] == pytest.approx([np.abs(values.values[:, 0, 0]).mean()])
    assert found.base == pytest.approx(values.base)
    assert (found.outputs, found.unit) == (("late",), "log_odds")


def test_columns_of_one_feature_are_added_before_their_magnitude_is_taken() -> None:
    values = np.array([[[1.0, -3.0, 5.0]], [[2.0, 2.0, 0.0]]])
    assert by_feature(values, ("colour", "colour", "signal")).tolist() == [[[-2.0, 4.0]], [[5.0, 0.0]]]


def test_categories_and_dates_count_as_one_feature_each() -> None:
    found = explained(fitted(GradientBoosting(n_estimators=10), "multiclass_classification", ("signal", "colour", "day")))
    assert set(found.importance) == {"signal", "colour", "day"}


@pytest.mark.parametrize(
    ("algorithm", "task", "outputs", "unit"),
    [
        (SMALL, BINARY, ("late",), "log_odds"),
        (LightGBM(n_estimators=5), "multiclass_classification", ("early", "due", "late"), "score"),
        (RandomForest(n_estimators=5), "multilabel_classification", ("late", "red"), "probability"),
        (GradientBoosting(n_estimators=5), "regression", ("minutes",), "label"),
        (IsolationForest(n_estimators=5), "anomaly_detection", ("length of the way",), "path_length"),
    ],
    ids=list(TASKS),
)
def test_each_output_is_named_and_has_its_unit(algorithm: Any, task: TaskName, outputs: tuple[str, ...], unit: str) -> None:
    found = explained(fitted(algorithm, task))
    assert (found.task, found.outputs, found.unit) == (task, outputs, unit)
    assert len(found.base) == len(outputs)
    assert {len(values) for values in found.importance.values()} == {len(outputs)}


def test_cloud_shows_that_larger_values_raise_the_answer() -> None:
    cloud = next(cloud for cloud in explained(fitted(SMALL, BINARY)).clouds if cloud.feature == "signal")
    ranks, pushes = zip(*((point.rank, point.shap[0]) for point in cloud.points), strict=True)
    assert np.corrcoef(ranks, pushes)[0, 1] > 0.7
    assert min(ranks) >= 0
    assert max(ranks) <= 1
    assert cloud.low is not None
    assert cloud.high is not None
    assert -4 < cloud.low < 0 < cloud.high < 4


def test_cloud_holds_both_ends_and_a_bounded_number_of_points(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = explained(fitted(SMALL, BINARY)).clouds[0]
    monkeypatch.setattr(explanation, "CLOUD_POINTS", 10)
    few = explained(fitted(SMALL, BINARY)).clouds[0]
    assert (len(everything.points), len(few.points)) == (200, 10)
    assert (few.points[0], few.points[-1]) == (everything.points[0], everything.points[-1])


def test_ranks_stand_in_place_of_values() -> None:
    model = fitted(SMALL, BINARY)
    signal = new_examples(BINARY).collect(["signal"])["signal"].to_numpy()
    cloud = next(cloud for cloud in explained(model).clouds if cloud.feature == "signal")
    of_the_largest = max(point.rank for point in cloud.points if point.rank is not None)
    assert of_the_largest <= 1 - 0.5 / len(signal) + 0.001
    assert not {point.rank for point in cloud.points} & {round(float(value), 3) for value in signal[(signal < 0) | (signal > 1)]}


def test_category_has_no_order_and_a_date_is_ordered_by_time() -> None:
    clouds = {cloud.feature: cloud for cloud in explained(fitted(SMALL, BINARY)).clouds}
    assert {point.rank for point in clouds["colour"].points} == {None}
    assert (clouds["colour"].low, clouds["day"].low) == (None, None)
    assert len({point.rank for point in clouds["day"].points}) > 100


def test_dates_are_ordered_by_time_across_months_and_years() -> None:
    model = fitted(SMALL, BINARY, ("signal", "day"))
    told = ("2023-12-31T23:00", "2024-01-01T00:00", "2024-01-01T05:00", "2024-02-01T00:00", "2025-01-15T00:00")
    times = [datetime.fromisoformat(f"{time}+00:00") for time in told]
    X = model.encoding.matrix(pl.DataFrame({"signal": [0.0] * 5, "day": times}), model.rules.cleaning)
    ordered = explanation._ordered(model, CalendarColumn(name="day"), X)
    assert ordered is not None
    assert (np.diff(ordered) > 0).all()


def test_rows_are_drawn_by_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "MAX_ROWS", 120)
    model = fitted(SMALL, BINARY)
    assert explained(model, seed=1) == explained(model, seed=1)
    assert explained(model, seed=1).importance != explained(model, seed=2).importance
    assert (explained(model).rows, explained(model).test_rows) == (120, 300)


def test_order_of_the_test_rows_does_not_matter() -> None:
    table, model = new_examples(BINARY), fitted(SMALL, BINARY)
    turned = table.with_frame(table.frame.sort("noise"))
    assert explain(model, turned, "roc_auc", 1) == explain(model, table, "roc_auc", 1)


def test_model_of_many_leaves_is_explained_on_fewer_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanation, "MAX_LEAF_VISITS", 30_000)
    assert explained(fitted(RandomForest(n_estimators=5, max_depth=6), BINARY)).rows == 30_000 // leaves_of(RandomForest)
    assert (rows_within_reach(1), rows_within_reach(10**9), rows_within_reach(0)) == (2000, 100, 2000)


def leaves_of(kind: type[RandomForest]) -> int:
    return sum(tree.get_n_leaves() for tree in fitted(kind(n_estimators=5, max_depth=6), BINARY).estimator.estimators_)


def test_values_that_do_not_add_up_are_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    def halved(model: FittedModel, X: Any) -> Contributions | None:
        found = contributions(model, X)
        return found and Contributions(found.values / 2, found.base, found.raw, found.unit)

    monkeypatch.setattr(explanation, "contributions", halved)
    found = explained(fitted(SMALL, BINARY))
    assert found.withheld is not None
    assert "none is shown" in found.withheld
    assert (found.importance, found.clouds) == ({}, ())
    assert found.permutation is not None
    assert found.permutation.mean


def test_nan_among_the_values_is_withheld(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(model: FittedModel, X: Any) -> Contributions | None:
        found = contributions(model, X)
        return found and Contributions(found.values * np.nan, found.base, found.raw, found.unit)

    monkeypatch.setattr(explanation, "contributions", broken)
    found = explained(fitted(SMALL, BINARY))
    assert "none is shown" in str(found.withheld)
    assert Explanation.model_validate_json(found.model_dump_json()) == found


def test_guess_has_no_values() -> None:
    assert explained(fitted(Dummy(), BINARY, ("signal",))).withheld == "dummy reads no feature"


def test_no_test_rows_are_a_reason() -> None:
    table = new_examples(BINARY)
    empty = table.with_frame(table.frame.filter(nw.col("noise") > 99))
    assert explain(fitted(SMALL, BINARY), empty, "roc_auc", 1) == Explanation(skipped="no test rows")


def test_rows_of_one_class_are_explained_without_permutation_importance() -> None:
    table = new_examples(BINARY)
    found = explain(fitted(SMALL, BINARY), table.with_frame(table.frame.filter(nw.col("late") == 1)), "roc_auc", 1)
    assert found.importance
    assert found.permutation is not None
    assert found.permutation.missing is not None
