"""The page of a tuning report: what was tried on the validation rows, and which candidate was taken."""

from materializers.pages.layout import Html, metric, note, page, section, statement, table, tag
from stackhouse.metrics import describe_metric, lower_is_better
from stackhouse.tuning import Trial, TuningReport


def tuning_page(report: TuningReport) -> str:
    """Show the trials with their metrics and mark the chosen one, or say why nothing was tried."""
    if report.skipped:
        claim = statement("SKIPPED", "quiet", report.skipped, "The first candidate is carried on, untried.")
        return page("Tuning", "Nothing was tried", claim)
    found = dict.fromkeys(name for trial in report.trials for name in trial.metrics)
    names = [name for name in found if (meaning := describe_metric(name)) and (meaning.comparable or len(report.trials) == 1)]
    rows = [
        (_candidate(trial, chosen=position == report.chosen), *(metric(trial.metrics.get(name)) for name in names))
        for position, trial in enumerate(report.trials)
    ]
    head = ("candidate", *(tag("strong", name) if name == report.metric else name for name in names))
    direction = "smallest" if lower_is_better(report.metric) else "largest"
    hint = note(f"The {direction} {report.metric} on the validation rows decides. The test rows are not seen here.")
    trials = section("Trials", table(head, rows, marked=report.chosen), hint)
    return page("Tuning", f"Candidates compared by {report.metric}", trials)


def _candidate(trial: Trial, *, chosen: bool) -> Html:
    settings = ", ".join(f"{name} {value}" for name, value in trial.algorithm.hyperparameters.items())
    return tag("div", f"{trial.algorithm.kind}{' (chosen)' if chosen else ''}", tag("div", settings, class_="small"))
