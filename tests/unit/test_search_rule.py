"""Search spaces: each algorithm's own lies inside its limits, and what a model file puts in its place is held to them."""

from typing import Any, get_args

import pytest
from pydantic import ValidationError

from stackhouse.algorithms import Algorithm, Choices, Dummy, GradientBoosting, IsolationForest, LightGBM, RandomForest, Range, XGBoost
from stackhouse.tuning.search_rule import FIXED, SearchRule, is_whole, with_values

KINDS: tuple[Any, ...] = get_args(get_args(Algorithm)[0])


def spaces(space: dict[str, Any], *listed: Any) -> dict[str, dict[str, Any]]:
    return SearchRule(space=space).spaces(listed or (XGBoost(),))  # type: ignore[return-value]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_own_space_lies_inside_the_limits_of_the_fields(kind: Any) -> None:
    assert spaces({}, kind()) == {kind().kind: dict(kind.space)}
    assert not {*kind.space} & {*FIXED}
    for field, space in kind.space.items():
        for value in space.ends:
            assert getattr(with_values(kind(), {field: value}), field) == value


def test_a_reference_has_nothing_to_search_and_every_other_has() -> None:
    assert [kind.__name__ for kind in KINDS if not kind.space] == ["Dummy"]


@pytest.mark.parametrize("algorithm", [XGBoost(), LightGBM(), GradientBoosting(), RandomForest(), IsolationForest()], ids=lambda a: a.kind)
def test_default_of_every_searched_field_lies_in_its_space(algorithm: Any) -> None:
    for field, space in algorithm.space.items():
        value = getattr(algorithm, field)
        assert value in space.choices if isinstance(space, Choices) else space.low <= value <= space.high, field


def test_the_file_narrows_replaces_and_takes_out() -> None:
    found = spaces(
        {"xgboost": {"max_depth": {"low": 3, "high": 4}, "subsample": None, "class_weight": {"choices": [None, "balanced"]}}},
        XGBoost(),
        LightGBM(),
    )
    assert found["xgboost"]["max_depth"] == Range(low=3, high=4)
    assert found["xgboost"]["class_weight"] == Choices(choices=(None, "balanced"))
    assert "subsample" not in found["xgboost"]
    assert found["xgboost"]["learning_rate"] == XGBoost.space["learning_rate"]
    assert found["lightgbm"] == dict(LightGBM.space)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({"xgboost": {"max_depth": {"low": 2, "high": 31}}}, r"space\.xgboost\.max_depth: 31 is outside .* less than or equal to 30"),
        ({"xgboost": {"max_depth": {"low": 0, "high": 3}}}, r"space\.xgboost\.max_depth: 0 is outside"),
        ({"xgboost": {"learning_rate": {"low": 0, "high": 0.5}}}, r"space\.xgboost\.learning_rate: 0 is outside .* greater than 0"),
        ({"xgboost": {"subsample": {"low": 0.5, "high": 1.01}}}, r"space\.xgboost\.subsample: 1\.01 is outside"),
        ({"xgboost": {"max_depth": {"low": 2.5, "high": 4}}}, r"space\.xgboost\.max_depth: 2\.5 to 4 are not whole numbers"),
        ({"xgboost": {"class_weight": {"choices": ["even"]}}}, r"space\.xgboost\.class_weight: 'even' is outside"),
        ({"xgboost": {"num_leaves": {"low": 2, "high": 4}}}, r"space\.xgboost: 'num_leaves' is no hyperparameter to search; they are"),
        ({"xgboost": {"random_state": {"low": 1, "high": 4}}}, r"space\.xgboost: 'random_state' is no hyperparameter to search"),
        ({"lightgbm": {"max_depth": {"low": 2, "high": 4}}}, r"space: \['lightgbm'\] is not among the algorithms; they are \['xgboost'\]"),
        (
            {"xgboost": {"class_weight": {"choices": [None, "balanced"]}, "scale_pos_weight": {"low": 1, "high": 9}}},
            r"'balanced' does not go with scale_pos_weight 1: .* give one of them",
        ),
    ],
)
def test_a_space_outside_the_limits_is_refused_with_the_name_of_the_field(space: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        spaces(space)


def test_every_value_has_to_go_with_what_is_listed() -> None:
    with pytest.raises(ValueError, match=r"space\.xgboost\.class_weight: 'balanced' is outside .* give one of them"):
        spaces({"xgboost": {"class_weight": {"choices": ["balanced"]}}}, XGBoost(scale_pos_weight=2))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"low": 3, "high": 3}, "low 3 is not below high 3"),
        ({"low": 0, "high": 3, "log": True}, "log: true needs low above 0, and it is 0"),
        ({"low": 3}, "Field required"),
        ({"choices": []}, "at least 1 item"),
        ({"low": 1, "high": 3, "step": 2}, "Extra inputs are not permitted"),
    ],
)
def test_a_space_that_says_nothing_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        SearchRule(space={"xgboost": {"max_depth": given}})


def test_whole_fields_are_told_from_the_others() -> None:
    assert [is_whole(XGBoost, field) for field in ("n_estimators", "min_child_weight", "scale_pos_weight")] == [True, False, False]
    assert is_whole(IsolationForest, "max_samples")


def test_other_values_are_checked_and_end_the_profile() -> None:
    tuned = with_values(LightGBM(profile="imbalanced"), {"max_depth": 3})
    assert (tuned.profile, tuned.hyperparameters["max_depth"], tuned.hyperparameters["n_estimators"]) == (None, 3, 200)
    with pytest.raises(ValidationError):
        with_values(LightGBM(), {"max_depth": 99})


def test_first_listed_of_a_kind_gives_what_is_not_searched() -> None:
    assert spaces({}, XGBoost(max_depth=3), XGBoost(max_depth=4)) == {"xgboost": dict(XGBoost.space)}
    assert spaces({}, Dummy()) == {"dummy": {}}
