"""The page of a leak report: whether a model may be trained, each finding, and what every feature tells of the label by itself."""

from materializers.pages.layout import Html, figures, metric, note, page, section, statement, table, tag
from stackhouse.leaks.report import FeatureScore, LeakReport, Level

_LEVELS: dict[Level, Html] = {
    "reject": tag("span", "rejects", class_="fail"),
    "accepted": tag("span", "accepted", class_="pass"),
    "info": tag("span", "to know", class_="dim"),
}
_FINDINGS = ("level", "check", "of", "value", "limit", "what it means and what to do")
_SCORES = ("feature", "tells", "measure", "alone", "limit", "by chance", "own past", "called like")
_SPLIT = {"time": "by time", "random": "at random"}


def leak_page(report: LeakReport) -> str:
    """State whether a model may be trained, list the findings, and show each feature's score, best first."""
    above = sum(score.value > score.limit for score in report.scores)
    numbers = figures({"findings": len(report.findings), "features above their limit": above, "split": _SPLIT[report.split]})
    findings = section("Findings", table(_FINDINGS, _findings(report)) if report.findings else note("Nothing was found."))
    return page("Leak detector", "Would the model know too much?", _claim(report), numbers, findings, _scores(report), _parts(report))


def _claim(report: LeakReport) -> Html:
    accepted = sum(finding.level == "accepted" for finding in report.findings)
    if report.rejected:
        return statement("REJECTED", "bad", f"{len(report.rejected)} findings above their limit; no model is trained.")
    return statement("NO LEAK FOUND", "good", f"{accepted} findings above their limit are accepted." if accepted else "No finding rejects.")


def _findings(report: LeakReport) -> list[tuple[object, ...]]:
    return [
        (_LEVELS[found.level], found.check, found.name, metric(found.value), metric(found.limit), found.message)
        for found in report.findings
    ]


def _scores(report: LeakReport) -> Html:
    rows = [_score(score) for score in report.scores]
    hint = note(
        "AUC is 0.5 for a feature that tells nothing, R² is 0. Both are of the training rows, and of categories and bins out of fold. "
        "A feature that is called like the label has a lower limit; where an entity's own past tells much of the label, limits are higher."
    )
    return section("Each feature by itself", table(_SCORES, rows) if rows else note("There is no label to tell."), hint)


def _score(score: FeatureScore) -> tuple[object, ...]:
    value = tag("span", metric(score.value), class_="fail") if score.value > score.limit else metric(score.value)
    return (
        score.feature,
        score.label,
        score.measure,
        value,
        metric(score.limit),
        metric(score.chance),
        metric(score.past),
        score.named_after,
    )


def _parts(report: LeakReport) -> Html:
    rows = [(part.part, part.rows, part.looked_at) for part in report.parts]
    hint = note("Rows that are looked at are looked for among all rows that the model learns from.")
    return section("Rows", table(("part", "rows", "looked at"), rows), hint)
