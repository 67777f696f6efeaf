"""What a pair of runs produced, read back from their artifacts."""

from dataclasses import dataclass
from typing import Any

from zenml.client import Client
from zenml.models import PipelineRunResponse

from stackhouse.certificate import Certificate
from stackhouse.cleaning import CleaningReport
from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.labels.report import LabelReport
from stackhouse.promotion.decision import Promotion
from stackhouse.record import Registration, TableVersion, TrainingRecord, ValidationReport
from stackhouse.tuning.comparison import TuningReport
from stackhouse.verdict import Verdict


@dataclass(frozen=True)
class Results:
    """The reports of a feature_engineering run and the training run after it."""

    rows_read: int
    cleaning: CleaningReport
    feature_table: TableVersion
    certificate: Certificate
    labels: LabelReport
    tuning: TuningReport
    record: TrainingRecord
    evaluation: Evaluation
    verdict: Verdict
    registration: Registration
    validation: ValidationReport
    promotion: Promotion
    mlflow_uri: str


def read_results(features: PipelineRunResponse, training: PipelineRunResponse) -> Results:
    """Read the reports of two runs that are finished."""
    client = Client()
    made, trained = client.get_pipeline_run(features.id), client.get_pipeline_run(training.id)

    def report(run: PipelineRunResponse, step: str, output: str) -> Any:
        return run.steps[step].outputs[output][0].load()

    tracker: Any = client.active_stack.experiment_tracker
    return Results(
        rows_read=int(str(made.steps["load_source"].outputs["source"][0].run_metadata["rows"])),
        cleaning=report(made, "clean_features", "cleaning"),
        feature_table=report(made, "write_feature_table", "table_version"),
        certificate=report(trained, "load_features", "certificate"),
        labels=report(trained, "binarize_label", "label_distribution"),
        tuning=report(trained, "tune", "tuning"),
        record=report(trained, "train_model", "model").record,
        evaluation=report(trained, "evaluate_model", "evaluation"),
        verdict=report(trained, "evaluate_model", "verdict"),
        registration=report(trained, "register_model", "registration"),
        validation=report(trained, "validate_model", "model_checks"),
        promotion=report(trained, "promote_model", "promotion"),
        mlflow_uri=tracker.get_tracking_uri(),
    )
