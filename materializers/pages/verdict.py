"""The page of a verdict: the outcome, why, and every gate with the number that it judged."""

from materializers.pages.layout import Html, listed, metric, page, section, statement, table, tag
from stackhouse.verdict import Gate, Verdict

TONES = {"APPROVED": "good", "REJECTED": "bad", "SKIPPED": "quiet"}


def verdict_page(report: Verdict) -> str:
    """Show the outcome, its reasons, and the gates."""
    gates = section("Gates", gates_table(report.gates)) if report.gates else Html()
    outcome = statement(report.outcome, TONES[report.outcome])
    return page("Verdict", "May this model be registered?", outcome, section("Reasons", listed(report.reasons)), gates)


def gates_table(gates: tuple[Gate, ...]) -> Html:
    """Show each gate with value, rule and whether it passed."""
    return table(("gate", "value", "rule", "passed"), [(gate.name, metric(gate.value), gate.rule, passed(gate.passed)) for gate in gates])


def passed(good: bool, /) -> Html:  # noqa: FBT001 - the one thing it shows
    """Say passed or failed, in the colour of it."""
    return tag("span", "passed", class_="pass") if good else tag("span", "failed", class_="fail")
