"""The champion: which version serves, and how another one takes its place."""

from datetime import datetime

from stackhouse.promotion.decision import Promotion, decide, first_champion
from stackhouse.promotion.rule import PromotionRule
from stackhouse.record import Registration, ValidationReport
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.mlflow_failures import reason as why
from stacks.mlflow_model import load_model
from stacks.registry import TRAINED_UNTIL, Registry
from stacks.tracking import tracking_client


def promote(
    model: TrainedModel, registration: Registration, validation: ValidationReport, test: Table, rule: PromotionRule, alias: str
) -> Promotion:
    """Compare a validated version with the champion, and move the alias where it is surely better; see `stackhouse.promotion`.

    Raises:
        RegistryError: where the registry cannot be read or the alias cannot be moved.
    """
    name, version = registration.name, registration.version
    if model.fitted is None or version is None:
        return Promotion(promoted=False, reason=f"nothing was registered ({registration.reason})", metric=rule.metric)
    if failed := [check.name for check in validation.checks if not check.passed]:
        return Promotion(promoted=False, reason=f"validation failed: {', '.join(failed)}", metric=rule.metric)
    registry = Registry(tracking_client())
    champion = registry.version_by_alias(name, alias)
    if champion is None:
        promotion = first_champion(rule.metric)
    elif str(champion.version) == version:
        return Promotion(promoted=False, reason=f"version {version} is the champion already", metric=rule.metric, champion_version=version)
    else:
        until = champion.tags.get(TRAINED_UNTIL)
        trained_until = datetime.fromisoformat(until) if until else None
        try:
            fitted = load_model(f"models:/{name}/{champion.version}")
        except Exception as error:  # noqa: BLE001 - a foreign or older model may fail in any way
            reason = f"the champion (version {champion.version}) cannot be loaded: {why(error)}; move its alias by hand to replace it"
            return Promotion(promoted=False, reason=reason, metric=rule.metric, champion_version=str(champion.version))
        promotion = decide(model.fitted, fitted, str(champion.version), trained_until, test, rule)
    if promotion.promoted:
        registry.set_alias(name, alias, version)
    return promotion
