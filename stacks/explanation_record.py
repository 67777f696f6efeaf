"""What an explanation puts beside the run of its model: two pictures, and the whole of it as JSON."""

from stackhouse.explanation.explanation import Explanation
from stackhouse.record import TrainingRecord
from stacks.explanation_figures import explanation_figures
from stacks.mlflow_failures import recording
from stacks.tracking import tracking_client

EXPLANATION_FILE = "explanation.json"


@recording("the explanation")
def log_explanation(record: TrainingRecord, explanation: Explanation) -> None:
    """Add pictures and JSON to the run that trained the model; what is there already is replaced. Nothing for a run without a model."""
    if explanation.skipped:
        return
    client, run_id = tracking_client(), str(record.run_id)
    for name, figure in explanation_figures(explanation).items():
        client.log_figure(run_id, figure, name)
    client.log_dict(run_id, explanation.model_dump(mode="json"), EXPLANATION_FILE)
