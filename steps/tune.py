"""Choose the algorithm, and the decision threshold of the one that is chosen."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse import tuning
from stackhouse.fitted import ScoringRules
from stackhouse.table import Table
from stackhouse.threshold_choice import with_threshold
from steps.caching import CODE


@step(cache_policy=CODE)
def tune(
    train: Table, validation: Table, candidates: list[ScoringRules], metric: str
) -> tuple[Annotated[ScoringRules, "rules"], Annotated[tuning.TuningReport, "tuning"]]:
    """Fit every candidate to the training rows and take the best on the validation rows; test rows are never seen."""
    tuned = tuning.tune(train, validation, tuple(candidates), metric)
    rules = tuned.rules if tuned.report.skipped else with_threshold(train, validation, tuned.rules)
    log_metadata({"candidates": len(candidates), "chosen": rules.algorithm.kind, "decision_threshold": rules.decision_threshold})
    return rules, tuned.report
