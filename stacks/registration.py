"""Registration of an approved model, and its card."""

from collections.abc import Mapping

from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.record import ModelCard, ModelIdentity, Registration, TrainingData, TrainingRecord
from stackhouse.trained import TrainedModel
from stackhouse.verdict import Verdict
from stacks.registry import TRAINED_UNTIL, Registry
from stacks.tracking import tracking_client


def register(
    model: TrainedModel, evaluation: Evaluation, verdict: Verdict, identity: ModelIdentity, alias: str, environment: str
) -> Registration:
    """Register the model of this run if its verdict approves; a run that is registered already gives its version back.

    Raises:
        RegistryError: where the run is gone, or the registry refuses.
    """
    name, record = identity.registered_name, model.record
    if model.fitted is None or record.run_id is None or record.model_uri is None or not verdict.approved:
        reason = f"{verdict.outcome}: {'; '.join(verdict.reasons)}"
        return Registration(name=name, version=None, run_id=record.run_id, new=False, reason=reason)
    client = tracking_client()
    registry = Registry(client)
    version, new = registry.register(
        name, record.model_uri, record.run_id, _description(identity, evaluation), _tags(record, evaluation, environment)
    )
    current = registry.version_by_alias(name, alias)
    if current is None or int(current.version) < int(version):
        registry.set_alias(name, alias, version)
    reason = "all gates passed" if new else "this model is registered already: code, data and parameters are unchanged"
    return Registration(name=name, version=version, run_id=record.run_id, new=new, reason=reason)


def model_card(
    model: TrainedModel, registration: Registration, evaluation: Evaluation, verdict: Verdict, data: TrainingData, identity: ModelIdentity
) -> ModelCard:
    """Put together what a reader has to know before relying on the model."""
    return ModelCard(
        identity=identity,
        registration=registration,
        rules=model.fitted.rules if model.fitted else None,
        data=data,
        evaluation=evaluation,
        outcome=verdict.outcome,
        reasons=verdict.reasons,
    )


def _description(identity: ModelIdentity, evaluation: Evaluation) -> str:
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in evaluation.test.items())
    return f"{identity.use_case} On the test rows: {metrics}."


def _tags(record: TrainingRecord, evaluation: Evaluation, environment: str) -> Mapping[str, str]:
    metrics = {"f1_score" if name == "f1" else name: f"{value:.6f}" for name, value in evaluation.test.items()}
    until = {TRAINED_UNTIL: record.train_period.last.isoformat()} if record.train_period.last else {}
    return {"environment": environment, "git_sha": record.git_sha, "algorithm": record.algorithm, **until, **metrics}
