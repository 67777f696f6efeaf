"""The page of a tuning report: what was tried on the validation rows or on folds, and which candidate was taken."""

from collections.abc import Iterator

from materializers.pages.layout import Html, facts, figures, metric, note, page, section, statement, table, tag
from materializers.pages.search_charts import losses_chart, space_chart, trials_chart
from materializers.pages.svg import bars
from stackhouse.evaluation.metrics import better, describe_metric, lower_is_better
from stackhouse.tuning.comparison import SearchReport, Trial, TuningReport

SHOWN = 20
"""Trials of a search that are listed, the best ones; the charts show all."""


def tuning_page(report: TuningReport) -> str:
    """Show the trials with their metrics and mark the chosen one, or say why nothing was tried."""
    if report.skipped:
        claim = statement("SKIPPED", "quiet", report.skipped, "The first candidate is carried on, untried.")
        return page("Tuning", "Nothing was tried", claim)
    searched = _search(report, report.search) if report.search else ()
    title = f"{len(report.trials)} trials by {report.metric}" if report.search else f"Candidates compared by {report.metric}"
    return page("Tuning", title, *searched, _measured(report), *_losses(report))


def _measured(report: TuningReport) -> Html:
    """What was measured on the validation rows: all candidates, or in a search the listed ones and the chosen one."""
    shown = [position for position, trial in enumerate(report.trials) if trial.metrics or not report.search]
    found = dict.fromkeys(name for position in shown for name in report.trials[position].metrics)
    names = [name for name in found if (meaning := describe_metric(name)) and (meaning.comparable or len(shown) == 1)]
    rows = [
        (
            _candidate(report.trials[position], chosen=position == report.chosen),
            *(metric(report.trials[position].metrics.get(name)) for name in names),
        )
        for position in shown
    ]
    head = ("candidate", *(tag("strong", name) if name == report.metric else name for name in names))
    marked = shown.index(report.chosen) if report.chosen in shown else None
    if report.search:
        hint = note("Fitted to the training rows; the choice was made on the folds before. The test rows are not seen here.")
        return section("On the validation rows", table(head, rows, marked=marked), hint)
    hint = note(f"The {_direction(report)} {report.metric} on the validation rows decides. The test rows are not seen here.")
    return section("Trials", table(head, rows, marked=marked), hint)


def _search(report: TuningReport, search: SearchReport) -> Iterator[Html]:
    chosen = report.trials[report.chosen]
    pruned = [trial.pruned for trial in report.trials]
    yield figures(
        {
            f"{report.metric} of the chosen": chosen.cross_validated,
            "trials": len(report.trials),
            "pruned": sum(pruned),
            "folds": len(search.fold_rows),
        }
    )
    if search.timed_out:
        yield note("Time ended the search before all trials; how many there are depends on the machine.", tone="warn")
    means = [trial.mean for trial in report.trials]
    best = [means[0]]
    for value, ended in zip(means[1:], pruned[1:], strict=True):
        best.append(value if not ended and better(report.metric, value, best[-1]) else best[-1])
    yield section("Trials", trials_chart(means, pruned, best, report.chosen, report.metric), _list_of_best(report))
    yield _space(report, search, chosen.algorithm.kind)
    if search.importance:
        values = [(field, share, f"{share:.0%}") for field, share in search.importance.items()]
        yield section(
            "Importance", bars(values, "importance"), note("How much each accounts for which trials are the better ones, by PED-ANOVA.")
        )
    learned = {f"fold {number}": f"{fit:,} rows to learn, {held:,} held out" for number, (fit, held) in enumerate(search.fold_rows, 1)}
    order = "Each fold is judged on later rows than all that it learns from." if search.by_time else "Each training row is held out once."
    yield section("Folds", facts(learned), note(f"{order} All are training rows."))


def _list_of_best(report: TuningReport) -> Html:
    sign = 1 if lower_is_better(report.metric) else -1
    order = sorted(range(len(report.trials)), key=lambda at: (report.trials[at].pruned, sign * report.trials[at].mean, at))
    rows = [(at + 1, _candidate(report.trials[at], chosen=at == report.chosen), _outcome(report.trials[at])) for at in order[:SHOWN]]
    found = table(("trial", "candidate", f"{report.metric}, mean (+/- 2 std)"), rows, marked=order.index(report.chosen))
    more = f" The best {SHOWN} of {len(order)} are listed." if len(order) > SHOWN else ""
    again = " Boosters that led after they had stopped early were judged again with their final number of trees; these values count."
    judged_again = again if any(trial.stopped_folds for trial in report.trials) else ""
    return tag("div", found, note(f"The {_direction(report)} mean over the folds decides.{judged_again}{more}"))


def _space(report: TuningReport, search: SearchReport, kind: str) -> Html:
    of_kind = [at for at, trial in enumerate(report.trials) if trial.algorithm.kind == kind and trial.drawn]
    means = sorted((report.trials[at].mean for at in of_kind), reverse=not lower_is_better(report.metric))
    middle = means[(len(means) - 1) // 2] if means else 0.0
    good = [not better(report.metric, middle, report.trials[at].mean) for at in of_kind]
    drawn = [report.trials[at].drawn for at in of_kind]
    ringed = of_kind.index(report.chosen) if report.chosen in of_kind else None
    others = [name for name in search.space if name != kind]
    beside = [note(f"Searched as well: {', '.join(others)}.")] if others else []
    return section(f"Search space of {kind}", space_chart(dict(search.space[kind]), drawn, good, ringed), *beside)


def _losses(report: TuningReport) -> Iterator[Html]:
    if report.losses:
        yield section("Loss of the chosen", losses_chart(report.losses.name, report.losses.train, report.losses.validation))


def _outcome(trial: Trial) -> str:
    return f"pruned after {len(trial.folds)} folds, {trial.mean:.4f}" if trial.pruned else trial.cross_validated


def _direction(report: TuningReport) -> str:
    return "smallest" if lower_is_better(report.metric) else "largest"


def _candidate(trial: Trial, *, chosen: bool) -> Html:
    settings = ", ".join(f"{name} {_short(value)}" for name, value in trial.algorithm.hyperparameters.items())
    return tag("div", f"{trial.algorithm.kind}{' (chosen)' if chosen else ''}", tag("div", settings, class_="small"))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
