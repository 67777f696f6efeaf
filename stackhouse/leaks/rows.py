"""Findings about rows: test rows, or entities of test rows, that a model has learned already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from stackhouse.leaks.repeated_rows import TIMES, find_rows, no_accident
from stackhouse.leaks.report import LeakFinding, or_accept
from stackhouse.leaks.rule import TEST, Check, LeakRule
from stackhouse.table import Table


@dataclass(frozen=True)
class SidesOfSplit:
    """Both sides of a split: all rows that a model learns from, and a few rows of either side, on one engine."""

    learned: Table
    learned_rows: int
    few_learned: Table
    few_test: Table
    split: Literal["time", "random"]


def repeated_keys(sides: SidesOfSplit, rule: LeakRule) -> LeakFinding | None:
    """Look for test rows whose primary keys and timestamp are those of a row that is learned from."""
    if not (identity := sides.few_test.roles.identity):
        return None
    found = find_rows(sides.few_test, sides.learned, identity)
    repeated = int((found[TIMES] > 0).sum())
    told = f"{repeated:,} of {len(found):,} test rows have the key ({', '.join(identity)}) of a row that the model learns from"
    return _above("repeated_keys", repeated, len(found), rule.max_repeated_keys, told, "Keep one row a key at the source")


def repeated_rows(sides: SidesOfSplit, labels: Sequence[str], rule: LeakRule) -> LeakFinding | None:
    """Look for test rows that are equal, in features and labels, to a row that is learned from, where that is no accident.

    Behind a split by time, what stays as it is repeats itself from one time to the next. There only the share counts that
    exceeds the share of training rows that repeat among themselves.
    """
    if not (features := sides.few_test.roles.features):
        return None
    columns, few = (*features, *labels), sides.few_learned.collect(features).to_native()
    found = find_rows(sides.few_test, sides.learned, columns)
    repeated, usual = _telling(sides, found, few, at_least=1), 0.0
    if repeated and sides.split == "time":
        among = find_rows(sides.few_learned, sides.learned, columns)
        usual = _telling(sides, among, few, at_least=2) / len(among)
    told = f"{repeated:,} of {len(found):,} test rows have the features and the label of a row that the model learns from"
    beside = f", where {usual:.1%} of the training rows have those of another one" if usual else ""
    remedy = "Remove copies at the source, before rows are divided"
    return _above("repeated_rows", repeated - usual * len(found), len(found), rule.max_repeated_rows, f"{told}{beside}", remedy)


def shared_entities(sides: SidesOfSplit, rule: LeakRule) -> LeakFinding | None:
    """Look for entities of test rows that stand in rows that are learned from; a split by time never rejects for it."""
    entity = rule.entity or sides.few_test.roles.primary_keys
    if not entity or set(entity) == set(sides.few_test.roles.identity):
        return None
    found = find_rows(sides.few_test, sides.learned, entity).unique(entity)
    shared = int((found[TIMES] > 0).sum())
    told = f"{shared:,} of {len(found):,} entities ({', '.join(entity)}) of the test rows stand in rows that the model learns from as well"
    remedy = "The model can learn them by heart: give the rows a time and split by it, or keep one row an entity"
    finding = _above("shared_entities", shared, len(found), rule.max_shared_entities, told, remedy)
    if finding is None or sides.split == "random":
        return finding
    return finding.model_copy(
        update={"level": "info", "limit": None, "message": f"{told}. That is what a split by time is for: it tests what becomes of them."}
    )


def _telling(sides: SidesOfSplit, found: pl.DataFrame, population: pl.DataFrame, at_least: int) -> int:
    """Count the rows that were found so many times and whose repetition is no accident."""
    repeated = found.filter(pl.col(TIMES) >= at_least)
    return int(no_accident(repeated, population, sides.learned_rows, sides.few_test.roles.features).sum())


def _above(check: Check, rows: float, of: int, limit: float, told: str, remedy: str) -> LeakFinding | None:
    value = rows / of if of else 0.0
    if value <= limit:
        return None
    message = f"{told} ({value:.1%}, limit {limit:.1%}). {remedy}{or_accept(check, TEST)}"
    return LeakFinding(check=check, name=TEST, value=value, limit=limit, level="reject", message=message)
