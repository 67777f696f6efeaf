"""Promote the version to champion."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.promotion import Promotion, PromotionRule
from stackhouse.record import Registration, ValidationReport
from stackhouse.table import Table
from stackhouse.trained import TrainedModel
from stacks.champion import promote


@step(enable_cache=False)
def promote_model(
    model: TrainedModel, registration: Registration, validation: ValidationReport, test: Table, rule: PromotionRule, alias: str
) -> Annotated[Promotion, "promotion"]:
    """Move the champion's alias where the version is strictly better on rows that neither model was trained on."""
    promotion = promote(model, registration, validation, test, rule, alias)
    log_metadata({"promoted": promotion.promoted, "reason": promotion.reason})
    return promotion
