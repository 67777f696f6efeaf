"""The MLflow form of a fitted model: the library's own flavor for its format, and a python_function that scores as in training.

A custom flavor in MLflow's sense (`save_model` is called by `Model.log`). The folder holds the estimator in its native
format, the scoring rules as JSON and the core package as one archive of code. Nothing in it is a pickle.

Source: MLflow documentation, "Custom model flavors"; `mlflow.models.Model.log`.
"""

import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pandas as pd
from mlflow import pyfunc
from mlflow.models import Model, ModelSignature
from mlflow.models.model import MLMODEL_FILE_NAME, ModelInfo
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from stackhouse.algorithms import LightGBM, ScikitLearn
from stackhouse.encoded_columns import CalendarColumn, CategoryColumn, EncodedColumn
from stackhouse.fitted import FittedModel
from stacks.home import PROJECT
from stacks.libraries import installed_version

FLAVOR = "stackhouse"
FEATURE_LOOKUPS = "feature_lookups"
"""Key of the lookups in the model's metadata; each with the version of its table that the model was trained on."""
CODE = PROJECT / "stackhouse"
"""What goes with each model, so that it scores where the project is not installed."""
_ARCHIVE = "stackhouse.zip"
_PACKAGES = {"xgboost": "xgboost", "lightgbm": "lightgbm", "sklearn": "scikit-learn"}
_ALWAYS = ("mlflow", "narwhals", "numpy", "pandas", "polars", "pydantic", "scikit-learn")


def log_model(model: FittedModel, name: str, example: pd.DataFrame, metadata: dict[str, Any]) -> ModelInfo:
    """Log a fitted model to the active MLflow run.

    Args:
        model: the fitted model.
        name: name of the logged model.
        example: a few rows of features, float64.
        metadata: what else travels in the MLmodel file.
    """
    return Model.log(
        artifact_path=None,
        name=name,
        flavor=sys.modules[__name__],
        fitted=model,
        metadata=metadata,
        signature=signature(model),
        input_example=example,
        pip_requirements=pinned_requirements(model),
        params={key: str(value) for key, value in model.rules.algorithm.hyperparameters.items()},
    )


def signature(model: FittedModel) -> ModelSignature:
    """Return the signature: numbers in as double, categories as string, times as datetime; out what `predict` returns.

    Classes are long and numbers double (rule ML-02); several labels are a column each. `predict_method` chooses what else the model
    can be asked for. A feature that the cleaning rule names a replacement for is optional: rows may come without its column.
    """
    optional, kinds = model.rules.cleaning.columns, {column.name: column for column in model.encoding.columns}
    inputs = Schema([ColSpec(_input_type(kinds[name]), name, required=name not in optional) for name in model.rules.features])
    answer = DataType.double if model.rules.task.name == "regression" else DataType.long
    several = model.rules.task.name == "multilabel_classification"
    outputs = Schema([ColSpec(answer, name) for name in model.rules.label.names] if several else [ColSpec(answer)])
    return ModelSignature(inputs=inputs, outputs=outputs, params=ParamSchema([ParamSpec("predict_method", DataType.string, "predict")]))


def _input_type(column: EncodedColumn) -> DataType:
    if isinstance(column, CategoryColumn) and not column.numeric:
        return DataType.string
    return DataType.datetime if isinstance(column, CalendarColumn) else DataType.double


def pinned_requirements(model: FittedModel) -> list[str]:
    """Return exact pins of what scoring needs; given explicitly, since MLflow would run the model for seconds to guess them."""
    packages = {*_ALWAYS, _PACKAGES[model.rules.algorithm.library]}
    if isinstance(model.rules.algorithm, ScikitLearn):
        packages.add("skops")
    return [f"{package}=={installed_version(package)}" for package in sorted(packages)]


def save_model(path: str, mlflow_model: Model, fitted: FittedModel, **options: Any) -> None:
    """Write the model folder; called by `Model.log`.

    The code is one archive, which Python imports from: a registry asks for every file of a version, and uploads it, one by one.
    """
    root = Path(path)
    with TemporaryDirectory() as folder:
        archive = _archived(CODE, Path(folder, _ARCHIVE))
        _save_native(fitted, path, mlflow_model, code_paths=[str(archive)], **options)
    rules = root / FLAVOR
    rules.mkdir()
    fitted.save(rules)
    native = mlflow_model.flavors[pyfunc.FLAVOR_NAME]
    code = f"{native[pyfunc.CODE]}/{_ARCHIVE}"
    kept = {key: native[key] for key in (pyfunc.ENV, pyfunc.PY_VERSION)}
    mlflow_model.flavors[pyfunc.FLAVOR_NAME] = {pyfunc.MAIN: "stackhouse.scoring", pyfunc.CODE: code, **kept}
    mlflow_model.add_flavor(FLAVOR, version=version("stackhouse"), data=FLAVOR, code=code)
    mlflow_model.save(str(root / MLMODEL_FILE_NAME))


def load_model(model_uri: str) -> FittedModel:
    """Download a logged or registered model and return the fitted model itself.

    Source: `mlflow.artifacts.download_artifacts` resolves `models:/` URIs.
    """
    from mlflow.artifacts import download_artifacts

    return FittedModel.load(Path(download_artifacts(artifact_uri=model_uri)) / FLAVOR)


def _archived(package: Path, archive: Path) -> Path:
    with ZipFile(archive, "w", ZIP_DEFLATED) as written:
        for file in sorted(package.rglob("*.py")):
            written.write(file, file.relative_to(package.parent))
    return archive


def _save_native(fitted: FittedModel, path: str, mlflow_model: Model, **options: Any) -> None:
    """Save with the flavor of the library, so that `mlflow.xgboost.load_model` and its like work as well."""
    algorithm = fitted.rules.algorithm
    if isinstance(algorithm, ScikitLearn):
        from mlflow import sklearn

        options |= {"serialization_format": "skops", "skops_trusted_types": list(algorithm.trusted_types)}
        sklearn.save_model(fitted.estimator, path, mlflow_model=mlflow_model, **options)
    elif isinstance(algorithm, LightGBM):
        from mlflow import lightgbm

        lightgbm.save_model(fitted.estimator, path, mlflow_model=mlflow_model, **options)
    else:
        from mlflow import xgboost

        xgboost.save_model(fitted.estimator, path, mlflow_model=mlflow_model, **options)
