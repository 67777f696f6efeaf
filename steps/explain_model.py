"""Explain the model."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.explanation.explanation import Explanation
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.explanation_record import log_explanation
from steps.caching import CODE


@step(cache_policy=CODE)
def explain_model(model: TrainedModel, test: Table, metric: str, seed: int) -> Annotated[Explanation, "explanation"]:
    """Say which features the model's answers on the test rows come from, and put it on record with the run."""
    explanation = model.explain(test, metric, seed)
    log_explanation(model.record, explanation)
    log_metadata({"rows": explanation.rows, "most important": next(iter(explanation.ranking), "none")})
    return explanation
