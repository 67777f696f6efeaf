"""The search of hyperparameters: TPE over the algorithms' spaces, each trial judged on folds of the training rows.

One study holds all listed algorithms and the kind is a choice like any other, so that trials go where they pay; a study for each
would give the worse kind as many. The listed candidates are the first trials, exactly as they are listed, and nothing stops them early.
A drawn booster that stopped early and leads is judged once more as it would be trained, so that the chosen one is never worse on the
folds than any that is listed. Validation rows come in once everything is chosen, and test rows never.

What is drawn depends on the seed and on the trials before, not on when they were made. A search that is ended in the middle and goes on
from its kept trials gives what the uninterrupted one gives, to the bit: with the same libraries and threads, and without a limit of time.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from stackhouse.algorithms import Estimating
from stackhouse.content import content_hash
from stackhouse.evaluation.metrics import better
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.splits import SplitRule
from stackhouse.table import Table
from stackhouse.tuning.comparison import SearchReport, Trial, Tuned, TuningReport, measure, untriable
from stackhouse.tuning.cross_validation import Judge
from stackhouse.tuning.folds import divide
from stackhouse.tuning.search_rule import SearchRule
from stackhouse.tuning.study import Study


def search(
    train: Table,
    validation: Table,
    candidates: tuple[ScoringRules, ...],
    metric: str,
    rule: SearchRule,
    split: SplitRule,
    kept: Any = None,
    expired: Callable[[], bool] = lambda: False,
    told: Callable[[Sequence[Trial]], None] | None = None,
) -> Tuned:
    """Search until so many trials are done, and take the one whose mean over the folds is best; the first of equals.

    The final number of trees of a booster that stops early is the mean over the folds, rounded. Nothing stops early after that, and
    what the chosen one's folds gave is of that number.

    Args:
        train: the training rows, which the folds are made of.
        validation: rows that the chosen and the listed candidates are measured on in the end.
        candidates: scoring rules of each listed algorithm; they differ in the algorithm alone.
        metric: canonical name of the metric that decides.
        rule: how to search.
        split: how all rows were divided; the folds follow it.
        kept: an Optuna study that finished trials are added to, and whose trials are taken over; None keeps nothing.
        expired: whether the time is over; asked before each trial that is drawn.
        told: called with all trials when one has ended.

    Raises:
        ConfigurationError: where the kept study is of another search.
        DataError: where a fold cannot be learned from or judged on, or there are more features than rows.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
        LabelError: where a class has no training row.
    """
    if reason := untriable(train, validation, candidates[0]):
        return Tuned(candidates[0], TuningReport(metric=metric, skipped=reason))
    listed = [rules.algorithm for rules in candidates]
    study = Study(metric, listed, rule, kept)
    judge = Judge.of(divide(train, split, rule.folds, rule.seed), candidates, metric)
    timed_out = False
    while len(study.trials) < max(rule.trials, len(listed)):
        if (position := len(study.trials)) < len(listed):
            study.add_listed(listed[position], [value for value, _ in _on_folds(judge, listed[position], rule, patience=0)])
        elif timed_out := expired():
            break
        else:
            _try_next(study, judge, rule)
        if told:
            told(study.trials)
    trials, losses = _without_flattery(study.trials, judge, metric, rule), None
    chosen = best_by_folds(trials, metric)
    for position in {*range(len(listed)), chosen}:
        rules = candidates[0].model_copy(update={"algorithm": trials[position].algorithm})
        model, found = FittedModel.fit_watched(train, validation, rules)
        trials[position] = trials[position].model_copy(update={"metrics": measure(model, validation)})
        losses = found if position == chosen else losses
    algorithm = trials[chosen].algorithm
    summary = SearchReport(
        space=study.spaces,
        fold_rows=judge.sizes,
        by_time=split.kind == "time",
        importance=study.importance(algorithm.kind),
        timed_out=timed_out,
    )
    report = TuningReport(metric=metric, trials=tuple(trials), chosen=chosen, losses=losses, search=summary)
    return Tuned(candidates[0].model_copy(update={"algorithm": algorithm}), report)


def best_by_folds(trials: Sequence[Trial], metric: str) -> int:
    """Return the position of the trial with the best mean over all folds; the first of equals. A pruned trial cannot win."""
    winner = 0
    for position, trial in enumerate(trials):
        if not trial.pruned and better(metric, trial.mean, trials[winner].mean):
            winner = position
    return winner


def digest(train: Table, candidates: tuple[ScoringRules, ...], metric: str, rule: SearchRule, split: SplitRule, surroundings: str) -> str:
    """Return what tells a search from another, 64 hexadecimal digits: its rows, what is searched and how, code and libraries.

    The number of trials and the limit of time are left out, so that more of either goes on where the search was, and so is the number of
    folds at once, which changes nothing.
    """
    content = [
        content_hash(train),
        [rules.model_dump(mode="json") for rules in candidates],
        metric,
        rule.model_dump(mode="json", exclude={"trials", "timeout_minutes", "parallel_folds"}),
        split.model_dump(mode="json"),
        surroundings,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _try_next(study: Study, judge: Judge, rule: SearchRule) -> None:
    drawn, values, rounds = study.draw(), [], []
    for fold, (value, stopped_after) in enumerate(_on_folds(judge, drawn.algorithm, rule, rule.early_stopping_rounds)):
        values.append(value)
        if stopped_after is not None:
            rounds.append(stopped_after)
        if fold + 1 < rule.folds and study.is_poor(fold, float(np.mean(values))):
            break
    study.finish(drawn, values, rounds)


def _without_flattery(trials: Sequence[Trial], judge: Judge, metric: str, rule: SearchRule) -> list[Trial]:
    """Judge the leading trial once more, with its final number of trees, until one leads that did not stop early on the held-out rows.

    The kept trials stay as they were, so that a search which goes on draws what it would have drawn.
    """
    found = list(trials)
    while (leading := found[position := best_by_folds(found, metric)]).flattered:
        folds = tuple(value for value, _ in _on_folds(judge, leading.algorithm, rule, patience=0))
        found[position] = leading.model_copy(update={"folds": folds, "stopped_folds": leading.folds})
    return found


def _on_folds(judge: Judge, algorithm: Estimating, rule: SearchRule, patience: int) -> Iterator[tuple[float, int | None]]:
    """Judge an algorithm on one fold after the other, some of them fitted ahead; what nobody asks for any more is thrown away."""
    with ThreadPoolExecutor(rule.parallel_folds) as threads:
        for first in range(0, rule.folds, rule.parallel_folds):
            at_once = range(first, min(first + rule.parallel_folds, rule.folds))
            yield from threads.map(lambda fold: judge.value(algorithm, fold, patience), at_once)
