"""The training run written by hand: one script, no ZenML, nothing of Stackhouse. `python -m benchmarks.floor TABLES HOME REPORT STARTED`.

Same tables, join, label, split, candidates, metrics, MLflow record, registration and check as the training pipeline of
`configs/models/flight_delay.yaml`. What the pipeline gives beyond that (artifacts of each step, cache, pages, gates that
say why, promotion) is what the comparison prices.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm
import mlflow
import mlflow.lightgbm
import mlflow.xgboost
import numpy as np
import pandas as pd
import polars as pl
import xgboost
from deltalake import DeltaTable
from mlflow import MlflowClient
from mlflow.data.delta_dataset_source import DeltaDatasetSource
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature
from sklearn import metrics
from sklearn.dummy import DummyClassifier

IMPORTED = time.time()

PHASES = ("interpreter, libraries of both sides", "data, fits and metrics", "MLflow: log, register, check")
KEYS, LABEL, SOURCE, THRESHOLD = ["origin", "dest"], "high_late_rate", "late_rate", 0.2
NAME, REGISTERED_NAME = "flight_delay", "dev.flights.flight_delay"
TEST_SIZE = VALIDATION_SIZE = 0.2
XGBOOST = {"learning_rate": 0.1, "max_depth": 6, "n_estimators": 100, "subsample": 0.8, "colsample_bytree": 0.8, "min_child_weight": 1.0}
LIGHTGBM = {"min_child_samples": 20, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1}
CANDIDATES: list[tuple[str, dict[str, Any]]] = [
    ("xgboost", XGBOOST),
    ("xgboost", {**XGBOOST, "n_estimators": 300, "max_depth": 3, "learning_rate": 0.03}),
    ("lightgbm", {**LIGHTGBM, "n_estimators": 200, "max_depth": 3, "num_leaves": 8, "learning_rate": 0.05}),
]
Arrays = tuple[np.ndarray, np.ndarray]


def training_set(features: DeltaTable, labels: DeltaTable) -> pl.DataFrame:
    """Join to each label the features known at its time, and binarize; sorted by time and keys."""
    left = pl.scan_delta(labels).sort("label_time", *KEYS).collect()
    right = pl.scan_delta(features).rename({"known_at": "feature_time"}).sort("feature_time", *KEYS).collect()
    for frame, time_column in ((left, "label_time"), (right, "feature_time")):
        if frame.select(pl.struct(*KEYS, time_column).is_duplicated().any()).item() or frame.select(*KEYS, time_column).null_count().row(
            0
        ) != (0, 0, 0):
            raise ValueError(f"keys and {time_column} do not name a row")
    joined = left.join_asof(right, left_on="label_time", right_on="feature_time", by=KEYS, strategy="backward", check_sortedness=False)
    matched = joined.filter(pl.col("feature_time").is_not_null())
    if matched.select((pl.col("feature_time") > pl.col("label_time")).any()).item():
        raise ValueError("a row sees the future")
    known = matched.filter(pl.col(SOURCE).is_not_null() & pl.col(SOURCE).is_not_nan())
    labelled = known.with_columns((pl.col(SOURCE) > THRESHOLD).cast(pl.Int64).alias(LABEL))
    return labelled.drop(SOURCE, "mean_arr_delay", "arrivals", "feature_time")


def split_by_time(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The last fifth of the times tests, the last fifth of the rest validates."""
    times = rows["label_time"].unique().sort()
    test = int(len(times) * (1 - TEST_SIZE) + 1e-9)
    validation = int(test * (1 - VALIDATION_SIZE) + 1e-9)
    when = pl.col("label_time")
    return (
        rows.filter(when < times[validation]),
        rows.filter((when >= times[validation]) & (when < times[test])),
        rows.filter(when >= times[test]),
    )


