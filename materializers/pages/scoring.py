"""The page of a batch inference: what scored, how many keys, and how they were answered."""

from materializers.pages.layout import facts, figures, note, page, section, share, table
from stackhouse.batch_scoring import ScoringReport


def scoring_page(report: ScoringReport) -> str:
    """Show the model, the tables that were looked up, and the counts."""
    run, answered = report.run, report.rows - report.without_features
    counts = figures({"keys": report.rows, "answered": answered, "without features": report.without_features})
    numbers = {
        **{
            f"{answer} {cls}": f"{rows:,} ({share(rows, answered)} of those answered)"
            for answer, by_class in report.counts.items()
            for cls, rows in by_class.items()
        },
        "no features by their time, no answer": f"{report.without_features:,} ({share(report.without_features, report.rows)})",
        "scored at": f"{run.scored_at:%Y-%m-%d %H:%M:%S} UTC",
    }
    tables = table(("feature table", "version"), list(run.table_versions.items()))
    hint = note("A key without features was left out in training as well; it stands in the predictions without an answer.")
    return page(
        "Batch inference",
        f"{run.model} version {run.model_version}",
        counts,
        section("Answers", facts(numbers), hint),
        section("Looked up", tables),
    )
