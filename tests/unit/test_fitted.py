"""FittedModel: features and label never mix, the order of rows does not matter, and a folder keeps all that scoring needs."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.algorithms import GradientBoosting, IsolationForest, LightGBM, RandomForest, XGBoost
from stackhouse.encoding import Encoding
from stackhouse.errors import ColumnTypeError, DirtyFeaturesError
from stackhouse.fitted import ENCODING_FILE, RULES_FILE, FittedModel, ScoringRules, to_arrays
from stackhouse.table import Roles, Table
from stackhouse.tasks import TaskName
from tests.unit.conftest import scoring_rules
from tests.unit.explained import LABELS, examples, fitted

ROLES = Roles(primary_keys=("k",), timestamp="t", label="y", features=("a", "b"))
SMALL = [XGBoost(n_estimators=5), LightGBM(n_estimators=5), GradientBoosting(n_estimators=5), RandomForest(n_estimators=5)]


def rows(**changed: object) -> Table:
    columns = {"k": ["p", "q", "p"], "t": [2, 1, 1], "a": [1.0, 2.0, 3.0], "b": [10.0, 20.0, 30.0], "y": [1, 0, 1]}
    return Table.of(pl.DataFrame({**columns, **changed}), ROLES, "dev.flights.train")


def arrays(table: Table, features: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    return to_arrays(table, Encoding.of_numbers(features), scoring_rules(features=features))


def test_arrays_come_in_the_order_of_time_and_keys() -> None:
    X, y = arrays(rows(), ("a", "b"))
    assert X.tolist() == [[3.0, 30.0], [2.0, 20.0], [1.0, 10.0]]
    assert y.tolist() == [1, 0, 1]


def test_arrays_hold_the_features_in_the_order_asked_for() -> None:
    X, _ = arrays(rows(), ("b", "a"))
    assert X.tolist() == [[30.0, 3.0], [20.0, 2.0], [10.0, 1.0]]


def test_arrays_have_their_types_and_shapes() -> None:
    X, y = arrays(rows(a=[1, 2, 3]), ("a",))
    assert (X.dtype, X.shape) == (np.float64, (3, 1))
    assert (y.dtype, y.shape) == (np.int64, (3,))


def test_arrays_without_key_and_timestamp_keep_the_order_of_the_table() -> None:
    table = Table.of(pl.DataFrame({"a": [3.0, 1.0, 2.0], "y": [1, 0, 0]}), Roles(label="y", features=("a",)))
    assert arrays(table, ("a",))[0].tolist() == [[3.0], [1.0], [2.0]]


def test_arrays_of_rows_with_equal_time_do_not_depend_on_their_order() -> None:
    roles = Roles(timestamp="t", label="y", features=("a",))
    frame = pl.DataFrame({"t": [1] * 9, "a": [float(row) for row in range(9)], "y": [0, 1, 0] * 3})
    X, y = arrays(Table.of(frame, roles), ("a",))
    turned_X, turned_y = arrays(Table.of(frame.reverse(), roles), ("a",))
    assert (X.tolist(), y.tolist()) == (turned_X.tolist(), turned_y.tolist())


def test_label_never_enters_the_features() -> None:
    X, _ = arrays(rows(y=[0, 1, 0]), ROLES.features)
    same, _ = arrays(rows(y=[1, 1, 0]), ROLES.features)
    assert X.shape[1] == len(ROLES.features)
    assert X.tolist() == same.tolist()
    with pytest.raises(ValidationError, match="one role a column"):
        Roles(label="y", features=("a", "y"))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_dirty_feature_is_refused_with_its_count(value: float | None) -> None:
    with pytest.raises(DirtyFeaturesError, match=r"dev.flights.train holds NaN, ±Inf or null in 'b' \(2\)"):
        arrays(rows(b=[1.0, value, value]), ("a", "b"))


def test_fit_refuses_dirty_features(rules: ScoringRules, train: Table) -> None:
    dirty = train.collect().to_native().with_columns(pl.lit(math.nan).alias("signal"))
    with pytest.raises(DirtyFeaturesError, match=r"'signal' \(200\)"):
        FittedModel.fit(Table.of(dirty, train.roles), rules)


@pytest.mark.parametrize("algorithm", SMALL, ids=lambda one: one.kind)
def test_order_of_the_rows_does_not_change_the_model(algorithm: object, rules: ScoringRules, train: Table) -> None:
    rules = rules.model_copy(update={"algorithm": algorithm})
    native = train.collect().to_native()
    shuffled = Table.of(native.sample(fraction=1.0, shuffle=True, seed=5), train.roles)
    X, _ = to_arrays(train, Encoding.of_numbers(rules.features), rules)
    first, second = (FittedModel.fit(table, rules).scores_of_matrix(X) for table in (train, shuffled))
    assert first.tolist() == second.tolist()


def test_model_reads_only_its_own_features(train: Table, rules: ScoringRules) -> None:
    only_noise = FittedModel.fit(train, rules.model_copy(update={"features": ("noise",)}))
    raw = pd.DataFrame({"signal": [-1.0, 1.0], "noise": [0.3, 0.3], "y": [0, 1]})
    first, second = only_noise.scores(raw)
    assert first == second


def test_label_among_raw_rows_does_not_change_their_score(good: FittedModel) -> None:
    raw = pd.DataFrame({"signal": [-0.5, 0.5]})
    assert good.scores(raw.assign(y=[1, 0])).tolist() == good.scores(raw).tolist()


def test_raw_rows_score_as_the_clean_ones_do(train: Table, rules: ScoringRules) -> None:
    model = FittedModel.fit(train, rules)
    raw = pd.DataFrame({"signal": [0.3, None, math.inf], "noise": [math.nan, 0.1, -math.inf]})
    assert model.scores(raw).tolist() == model.scores_of_matrix(np.array([[0.3, 0.5], [0.0, 0.1], [0.0, 0.5]])).tolist()


def test_text_in_raw_rows_is_refused(good: FittedModel) -> None:
    with pytest.raises(ColumnTypeError, match="'signal'"):
        good.scores(pd.DataFrame({"signal": ["0.3"]}))


def test_no_rows_give_no_probabilities(good: FittedModel) -> None:
    assert good.scores(pd.DataFrame({"signal": []})).shape == (0,)


@pytest.mark.parametrize("threshold", [0.3, 0.5])
def test_class_1_begins_at_the_decision_threshold(good: FittedModel, threshold: float) -> None:
    model = FittedModel(good.estimator, good.rules.model_copy(update={"decision_threshold": threshold}), good.encoding)
    predicted = model.answer(np.array([np.nextafter(threshold, 0), threshold, np.nextafter(threshold, 1)]))
    assert predicted.tolist() == [0, 1, 1]
    assert predicted.dtype == np.int64


@pytest.mark.parametrize("threshold", [0, 1, -0.1, 1.5])
def test_decision_threshold_that_gives_one_class_is_refused(rules: ScoringRules, threshold: float) -> None:
    with pytest.raises(ValidationError, match="decision_threshold"):
        ScoringRules.model_validate({**rules.model_dump(), "decision_threshold": threshold})


def test_importance_is_named_and_largest_first(train: Table, rules: ScoringRules) -> None:
    importance = FittedModel.fit(train, rules.model_copy(update={"features": ("noise", "signal")})).importance()
    assert [*importance] == ["signal", "noise"]
    assert importance["signal"] > importance["noise"]
    assert sum(importance.values()) == pytest.approx(1)


def test_importance_ties_are_ordered_by_name(train: Table, rules: ScoringRules) -> None:
    constant = train.collect().to_native().with_columns(pl.lit(1.0).alias("signal"), pl.lit(1.0).alias("noise"))
    assert [*FittedModel.fit(Table.of(constant, train.roles), rules).importance().items()] == [("noise", 0.0), ("signal", 0.0)]


@pytest.mark.parametrize("algorithm", SMALL, ids=lambda one: one.kind)
def test_loaded_model_is_the_saved_one(algorithm: object, rules: ScoringRules, train: Table, later: Table, tmp_path: Path) -> None:
    model = FittedModel.fit(train, rules.model_copy(update={"algorithm": algorithm}))
    model.save(tmp_path)
    loaded = FittedModel.load(tmp_path)
    raw = later.collect().to_native().to_pandas()
    assert loaded.rules == model.rules
    assert loaded.scores(raw).tolist() == model.scores(raw).tolist()


def test_saved_folder_holds_the_rules_as_json_and_no_pickle(good: FittedModel, tmp_path: Path) -> None:
    good.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [ENCODING_FILE, "model.ubj", RULES_FILE]
    saved = json.loads((tmp_path / RULES_FILE).read_text(encoding="utf-8"))
    assert saved["features"] == ["signal"]
    assert saved["cleaning"]["default"] == 0.0
    assert saved["label"] == {"kind": "binary", "source": "y", "positive": None, "negative": None}
    assert not any(path.suffix == ".pkl" or path.read_bytes().startswith(b"\x80") for path in tmp_path.iterdir())


@pytest.mark.parametrize("task", list(LABELS))
def test_scores_of_no_rows_have_the_shape_of_those_of_some(task: TaskName) -> None:
    algorithm = IsolationForest(n_estimators=5) if task == "anomaly_detection" else RandomForest(n_estimators=5)
    model = fitted(algorithm, task)
    X, _ = to_arrays(examples(task), model.encoding, model.rules)
    assert model.scores_of_matrix(X[:0]).shape == (0, *model.scores_of_matrix(X[:9]).shape[1:])
