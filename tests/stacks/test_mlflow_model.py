"""The MLflow form of each algorithm."""

from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import polars as pl
import pytest

from stackhouse.algorithms import GradientBoosting, LightGBM, RandomForest, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.table import Roles, Table
from stacks.mlflow_model import load_model, log_model

ALGORITHMS = [XGBoost(n_estimators=5), LightGBM(n_estimators=5), GradientBoosting(n_estimators=5), RandomForest(n_estimators=5)]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    return pd.DataFrame({"x": generator.normal(size=200), "z": generator.normal(size=200)})


@pytest.fixture(scope="module", autouse=True)
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("mlflow")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("models", artifact_location=str(folder)))
    yield folder
    mlflow.set_tracking_uri("")  # MLflow's word for: as the environment says


@pytest.fixture(scope="module", params=ALGORITHMS, ids=lambda algorithm: algorithm.kind)
def logged(request: pytest.FixtureRequest, rows: pd.DataFrame, tracking: Path) -> tuple[FittedModel, str]:
    table = Table.of(pl.from_pandas(rows.assign(y=(rows["x"] > 0).astype(int))), Roles(features=("x", "z"), label="y"))
    rules = ScoringRules(
        algorithm=request.param, features=("x", "z"), cleaning=CleaningRule(columns={"z": 1.0}), label=BinaryLabel(source="y")
    )
    fitted = FittedModel.fit(table, rules)
    with mlflow.start_run():
        return fitted, log_model(fitted, "model", rows.head(5), {"lookup": ["x", "z"]}).model_uri


def test_it_scores_raw_rows_as_the_fitted_model_does(logged: tuple[FittedModel, str], rows: pd.DataFrame) -> None:
    fitted, uri = logged
    raw = rows.copy()
    raw.iloc[0, 0], raw.iloc[1, 1], raw.iloc[2, 0] = np.nan, np.inf, -np.inf
    served = mlflow.pyfunc.load_model(uri)
    assert np.array_equal(served.predict(raw, params={"predict_method": "predict_proba"}), fitted.scores(raw))
    classes = served.predict(raw)
    assert classes.dtype == np.int64
    assert np.array_equal(classes, fitted.answer(fitted.scores(raw)))


def test_a_feature_with_a_replacement_of_its_own_may_be_absent_and_no_other(logged: tuple[FittedModel, str], rows: pd.DataFrame) -> None:
    fitted, uri = logged
    served = mlflow.pyfunc.load_model(uri)
    without = served.predict(rows[["x"]], params={"predict_method": "predict_proba"})
    assert np.array_equal(without, fitted.scores(rows.assign(z=1.0)))
    with pytest.raises(mlflow.MlflowException, match="missing inputs"):
        served.predict(rows[["z"]])


def test_it_loads_as_the_fitted_model_itself(logged: tuple[FittedModel, str], rows: pd.DataFrame) -> None:
    fitted, uri = logged
    assert np.array_equal(load_model(uri).scores(rows), fitted.scores(rows))


def test_the_flavor_of_the_library_loads_it_as_well(logged: tuple[FittedModel, str], rows: pd.DataFrame) -> None:
    fitted, uri = logged
    native = {"xgboost": mlflow.xgboost, "lightgbm": mlflow.lightgbm, "sklearn": mlflow.sklearn}[fitted.rules.algorithm.library].load_model(
        uri
    )
    X = rows.to_numpy()
    probability = native.predict(X) if fitted.rules.algorithm.library == "lightgbm" else native.predict_proba(X)[:, 1]
    assert np.allclose(probability, fitted.scores(rows), rtol=1e-6)


def test_its_signature_is_whole_and_equals_what_it_returns(logged: tuple[FittedModel, str], rows: pd.DataFrame) -> None:
    signature = mlflow.models.get_model_info(logged[1]).signature
    assert [(column.name, column.type.name) for column in signature.inputs.inputs] == [("x", "double"), ("z", "double")]
    assert [column.type.name for column in signature.outputs.inputs] == ["long"]
    assert mlflow.pyfunc.load_model(logged[1]).predict(rows.head(5)).dtype == np.int64


def test_its_requirements_are_pinned_exactly(logged: tuple[FittedModel, str]) -> None:
    folder = Path(mlflow.artifacts.download_artifacts(logged[1]))
    requirements = (folder / "requirements.txt").read_text().split()
    assert len(requirements) >= 8
    assert all("==" in requirement for requirement in requirements)


def test_no_file_of_it_is_a_pickle(logged: tuple[FittedModel, str]) -> None:
    files = [file for file in Path(mlflow.artifacts.download_artifacts(logged[1])).rglob("*") if file.is_file()]
    assert len(files) > 10
    assert [file for file in files if file.suffix in {".pkl", ".pickle", ".joblib"} or file.read_bytes()[:1] == b"\x80"] == []


def test_its_metadata_and_input_example_travel_with_it(logged: tuple[FittedModel, str], rows: pd.DataFrame) -> None:
    info = mlflow.models.get_model_info(logged[1])
    assert info.metadata == {"lookup": ["x", "z"]}
    example = mlflow.models.Model.load(logged[1]).load_input_example(mlflow.artifacts.download_artifacts(logged[1]))
    assert example.dtypes.tolist() == [np.float64, np.float64]
    assert len(example) == 5
