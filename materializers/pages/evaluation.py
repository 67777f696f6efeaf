"""The page of an evaluation: metrics, curves, confusion and importance. The model card shows the same parts."""

from materializers.pages.layout import Html, breakable, facts, figures, instant, metric, note, number, page, section, share, statement, table, tag
from materializers.pages.svg import bars, curve
from stackhouse.evaluation import Evaluation, Period
from stackhouse.metrics import LOWER_IS_BETTER, NAMES

FEATURES_SHOWN = 20


def evaluation_page(report: Evaluation) -> str:
    """Show how good the model is on rows that it never saw, or say why there are no numbers."""
    if report.skipped:
        return page("Evaluation", "No model was evaluated", statement("SKIPPED", "quiet", report.skipped))
    return page("Evaluation", "How good the model is on rows it never saw", headline(report), periods(report), metrics_table(report), *charts(report))


def headline(report: Evaluation) -> Html:
    """Show the metrics that matter most, on the test rows."""
    return figures({f"test {name}": metric(report.test.get(name)) for name in ("roc_auc", "pr_auc", "f1", "precision", "recall")})


def periods(report: Evaluation) -> Html:
    """Show which rows trained and which judged."""
    rows = [_period("train", report.train_period), _period("test", report.test_period)]
    return section("Periods", table(("part", "rows", "first", "last"), rows))


def metrics_table(report: Evaluation) -> Html:
    """Show all metrics on the test rows beside those of the training rows, a random split, and a guess."""
    parts = (report.test, report.train, report.random_split, report.reference)
    names = sorted({name for part in parts for name in part}, key=lambda name: (NAMES.index(name) if name in NAMES else len(NAMES), name))
    rows = [(_metric_name(name), *(metric(part.get(name)) for part in parts)) for name in names]
    head = ("metric", tag("strong", "time-ordered test" if _ordered(report) else "test"), "train", _RANDOM, "guess by class share")
    return section("Metrics", table(head, [(first, tag_number(own), train, tag_dim(drawn), guess) for first, own, train, drawn, guess in rows]))


def charts(report: Evaluation) -> tuple[Html, ...]:
    """Show curves, confusion matrix and feature importance; what was not measured is left out."""
    return (*_curves(report), *_importance(report))


_RANDOM = Html('random split<div class="small">for comparison only, do not quote</div>')
