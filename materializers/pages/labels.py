"""The page of a label report: the rule in words, the two classes, and whether they are in balance."""

from materializers.pages.layout import Html, figures, note, number, page, section, share, tag
from materializers.pages.svg import bars
from stackhouse.labels import SEVERE_IMBALANCE, LabelReport


def label_page(report: LabelReport) -> str:
    """Show the rule, the rows of each class as bars, the rows left out, and the imbalance."""
    counts = {cls: report.counts.get(cls, 0) for cls in (0, 1)}
    classes = [(f"class {cls}", float(count), f"{number(count)} ({share(count, report.rows)})") for cls, count in counts.items()]
    numbers = {"rows with a label": report.rows, "rows left out, no label": report.dropped, "class 1": share(counts[1], report.rows)}
    chart = bars(classes, f"Rows of each class of {report.label}")
    return page("Label", report.label, tag("p", report.rule, class_="lead"), figures(numbers), section("Classes", chart, _balance(report)))


def _balance(report: LabelReport) -> Html:
    if report.single_class:
        return note("All rows are of one class: nothing can be learned from this label.", tone="warn")
    ratio = f"{report.imbalance:,.1f} rows of the larger class for each row of the smaller"
    if report.imbalance > SEVERE_IMBALANCE:
        return note(f"Severe imbalance: {ratio}. Accuracy says little here; read precision, recall and pr_auc.", tone="warn")
    return note(f"Imbalance: {ratio}; above {SEVERE_IMBALANCE:g} counts as severe.")
