"""Promotion: whether a newly registered version takes the champion's place.

Both are scored on the same rows, and only on rows that neither was trained on. A tie does not promote; rows too few to
tell do not promote; the very first version has no champion to beat and is promoted on its verdict alone.
"""

from datetime import datetime

import narwhals as nw
from pydantic import BaseModel, ConfigDict, Field, field_validator

from stackhouse.evaluation.metrics import better, require_comparable
from stackhouse.fitted import FittedModel
from stackhouse.labels.report import describe
from stackhouse.report import Report
from stackhouse.table import Table
from stackhouse.tuning.comparison import measure


class PromotionRule(BaseModel):
    """By which metric a challenger has to be strictly better, and on how many rows at least."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field("roc_auc", description="Metric of the comparison.")
    min_rows: int = Field(100, ge=1, description="Rows that neither model was trained on, below which nothing is promoted.")

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        return require_comparable(metric)


class Promotion(Report):
    """The decision, its reason in words, and the numbers behind it (None where there is no champion or no common row)."""

    promoted: bool
    reason: str
    metric: str
    rows: int = 0
    challenger: float | None = None
    champion: float | None = None
    champion_version: str | None = None


def first_champion(metric: str) -> Promotion:
    """Promote the first version that passed its gates: there is no earlier one to compare with."""
    return Promotion(promoted=True, reason="there was no champion yet, and all gates passed", metric=metric)


def compare(
    challenger: FittedModel,
    champion: FittedModel,
    champion_version: str,
    champion_trained_until: datetime | None,
    test: Table,
    rule: PromotionRule,
) -> Promotion:
    """Compare two models on the test rows that are later than everything the champion was trained on.

    Args:
        challenger: the new model; none of the test rows may be among its training rows.
        champion: the model to beat.
        champion_version: its version, for the record.
        champion_trained_until: time of its last training row; None where it is not known, which promotes nothing.
        test: rows with features and label.
        rule: metric and least number of rows.
    """
    fair = _unseen(test, champion_trained_until)
    rows = fair.count() if fair else 0

    def kept(reason: str) -> Promotion:
        return Promotion(promoted=False, reason=reason, metric=rule.metric, rows=rows, champion_version=champion_version)

    if fair is None or rows < rule.min_rows:
        return kept(
            f"only {rows:,} test rows are later than the champion's training rows, {rule.min_rows:,} are needed for a fair comparison"
        )
    if challenger.rules.label != champion.rules.label:
        return kept(f"the champion (version {champion_version}) learned another label, {describe(champion.rules.label)}; {_BY_HAND}")
    if missing := [name for name in champion.rules.features if name not in test.columns]:
        return kept(f"the champion (version {champion_version}) reads {missing}, which the test rows lack; {_BY_HAND}")
    ours, theirs = (measure(model, fair).get(rule.metric) for model in (challenger, champion))
    if ours is None or theirs is None:
        return kept(f"{rule.metric} cannot be computed on the {rows:,} common rows")
    promoted = better(rule.metric, ours, theirs)
    verb = "better than" if promoted else "equal to" if ours == theirs else "worse than"
    champions = f"the champion's {theirs:.4f} (version {champion_version})"
    return Promotion(
        promoted=promoted,
        reason=f"{rule.metric} {ours:.4f} is {verb} {champions} on {rows:,} rows that neither saw",
        metric=rule.metric,
        rows=rows,
        challenger=ours,
        champion=theirs,
        champion_version=champion_version,
    )


_BY_HAND = "move its alias by hand to replace it"


def _unseen(test: Table, trained_until: datetime | None) -> Table | None:
    time = test.roles.timestamp
    if time is None or trained_until is None:
        return None
    return test.with_frame(test.frame.filter(nw.col(time) > trained_until))
