"""LeakReport: what the leak detector found, and whether a model may be trained all the same."""

from typing import Literal

from stackhouse.leaks.rule import Check
from stackhouse.report import Report

Level = Literal["reject", "accepted", "info"]
"""reject: above its limit. accepted: likewise, and the model file says why it is no leak. info: something to know."""


class LeakFinding(Report):
    """One finding: what was measured of what, and what to do about it. Value and limit are None where nothing is compared."""

    check: Check
    name: str
    """The feature, or `test` where the finding is about rows."""
    value: float | None
    limit: float | None
    level: Level
    message: str


class FeatureScore(Report):
    """How well one feature alone tells one label."""

    feature: str
    label: str
    """The label, with the class where one of several is told from the rest."""
    measure: Literal["AUC", "R²"]
    value: float
    limit: float
    chance: float
    """What a feature without any relation to the label does not reach on so many rows."""
    past: float | None = None
    """What an entity's own past tells of the label, which raises the limit; None where rows have no past."""
    named_after: str | None = None
    """The column of the label table that the feature is called like, None where it is called otherwise."""


class PartLookedAt(Report):
    """Rows of one part, and how many of them were looked at."""

    part: Literal["train", "validation", "test"]
    rows: int
    looked_at: int


class LeakReport(Report):
    """All findings, the score of each feature, best first, and the rows that these were measured on."""

    split: Literal["time", "random"]
    findings: tuple[LeakFinding, ...] = ()
    scores: tuple[FeatureScore, ...] = ()
    parts: tuple[PartLookedAt, ...] = ()

    @property
    def rejected(self) -> tuple[LeakFinding, ...]:
        """The findings that no model may be trained with."""
        return tuple(finding for finding in self.findings if finding.level == "reject")

    @property
    def rejection(self) -> str | None:
        """Why no model may be trained, in one text; None where one may."""
        return " ".join(f"{finding.check}: {finding.message}" for finding in self.rejected) or None


def or_accept(check: Check, name: str) -> str:
    """Say how a finding is accepted, as the end of a sentence.

    >>> or_accept("single_feature", "dep_delay")
    ', or accept it: model.leaks.accepted (check: single_feature, name: dep_delay) with the reason, or train_model --accept-leak dep_delay.'
    """
    return f", or accept it: model.leaks.accepted (check: {check}, name: {name}) with the reason, or train_model --accept-leak {name}."
