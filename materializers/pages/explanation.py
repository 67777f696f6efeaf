"""The page of an explanation: which features move the answers, how, and what the model would be without each."""

from materializers.pages.layout import Html, Number, facts, metric, note, number, page, section, statement, table, tag
from materializers.pages.summary_plot import COLOURS, NO_ORDER, summary_plot
from materializers.pages.svg import bars
from stackhouse.evaluation.metrics import lower_is_better
from stackhouse.explanation.explanation import Explanation, unit_in_words
from stackhouse.explanation.permutation import Permutation

FEATURES_SHOWN = 20
OUTPUTS_DRAWN = 4


def explanation_page(report: Explanation) -> str:
    """Show mean |SHAP|, the summary plot and the permutation importance, or why there is nothing to show."""
    if report.skipped:
        return page("Explanation", "No model was explained", statement("SKIPPED", "quiet", report.skipped))
    parts = [Html()] if report.permutation is None else [_permutation(report.permutation)]
    if report.withheld or not report.importance:
        reason = report.withheld or "the explanation holds no feature"
        return page("Explanation", "No SHAP values", statement("WITHHELD", "bad", reason), *parts)
    of = f"{report.rows:,} of {report.test_rows:,} test rows, drawn at random"
    said = tag("p", f"The features behind the answers on {of}.", class_="lead")
    return page("Explanation", "Where the answers come from", said, _importance(report), _summary(report), *parts, _base(report))


def _importance(report: Explanation) -> Html:
    ranked = list(report.ranking.items())
    shown = [(name, size, str(number(size))) for name, size in ranked[:FEATURES_SHOWN]]
    rest = f" {len(ranked) - len(shown)} less important features are not shown." if len(ranked) > len(shown) else ""
    several = " The sum over all outputs." if len(report.outputs) > 1 else ""
    hint = note(f"Mean |SHAP|: by how much a feature moves the answer of a row, in {unit_in_words(report.unit)}.{several}{rest}")
    lines = [(name, *map(metric, report.importance[name])) for name, _ in ranked[:FEATURES_SHOWN]] if len(report.outputs) > 1 else []
    return section("Importance", bars(shown, "Mean |SHAP|"), hint, table(("feature", *report.outputs), lines) if lines else Html())


def _summary(report: Explanation) -> Html:
    axis = f"SHAP value, in {unit_in_words(report.unit)}"
    drawn = [summary_plot(report.clouds, number, output, axis) for number, output in enumerate(report.outputs[:OUTPUTS_DRAWN])]
    dots = [tag("span", "●", style=f"color: {colour}") for colour in COLOURS]
    grey = tag("span", "●", style=f"color: {NO_ORDER}")
    legend = note("Each point is a row. ", *dots, " from small values of the feature to large ones, ", grey, " values without an order.")
    spans = [(cloud.feature, cloud.low, cloud.high) for cloud in report.clouds if cloud.low is not None]
    ranges = table(("feature", "5 % are below", "5 % are above"), spans) if spans else Html()
    more = len(report.outputs) - len(drawn)
    rest = note(f"{more} more outputs are in explanation.json beside the run.") if more > 0 else Html()
    return section("How each feature moves the answers", tag("div", *drawn, class_="charts"), legend, rest, ranges)


def _permutation(found: Permutation) -> Html:
    if found.missing:
        return section("Permutation importance", note(found.missing))
    rows = [(name, Number(f"{mean:+.4f}"), metric(found.deviation[name])) for name, mean in found.mean.items()]
    way = "rises" if lower_is_better(found.metric) else "falls"
    hint = note(
        f"By how much {found.metric} {way} where the feature's values are dealt out anew among {found.rows:,} test rows; "
        f"{found.repeats} times each. As they are, it is {metric(found.undealt)}. Below 0 a feature did harm, or chance helped."
    )
    return section("Permutation importance", table(("feature", f"{found.metric} {way} by", "standard deviation"), rows), hint)


def _base(report: Explanation) -> Html:
    bases = facts(dict(zip(report.outputs, map(metric, report.base), strict=True)))
    hint = note(
        f"Where no feature is known, in {unit_in_words(report.unit)}. Base and SHAP values of a row add up to its raw prediction; "
        f"the largest distance on these rows was {report.gap or 0:.1g} of the largest prediction."
    )
    return section("Base", bases, hint)
