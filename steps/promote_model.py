"""Promote the version to champion."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.promotion.decision import Promotion
from stackhouse.promotion.rule import PromotionRule
from stackhouse.record import Registration, ValidationReport
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.champion import promote


@step(enable_cache=False)
def promote_model(
    model: TrainedModel, registration: Registration, validation: ValidationReport, test: Table, rule: PromotionRule, alias: str
) -> Annotated[Promotion, "promotion"]:
    """Move the champion's alias where the version is surely better on rows that neither model was trained on."""
    promotion = promote(model, registration, validation, test, rule, alias)
    found = promotion.evidence
    measured = {"improvement": found.improvement} if found else {}
    log_metadata({"promoted": promotion.promoted, "reason": promotion.reason, **measured})
    return promotion
