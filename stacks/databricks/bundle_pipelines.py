"""The work of the bundle's tasks as ZenML pipelines: those of `pipelines/`, with `training` cut where the job decides.

`training` registers, validates and promotes in one run. The bundle's job decides between these by condition tasks, so each part is a
pipeline of its own here, which takes what the parts before it have made from their runs: the same steps, in the same order.
"""

from typing import Any

from zenml import pipeline
from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml.models import PipelineRunResponse

from pipelines import training
from pipelines.feature_engineering import feature_engineering
from stackhouse.errors import InfrastructureError
from stackhouse.spec import ModelSpec
from steps.promote_model import promote_model
from steps.register_model import register_model
from steps.validate_model import validate_model

Values = dict[str, str | bool]
"""What a task says to those after it."""


@pipeline(name="train_and_judge", execution_mode=ExecutionMode.FAIL_FAST)
def train_and_judge(model: ModelSpec) -> None:
    """Run `training` as far as the verdict."""
    training.train_and_judge(model)


@pipeline(name="registration", execution_mode=ExecutionMode.FAIL_FAST)
def registration(model: ModelSpec, training_run: str) -> None:
    """Register the model of a training run."""
    trained, evaluation = made(training_run, "train_model", "model"), made(training_run, "evaluate_model", "evaluation")
    verdict, data = made(training_run, "evaluate_model", "verdict"), made(training_run, "load_features", "training_data")
    register_model(trained, evaluation, verdict, data, model.identity, model.registry.alias, model.environment)


@pipeline(name="validation", execution_mode=ExecutionMode.FAIL_FAST)
def validation(training_run: str, registration_run: str) -> None:
    """Check the version that was registered, on rows of the test set."""
    trained, test = made(training_run, "train_model", "model"), made(training_run, "split_dataset", "test")
    validate_model(trained, made(registration_run, "register_model", "registration"), test)


@pipeline(name="promotion", execution_mode=ExecutionMode.FAIL_FAST)
def promotion(model: ModelSpec, training_run: str, registration_run: str, validation_run: str) -> None:
    """Make the version the champion where it is better."""
    trained, test = made(training_run, "train_model", "model"), made(training_run, "split_dataset", "test")
    registered = made(registration_run, "register_model", "registration")
    checks = made(validation_run, "validate_model", "model_checks")
    promote_model(trained, registered, checks, test, model.promotion_rule, model.registry.champion_alias)


def made(run: str, step: str, output: str) -> Any:
    """Return an artifact that a run has made.

    Raises:
        InfrastructureError: where the ZenML server does not have it.
    """
    try:
        return Client().get_pipeline_run(run).steps[step].outputs[output][0]
    except (KeyError, IndexError) as error:
        raise InfrastructureError(
            f"The ZenML server has no '{output}' of step {step} in run {run}. Is ZENML_STORE_URL that of the task before?"
        ) from error


def prepare_data(model: ModelSpec) -> Values:
    """Write feature and label table."""
    run = _id(feature_engineering(model=model))
    return {"run": run, "feature_table_version": str(made(run, "write_feature_table", "table_version").load().version)}


def train(model: ModelSpec) -> Values:
    """Train and judge; the verdict decides whether anything is registered."""
    run = _id(train_and_judge(model=model))
    return {"run": run, "verdict": str(made(run, "evaluate_model", "verdict").load().outcome)}


def register(model: ModelSpec, training_run: str) -> Values:
    """Register the model that was approved."""
    run = _id(registration(model=model, training_run=training_run))
    version = made(run, "register_model", "registration").load().version
    return {"run": run, "registered": version is not None, "version": str(version)}


def validate(_model: ModelSpec, training_run: str, registration_run: str) -> Values:
    """Validate the registered version; every check has to pass."""
    run = _id(validation(training_run=training_run, registration_run=registration_run))
    return {"run": run, "valid": bool(made(run, "validate_model", "model_checks").load().passed)}


def deploy(model: ModelSpec, training_run: str, registration_run: str, validation_run: str) -> Values:
    """Make the validated version the champion where it is better; the champion is what batch inference scores with."""
    runs = {"training_run": training_run, "registration_run": registration_run, "validation_run": validation_run}
    run = _id(promotion(model=model, **runs))
    promoted = made(run, "promote_model", "promotion").load()
    return {"run": run, "promoted": bool(promoted.promoted), "reason": str(promoted.reason)}


def _id(run: PipelineRunResponse | None) -> str:
    if run is None:
        raise InfrastructureError("The run was not kept by the ZenML server. Set ZENML_STORE_URL to one that keeps runs.")
    return str(run.id)
