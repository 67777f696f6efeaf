"""The page of a label report: the rule in words, the two classes, and whether they are in balance."""

from materializers.pages.layout import Html, facts, figures, note, number, page, section, share, tag
from materializers.pages.svg import bars
from stackhouse.labels.report import SEVERE_IMBALANCE, LabelReport


def label_page(report: LabelReport) -> str:
    """Show the rule, the rows of each class as bars or the spread of a number, the rows left out, and the imbalance."""
    numbers: dict[str, object] = {"rows with a label": report.rows, "rows left out, no label": report.dropped}
    if report.positive_share is not None:
        numbers["class 1"] = share(report.counts.get(1, 0), report.rows)
    parts = [_classes(part, part.label) for part in report.parts] or ([_classes(report, "Classes")] if report.counts else [])
    spread = [section("Spread", facts({said: f"{value:g}" for said, value in report.spread.items()}))] if report.spread else []
    return page("Label", report.label, tag("p", report.rule, class_="lead"), figures(numbers), *parts, *spread)


def _classes(report: LabelReport, title: str) -> Html:
    names = report.class_names or tuple(f"class {cls}" for cls in report.counts)
    bar = [
        (name, float(count), f"{number(count)} ({share(count, report.rows)})")
        for name, count in zip(names, report.counts.values(), strict=True)
    ]
    return section(title, bars(bar, f"Rows of each class of {report.label}"), _balance(report))


def _balance(report: LabelReport) -> Html:
    if report.single_class:
        return note("All rows are of one class: nothing can be learned from this label.", tone="warn")
    ratio = f"{report.imbalance:,.1f} rows of the larger class for each row of the smaller"
    if report.severe:
        return note(f"Severe imbalance: {ratio}. Accuracy says little here; read precision, recall and pr_auc.", tone="warn")
    return note(f"Imbalance: {ratio}; above {SEVERE_IMBALANCE:g} counts as severe.")
