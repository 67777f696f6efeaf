"""Registration of the model of a training run: of the run that is going on, or of one that is on record."""

from collections.abc import Mapping

from mlflow import MlflowClient

from stackhouse.errors import ConfigurationError, RegistryError
from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.evaluation.recorded import metrics_of_test_rows
from stackhouse.record import ModelCard, ModelIdentity, Registration, TrainingData
from stackhouse.registrable import CHAMPION, RegistrationRequest
from stackhouse.spec.sections import require_alias
from stackhouse.trained import TrainedModel
from stackhouse.verdict import Verdict
from stacks.alias_moves import advance_alias, move_alias, version_of
from stacks.candidate_runs import find_candidate
from stacks.registry import TRAINED_UNTIL, Registry
from stacks.tracking import tracking_client

REGISTERED_BY = "register_model"
"""What records of moved aliases name as the one that asked: the step and the command alike."""


def register(
    model: TrainedModel, evaluation: Evaluation, verdict: Verdict, identity: ModelIdentity, alias: str, environment: str
) -> Registration:
    """Register the model of this run if its verdict approves; a run that is registered already gives its version back.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where the run is gone, or the registry refuses.
    """
    name, record = identity.registered_name, model.record
    if model.fitted is None or record.run_id is None or record.model_uri is None or not verdict.approved:
        reason = f"{verdict.outcome}: {'; '.join(verdict.reasons)}"
        return Registration(name=name, version=None, run_id=record.run_id, new=False, reason=reason)
    registry = Registry(tracking_client())
    until = record.train_period.last.isoformat() if record.train_period.last else None
    tags = _tags(environment, record.git_sha, record.algorithm, until, evaluation.test)
    version, new = registry.register(name, record.model_uri, record.run_id, _description(identity.use_case, evaluation.test), tags)
    advance_alias(registry, name, alias, version, by=REGISTERED_BY)
    reason = "all gates passed" if new else "this model is registered already: code, data and parameters are unchanged"
    return Registration(name=name, version=version, run_id=record.run_id, new=new, reason=reason)


def register_run(client: MlflowClient, request: RegistrationRequest) -> Registration:
    """Register the model of a run whose gate has passed; a run that is registered already gives its version back, and what was said stays.

    Raises:
        ConfigurationError: where MLflow reserves an alias or refuses its characters.
        InfrastructureError: where MLflow does not answer.
        RegistryError: where there is no such run, its gate has not passed, there is another champion, or the registry refuses.
    """
    for alias in request.aliases:
        require_alias(alias)
        if alias != CHAMPION and alias.lower() == CHAMPION:
            raise ConfigurationError(f"'{alias}' differs from '{CHAMPION}' by capitals alone. Write '{CHAMPION}', or give another alias.")
    registry, name, candidate = Registry(client), request.name, find_candidate(client, request)
    before = registry.version_of_run(name, candidate.run_id)
    if CHAMPION in request.aliases:
        _require_no_other_champion(registry, name, before)
    said = registry.version(name, before) if before else None
    run, kept = candidate.run.data, said.tags if said else {}
    metrics = metrics_of_test_rows(run.metrics)
    tags = _tags(
        request.environment or kept.get("environment") or run.tags.get("environment") or request.default_environment,
        request.git_sha or kept.get("git_sha") or run.tags.get("git_sha") or "unknown",
        run.tags.get("algorithm", ""),
        run.tags.get(TRAINED_UNTIL),
        metrics,
    )
    description = request.description or (said.description if said else "") or _description(run.tags.get("use_case", name), metrics)
    version, new = registry.register(name, candidate.model_uri, candidate.run_id, description, tags)
    pointing = {alias: _point(registry, name, alias, version) for alias in request.aliases}
    reason = "its gate has passed" if new else "this run was registered before"
    return Registration(name=name, version=version, run_id=candidate.run_id, new=new, reason=reason, aliases=pointing)


def _point(registry: Registry, name: str, alias: str, version: str) -> str:
    """Point an alias at the version, and return the version that it points at then."""
    if alias != CHAMPION:
        return advance_alias(registry, name, alias, version, by=REGISTERED_BY)
    current = version_of(registry, name, alias)
    move_alias(registry, name, alias, version, expected=current if current == version else None, by=REGISTERED_BY)
    return version


def _require_no_other_champion(registry: Registry, name: str, version: str | None) -> None:
    champion = version_of(registry, name, CHAMPION)
    if champion not in {None, version}:
        raise RegistryError(
            f"Version {champion} is the {CHAMPION} of {name}, and only a comparison on the same rows replaces a champion. Nothing was "
            f"registered. Register with --alias challenger, and compare the two: `stackhouse compare {name}@{CHAMPION} {name}@challenger "
            "--promote`."
        )


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


def _description(use_case: str, metrics: Mapping[str, float]) -> str:
    measured = ", ".join(f"{name} {value:.4f}" for name, value in metrics.items())
    return f"{use_case} On the test rows: {measured or 'nothing was measured'}."


def _tags(environment: str, git_sha: str, algorithm: str, trained_until: str | None, metrics: Mapping[str, float]) -> dict[str, str]:
    """Tags of a version; the metrics of the test rows are among them, and as `f1_score` the F1 that is held against a baseline.

    They are exact: an equal model would be above a baseline that was rounded down.
    """
    f1 = metrics.get("f1", metrics.get("macro_f1"))
    measured = {name: repr(float(value)) for name, value in metrics.items() if name != "f1"}
    if f1 is not None:
        measured["f1_score"] = repr(float(f1))
    until = {TRAINED_UNTIL: trained_until} if trained_until else {}
    return {"environment": environment, "git_sha": git_sha, "algorithm": algorithm, **until, **measured}
