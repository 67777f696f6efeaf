"""The page of a promotion: whether the version became champion, and the evidence behind it."""

from materializers.pages.evaluation import interval, resampled
from materializers.pages.layout import MISSING, Html, Number, facts, figures, metric, note, page, section, statement, table, tag
from stackhouse.evaluation.metrics import lower_is_better
from stackhouse.promotion.by_slice import SliceDifference
from stackhouse.promotion.decision import Promotion
from stackhouse.promotion.evidence import Evidence


def promotion_page(report: Promotion) -> str:
    """Show the decision and its reason, and where both were compared: the difference, its interval, tests and slices."""
    claim = statement("PROMOTED", "good", report.reason) if report.promoted else statement("NOT PROMOTED", "quiet", report.reason)
    title = "Does the new version take the champion's place?"
    if report.evidence is None:
        told = facts({"champion's version": report.champion_version, _COMMON: report.rows})
        return page("Promotion", title, claim, section("Not compared", told if report.champion_version else _FIRST))
    found = report.evidence
    return page("Promotion", title, claim, _headline(found), _compared(found, report.champion_version), _tests(found), _slices(found))


_COMMON = "common rows that neither was trained on"
_FIRST = note("It was not compared with a champion.")


def _headline(found: Evidence) -> Html:
    return figures(
        {
            f"{found.metric} of the challenger": metric(found.challenger),
            f"{found.metric} of the champion": metric(found.champion),
            "improvement": signed(found.improvement),
        }
    )


def _compared(found: Evidence, version: str | None) -> Html:
    how = found.resampling
    direction = " (smaller is better)" if lower_is_better(found.metric) else ""
    told: dict[str, object] = {
        "champion's version": version,
        "metric": f"{found.metric}{direction}",
        _COMMON: found.rows,
        f"improvement, {100 * how.confidence:g}% interval": interval(found.interval),
        "lower end has to be above": found.min_effect,
    }
    rule = "An improvement above 0 says that the challenger is better. Both models are measured on the same resamples."
    return section("Compared", facts(told), note(rule), note(resampled(how)))


def _tests(found: Evidence) -> Html:
    rows: list[tuple[object, ...]] = []
    if found.mcnemar:
        counts = found.mcnemar
        told = f"{counts.only_challenger:,} rows answered rightly by the challenger alone, {counts.only_champion:,} by the champion alone"
        rows.append(("McNemar, exact", told, p_value(counts.p_value)))
    if found.delong:
        areas = found.delong
        told = f"areas differ by {areas.difference:+.4f}, standard error {areas.standard_error:.4f}"
        rows.append(("DeLong", told, p_value(areas.p_value)))
    if not rows:
        return Html()
    beside = (
        "These tests stand beside the interval, which decides. They take rows as independent, so rows of days that are alike look surer."
    )
    return section("Tests", table(("test", "found", "p-value, two-sided"), rows), note(beside))


def _slices(found: Evidence) -> Html:
    if not found.slices:
        return Html()
    rows = [
        (
            f"{part.column} {part.value}",
            part.rows,
            _said(part),
            MISSING if part.improvement is None else signed(part.improvement),
            interval(part.interval),
            metric(part.challenger),
            metric(part.champion),
        )
        for part in found.slices
    ]
    worse = [f"{part.column} {part.value}" for part in found.slices if part.worse]
    said = f"The challenger is worse in: {', '.join(worse)}." if worse else "In no slice is the challenger surely worse."
    hint = note("These intervals hold for all judged slices together; a slice of few rows or days is not judged. They decide nothing.")
    head = ("slice", "rows", "", "improvement", "interval", "challenger", "champion")
    return section("Slices", note(said, tone="warn" if worse else "quiet"), table(head, rows), hint)


def _said(part: SliceDifference) -> Html | str:
    if part.worse or part.better:
        return tag("strong", "worse" if part.worse else "better")
    return "" if part.judged else tag("span", "not judged", class_="dim")


def signed(value: float) -> Number:
    """Write a difference with its sign and four decimals.

    >>> signed(0.0123), signed(-2)
    ('+0.0123', '-2.0000')
    """
    return Number(f"{value:+.4f}")


def p_value(value: float) -> Number:
    """Write a p-value with three decimals; below a thousandth only that it is.

    >>> p_value(0.0312), p_value(1e-9)
    ('0.031', '&lt; 0.001')
    """
    return Number(f"{value:.3f}") if value >= 0.001 else Number("&lt; 0.001")
