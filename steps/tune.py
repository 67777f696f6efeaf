"""Choose the algorithm."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse import tuning
from stackhouse.fitted import ScoringRules
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def tune(
    train: Table, validation: Table, candidates: list[ScoringRules], metric: str
) -> tuple[Annotated[ScoringRules, "rules"], Annotated[tuning.TuningReport, "tuning"]]:
    """Fit every candidate to the training rows and take the best on the validation rows; test rows are never seen."""
    tuned = tuning.tune(train, validation, tuple(candidates), metric)
    log_metadata({"candidates": len(candidates), "chosen": tuned.rules.algorithm.kind})
    return tuned.rules, tuned.report
