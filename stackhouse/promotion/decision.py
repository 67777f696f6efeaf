"""The decision: whether a newly registered version takes the champion's place.

Both are scored on the same rows, and only on rows that neither was trained on. What is not shown to be better does not promote: a tie,
what chance explains, rows too few to tell, a metric that is undefined. The very first version has no champion to beat and is
promoted on its verdict alone.
"""

from datetime import datetime

import narwhals as nw

from stackhouse.fitted import FittedModel
from stackhouse.labels.report import describe
from stackhouse.promotion.comparison import compare
from stackhouse.promotion.evidence import Evidence
from stackhouse.promotion.rule import PromotionRule
from stackhouse.report import Report
from stackhouse.table import Table


class Promotion(Report):
    """The decision, its reason in words, and the evidence behind it (None where there is no champion or no common row)."""

    promoted: bool
    reason: str
    metric: str
    rows: int = 0
    champion_version: str | None = None
    evidence: Evidence | None = None


def first_champion(metric: str) -> Promotion:
    """Promote the first version that passed its gates: there is no earlier one to compare with."""
    return Promotion(promoted=True, reason="there was no champion yet, and all gates passed", metric=metric)


def decide(
    challenger: FittedModel,
    champion: FittedModel,
    champion_version: str,
    champion_trained_until: datetime | None,
    test: Table,
    rule: PromotionRule,
    seen: Table | None = None,
) -> Promotion:
    """Compare two models on the test rows that are later than everything the champion was trained on, or not among it without a time.

    Args:
        challenger: the new model; none of the test rows may be among its training rows.
        champion: the model to beat.
        champion_version: its version, for the record.
        champion_trained_until: time of its last training row; None where it is not known, which promotes nothing.
        test: rows with features and label.
        rule: metric, least number of rows, least improvement, and how sure it has to be.
        seen: where rows have no time, the keys of those that the champion was trained on; None where they are not known, which
            promotes nothing.

    Raises:
        ColumnNotFoundError: where the test rows lack a column to slice by.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    fair = unseen(test, champion_trained_until, seen)
    rows = fair.count() if fair else 0

    def kept(reason: str) -> Promotion:
        return Promotion(promoted=False, reason=reason, metric=rule.metric, rows=rows, champion_version=champion_version)

    if fair is None:
        return kept(f"{_unknown(test)} the rows that the champion (version {champion_version}) was trained on are not known; {_BY_HAND}")
    if rows < rule.min_rows:
        which = "later than" if test.roles.timestamp else "not among"
        return kept(f"only {rows:,} test rows are {which} the champion's training rows, {rule.min_rows:,} are needed for a fair comparison")
    if challenger.rules.label != champion.rules.label:
        return kept(f"the champion (version {champion_version}) learned another label, {describe(champion.rules.label)}; {_BY_HAND}")
    if missing := [name for name in champion.rules.features if name not in test.columns]:
        return kept(f"the champion (version {champion_version}) reads {missing}, which the test rows lack; {_BY_HAND}")
    evidence = compare(challenger, champion, fair, rule)
    if evidence is None:
        return kept(f"{rule.metric} cannot be computed on the {rows:,} common rows")
    return Promotion(
        promoted=evidence.convincing,
        reason=_reason(evidence, champion_version),
        metric=rule.metric,
        rows=rows,
        champion_version=champion_version,
        evidence=evidence,
    )


def unseen(test: Table, trained_until: datetime | None, seen: Table | None) -> Table | None:
    """Return the test rows that a model was not trained on; None where that is not known.

    Rows with a time have to be later than its last training row, whatever became of them since; rows without are told apart by keys,
    which the rows that it was trained on have to have as well. Times with and without a zone, or keys of two types, tell nothing.
    """
    time, keys, types = test.roles.timestamp, list(test.roles.primary_keys), test.frame.collect_schema()
    if time is not None:
        if trained_until is None or (getattr(types[time], "time_zone", None) is None) != (trained_until.tzinfo is None):
            return None
        return test.with_frame(test.frame.filter(nw.col(time) > trained_until))
    if seen is None or not keys or {key: seen.frame.collect_schema().get(key) for key in keys} != {key: types[key] for key in keys}:
        return None
    return test.with_frame(test.frame.join(seen.frame.select(*(nw.col(key) for key in keys)), on=keys, how="anti"))


_BY_HAND = "move its alias by hand to replace it"


def _reason(found: Evidence, version: str) -> str:
    verb, _, doubt = found.verdict.partition(", ")
    than = "equal to" if verb == "equal" else f"{verb} than"
    doubted = f", {doubt}" if doubt else ""
    return (
        f"{found.metric} {found.challenger:.4f} is {than} the champion's {found.champion:.4f} (version {version}) on {found.rows:,} rows "
        f"that neither saw{doubted}: improvement {found.improvement:+.4f}, {found.bounds}"
    )


def _unknown(test: Table) -> str:
    return "these rows have no time, and" if test.roles.timestamp is None else "the champion does not say until when it was trained, and"
