"""The pages of a fitted model: its record in the tracking server, and its scoring rules, which the model card shows as well."""

from collections.abc import Iterator

from materializers.pages.layout import Html, facts, listed, page, section, statement
from stackhouse.fitted import ScoringRules
from stackhouse.labels.report import describe
from stackhouse.record import TrainingRecord


def training_page(report: TrainingRecord) -> str:
    """Show run, model and training period, or why nothing was trained."""
    period = report.train_period
    rows = {"training rows": period.rows, "first row": period.first, "last row": period.last}
    record = facts({"algorithm": report.algorithm, "run": report.run_id, "model": report.model_uri, **rows})
    if report.skipped:
        return page("Training", "No model was trained", statement("SKIPPED", "quiet", report.skipped), record)
    return page("Training", f"A model was trained with {report.algorithm}", record)


def scoring_rules_page(report: ScoringRules) -> str:
    """Show what the model reads, how its input is cleaned, and what its answer means."""
    return page("Scoring rules", report.algorithm.kind, answer(report), *inputs(report))


def answer(rules: ScoringRules) -> Html:
    """Show what the model's answer means."""
    said = {"label": describe(rules.label), "task": rules.task.name}
    if rules.task.name in {"binary_classification", "multilabel_classification"}:
        said["class 1"] = f"where its probability is at least {rules.decision_threshold:g}"
    return section("What it predicts", facts({**said, "algorithm": rules.algorithm.kind}))


def inputs(rules: ScoringRules) -> Iterator[Html]:
    """Show the features, how they are cleaned, and the settings of the algorithm."""
    yield section(f"Features ({len(rules.features)})", listed(rules.features, "names"))
    rest = "every other feature" if rules.cleaning.columns else "every feature"
    yield section("NaN, ±Inf and null become", facts({**rules.cleaning.columns, rest: rules.cleaning.default}))
    yield section("Hyperparameters", facts(rules.algorithm.hyperparameters))
