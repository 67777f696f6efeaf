"""Choose the algorithm, and the decision threshold of the one that is chosen."""

import time
from collections.abc import Sequence
from typing import Annotated

from zenml import log_metadata, step
from zenml.logger import get_logger

from stackhouse.fitted import ScoringRules
from stackhouse.leaks.report import LeakReport
from stackhouse.splits import SplitRule
from stackhouse.table import Table
from stackhouse.tuning import comparison
from stackhouse.tuning.search import best_by_folds, digest, search
from stackhouse.tuning.search_rule import SearchRule
from stackhouse.tuning.threshold import with_threshold
from stacks.studies import kept_study
from steps.caching import CODE, surroundings

logger = get_logger(__name__)


@step(cache_policy=CODE)
def tune(
    train: Table,
    validation: Table,
    candidates: list[ScoringRules],
    metric: str,
    rule: SearchRule | None,
    split: SplitRule,
    model: str,
    leaks: LeakReport,
) -> tuple[Annotated[ScoringRules, "rules"], Annotated[comparison.TuningReport, "tuning"]]:
    """Compare the candidates on the validation rows, or search on folds of the training rows; test rows are never seen.

    Where leaks were found that no model may be trained with, nothing is tried.

    A search that was killed goes on from the trials that it has finished.
    """
    listed = tuple(candidates)
    if leaks.rejection:
        return listed[0], comparison.TuningReport(metric=metric, skipped=leaks.rejection)
    tuned = _search(train, validation, listed, metric, rule, split, model) if rule else comparison.tune(train, validation, listed, metric)
    rules = tuned.rules if tuned.report.skipped else with_threshold(train, validation, tuned.rules)
    log_metadata({"candidates": len(candidates), "chosen": rules.algorithm.kind, "decision_threshold": rules.decision_threshold})
    return rules, tuned.report


def _search(
    train: Table, validation: Table, listed: tuple[ScoringRules, ...], metric: str, rule: SearchRule, split: SplitRule, model: str
) -> comparison.Tuned:
    begun = last = time.monotonic()

    def tell(trials: Sequence[comparison.Trial]) -> None:
        nonlocal last
        seconds, last = time.monotonic() - last, time.monotonic()
        told = trials[-1].algorithm.kind, f"pruned after {len(trials[-1].folds)} folds" if trials[-1].pruned else trials[-1].cross_validated
        best = ", the best so far" if best_by_folds(trials, metric) == len(trials) - 1 else ""
        logger.info("Trial %d of %d: %s, %s %s, %.1f s%s", len(trials), rule.trials, told[0], metric, told[1], seconds, best)

    with kept_study(model, digest(train, listed, metric, rule, split, surroundings())) as study:
        if study.trials:
            logger.info("Trial %d of %d: going on from the trials kept in %s", len(study.trials), rule.trials, study.study_name)
        limit = rule.timeout_minutes
        return search(
            train,
            validation,
            listed,
            metric,
            rule,
            split,
            kept=study,
            expired=lambda: limit is not None and time.monotonic() - begun > limit * 60,
            told=tell,
        )
