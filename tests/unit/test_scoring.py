"""Scoring raw rows: as many answers as rows, in the order of the rows, whatever the rows hold."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stackhouse.errors import ColumnTypeError, ConfigurationError
from stackhouse.fitted import FittedModel
from stackhouse.scoring import ScoringModel, _load_pyfunc

PROBABILITY = {"predict_method": "predict_proba"}
DIRTY = pd.DataFrame({"signal": [0.9, math.nan, -0.9, math.inf, None, 0.9, -math.inf]}, index=[3, 3, 1, 0, 9, 2, 7])


def test_every_row_is_scored_where_some_hold_nan(good: FittedModel) -> None:
    scored = ScoringModel(good).predict(DIRTY)
    assert scored.shape == (7,)
    assert (scored[0], scored[2], scored[5]) == (1, 0, 1)


@pytest.mark.parametrize("params", [None, PROBABILITY], ids=["predict", "predict_proba"])
def test_scores_come_in_the_order_of_the_rows(good: FittedModel, params: dict[str, str] | None) -> None:
    model = ScoringModel(good)
    alone = [model.predict(DIRTY.iloc[[row]], params)[0] for row in range(len(DIRTY))]
    assert model.predict(DIRTY, params).tolist() == alone
    assert model.predict(DIRTY.iloc[::-1], params).tolist() == alone[::-1]


def test_unusable_values_score_as_the_replacement_does(good: FittedModel) -> None:
    scored = ScoringModel(good).predict(DIRTY, PROBABILITY)
    zero = ScoringModel(good).predict(pd.DataFrame({"signal": [0.0]}), PROBABILITY)[0]
    assert [scored[row] for row in (1, 3, 4, 6)] == [zero] * 4


def test_predict_gives_classes_and_predict_proba_probabilities(good: FittedModel) -> None:
    classes, probabilities = ScoringModel(good).predict(DIRTY), ScoringModel(good).predict(DIRTY, PROBABILITY)
    assert classes.dtype == np.int64
    assert probabilities.dtype == np.float64
    assert classes.tolist() == (probabilities >= 0.5).astype(int).tolist()


def test_absent_feature_column_scores_every_row_as_missing(good: FittedModel) -> None:
    scored = ScoringModel(good).predict(pd.DataFrame({"other": [1, 2, 3]}), PROBABILITY)
    zero = ScoringModel(good).predict(pd.DataFrame({"signal": [0.0]}), PROBABILITY)[0]
    assert scored.tolist() == [zero] * 3


def test_no_rows_give_no_scores(good: FittedModel) -> None:
    assert ScoringModel(good).predict(DIRTY.iloc[:0]).shape == (0,)


def test_unknown_predict_method_is_refused(good: FittedModel) -> None:
    with pytest.raises(ConfigurationError, match="predict_method is 'score'; it can be predict or predict_proba"):
        ScoringModel(good).predict(DIRTY, {"predict_method": "score"})


def test_text_is_refused(good: FittedModel) -> None:
    with pytest.raises(ColumnTypeError, match="'signal'"):
        ScoringModel(good).predict(pd.DataFrame({"signal": ["late"]}))


def test_model_loaded_by_its_mlflow_folder_scores_the_same(good: FittedModel, tmp_path: Path) -> None:
    (tmp_path / "stackhouse").mkdir()
    good.save(tmp_path / "stackhouse")
    assert _load_pyfunc(str(tmp_path)).predict(DIRTY, PROBABILITY).tolist() == ScoringModel(good).predict(DIRTY, PROBABILITY).tolist()
