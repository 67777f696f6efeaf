"""The leak detector: before a model is trained, what in its rows would make it look better than it is.

Features are scored on a sample of limited size, drawn by keys and seed, so that the same rows give the same report on every engine;
sampled rows are looked for among all rows. What is found stands in `features.py` and `rows.py`, the limits in `rule.py`.
Columns that cannot be features whatever they hold are refused earlier, where the training set is made (`by_name.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import polars as pl

from stackhouse.errors import ColumnNotFoundError
from stackhouse.leaks.feature_scores import score_features, targets
from stackhouse.leaks.features import features_that_hold_outcomes, features_that_tell
from stackhouse.leaks.report import LeakFinding, LeakReport, PartLookedAt
from stackhouse.leaks.rows import SidesOfSplit, repeated_keys, repeated_rows, shared_entities
from stackhouse.leaks.rule import LeakRule
from stackhouse.splits import Split, sample
from stackhouse.table import Table, concatenate

_ORDER = ("reject", "accepted", "info")


def detect_leaks(
    parts: Split,
    labels: Sequence[str],
    sources: Sequence[str],
    split: Literal["time", "random"],
    rule: LeakRule,
    classes: Sequence[str] = (),
) -> LeakReport:
    """Look for leaks in the rows that a model is about to be trained on.

    A finding above its limit has the level reject, unless the rule accepts it with a reason. About `rule.sample_rows` training rows and
    as many test rows are held in memory, whatever the parts hold.

    Args:
        parts: training, validation and test rows. Features are numbers, booleans, times or text and may have missing values; a column
            without a role is one of the label table, and only known with the label.
        labels: what is learned: classes as integers, numbers as floats. None where nothing is, as for anomalies.
        sources: columns of the label table that the labels are made of, which the rows need not have any more.
        split: how the parts were divided.
        rule: limits, sample and accepted findings.
        classes: names of the label's classes by number; empty where they have none.

    Raises:
        ColumnNotFoundError: where a label is not there, or the rule names an entity by columns that are not.
    """
    train = parts.train
    _require(train, labels, "Name labels of the training set.")
    _require(train, rule.entity or (), "Name columns of the training set under model.leaks.entity.")
    train_rows, validation_rows, test_rows = (part.count() for part in (train, parts.validation, parts.test))
    few_train, few_test = _few(train, train_rows, rule), _few(parts.test, test_rows, rule)
    rows = _in_order(few_train)
    outcomes = [column for column in train.columns if column not in (*train.roles.columns, *labels)]
    against = {label: targets(rows, label, classes) for label in labels}
    named = tuple(dict.fromkeys((*labels, *sources, *outcomes)))
    all_targets = [target for found in against.values() for target in found]
    entity = train.roles.primary_keys if train.roles.timestamp else ()
    scores = list(score_features(rows, train.roles.features, all_targets, named, entity, rule))
    sides = SidesOfSplit(concatenate(train, parts.validation), train_rows + validation_rows, few_train, few_test, split)
    about_rows = (repeated_keys(sides, rule), repeated_rows(sides, labels, rule), shared_entities(sides, rule))
    findings = [
        *(_not_scored(label, len(rows)) for label, found in against.items() if not found),
        *features_that_tell(scores, rule),
        *features_that_hold_outcomes(rows, train.roles.features, outcomes, rule),
        *(finding for finding in about_rows if finding),
    ]
    return LeakReport(
        split=split,
        findings=tuple(sorted(_accept(findings, rule), key=lambda finding: _ORDER.index(finding.level))),
        scores=tuple(sorted(scores, key=lambda score: (-score.value, score.feature, score.label))),
        parts=(
            PartLookedAt(part="train", rows=train_rows, looked_at=len(rows)),
            PartLookedAt(part="validation", rows=validation_rows, looked_at=0),
            PartLookedAt(part="test", rows=test_rows, looked_at=few_test.count()),
        ),
    )


def _require(table: Table, columns: Sequence[str], remedy: str) -> None:
    if missing := [column for column in columns if column not in table.columns]:
        raise ColumnNotFoundError.missing(table.name, missing, table.columns, remedy)


def _few(table: Table, rows: int, rule: LeakRule) -> Table:
    """A sample of about `sample_rows` rows; on Polars drawn once and held, on other engines lazy."""
    few = sample(table, rule.sample_rows / rows, rule.seed) if rows > rule.sample_rows else table
    return few.with_frame(few.collect().lazy()) if few.frame.implementation.is_polars() else few


def _in_order(table: Table) -> pl.DataFrame:
    identity = table.roles.identity
    rows: pl.DataFrame = table.collect().to_native()
    return rows.sort(*identity, *(column for column in rows.columns if column not in identity))


def _not_scored(label: str, rows: int) -> LeakFinding:
    told = f"'{label}' has a single value, or none, in the {rows:,} training rows looked at; no feature was scored against it."
    return LeakFinding(check="single_feature", name=label, value=None, limit=None, level="info", message=told)


def _accept(findings: Iterable[LeakFinding], rule: LeakRule) -> Iterator[LeakFinding]:
    """Give the findings with those accepted that the rule names, and one for each acceptance that nothing was found for."""
    reasons = {(accepted.check, accepted.name): accepted.reason for accepted in rule.accepted}
    for finding in findings:
        reason = reasons.pop((finding.check, finding.name), None) if finding.level == "reject" else None
        yield finding.model_copy(update={"level": "accepted", "message": f"{finding.message} Accepted: {reason}"}) if reason else finding
    for check, name in reasons:
        told = (
            f"'{name}' is accepted under model.leaks.accepted (check: {check}), but was not found. Remove it: it would hide a later leak."
        )
        yield LeakFinding(check=check, name=name, value=None, limit=None, level="info", message=told)
