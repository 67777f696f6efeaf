"""The pages of a fitted model: its record in the tracking server, and the rules by which it scores."""

from materializers.pages.layout import facts, page, section, statement
from stackhouse.fitted import ScoringRules
from stackhouse.labels import describe
from stackhouse.record import TrainingRecord


def training_page(report: TrainingRecord) -> str:
    """Show run, model and training period, or why nothing was trained."""
    period = report.train_period
    record = facts(
        {
            "algorithm": report.algorithm,
            "run": report.run_id,
            "model": report.model_uri,
            "training rows": period.rows,
            "first row": period.first,
            "last row": period.last,
        }
    )
    if report.skipped:
        return page("Training", "No model was trained", statement("SKIPPED", "quiet", report.skipped), record)
    return page("Training", f"A model was trained with {report.algorithm}", record)


def scoring_rules_page(report: ScoringRules) -> str:
    """Show what the model reads, how its input is cleaned, and what its answer means."""
    answer = {"label": describe(report.label), "class 1 from a probability of": report.decision_threshold}
    cleaning = {"all columns not named below": report.cleaning.default, **report.cleaning.columns}
    return page(
        "Scoring rules",
        report.algorithm.kind,
        section("Answer", facts(answer)),
        section("NaN, ±Inf and null are replaced by", facts(cleaning)),
        section("Hyperparameters", facts(report.algorithm.hyperparameters)),
        section(f"Features ({len(report.features)})", facts({f"{position}": name for position, name in enumerate(report.features, 1)})),
    )
