"""A version as it would be served: its files fetched once, loaded by MLflow alone, asked with rows in the types of its signature.

Nothing here asks whether the model is one of Stackhouse's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.artifacts import download_artifacts
from mlflow.models import Model
from mlflow.models.signature import ModelSignature
from mlflow.pyfunc import FLAVOR_NAME, PyFuncModel
from mlflow.types import DataType, Schema

from stackhouse.errors import ColumnNotFoundError
from stacks.mlflow_model import FLAVOR
from stacks.registry_failures import answering

_METHOD = "predict_method"


@dataclass(frozen=True)
class ServedModel:
    """A model in a local folder."""

    folder: Path

    @classmethod
    def fetch(cls, name: str, version: str) -> "ServedModel":
        """Fetch the files of a registered version.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it does not know who asks, or does not allow it.
        """
        with answering(f"{name} version {version} could not be fetched", name):
            return cls(Path(download_artifacts(artifact_uri=f"models:/{name}/{version}")))

    @property
    def size_bytes(self) -> int:
        """Size of all files."""
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())

    @property
    def metadata(self) -> Model:
        """What the MLmodel file says."""
        return Model.load(str(self.folder))

    @property
    def ours(self) -> bool:
        """Whether it is a model of Stackhouse."""
        return FLAVOR in self.metadata.flavors

    def load(self) -> PyFuncModel:
        """Load it as whoever serves it does.

        Raises:
            ValueError: where it says of no way to score with it.
        """
        flavors = self.metadata.flavors
        if FLAVOR_NAME not in flavors:
            raise ValueError(f"it has no flavor {FLAVOR_NAME}, so nothing can score with it; it has {', '.join(flavors) or 'none'}")
        return mlflow.pyfunc.load_model(str(self.folder))


def require_signature(found: ModelSignature | None) -> str:
    """Say in words what goes into a model and what comes out.

    Raises:
        ValueError: where inputs or outputs are missing.
    """
    if found is None:
        raise ValueError(
            "there is none; Unity Catalog would refuse the version. Log the model with inputs and outputs, or an input_example"
        )
    missing = [side for side, schema in (("inputs", found.inputs), ("outputs", found.outputs)) if schema is None or not schema.inputs]
    if missing:
        raise ValueError(f"{' and '.join(missing)} are missing; Unity Catalog would refuse the version. Log the model with both")
    return f"{len(found.inputs)} inputs, output {', '.join(map(_type_name, found.outputs.input_types()))}"


def _type_name(kind: object) -> str:
    return kind.name if isinstance(kind, DataType) else str(kind)


def rows_for(signature: ModelSignature | None, rows: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the columns that a signature asks for, in its order and its types; all columns where there is no signature by name.

    Raises:
        ColumnNotFoundError: where the rows lack a column that is required.
    """
    schema: Schema | None = signature.inputs if signature else None
    if schema is None or schema.is_tensor_spec() or not schema.has_input_names():
        return rows
    missing = [column for column in schema.required_input_names() if column not in rows]
    if missing:
        remedy = "Give the table that the model was tested on, or one with these columns, as --test-table."
        raise ColumnNotFoundError.missing(where, missing, map(str, rows.columns), remedy)
    kinds = {name: kind for name, kind in schema.input_dict().items() if name in rows}
    return pd.DataFrame({name: _as(rows[name], getattr(kind, "type", None)) for name, kind in kinds.items()})


def _as(column: pd.Series, kind: object) -> pd.Series:
    """Cast numbers to the type that the signature asks for: MLflow refuses an integer where it has a double, at scoring."""
    if isinstance(kind, DataType) and pd.api.types.is_numeric_dtype(column) and kind in {DataType.double, DataType.float}:
        return column.astype(kind.to_numpy())
    return column


def served(model: PyFuncModel, rows: pd.DataFrame, method: str = "predict") -> np.ndarray[Any, Any]:
    """Score rows in one of the ways that the model can be asked for, and check that each row got a finite answer.

    Raises:
        ValueError: where a row has no answer, or one that is no finite number.
    """
    params = {_METHOD: method} if _METHOD in parameters_of(model.metadata) else None
    answers = np.asarray(model.predict(rows, params=params))
    if len(answers) != len(rows):
        raise ValueError(f"{method} gave {len(answers):,} answers for {len(rows):,} rows")
    if np.issubdtype(answers.dtype, np.number) and not np.isfinite(answers).all():
        raise ValueError(f"{method} gave values that are not finite")
    return answers


def parameters_of(model: Model) -> Sequence[str]:
    """Names of the parameters that a model can be asked with."""
    params = model.signature.params if model.signature else None
    return [param.name for param in params.params] if params else []


def require_probabilities(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the smallest and the greatest of served probabilities.

    Raises:
        ValueError: where one lies outside of 0 and 1.
    """
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise ValueError(f"the served probabilities lie in [{low:.4g}, {high:.4g}] and not in [0, 1]")
    return low, high