def split_at_random(rows: pl.DataFrame, test_size: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training and test rows drawn with a seed, the classes in proportion."""
    rows = rows.sort(*KEYS, "label_time")
    generator, classes = np.random.default_rng(42), rows[LABEL].to_numpy()
    testing = np.zeros(len(rows), dtype=bool)
    for value in np.unique(classes):
        members = generator.permutation(np.flatnonzero(classes == value))
        testing[members[int(len(members) * (1 - test_size) + 1e-9) :]] = True
    return rows.filter(pl.Series(~testing)).sort("label_time", *KEYS), rows.filter(pl.Series(testing)).sort("label_time", *KEYS)


def arrays(rows: pl.DataFrame, names: list[str]) -> Arrays:
    """Features as float64 and the label; refuses what is not finite."""
    X = rows.select(names).to_numpy().astype(np.float64)
    if not np.isfinite(X).all():
        raise ValueError("a feature is not finite")
    return X, rows[LABEL].to_numpy()


def fit(kind: str, parameters: dict[str, Any], rows: Arrays, names: list[str]) -> Any:
    """Fit one candidate."""
    X, y = rows
    if kind == "lightgbm":
        options = {k: v for k, v in parameters.items() if k != "n_estimators"}
        fixed = {"objective": "binary", "verbosity": -1, "seed": 42, "deterministic": True, "force_row_wise": True, "num_threads": 1}
        data = lightgbm.Dataset(X, label=y, feature_name=names)
        return lightgbm.train({**fixed, **options}, data, num_boost_round=parameters["n_estimators"])
    model = xgboost.XGBClassifier(
        objective="binary:logistic", eval_metric="logloss", tree_method="hist", n_jobs=1, random_state=42, **parameters
    )
    model.fit(X, y)
    model.get_booster().feature_names = names
    return model


def probability(model: Any, X: np.ndarray) -> np.ndarray:
    """Probability of class 1."""
    if isinstance(model, lightgbm.Booster):
        return np.asarray(model.predict(X), dtype=np.float64)
    if isinstance(model, DummyClassifier):
        return model.predict_proba(X)[:, 1]
    return model.get_booster().inplace_predict(X, validate_features=False).astype(np.float64)


def score(model: Any, rows: Arrays, prefix: str = "") -> dict[str, float]:
    """All metrics of a model on some rows."""
    X, y = rows
    p = probability(model, X)
    predicted = (p >= 0.5).astype(np.int64)
    found = {
        "accuracy": metrics.accuracy_score(y, predicted),
        "precision": metrics.precision_score(y, predicted, zero_division=0),
        "recall": metrics.recall_score(y, predicted, zero_division=0),
        "f1": metrics.f1_score(y, predicted, zero_division=0),
        "roc_auc": metrics.roc_auc_score(y, p),
        "pr_auc": metrics.average_precision_score(y, p),
        "log_loss": metrics.log_loss(y, p, labels=[0, 1]),
        "brier_score": metrics.brier_score_loss(y, p),
        "positive_class_ratio": np.mean(y),
    }
    return {prefix + name: float(value) for name, value in found.items()}


def log_dataset(rows: pl.DataFrame, names: list[str], table: DeltaTable, context: str) -> None:
    """Log rows as input of the run, with the version of the feature table."""
    source = DeltaDatasetSource(path=table.table_uri, delta_table_version=table.version())
    frame = rows.select(*names, LABEL).to_pandas().astype("float64")
    dataset = from_pandas(frame, source=source, targets=LABEL, name="route_day_features")
    mlflow.log_input(dataset, context=context, tags={"delta.version": str(table.version())})


def log_model(kind: str, model: Any, example: pd.DataFrame) -> str:
    """Log the model in its native format with signature, example and pins; return its URI."""
    packages = ("mlflow", "numpy", "pandas", "scikit-learn")
    library = lightgbm if kind == "lightgbm" else xgboost
    flavor = mlflow.lightgbm if kind == "lightgbm" else mlflow.xgboost
    info = flavor.log_model(
        model,
        name=NAME,
        signature=infer_signature(example, model.predict(example)),
        input_example=example,
        pip_requirements=[f"{kind}=={library.__version__}", *(f"{package}=={version(package)}" for package in packages)],
    )
    return str(info.model_uri)


def register(uri: str, run_id: str, tested: dict[str, float], trained_until: datetime) -> str:
    """Register a version with tags, description and aliases."""
    client = MlflowClient()
    client.create_registered_model(REGISTERED_NAME)
    created = client.create_model_version(REGISTERED_NAME, source=uri, run_id=run_id, model_id=uri.rpartition("/")[2])
    git = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude", "*"]
    tags = {
        "registered_at": datetime.now(UTC).isoformat(),
        "environment": "development",
        "git_sha": subprocess.run(git, capture_output=True, text=True, timeout=10, check=False).stdout.strip(),
        "trained_until": trained_until.isoformat(),
        **{name: f"{value:.6f}" for name, value in tested.items()},
    }
    for key, value in tags.items():
        client.set_model_version_tag(REGISTERED_NAME, created.version, key, value)
    client.update_model_version(REGISTERED_NAME, created.version, f"On the test rows: {tested}")
    client.set_registered_model_alias(REGISTERED_NAME, "latest-model", created.version)
    return str(created.version)


def check(number: str, model: Any, rows: pl.DataFrame, names: list[str]) -> None:
    """Load the registered version, score rows that were NaN or infinite, and compare; then make it champion."""
    uri = f"models:/{REGISTERED_NAME}/{number}"
    info = mlflow.models.get_model_info(uri)
    if info.signature is None or info.signature.outputs is None:
        raise ValueError("the signature is not whole")
    sample = rows.head(200).select(names).to_pandas()
    for position, value in enumerate((np.nan, np.inf, -np.inf)):
        sample.iloc[position, position] = value
    clean = sample.where(np.isfinite(sample), 0.0)
    if not np.array_equal(mlflow.pyfunc.load_model(uri).predict(clean), model.predict(clean)):
        raise ValueError("the served predictions are not those of the fitted model")
    if "git_sha" not in MlflowClient().get_model_version(REGISTERED_NAME, number).tags:
        raise ValueError("the version lacks its tags")
    MlflowClient().set_registered_model_alias(REGISTERED_NAME, "champion", number)


def main(tables: Path, home: Path, report: Path, started: float) -> None:
    """Train, judge, record and register; write the seconds of each phase to `report`."""
    features, labels = DeltaTable(str(tables / "route_day_features")), DeltaTable(str(tables / "route_day_labels"))
    rows = training_set(features, labels)
    names = [name for name in rows.columns if name not in (*KEYS, "label_time", LABEL)]
    train, validation, test = split_by_time(rows)
    parts = [arrays(part, names) for part in (train, validation, test)]
    trials = [score(fit(kind, parameters, parts[0], names), parts[1], "validation_") for kind, parameters in CANDIDATES]
    chosen = max(range(len(trials)), key=lambda trial: trials[trial]["validation_roc_auc"])
    kind, parameters = CANDIDATES[chosen]
    learned = pl.concat([train, validation])
    known, unseen = arrays(learned, names), parts[2]
    model = fit(kind, parameters, known, names)
    tested = score(model, unseen)
    guess = score(DummyClassifier(strategy="stratified", random_state=42).fit(*known), unseen, "reference_")
    drawn_train, drawn_test = split_at_random(rows, len(test) / len(rows))
    drawn = score(fit(kind, parameters, arrays(drawn_train, names), names), arrays(drawn_test, names), "random_split_")
    found = {
        **trials[chosen],
        **tested,
        **{f"test_{name}": value for name, value in tested.items()},
        **score(model, known, "train_"),
        **drawn,
        **guess,
        "test_samples": len(test),
    }
    worked = time.time()

    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("flight_delay", artifact_location=str(home / "artifacts")))
    with mlflow.start_run(run_name=f"{NAME}_{kind}_{datetime.now(UTC):%Y%m%d_%H%M%S}") as run:
        mlflow.set_tags(
            {"project": "stackhouse", "domain": "reliability", "model_name": NAME, "algorithm": kind, "use_case": "late flights"}
        )
        mlflow.set_tags({"delta.version.features": features.version(), "delta.version.labels": labels.version()})
        mlflow.log_params(
            {**parameters, "algorithm": kind, "training_samples": len(learned), "n_features": len(names), "threshold": THRESHOLD}
        )
        log_dataset(learned, names, features, "training")
        mlflow.log_dict({"feature_names": names, "primary_keys": KEYS}, "config.json")
        uri = log_model(kind, model, pd.DataFrame(known[0][:5], columns=names))
        mlflow.log_metrics(found)
        log_dataset(test, names, features, "testing")
    if tested["roc_auc"] < 0.62 or tested["f1"] <= 0.45 or tested["roc_auc"] <= guess["reference_roc_auc"]:
        raise ValueError(f"rejected: {tested}")
    check(register(uri, run.info.run_id, tested, learned["label_time"].max()), model, test, names)
    phases = (IMPORTED - started, worked - IMPORTED, time.time() - worked)
    report.write_text(json.dumps(dict(zip(PHASES, phases, strict=True))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
