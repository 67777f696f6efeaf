"""Validation of a registered version by what is registered alone: the four checks of the guide, readiness, and accuracy where asked for.

The training pipeline checks its own version more strictly, against the model that it has just trained (`stacks/model_checks.py`).
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.pyfunc import PyFuncModel

from stackhouse.answers import PREDICT_METHODS
from stackhouse.errors import InfrastructureError, MissingTableError
from stackhouse.fitted import FittedModel
from stackhouse.labels.labelling import label_rows
from stackhouse.model_validation import Accuracy, ModelValidation, Readiness, ValidationRequest
from stackhouse.table import Table
from stackhouse.tuning.comparison import measure
from stacks.feature_store import FeatureStore, missing_told
from stacks.mlflow_failures import reason
from stacks.mlflow_model import FLAVOR
from stacks.model_checks import require_metadata, run_check
from stacks.named_version import NamedVersion
from stacks.readiness import PROBABILITY, measure_serving, memory_bytes
from stacks.registry import Registry
from stacks.served_model import ServedModel, require_probabilities, require_signature, rows_for, served


def validate_version(client: MlflowClient, store: FeatureStore, request: ValidationRequest) -> ModelValidation:
    """Validate the version that a request names on rows of its test table. What is wrong with the version is a finding.

    Raises:
        InfrastructureError: where the registry does not answer.
        MissingTableError: where the table is not there.
        RegistryError: where there is no such model, version or alias, or the registry refuses.
    """
    registry = Registry(client)
    version = NamedVersion(request.name, request.version, None if request.version else request.alias).resolve(client)
    with missing_told(MissingTableError.of_rows(request.test_table, "--test-table")):
        table = store.read_table(request.test_table)
    sample: pd.DataFrame = table.with_frame(table.frame.head(request.sample_size)).frame.collect().to_pandas()
    found = _Examined(request, version, sample)
    checks = [
        run_check("loads", found.loads),
        run_check("signature", found.signature),
        run_check("inference", found.inference),
        run_check("metadata", lambda: require_metadata(registry.version(request.name, version))),
    ]
    accuracy = None
    if request.limits.min_accuracy is not None:
        accuracy = found.accuracy(table, registry.version(request.name, version).tags.get("accuracy"))
    return ModelValidation.judged(request, version, len(sample), checks, found.readiness, accuracy)


@dataclass
class _Examined:
    """A version while it is examined: what a check has fetched or loaded, the next one goes on with."""

    request: ValidationRequest
    version: str
    sample: pd.DataFrame
    files: ServedModel | None = None
    model: PyFuncModel | None = None
    readiness: Readiness = field(default_factory=Readiness)
    before_bytes: int | None = field(default_factory=memory_bytes)

    def loads(self) -> str:
        """Fetch and load the version."""
        self.files = ServedModel.fetch(self.request.name, self.version)
        self.readiness = Readiness(size_bytes=self.files.size_bytes)
        self.model = self.files.load()
        return f"by the flavors {', '.join(self.files.metadata.flavors)}"

    def signature(self) -> str:
        """Look at what goes in and what comes out."""
        return require_signature(self._fetched.metadata.signature)

    def inference(self) -> str:
        """Score the sample in every way that the model can be asked for, and measure what that takes."""
        if self.model is None:
            raise ValueError("it does not load")
        if self.sample.empty:
            raise ValueError(f"{self.request.test_table} has no rows to score; name another table with --test-table")
        rows = rows_for(self._fetched.metadata.signature, self.sample, self.request.test_table)
        for method in self._methods:
            answers = served(self.model, rows, method)
            if method == PROBABILITY:
                require_probabilities(answers)
        self.readiness = measure_serving(self.model, rows, self.before_bytes, self._fetched.size_bytes, self._methods)
        fewer = "" if len(rows) == self.request.sample_size else f" ({self.request.sample_size:,} were asked for)"
        return f"{len(rows):,} rows of {self.request.test_table}{fewer} scored by {', '.join(self._methods)}"

    def accuracy(self, table: Table, recorded: str | None) -> Accuracy:
        """Measure the accuracy on all rows of the table that have a label; that of the version's tag where the table has none."""
        try:
            measured = self._measured(table)
        except InfrastructureError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a foreign model raises is the finding
            return Accuracy(where=f"it could not be measured on {self.request.test_table}: {reason(error)}")
        if measured is not None:
            return Accuracy(value=measured, where=f"measured on {self.request.test_table}")
        if recorded is not None:
            return _on_record(recorded)
        return Accuracy(where=f"{self.request.test_table} has no label, and the version no tag accuracy")

    @property
    def _fetched(self) -> ServedModel:
        if self.files is None:
            raise ValueError("its files could not be fetched")
        return self.files

    @cached_property
    def _fitted(self) -> FittedModel | None:
        """The model itself, where it is one of Stackhouse."""
        return FittedModel.load(self._fetched.folder / FLAVOR) if self._fetched.ours else None

    @property
    def _methods(self) -> tuple[str, ...]:
        return PREDICT_METHODS[self._fitted.rules.task.name] if self._fitted else ("predict",)

    def _measured(self, table: Table) -> float | None:
        """Accuracy on the table; None where it has no label, or the model's task has no accuracy."""
        if self.model is None:
            return None
        if self._fitted and all(source in table.columns for source in self._fitted.rules.label.sources):
            return measure(self._fitted, label_rows(table, self._fitted.rules.label).table).get("accuracy")
        if self._fitted or not table.roles.label:
            return None
        rows = table.frame.collect().to_pandas().dropna(subset=[table.roles.label])
        answers = served(self.model, rows_for(self._fetched.metadata.signature, rows, self.request.test_table))
        return float(np.mean(answers.ravel() == rows[table.roles.label].to_numpy())) if len(rows) else None


def _on_record(tag: str) -> Accuracy:
    where = "the version's tag accuracy"
    try:
        return Accuracy(value=float(tag), where=where)
    except ValueError:
        return Accuracy(where=f"{where} is '{tag}', which is no number")
