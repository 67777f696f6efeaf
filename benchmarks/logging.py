"""(j) Logging one fitted model to an MLflow that exists, against the flavor of the library with requirements given and guessed."""

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.timing import alternating, medians

ROWS, FEATURES, TREES, REPETITIONS = 5_000, 17, 300, 5


def compare(folder: Path) -> None:
    """Measure and print; `folder` is a new temporary one."""
    import mlflow
    import mlflow.xgboost
    from mlflow.models import infer_signature

    from stackhouse.algorithms import XGBoost
    from stackhouse.cleaning import CleaningRule
    from stackhouse.fitted import FittedModel, ScoringRules
    from stackhouse.labels.rules import BinaryLabel
    from stackhouse.table import Roles, Table
    from stacks.mlflow_model import log_model, pinned_requirements

    folder.mkdir()
    names = tuple(f"feature_{number:02d}" for number in range(FEATURES))
    generator = np.random.default_rng(1)
    rows = pl.DataFrame({name: generator.standard_normal(ROWS) for name in names})
    labelled = rows.with_columns(y=(pl.col(names[0]) > 0).cast(pl.Int64))
    rules = ScoringRules(
        algorithm=XGBoost(n_estimators=TREES), features=names, cleaning=CleaningRule(), label=BinaryLabel(kind="binary", source="y")
    )
    fitted = FittedModel.fit(Table.of(labelled, Roles(features=names, label="y")), rules)
    pinned = pinned_requirements(fitted)
    example = rows.head(5).to_pandas()
    signature = infer_signature(example, np.zeros(5, dtype=np.int64))
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment(experiment_id=mlflow.create_experiment("logging", artifact_location=str(folder)))

    def by_hand(requirements: list[str] | None) -> None:
        with mlflow.start_run():
            mlflow.xgboost.log_model(
                fitted.estimator, name="model", signature=signature, input_example=example, pip_requirements=requirements
            )

    def ours() -> None:
        with mlflow.start_run():
            log_model(fitted, "model", example, {})

    times = medians(alternating(REPETITIONS, ours=ours, pinned=lambda: by_hand(pinned)))
    guessed = medians(alternating(1, guessed=lambda: by_hand(None)))["guessed"]
    print(f"\n(j) logging: XGBoost of {TREES} trees to MLflow in sqlite, median of {REPETITIONS} alternating")
    print(f"    {'Stackhouse, s':<44}{times['ours']:>12.2f}   aim: under a second")
    print(f"    {'mlflow.xgboost, requirements given, s':<44}{times['pinned']:>12.2f}")
    print(f"    {'mlflow.xgboost, requirements guessed, s':<44}{guessed:>12.2f}")
