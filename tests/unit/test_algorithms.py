"""Algorithms: each kind fits, is saved without pickle, and comes back as the same model."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from skops.io.exceptions import UntrustedTypesFoundException

from stackhouse.algorithms import Algorithm, Design, Dummy, GradientBoosting, IsolationForest, LightGBM, RandomForest, XGBoost
from stackhouse.tasks import TASKS, TaskName

SMALL: list[Any] = [
    XGBoost(n_estimators=20, max_depth=3),
    LightGBM(n_estimators=20, max_depth=3),
    GradientBoosting(n_estimators=20, max_depth=3),
    RandomForest(n_estimators=20, max_depth=3),
]
EVERY: list[Any] = [*SMALL, Dummy()]
GENERATOR = np.random.default_rng(0)
X = GENERATOR.uniform(-1, 1, (200, 3))
Y = (X[:, 0] + 0.3 * GENERATOR.standard_normal(200) > 0).astype(np.int64)
FEATURES = Design(("signal", "noise", "more_noise"))
BINARY: TaskName = "binary_classification"


def by_kind(algorithm: Any) -> str:
    return str(algorithm.kind)


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_probability_lies_in_zero_to_one_for_each_row(algorithm: Any) -> None:
    probability = algorithm.scores(algorithm.fit(X, Y, FEATURES, BINARY), X, BINARY)
    assert probability.shape == (200,)
    assert probability.dtype == np.float64
    assert (probability >= 0).all()
    assert (probability <= 1).all()


@pytest.mark.parametrize("algorithm", SMALL, ids=by_kind)
def test_probability_is_that_of_class_1(algorithm: Any) -> None:
    low, high = algorithm.scores(algorithm.fit(X, Y, FEATURES, BINARY), np.array([[-0.9, 0.0, 0.0], [0.9, 0.0, 0.0]]), BINARY)
    assert low + 0.1 < high


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_saved_model_is_loaded_with_the_same_probabilities(algorithm: Any, tmp_path: Path) -> None:
    estimator = algorithm.fit(X, Y, FEATURES, BINARY)
    algorithm.save(estimator, tmp_path)
    loaded = algorithm.load(tmp_path, BINARY)
    assert algorithm.scores(loaded, X, BINARY).tolist() == algorithm.scores(estimator, X, BINARY).tolist()
    assert algorithm.importance(loaded).tolist() == algorithm.importance(estimator).tolist()


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_saved_model_holds_no_pickle(algorithm: Any, tmp_path: Path) -> None:
    algorithm.save(algorithm.fit(X, Y, FEATURES, BINARY), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [algorithm.file_name]
    assert Path(algorithm.file_name).suffix in {".ubj", ".txt", ".skops"}
    assert not (tmp_path / algorithm.file_name).read_bytes().startswith(b"\x80")
    if algorithm.library == "sklearn":
        with zipfile.ZipFile(tmp_path / algorithm.file_name) as archive:
            assert {Path(name).suffix for name in archive.namelist()} <= {".json", ".npy", ".npz"}
            for name in archive.namelist():
                if name.endswith(".npy"):
                    np.load(archive.open(name), allow_pickle=False)


def test_file_with_a_type_outside_the_fixed_list_is_not_loaded(tmp_path: Path) -> None:
    forest = RandomForest(n_estimators=2)
    forest.save(forest.fit(X, Y, FEATURES, BINARY), tmp_path)
    with pytest.raises(UntrustedTypesFoundException, match="Tree"):
        Dummy().load(tmp_path, BINARY)


@pytest.mark.parametrize("algorithm", SMALL, ids=by_kind)
def test_importance_sums_to_one_and_is_largest_for_the_signal(algorithm: Any) -> None:
    importance = algorithm.importance(algorithm.fit(X, Y, FEATURES, BINARY))
    assert importance.shape == (3,)
    assert importance.sum() == pytest.approx(1)
    assert importance.argmax() == 0


def test_importance_of_a_guess_is_zero_for_every_feature() -> None:
    assert Dummy().importance(Dummy().fit(X, Y, FEATURES, BINARY)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("algorithm", [XGBoost(n_estimators=2), LightGBM(n_estimators=2), RandomForest(n_estimators=2)], ids=by_kind)
def test_importance_is_zero_where_no_feature_is_used(algorithm: Any) -> None:
    constant = np.ones((200, 3))
    assert algorithm.importance(algorithm.fit(constant, Y, FEATURES, BINARY)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_same_seed_gives_the_same_model(algorithm: Any) -> None:
    first, second = (algorithm.scores(algorithm.fit(X, Y, FEATURES, BINARY), X, BINARY) for _ in range(2))
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize(
    "algorithm", [XGBoost(n_estimators=5), LightGBM(n_estimators=5), RandomForest(n_estimators=5), Dummy()], ids=by_kind
)
def test_other_seed_gives_another_model(algorithm: Any) -> None:
    other = algorithm.model_copy(update={"random_state": 7})
    first, second = (one.scores(one.fit(X, Y, FEATURES, BINARY), X, BINARY) for one in (algorithm, other))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_kind_in_a_model_file_chooses_the_algorithm(algorithm: Any) -> None:
    assert TypeAdapter(Algorithm).validate_python(algorithm.model_dump()) == algorithm


def test_unknown_kind_is_refused_with_those_that_exist() -> None:
    with pytest.raises(
        ValidationError, match=r"'catboost'.*'xgboost', 'lightgbm', 'gradient_boosting', 'random_forest', 'isolation_forest', 'dummy'"
    ):
        TypeAdapter(Algorithm).validate_python({"kind": "catboost"})


@pytest.mark.parametrize(
    "values",
    [
        {"kind": "xgboost", "n_estimators": 0},
        {"kind": "xgboost", "learning_rate": 0},
        {"kind": "lightgbm", "num_leaves": 1},
        {"kind": "random_forest", "max_depth": 0},
        {"kind": "gradient_boosting", "min_samples_split": 1},
        {"kind": "xgboost", "num_leaves": 31},
        {"kind": "xgboost", "n_estimators": "many"},
    ],
)
def test_hyperparameter_out_of_bounds_or_unknown_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=[*values][1]):
        TypeAdapter(Algorithm).validate_python(values)


def test_hyperparameters_are_everything_but_the_kind() -> None:
    assert Dummy(random_state=3).hyperparameters == {"random_state": 3}


def test_only_the_guess_is_never_registered() -> None:
    assert [algorithm.kind for algorithm in EVERY if not algorithm.registrable] == ["dummy"]


def test_lightgbm_uses_its_bagging_fraction() -> None:
    assert LightGBM().bagging_freq == 1
    all_rows, half = (
        one.scores(one.fit(X, Y, FEATURES, BINARY), X, BINARY)
        for one in (LightGBM(n_estimators=5, bagging_fraction=1.0), LightGBM(n_estimators=5, bagging_fraction=0.5))
    )
    assert all_rows.tolist() != half.tolist()


MIXED = np.column_stack([X[:, :2], np.where(np.arange(200) % 17, (X[:, 2] * 2.5 + 2.5).astype(int), np.nan)])
"""The last column holds codes of categories, NaN where the category is unknown."""

TARGETS: dict[TaskName, Any] = {
    "binary_classification": Y,
    "multiclass_classification": np.digitize(X[:, 0], [-0.3, 0.3]),
    "multilabel_classification": np.column_stack([Y, X[:, 1] > 0]).astype(np.int64),
    "regression": X[:, 0] * 3 + 1,
    "anomaly_detection": np.empty(0),
}
SHAPES = {"multiclass_classification": (200, 3), "multilabel_classification": (200, 2)}
PAIRS = [(algorithm, task) for algorithm in (*SMALL, IsolationForest(n_estimators=20), Dummy()) for task in sorted(algorithm.tasks)]


@pytest.mark.parametrize(("algorithm", "task"), PAIRS, ids=lambda value: value if isinstance(value, str) else value.kind)
def test_every_algorithm_does_each_of_its_tasks_and_comes_back_from_a_folder(algorithm: Any, task: TaskName, tmp_path: Path) -> None:
    design = Design(("signal", "noise", "city"), (2,)) if algorithm.reads_categories else FEATURES
    matrix = MIXED if algorithm.reads_categories else X
    estimator = algorithm.fit(matrix, TARGETS[task], design, task)
    scores = algorithm.scores(estimator, matrix, task)
    assert scores.shape == SHAPES.get(task, (200,))
    algorithm.save(estimator, tmp_path)
    assert algorithm.scores(algorithm.load(tmp_path, task), matrix, task).tolist() == scores.tolist()
    assert algorithm.importance(estimator).shape == (3,)
    if task == "multiclass_classification":
        assert scores.sum(axis=1) == pytest.approx(1)
    if algorithm.registrable and TASKS[task].has_reference:
        guess = Dummy().fit(matrix, TARGETS[task], design, task)
        measured, guessed = (
            TASKS[task].measure(TARGETS[task], found, TASKS[task].answer(found, 0.5), ("a", "b"))
            for found in (scores, Dummy().scores(guess, matrix, task))
        )
        assert measured != guessed


@pytest.mark.parametrize("algorithm", [XGBoost(n_estimators=20), LightGBM(n_estimators=20, min_child_samples=5)], ids=by_kind)
def test_category_that_tells_the_label_is_used_and_an_unknown_one_scores(algorithm: Any) -> None:
    codes = GENERATOR.integers(0, 4, 2000).astype(np.float64)
    matrix = np.column_stack([GENERATOR.normal(size=(2000, 2)), codes])
    estimator = algorithm.fit(matrix, np.isin(codes, [0, 3]).astype(np.int64), Design(("a", "b", "city"), (2,)), BINARY)
    asked = np.array([[0.0, 0.0, code] for code in (0, 1, 2, 3, np.nan)])
    first, second, third, fourth, unknown = algorithm.scores(estimator, asked, BINARY)
    assert min(first, fourth) > 0.8
    assert max(second, third) < 0.2
    assert 0 <= unknown <= 1


@pytest.mark.parametrize("algorithm", [XGBoost, LightGBM, GradientBoosting, RandomForest])
def test_balanced_classes_find_more_of_the_rare_class(algorithm: Any) -> None:
    rare = ((X[:, 0] > 0.8) & (X[:, 1] > -0.5)).astype(np.int64)
    plain, weighed = (algorithm(n_estimators=10, max_depth=2, class_weight=weight) for weight in (None, "balanced"))
    first, second = (one.scores(one.fit(X, rare, FEATURES, BINARY), X, BINARY) for one in (plain, weighed))
    assert second.mean() > first.mean() * 1.5


@pytest.mark.parametrize("algorithm", [XGBoost, LightGBM])
def test_balanced_scale_pos_weight_is_rows_of_class_0_for_each_of_class_1(algorithm: Any) -> None:
    rare = (X[:, 0] > 0.6).astype(np.int64)
    share = float((rare == 0).sum() / (rare == 1).sum())
    balanced, given = (algorithm(n_estimators=5, scale_pos_weight=weight) for weight in ("balanced", share))
    first, second = (one.scores(one.fit(X, rare, FEATURES, BINARY), X, BINARY) for one in (balanced, given))
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_class_1_is_weighed_once(kind: str) -> None:
    with pytest.raises(ValidationError, match="scale_pos_weight and class_weight both weigh class 1; give one of them"):
        TypeAdapter(Algorithm).validate_python({"kind": kind, "scale_pos_weight": 2, "class_weight": "balanced"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"kind": "lightgbm", "profile": "imbalanced"}, (200, 7, 0.05)),
        ({"kind": "lightgbm", "profile": "multiclass"}, (150, 6, 0.08)),
        ({"kind": "lightgbm", "profile": "balanced"}, (100, 5, 0.1)),
        ({"kind": "lightgbm", "profile": "cli"}, (100, 5, 0.1)),
        ({"kind": "lightgbm", "profile": "cli", "max_depth": 9}, (100, 9, 0.1)),
        ({"kind": "xgboost", "profile": "training_guide"}, (100, 6, 0.1)),
    ],
)
def test_profile_stands_under_what_is_given(given: dict[str, object], expected: tuple[int, int, float]) -> None:
    found: Any = TypeAdapter(Algorithm).validate_python(given)
    assert (found.n_estimators, found.max_depth, found.learning_rate) == expected


def test_profile_without_sampling_is_that_of_the_training_guide() -> None:
    found = XGBoost(profile="training_guide")
    assert (found.subsample, found.colsample_bytree) == (1.0, 1.0)


def test_unknown_profile_is_refused_with_those_that_exist() -> None:
    with pytest.raises(
        ValidationError, match=r"unknown profile 'best'; known are \['balanced', 'churn_guide', 'cli', 'imbalanced', 'multiclass'\]"
    ):
        LightGBM(profile="best")


def test_defaults_are_those_of_the_guides() -> None:
    assert GradientBoosting().hyperparameters == {
        "n_estimators": 100,
        "max_depth": 6,
        "learning_rate": 0.1,
        "min_samples_split": 10,
        "min_samples_leaf": 5,
        "random_state": 42,
    }
    assert IsolationForest().hyperparameters == {"n_estimators": 100, "contamination": 0.05, "max_samples": "auto", "random_state": 42}
    assert RandomForest().hyperparameters == {
        "n_estimators": 100,
        "max_depth": 10,
        "min_samples_split": 5,
        "min_samples_leaf": 2,
        "class_weight": "balanced",
        "random_state": 42,
    }


def test_planted_anomalies_are_found() -> None:
    rows = np.vstack([GENERATOR.normal(size=(300, 2)), GENERATOR.normal(size=(15, 2)) + 8])
    forest = IsolationForest(n_estimators=50, contamination=0.1)
    scores = forest.scores(forest.fit(rows, np.empty(0), Design(("a", "b")), "anomaly_detection"), rows, "anomaly_detection")
    assert (scores[300:] < 0).all()
    assert (scores[:300] < 0).mean() < 0.08
