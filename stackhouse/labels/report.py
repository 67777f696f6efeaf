"""What is told of labels: the rule in words, and how many rows are of which class, or how numbers are spread."""

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from stackhouse.labels.rules import AnomalyLabel, AnyLabel, BinaryLabel, ClassLabel, MultiLabel, ThresholdLabel, ValueLabel
from stackhouse.report import Report

SEVERE_IMBALANCE = 10.0
"""Majority to minority ratio above which a label counts as severely imbalanced (training guide)."""


class LabelReport(Report):
    """Distribution of a label, and the rows left out because the source was null or NaN.

    `counts` are the rows by class; those of several labels are the rows by number of labels that hold, and `parts` has a report
    of each. A number has a `spread` in place of counts.
    """

    label: str
    source: str
    rule: str
    counts: Mapping[int, int] = {}
    dropped: int
    rows: int
    """Rows with a label."""
    class_names: tuple[str, ...] = ()
    spread: Mapping[str, float] | None = None
    """Minimum, quartiles, mean and maximum of a number."""
    parts: tuple["LabelReport", ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _count_rows(cls, given: Any) -> Any:
        return {"rows": sum(given.get("counts", {}).values()), **given} if isinstance(given, dict) else given

    @property
    def positive_share(self) -> float | None:
        """Share of class 1 in [0, 1]; None where there are no classes 0 and 1."""
        return self.counts.get(1, 0) / self.rows if self.is_binary else None

    @property
    def is_binary(self) -> bool:
        """Whether the classes are 0 and 1."""
        return bool(self.counts) and not self.parts and not self.class_names

    @property
    def imbalance(self) -> float:
        """Rows of the largest class for each row of the smallest; infinite where one class is missing, 1 where there are none."""
        counts = [part.imbalance for part in self.parts]
        if counts:
            return max(counts)
        if not self.counts:
            return 1.0
        smallest = min(self.counts.values()) if len(self.counts) > 1 else 0
        return max(self.counts.values()) / smallest if smallest else float("inf")

    @property
    def severe(self) -> bool:
        """Whether the imbalance counts as severe."""
        return self.imbalance > SEVERE_IMBALANCE

    @property
    def single_class(self) -> bool:
        """Whether nothing can be learned, since all rows are of one class."""
        if self.parts:
            return any(part.single_class for part in self.parts)
        return bool(self.counts) and sum(count > 0 for count in self.counts.values()) < 2


def describe(rule: AnyLabel) -> str:
    """Say the rule in words.

    >>> describe(ThresholdLabel(source="late_rate", name="high_late_rate", threshold=0.2))
    'high_late_rate = 1 where late_rate > 0.2'
    """
    match rule:
        case ThresholdLabel():
            said = f"{rule.name} = 1 where {rule.source} {'>' if rule.boundary == 'exclusive' else '>='} {rule.threshold:g}"
        case BinaryLabel(positive=None):
            said = f"{rule.name} as measured (0 or 1)"
        case BinaryLabel():
            said = f"{rule.name} = 1 where it is '{rule.positive}', 0 where it is '{rule.negative}'"
        case ClassLabel():
            edges = ", ".join(f"{edge:g}" for edge in rule.edges or ())
            said = f"{rule.name}: one of {', '.join(rule.classes)}, {f'{rule.source} cut at {edges}' if edges else f'by {rule.source}'}"
        case MultiLabel():
            said = "; ".join(describe(part) for part in rule.labels)
        case ValueLabel():
            said = f"{rule.name} as measured"
        case AnomalyLabel():
            said = f"rows unlike the others{f'; known anomalies are in {rule.source}' if rule.source else ''}"
    return said
