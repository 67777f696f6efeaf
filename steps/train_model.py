"""Train the model."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.errors import InfrastructureError
from stackhouse.evaluation.evaluation import period
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.record import ModelIdentity, TrainingData, TrainingRecord
from stackhouse.splits import SplitRule
from stackhouse.table import Table, concatenate
from stackhouse.trained import TrainedModel
from stackhouse.tuning.comparison import TuningReport
from stacks.tracking import log_training, open_run, tag_skipped
from stacks.unlogged import fit_key, keep, kept
from stacks.version_control import git_sha
from steps.caching import CODE, surroundings


@step(cache_policy=CODE, experiment_tracker=True)
def train_model(
    train: Table,
    validation: Table,
    rules: ScoringRules,
    tuning: TuningReport,
    data: TrainingData,
    identity: ModelIdentity,
    split: SplitRule,
) -> Annotated[TrainedModel, "model"]:
    """Fit the chosen algorithm to training and validation rows and log it, or say on the run why nothing can be learned.

    A model that MLflow does not take is kept; the next run of the same rows and rules logs it.
    """
    rows = concatenate(train, validation)
    record = TrainingRecord(
        run_id=open_run(), algorithm=rules.algorithm.kind, train_period=period(rows), git_sha=git_sha(), skipped=tuning.skipped
    )
    if tuning.skipped:
        tag_skipped(open_run(), tuning.skipped)
        return TrainedModel(None, record)
    key = fit_key(identity.registered_name, rows, rules, surroundings())
    before = kept(identity.name, key)
    fitted = before or FittedModel.fit(rows, rules)
    try:
        model_uri = log_training(fitted, rows, identity, data, split, tuning)
    except InfrastructureError as error:
        if before is None:
            keep(TrainedModel(fitted, record), identity.name, key)
        raise InfrastructureError(f"{error} The fitted model is kept: run again, and it is logged without a fit.") from error
    log_metadata({"run_id": open_run(), "algorithm": rules.algorithm.kind, "fitted_by_an_earlier_run": before is not None})
    return TrainedModel(fitted, record.model_copy(update={"model_uri": model_uri}))
