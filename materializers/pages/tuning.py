"""The page of a tuning report: what was tried on the validation rows, and which candidate was taken."""

from materializers.pages.layout import Html, metric, note, page, section, statement, table, tag
from stackhouse.metrics import LOWER_IS_BETTER, NAMES
from stackhouse.tuning import Trial, TuningReport

_NOT_OF_THE_MODEL = "positive_class_ratio"


def tuning_page(report: TuningReport) -> str:
    """Show the trials with their metrics and mark the chosen one, or say why nothing was tried."""
    if report.skipped:
        claim = statement("SKIPPED", "quiet", report.skipped, "The first candidate is carried on, untried.")
        return page("Tuning", "Nothing was tried", claim)
    names = [name for name in NAMES if name != _NOT_OF_THE_MODEL and any(name in trial.metrics for trial in report.trials)]
    rows = [
        (_candidate(trial, chosen=position == report.chosen), *(metric(trial.metrics.get(name)) for name in names))
        for position, trial in enumerate(report.trials)
    ]
    head = ("candidate", *(tag("strong", name) if name == report.metric else name for name in names))
    direction = "smallest" if report.metric in LOWER_IS_BETTER else "largest"
    hint = note(f"The {direction} {report.metric} on the validation rows decides. The test rows are not seen here.")
    trials = section("Trials", table(head, rows, marked=report.chosen), hint)
    return page("Tuning", f"Candidates compared by {report.metric}", trials)


def _candidate(trial: Trial, *, chosen: bool) -> Html:
    settings = ", ".join(f"{name} {value}" for name, value in trial.algorithm.hyperparameters.items())
    return tag("div", f"{trial.algorithm.kind}{' (chosen)' if chosen else ''}", tag("div", settings, class_="small"))
