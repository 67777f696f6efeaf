"""Look for leaks."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.labels.rules import LabelRule
from stackhouse.leaks import detector
from stackhouse.leaks.report import LeakReport
from stackhouse.leaks.rule import LeakRule
from stackhouse.splits import Split, SplitRule
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def detect_leaks(
    train: Table, validation: Table, test: Table, label: LabelRule, split: SplitRule, rule: LeakRule
) -> Annotated[LeakReport, "leaks"]:
    """Look for what would make the model seem better than it is; the report says whether one may be trained, and nothing is raised."""
    learned = () if label.kind == "anomaly" else label.names  # known anomalies judge, and nothing is learned from them
    classes = label.classes if label.kind == "classes" else ()
    report = detector.detect_leaks(Split(train, validation, test), learned, label.sources, split.kind, rule, classes)
    log_metadata({"findings": len(report.findings), "rejected": [f"{finding.check}: {finding.name}" for finding in report.rejected]})
    return report
