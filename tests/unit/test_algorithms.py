"""Algorithms: each kind fits, is saved without pickle, and comes back as the same model."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from skops.io.exceptions import UntrustedTypesFoundException

from stackhouse.algorithms import Algorithm, Dummy, GradientBoosting, LightGBM, RandomForest, XGBoost

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
FEATURES = ["signal", "noise", "more_noise"]


def by_kind(algorithm: Any) -> str:
    return str(algorithm.kind)


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_probability_lies_in_zero_to_one_for_each_row(algorithm: Any) -> None:
    probability = algorithm.positive_probability(algorithm.fit(X, Y, FEATURES), X)
    assert probability.shape == (200,)
    assert probability.dtype == np.float64
    assert (probability >= 0).all()
    assert (probability <= 1).all()


@pytest.mark.parametrize("algorithm", SMALL, ids=by_kind)
def test_probability_is_that_of_class_1(algorithm: Any) -> None:
    low, high = algorithm.positive_probability(algorithm.fit(X, Y, FEATURES), np.array([[-0.9, 0.0, 0.0], [0.9, 0.0, 0.0]]))
    assert low + 0.1 < high


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_saved_model_is_loaded_with_the_same_probabilities(algorithm: Any, tmp_path: Path) -> None:
    estimator = algorithm.fit(X, Y, FEATURES)
    algorithm.save(estimator, tmp_path)
    loaded = algorithm.load(tmp_path)
    assert algorithm.positive_probability(loaded, X).tolist() == algorithm.positive_probability(estimator, X).tolist()
    assert algorithm.importance(loaded).tolist() == algorithm.importance(estimator).tolist()


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_saved_model_holds_no_pickle(algorithm: Any, tmp_path: Path) -> None:
    algorithm.save(algorithm.fit(X, Y, FEATURES), tmp_path)
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
    forest.save(forest.fit(X, Y, FEATURES), tmp_path)
    with pytest.raises(UntrustedTypesFoundException, match="Tree"):
        Dummy().load(tmp_path)


@pytest.mark.parametrize("algorithm", SMALL, ids=by_kind)
def test_importance_sums_to_one_and_is_largest_for_the_signal(algorithm: Any) -> None:
    importance = algorithm.importance(algorithm.fit(X, Y, FEATURES))
    assert importance.shape == (3,)
    assert importance.sum() == pytest.approx(1)
    assert importance.argmax() == 0


def test_importance_of_a_guess_is_zero_for_every_feature() -> None:
    assert Dummy().importance(Dummy().fit(X, Y, FEATURES)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("algorithm", [XGBoost(n_estimators=2), LightGBM(n_estimators=2), RandomForest(n_estimators=2)], ids=by_kind)
def test_importance_is_zero_where_no_feature_is_used(algorithm: Any) -> None:
    constant = np.ones((200, 3))
    assert algorithm.importance(algorithm.fit(constant, Y, FEATURES)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_same_seed_gives_the_same_model(algorithm: Any) -> None:
    first, second = (algorithm.positive_probability(algorithm.fit(X, Y, FEATURES), X) for _ in range(2))
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize(
    "algorithm", [XGBoost(n_estimators=5), LightGBM(n_estimators=5), RandomForest(n_estimators=5), Dummy()], ids=by_kind
)
def test_other_seed_gives_another_model(algorithm: Any) -> None:
    other = algorithm.model_copy(update={"random_state": 7})
    first, second = (one.positive_probability(one.fit(X, Y, FEATURES), X) for one in (algorithm, other))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize("algorithm", EVERY, ids=by_kind)
def test_kind_in_a_model_file_chooses_the_algorithm(algorithm: Any) -> None:
    assert TypeAdapter(Algorithm).validate_python(algorithm.model_dump()) == algorithm


def test_unknown_kind_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValidationError, match=r"'catboost'.*'xgboost', 'lightgbm', 'gradient_boosting', 'random_forest', 'dummy'"):
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
        one.positive_probability(one.fit(X, Y, FEATURES), X)
        for one in (LightGBM(n_estimators=5, bagging_fraction=1.0), LightGBM(n_estimators=5, bagging_fraction=0.5))
    )
    assert all_rows.tolist() != half.tolist()
