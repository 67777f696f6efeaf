"""The timed process of our side: `python -m benchmarks.pipeline train REPORT STARTED`; `prepare` makes what both sides start from.

Phases are counted by timers around ZenML's, MLflow's and our own functions; nothing is left out or done twice. Libraries
that the floor imports as well are imported first and in the same order, so that both sides count them in the same row.
"""

import importlib
import json
import logging
import sys
from pathlib import Path
from typing import Any

from benchmarks.timing import Phases

PROJECT = Path(__file__).resolve().parents[1]
MODEL_FILE = str(PROJECT / "configs" / "models" / "flight_delay.yaml")
SHARED_LIBRARIES = (
    "numpy",
    "pandas",
    "polars",
    "deltalake",
    "sklearn.dummy",
    "sklearn.metrics",
    "mlflow",
    "mlflow.data.delta_dataset_source",
    "mlflow.data.pandas_dataset",
    "lightgbm",
    "xgboost",
    "mlflow.lightgbm",
    "mlflow.xgboost",
)

SHARED, WORK, MLFLOW = "interpreter, libraries of both sides", "data, fits and metrics", "MLflow: log, register, check"
ZENML, OURS = "imports: ZenML", "imports: Stackhouse"
STORE, INTEGRATIONS = "ZenML: open the store", "ZenML: integrations (imports)"
AUTOLOG, RECORDS = "ZenML: switch autologging off (imports)", "ZenML: compile, run and step records"
FILES, DESCRIPTION = "artifacts: write and read", "artifacts: hash, metadata, pages"


def prepare() -> None:
    """Bring up the stack in the home that the environment names, write feature and label table, and migrate MLflow's database."""
    from commands import settings

    settings.apply()
    from pipelines.feature_engineering import feature_engineering
    from stacks.definition import bring_up, read_definition
    from stacks.tracking import tracking_client

    bring_up(read_definition("local"))
    feature_engineering.with_options(config_path=MODEL_FILE)()
    tracking_client().search_experiments()


def train(report: Path, started: float) -> None:
    """Run the training pipeline as a user's script would, and write the seconds of each phase to `report`.

    Raises:
        RuntimeError: where a step was served from the cache; such a run would be compared with a whole one.
    """
    phases = Phases(SHARED, started)
    from commands import settings

    settings.apply()
    with phases(SHARED):
        for library in SHARED_LIBRARIES:
            importlib.import_module(library)
    with phases(ZENML):
        from zenml.client import Client
        from zenml.zen_stores import sql_zen_store  # noqa: F401 - the store imports it a moment later
    with phases(STORE):
        _ = Client().zen_store, Client().active_stack_model
    with phases(OURS):
        from pipelines.training import training
    _count_inside(phases)
    cached = _CachedSteps()
    logging.getLogger("zenml").addHandler(cached)
    with phases(RECORDS):
        training.with_options(config_path=MODEL_FILE)()
    if cached.messages:
        raise RuntimeError(f"The timed run used the cache: {cached.messages}")
    report.write_text(json.dumps(phases.finish()), encoding="utf-8")


def _count_inside(phases: Phases) -> None:
    from zenml.integrations.mlflow.experiment_trackers import MLFlowExperimentTracker
    from zenml.integrations.registry import IntegrationRegistry
    from zenml.steps import BaseStep

    from materializers.report import ReportMaterializer
    from materializers.table import TableMaterializer
    from materializers.trained_model import TrainedModelMaterializer

    phases.wrap(IntegrationRegistry, "activate_integrations", INTEGRATIONS)
    phases.wrap(BaseStep, "call_entrypoint", WORK)
    phases.wrap(MLFlowExperimentTracker, "prepare_step_run", MLFLOW)
    phases.wrap(MLFlowExperimentTracker, "disable_autologging", AUTOLOG)
    for step, function in {
        "train_model": "log_training",
        "evaluate_model": "log_evaluation",
        "explain_model": "log_explanation",
        "register_model": "register",
        "validate_model": "check_version",
        "promote_model": "promote",
    }.items():
        phases.wrap(importlib.import_module(f"steps.{step}"), function, MLFLOW)
    for step in (PROJECT / "steps").glob("[a-z]*.py"):
        module = importlib.import_module(f"steps.{step.stem}")
        for function in {"log_metadata", "active_feature_store"} & set(vars(module)):
            phases.wrap(module, function, RECORDS)
    for materializer in (ReportMaterializer, TableMaterializer, TrainedModelMaterializer):
        for method in ("save", "load"):
            phases.wrap(materializer, method, FILES)
        for method in ("compute_content_hash", "extract_metadata", "save_visualizations"):
            phases.wrap(materializer, method, DESCRIPTION)


class _CachedSteps(logging.Handler):
    """Remembers what ZenML says of cached steps; there is no event for it."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.messages: list[str] = []

    def emit(self, record: Any) -> None:
        if "cached version" in record.getMessage():
            self.messages.append(record.getMessage())


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare()
    else:
        train(Path(sys.argv[2]), float(sys.argv[3]))
