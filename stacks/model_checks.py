"""The checks of a registered version: it loads, its signature is whole, it scores raw rows, its metadata is there."""

from collections.abc import Callable
from functools import partial

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.pyfunc import PyFuncModel

from stackhouse.answers import PREDICT_METHODS, serve
from stackhouse.errors import InfrastructureError, RegistryError
from stackhouse.evaluation.metrics import canonical, describe_metric
from stackhouse.fitted import FittedModel
from stackhouse.record import ModelCheck, Registration, ValidationReport
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.mlflow_failures import reason
from stacks.mlflow_model import load_model
from stacks.registry import Registry
from stacks.registry_failures import answering
from stacks.served_model import require_signature

SAMPLE_ROWS = 200


def check_version(client: MlflowClient, registration: Registration, model: TrainedModel, test: Table) -> ValidationReport:
    """Check a registered version on rows of the test set; no checks where none was registered.

    Args:
        client: the MLflow that holds the registry.
        registration: the version to check.
        model: the model that training handed on; what is registered has to score exactly as it does.
        test: rows with the model's features.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses.
    """
    name, version, fitted = registration.name, registration.version, model.fitted
    if version is None or fitted is None:
        return ValidationReport(name=name, version=None)
    return ValidationReport(name=name, version=version, checks=checks_of(client, name, version, fitted, test))


def checks_of(client: MlflowClient, name: str, version: str, fitted: FittedModel, rows: Table) -> tuple[ModelCheck, ...]:
    """Make the checks of a version on rows, with NaN and ±Inf put among them; it has to score exactly as `fitted` does.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses.
    """
    uri, sample = f"models:/{name}/{version}", _with_unusable_values(rows)
    fetching = partial(answering, f"{name} version {version} could not be fetched", name)

    def loads() -> str:
        with fetching():
            return f"{type(load_model(uri).estimator).__name__} in its native format"

    def signature() -> str:
        with fetching():
            return require_signature(mlflow.models.get_model_info(uri).signature)

    def inference() -> str:
        with fetching():
            model = mlflow.pyfunc.load_model(uri)
        return _serves_alike(model, fitted, sample)

    def metadata() -> str:
        measured = "f1_score" if fitted.rules.task.name == "binary_classification" else fitted.rules.task.metrics[0]
        return require_metadata(Registry(client).version(name, version), measured)

    checks: dict[str, Callable[[], str]] = {"loads": loads, "signature": signature, "inference": inference, "metadata": metadata}
    return tuple(run_check(title, check) for title, check in checks.items())


def _serves_alike(model: PyFuncModel, fitted: FittedModel, sample: pd.DataFrame) -> str:
    """Score the sample in every way that the model can be asked for; whatever differs from the trained model raises."""
    for method in PREDICT_METHODS[fitted.rules.task.name]:
        served, expected = np.asarray(model.predict(sample, params={"predict_method": method})), serve(fitted, sample, method)
        if len(served) != len(sample) or not np.array_equal(served, np.asarray(expected)):
            raise ValueError(f"{method} gave {served.shape} for {len(sample)} rows, and not what the trained model gives")
        if not np.isfinite(served).all():
            raise ValueError(f"{method} gave values that are not finite")
        if method == "predict_proba" and not ((served >= 0) & (served <= 1)).all():
            raise ValueError("the served probabilities are not in [0, 1]")
    return f"{len(sample)} raw rows with NaN and ±Inf scored, none dropped, exactly as the trained model does"


def require_metadata(found: ModelVersion, *measured: str) -> str:
    """Say in words what is on record of a version.

    Raises:
        ValueError: where tags are missing: commit, time of registration, and the metrics that are named, or any where none is.
    """
    missing = [key for key in ("git_sha", "registered_at", *measured) if key not in found.tags]
    if not measured and not any(describe_metric(canonical(tag)) for tag in found.tags):
        missing.append("f1_score or another metric")
    if missing:
        raise ValueError(f"the version lacks the tags {', '.join(missing)}. Register its run with register_model")
    return f"run {found.run_id}, {len(found.tags)} tags"


def run_check(title: str, check: Callable[[], str]) -> ModelCheck:
    """Run one check: what it raises is its finding, unless it is that the registry does not answer or refuses.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses.
    """
    try:
        return ModelCheck(name=title, passed=True, detail=check())
    except (InfrastructureError, RegistryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a foreign model raises is the finding
        return ModelCheck(name=title, passed=False, detail=reason(error))


def _with_unusable_values(test: Table) -> pd.DataFrame:
    rows: pd.DataFrame = test.with_frame(test.frame.head(SAMPLE_ROWS)).collect(test.roles.features).to_pandas()
    numbers = [column for column in rows if pd.api.types.is_float_dtype(rows[column])]
    for position, value in enumerate((np.nan, np.inf, -np.inf)):
        if position < len(rows) and numbers:
            rows.loc[rows.index[position], numbers[position % len(numbers)]] = value
    return rows
