"""The page of an evaluation: metrics and their intervals, slices, curves, confusion and importance. The model card shows the same parts."""

from collections.abc import Mapping

from materializers.pages.layout import MISSING, Html, Number, facts, figures, metric, note, page, section, share, statement, table, tag
from materializers.pages.svg import bars, curve, scatter
from stackhouse.evaluation.decision import describe_goal
from stackhouse.evaluation.evaluation import Confusion, Evaluation, Period
from stackhouse.evaluation.imbalance import is_severe
from stackhouse.evaluation.intervals import Interval, Resampling
from stackhouse.evaluation.metrics import describe_metric, lower_is_better
from stackhouse.evaluation.slices import Slice
from stackhouse.labels.report import SEVERE_IMBALANCE
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
    parts = (headline, periods, metrics_table, decision, slices, curves, calibration, residuals, confusion, importance)
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
    """Show all metrics on the test rows with their intervals, beside those of the training rows, a random split, and a guess."""
    parts = (report.test, report.train, report.random_split, report.reference)
    found = {name for part in parts for name in part}
    known = TASKS[report.task].metrics
    names = [*(name for name in known if name in found), *sorted(found.difference(known))]
    rows = []
    for name in names:
        test, train, drawn, guess = (metric(part.get(name)) for part in parts)
        words = tag("span", name, Html(' <span class="small">smaller is better</span>') if lower_is_better(name) else "")
        shown = [words, Number(tag("strong", test)), train, Number(tag("span", drawn, class_="dim")), guess]
        rows.append([*shown[:2], interval(report.intervals.get(name)), *shown[2:]] if report.resampling else shown)
    head = ["metric", "time-ordered test" if is_ordered(report) else "test", "train", _RANDOM, "guess by class share"]
    if report.resampling is None:
        return section("Metrics", table(head, rows))
    head.insert(2, f"{report.resampling.confidence:.0%} interval")
    return section("Metrics", table(head, rows), note(resampled(report.resampling)))


def interval(bounds: Interval | None) -> Number:
    """Write an interval with four decimals."""
    return MISSING if bounds is None else Number(f"{metric(bounds.low)} to {metric(bounds.high)}")


def decision(report: Evaluation) -> Html:
    """Show from which probability on class 1 is answered, how that was chosen, and how far from balance the classes are."""
    told: dict[str, object] = {}
    if report.decision_threshold is not None:
        told["class 1"] = f"where its probability is at least {report.decision_threshold:.4g}"
        told["threshold"] = describe_goal(report.decision)
    if report.imbalance is not None:
        told["imbalance"] = f"{report.imbalance:,.1f} training rows of the larger class for each row of the smaller"
    if not told:
        return Html()
    severe = f"Severe imbalance, above {SEVERE_IMBALANCE:g}: accuracy says little here; read precision, recall and pr_auc."
    return section("Classes", facts(told), note(severe, tone="warn") if is_severe(report.imbalance) else Html())


def slices(report: Evaluation) -> Html:
    """Show the metrics of each slice of the test rows, and mark those that are served worse than all rows together."""
    if not report.slices or report.slice_metric is None:
        return Html()
    judging = report.slice_metric
    others = [name for name in TASKS[report.task].metrics if name != judging and (meaning := describe_metric(name)) and meaning.comparable]
    names = [judging, *(name for name in others if any(name in part.metrics for part in report.slices))]
    rows = [
        (
            f"{part.column} {part.value}",
            part.rows,
            _judged(part, judging),
            interval(part.interval),
            *(metric(part.metrics.get(name)) for name in names),
        )
        for part in report.slices
    ]
    whole = ("all test rows", report.test_period.rows if report.test_period else None, "", interval(report.intervals.get(judging)))
    rows.insert(0, (*whole, *(metric(report.test.get(name)) for name in names)))
    head = ("slice", "rows", "", f"{judging}, interval", *names)
    worse = [f"{part.column} {part.value}" for part in report.slices if part.worse]
    said = f"Worse than all rows by {judging}: {', '.join(worse)}." if worse else f"No slice is worse than all rows by {judging}."
    rule = "A slice is worse where its interval misses the value of all rows and the mean of its column's slices."
    hint = note(f"{rule} These intervals hold for all judged slices together; a slice of few rows or days is not judged.")
    return section("Slices", note(said, tone="warn" if worse else "quiet"), table(head, rows), hint)


def calibration(report: Evaluation) -> Html:
    """Show whether as many rows are of class 1 as their probability says, for each label."""
    if not report.calibration:
        return Html()
    axes, perfect = ("mean probability of class 1", "share of class 1"), (0.0, 1.0)
    drawn = [curve(one.predicted, one.observed, f"Calibration of {one.label}", axes, perfect) for one in report.calibration]
    return section(
        "Calibration", tag("div", *drawn, class_="charts"), note("Test rows, in bins of equally many. On the dashed line it is perfect.")
    )


def residuals(report: Evaluation) -> Html:
    """Show by how much the answers of a regression were wrong, from the smallest to the largest."""
    found = report.residuals
    if found is None:
        return Html()
    chart = scatter(found.predicted, found.residual, "Residuals by prediction", ("predicted", "measured - predicted"))
    return section("Residuals", chart, note(f"{len(found.predicted):,} test rows, evenly spread over all."))


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


def resampled(how: Resampling) -> str:
    """Say what was drawn, how often, and what an interval promises."""
    share = f"{100 * how.confidence:g}% of such intervals hold the value of all rows that could be drawn"
    if how.drawn == "days":
        return f"Intervals: {how.resamples:,} times as many whole days as the {how.units:,} of the test rows were drawn again; {share}."
    return f"Intervals: {how.resamples:,} times as many rows as the {how.units:,} test rows were drawn again; {share}."


def _judged(part: Slice, judging: str) -> Html | str:
    if part.worse:
        return tag("strong", "worse")
    if not part.judged:
        return tag("span", "not judged", class_="dim")
    return "" if part.interval else f"no {judging}"


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
