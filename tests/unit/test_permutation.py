"""Permutation importance: the signal carries the model's quality, noise carries none of it, and both are measured with their spread."""

import numpy as np
import pytest

from stackhouse.algorithms import GradientBoosting, IsolationForest, RandomForest, XGBoost
from stackhouse.explanation.permutation import Permutation, permutation_importance
from stackhouse.fitted import FittedModel, to_arrays
from stackhouse.tasks import TaskName
from tests.unit.explained import fitted, new_examples

BINARY: TaskName = "binary_classification"


def permuted(model: FittedModel, metric: str, repeats: int = 5, seed: int = 1) -> Permutation:
    X, y = to_arrays(new_examples(model.rules.task.name), model.encoding, model.rules)
    return permutation_importance(model, X, y, metric, repeats, seed)


@pytest.mark.parametrize(("task", "metric"), [(BINARY, "roc_auc"), ("multiclass_classification", "macro_f1"), ("regression", "r2")])
def test_signal_comes_first_and_noise_is_near_zero(task: TaskName, metric: str) -> None:
    found = permuted(fitted(XGBoost(n_estimators=60, max_depth=3), task), metric)
    assert next(iter(found.mean)) == "signal"
    assert found.mean["signal"] > 0.1
    assert abs(found.mean["noise"]) < 0.02
    assert abs(found.mean["day"]) < 0.02


def test_smaller_is_better_metric_counts_the_other_way() -> None:
    found = permuted(fitted(XGBoost(n_estimators=60, max_depth=3), "regression"), "rmse")
    assert found.undealt is not None
    assert found.mean["signal"] > found.undealt
    assert list(found.mean)[:2] == ["signal", "weaker"]


def test_each_label_has_its_share_in_the_metric_of_all() -> None:
    found = permuted(fitted(RandomForest(n_estimators=30), "multilabel_classification"), "roc_auc")
    assert set(list(found.mean)[:2]) == {"signal", "colour"}


def test_anomalies_that_are_known_judge_the_features_of_the_detector() -> None:
    found = permuted(fitted(IsolationForest(), "anomaly_detection"), "roc_auc")
    assert next(iter(found.mean)) == "signal"


def test_mean_and_deviation_are_those_of_the_repeats() -> None:
    model = fitted(XGBoost(n_estimators=10), BINARY, ("signal", "noise"))
    X, y = to_arrays(new_examples(BINARY), model.encoding, model.rules)
    generator = np.random.default_rng(7)
    drops = []
    for order in [generator.permutation(len(X)) for _ in range(3)]:
        dealt = X.copy()
        dealt[:, 0] = X[order, 0]
        as_is, after = (model.rules.task.measure(y, s, model.answer(s), ("late",)) for s in map(model.scores_of_matrix, (X, dealt)))
        drops.append(as_is["pr_auc"] - after["pr_auc"])
    found = permutation_importance(model, X, y, "pr_auc", 3, 7)
    assert found.mean["signal"] == pytest.approx(np.mean(drops))
    assert found.deviation["signal"] == pytest.approx(np.std(drops, ddof=1))
    assert found.undealt == pytest.approx(as_is["pr_auc"])
    assert (found.repeats, found.rows, found.metric) == (3, 300, "pr_auc")


def test_columns_of_one_feature_are_dealt_together(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted(GradientBoosting(n_estimators=5), "multiclass_classification", ("signal", "colour", "day"))
    X, _ = to_arrays(new_examples("multiclass_classification"), model.encoding, model.rules)
    seen = []
    score = FittedModel.scores_of_matrix
    monkeypatch.setattr(FittedModel, "scores_of_matrix", lambda self, rows: (seen.append(rows), score(self, rows))[1])
    found = permuted(model, "macro_f1", repeats=2)
    colour = [number for number, owner in enumerate(model.encoding.owners) if owner == "colour"]
    assert set(found.mean) == {"signal", "colour", "day"}
    moved = [rows for rows in seen[1:] if not np.array_equal(rows[:300, colour], X[:, colour])]
    assert len(moved) == 1
    for part in np.split(moved[0], 2):
        assert (
            np.unique(part[:, colour], axis=0, return_counts=True)[1].tolist()
            == np.unique(X[:, colour], axis=0, return_counts=True)[1].tolist()
        )
        assert not np.array_equal(part[:, colour], X[:, colour])
        assert (part[:, colour[0]] != X[:, colour[0]]).any()
        assert (part[:, colour[1]] != X[:, colour[1]]).any()
        assert np.array_equal(np.delete(part, colour, axis=1), np.delete(X, colour, axis=1))


def test_feature_that_no_tree_asks_for_has_no_importance_and_no_spread() -> None:
    model = fitted(XGBoost(n_estimators=1, max_depth=1, colsample_bytree=1), BINARY, ("signal", "noise"))
    found = permuted(model, "roc_auc")
    assert (found.mean["noise"], found.deviation["noise"]) == (0.0, 0.0)


def test_other_seed_deals_otherwise_and_the_same_seed_alike() -> None:
    model = fitted(XGBoost(n_estimators=10), BINARY)
    assert permuted(model, "roc_auc", seed=1) == permuted(model, "roc_auc", seed=1)
    assert permuted(model, "roc_auc", seed=1).mean != permuted(model, "roc_auc", seed=2).mean


def test_rows_of_one_class_say_why_there_is_none() -> None:
    model = fitted(XGBoost(n_estimators=5), BINARY)
    X, _ = to_arrays(new_examples(BINARY), model.encoding, model.rules)
    found = permutation_importance(model, X, np.zeros(len(X), dtype=np.int64), "roc_auc", 5, 1)
    assert found == Permutation(metric="roc_auc", missing="roc_auc cannot be computed on these rows: too little is known of what happened")


def test_detector_of_unknown_anomalies_says_why_there_is_none() -> None:
    model = fitted(IsolationForest(n_estimators=5), "anomaly_detection")
    X, _ = to_arrays(new_examples("anomaly_detection"), model.encoding, model.rules)
    assert permutation_importance(model, X, np.empty(0), "roc_auc", 5, 1).missing is not None
