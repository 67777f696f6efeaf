"""The page of an evaluation: metrics, curves, confusion and importance. The model card shows the same parts."""

from collections.abc import Mapping

from materializers.pages.layout import Html, Number, figures, metric, note, page, section, share, statement, table, tag
from materializers.pages.svg import bars, curve
from stackhouse.evaluation import Confusion, Evaluation, Period
from stackhouse.metrics import lower_is_better
from stackhouse.tasks import TASKS, TaskName

FEATURES_SHOWN = 20

_HEADLINES: Mapping[TaskName, tuple[str, ...]] = {
    "binary_classification": ("roc_auc", "pr_auc", "f1", "precision", "recall"),
    "multiclass_classification": ("macro_f1", "weighted_f1", "accuracy", "log_loss"),
    "multilabel_classification": ("roc_auc", "macro_f1", "micro_f1", "subset_accuracy"),
    "regression": ("r2", "rmse", "mae", "mape"),
    "anomaly_detection": ("anomaly_rate", "precision", "recall", "roc_auc"),
}
_RANDOM = Html('<span class="dim">random split</span><div class="small">for comparison only,<br>do not quote</div>')


def evaluation_page(report: Evaluation) -> str:
    """Show how good the model is on rows that it never saw, or say why there are no numbers."""
    if report.skipped:
        return page("Evaluation", "No model was evaluated", statement("SKIPPED", "quiet", report.skipped))
    parts = (headline, periods, metrics_table, curves, confusion, importance)
    return page("Evaluation", "How good the model is on rows it never saw", *(part(report) for part in parts))


def headline(report: Evaluation) -> Html:
    """Show the metrics that matter most, on the test rows."""
    names = _HEADLINES[report.task]
    shown = names if report.task == "binary_classification" else [name for name in names if name in report.test]
    return figures({f"test {name}": metric(report.test.get(name)) for name in shown})


def periods(report: Evaluation) -> Html:
    """Show which rows trained and which judged."""
    rows = [_period("train", report.train_period), _period("test", report.test_period)]
    return section("Periods", table(("part", "rows", "first", "last"), rows))


def metrics_table(report: Evaluation) -> Html:
    """Show all metrics on the test rows beside those of the training rows, a random split, and a guess."""
    parts = (report.test, report.train, report.random_split, report.reference)
    found = {name for part in parts for name in part}
    known = TASKS[report.task].metrics
    names = [*(name for name in known if name in found), *sorted(found.difference(known))]
    rows = []
    for name in names:
        test, train, drawn, guess = (metric(part.get(name)) for part in parts)
        words = tag("span", name, Html(' <span class="small">smaller is better</span>') if lower_is_better(name) else "")
        rows.append((words, Number(tag("strong", test)), train, Number(tag("span", drawn, class_="dim")), guess))
    head = ("metric", "time-ordered test" if is_ordered(report) else "test", "train", _RANDOM, "guess by class share")
    return section("Metrics", table(head, rows))


def curves(report: Evaluation) -> Html:
    """Show the ROC and the precision-recall curve on the test rows, each beside that of a guess."""
    drawn = report.curves
    if drawn is None:
        unmeasured = section("Curves", note("No curves were measured."))
        return unmeasured if report.task == "binary_classification" else Html()
    base = report.test.get("positive_class_ratio")
    roc = curve(
        drawn.false_positive_rate,
        drawn.true_positive_rate,
        _with_value("ROC curve", "area", report.test.get("roc_auc")),
        ("false positive rate", "true positive rate"),
        (0.0, 1.0),
    )
    title = _with_value("Precision-recall curve", "average precision", report.test.get("pr_auc"))
    precision = curve(drawn.recall, drawn.precision, title, ("recall", "precision"), None if base is None else (base, base))
    return section("Curves", tag("div", roc, precision, class_="charts"), note("Test rows. The dashed line is a guess."))


def confusion(report: Evaluation) -> Html:
    """Show how many test rows of each class were predicted as which."""
    return section("Confusion matrix", _confusion_table(report.confusion)) if report.confusion else Html()


def importance(report: Evaluation) -> Html:
    """Show how much the most important features are used."""
    ranked = sorted(report.importance.items(), key=lambda item: (-item[1], item[0]))
    if not ranked:
        return Html()
    shown = [(name, value, share(value)) for name, value in ranked[:FEATURES_SHOWN]]
    rest = f" {len(ranked) - len(shown)} less important features are not shown." if len(ranked) > len(shown) else ""
    hint = note(f"How much of its decisions the model takes from a feature; all together are 100 %.{rest}")
    return section("Feature importance", bars(shown, "Feature importance"), hint)


def is_ordered(report: Evaluation) -> bool:
    """Say whether the test rows are known to be later than the training rows."""
    train, test = report.train_period, report.test_period
    return bool(train and test and train.last and test.first and train.last < test.first)


def _period(part: str, period: Period | None) -> tuple[object, ...]:
    return (part, period.rows, period.first, period.last) if period else (part, None, None, None)


def _with_value(title: str, what: str, value: float | None) -> str:
    return title if value is None else f"{title}, {what} {value:.3f}"


def _confusion_table(found: Confusion) -> Html:
    lines = []
    for true, counts in enumerate(found.counts):
        cells = [_shaded(count, sum(counts), right=true == predicted) for predicted, count in enumerate(counts)]
        lines.append(tag("tr", tag("th", f"true class {found.classes[true]}", scope="row"), *cells))
    head = tag("tr", tag("th", ""), *(tag("th", f"predicted class {cls}", scope="col") for cls in found.classes))
    return tag("table", tag("thead", head), tag("tbody", *lines), class_="confusion")


def _shaded(count: int, of: int, *, right: bool) -> Html:
    strength = 0.08 + 0.42 * (count / of if of else 0.0)
    colour = f"rgba({'26, 115, 72' if right else '179, 38, 30'}, {strength:.2f})"
    return tag("td", count, tag("div", share(count, of), " of the class", class_="small"), style=f"background: {colour}")
