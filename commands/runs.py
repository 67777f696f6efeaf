"""`stackhouse runs`: the training runs of an MLflow side by side."""

from collections.abc import Sequence

from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.progress import console
from commands.tracked import moment, number, tracked, write_out
from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.recorded import RecordedMetric
from stackhouse.history import TrainingRun, best_first, runs_frame, shown_metrics

_COLOURS = {"APPROVED": "green", "REJECTED": "red", "SKIPPED": "yellow"}
_ID = 8
"""Characters of a run's id that a table shows; MLflow's own page shows as many."""


def list_runs(
    *,
    model: str | None,
    verdict: str | None,
    experiment: str | None,
    stage: str | None,
    sort: str | None,
    metrics: Sequence[str],
    limit: int,
    trials: bool,
    stack: str | None,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Print the runs that are asked for, newest first or the best first.

    Raises:
        ConfigurationError: where there is no such model, experiment or metric.
        InfrastructureError: where MLflow does not answer.
        RegistryError: where it refuses.
    """
    if limit < 1:
        raise ConfigurationError(f"--limit is {limit}, and has to be 1 at least.")
    if as_json and as_csv:
        raise ConfigurationError("--json and --csv are two forms of the same. Give one of them.")
    by = RecordedMetric.named(sort).require_order() if sort else None
    chosen = [RecordedMetric.named(name).label for name in metrics]
    out = console()
    with tracked(stack, out) as client:
        from stacks.training_runs import RunFilter, training_runs

        asked = RunFilter(model=model, verdict=verdict, experiment=experiment, stage=stage, trials=trials)
        runs = training_runs(client, asked, None if by else limit)
    shown = best_first(runs, by)[:limit] if by else runs
    if as_json:
        write_out(TypeAdapter(tuple[TrainingRun, ...]).dump_json(shown, indent=1).decode())
    elif as_csv:
        write_out(runs_frame(shown).to_csv(index=False))
    else:
        print_runs(out, shown, shown_metrics(shown, chosen, by))
    return 0


def print_runs(out: Console, runs: Sequence[TrainingRun], metrics: Sequence[RecordedMetric]) -> None:
    """Print a row a run: when it began, model, algorithm, verdict, metrics, id. What was not judged shows MLflow's status."""
    if not runs:
        out.print("No run is on record that is like this.")
        return
    grid = Grid(box=None, padding=(0, 1), pad_edge=False)
    for column in ("Began, UTC", "Model", "Algorithm", "Verdict"):
        grid.add_column(column, overflow="fold")
    for metric in metrics:
        grid.add_column(metric.label, justify="right", no_wrap=True)
    grid.add_column("Run", no_wrap=True)
    for run in runs:
        colour, ended = _COLOURS.get(run.verdict or "", "dim"), run.status.lower()
        unjudged = "no verdict" if run.algorithm and ended == "finished" else ended
        grid.add_row(
            moment(run.start_time),
            escape(run.model or run.run_name),
            escape(run.algorithm),
            f"[{colour}]{escape(run.verdict or unjudged)}[/]",
            *(number(metric.value(run.metrics)) for metric in metrics),
            run.run_id[:_ID],
        )
    out.print(grid)
