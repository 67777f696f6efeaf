"""From a table of keys to a table of predictions."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.spec import ModelSpec
from steps.load_spine import load_spine
from steps.score_batch import score_batch
from steps.write_predictions import write_predictions


@pipeline(name="batch_inference", execution_mode=ExecutionMode.FAIL_FAST)
def batch_inference(model: ModelSpec) -> None:
    """Load the keys, score them with the champion and the features of their time, keep what is new."""
    spine = load_spine(model.scoring.keys, model.label_table)
    predictions, _ = score_batch(spine, model.champion, model.scoring.batch_size)
    write_predictions(predictions, model.predictions_table, f"Predictions: {model.use_case}", model.writing)
