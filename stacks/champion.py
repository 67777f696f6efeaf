"""The champion: which version serves, and how another one takes its place."""

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from stackhouse.errors import RegistryError, StackhouseError
from stackhouse.fitted import FittedModel
from stackhouse.promotion.decision import Promotion, decide, first_champion
from stackhouse.promotion.rule import PromotionRule
from stackhouse.record import Registration, ValidationReport
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.alias_moves import move_alias
from stacks.feature_store import active_feature_store
from stacks.registered_model import registered_model, trained_rows
from stacks.registry import Registry
from stacks.tracking import tracking_client


def promote(
    model: TrainedModel, registration: Registration, validation: ValidationReport, test: Table, rule: PromotionRule, alias: str
) -> Promotion:
    """Compare a validated version with the champion, and move the alias where it is surely better; see `stackhouse.promotion`.

    Raises:
        InfrastructureError: where the registry does not answer.
        RegistryError: where it refuses, or another process has moved the alias meanwhile.
    """
    name, version = registration.name, registration.version
    if model.fitted is None or version is None:
        return Promotion(promoted=False, reason=f"nothing was registered ({registration.reason})", metric=rule.metric)
    if failed := [check.name for check in validation.checks if not check.passed]:
        return Promotion(promoted=False, reason=f"validation failed: {', '.join(failed)}", metric=rule.metric)
    client = tracking_client()
    registry = Registry(client)
    champion = registry.version_by_alias(name, alias)
    if champion is None:
        promotion, current = first_champion(rule.metric), None
    elif str(champion.version) == version:
        return Promotion(promoted=False, reason=f"version {version} is the champion already", metric=rule.metric, champion_version=version)
    else:
        current = str(champion.version)
        promotion = _against(client, model.fitted, name, champion, test, rule)
    if promotion.promoted:
        move_alias(registry, name, alias, version, expected=current, by="promote_model")
    return promotion


def _against(
    client: MlflowClient, challenger: FittedModel, name: str, champion: ModelVersion, test: Table, rule: PromotionRule
) -> Promotion:
    version = str(champion.version)

    def kept(error: StackhouseError) -> Promotion:
        reason = f"the champion, version {version}, cannot be compared with: {error} To replace it, move its alias by hand."
        return Promotion(promoted=False, reason=reason, metric=rule.metric, champion_version=version)

    try:
        one = registered_model(client, name, version)
    except RegistryError as error:
        return kept(error)
    try:
        seen = None if test.roles.timestamp else trained_rows(active_feature_store(), one)
    except StackhouseError as error:
        return kept(error)
    return decide(challenger, one.model.fitted, version, one.knows_until, test, rule, seen)
