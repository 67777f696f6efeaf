"""Register the model."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.record import ModelCard, ModelIdentity, Registration, TrainingData
from stackhouse.trained import TrainedModel
from stackhouse.verdict import Verdict
from stacks.registration import model_card, register


@step(enable_cache=False)
def register_model(
    model: TrainedModel, evaluation: Evaluation, verdict: Verdict, data: TrainingData, identity: ModelIdentity, alias: str, environment: str
) -> tuple[Annotated[Registration, "registration"], Annotated[ModelCard, "model_card"]]:
    """Register an approved model, once for each run. Never cached: the registry itself knows what it holds."""
    registration = register(model, evaluation, verdict, identity, alias, environment)
    log_metadata({"name": registration.name, "version": str(registration.version), "new": registration.new})
    return registration, model_card(model, registration, evaluation, verdict, data, identity)
