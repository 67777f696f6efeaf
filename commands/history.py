"""`stackhouse history`: the versions of a registered model over time, with what each measured and what it was made of."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.progress import console
from commands.tracked import moment, number, registered_name, tracked, write_out
from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.recorded import RecordedMetric
from stackhouse.history import ModelVersion, shown_metrics

_SHA = 7


def show_history(
    model: str, *, metrics: Sequence[str], limit: int, plot: Path | None, champion: str, stack: str | None, as_json: bool
) -> int:
    """Print the versions of a model, oldest first, and draw them where a file is named.

    Raises:
        ConfigurationError: where the name, a metric or the picture's name is wrong.
        InfrastructureError: where MLflow does not answer, or the picture cannot be written.
        RegistryError: where nothing is registered under the name, or the registry refuses.
    """
    if limit < 1:
        raise ConfigurationError(f"--limit is {limit}, and has to be 1 at least.")
    name = registered_name(model)
    for asked in metrics:
        RecordedMetric.named(asked)
    if plot is not None:
        from stacks.history_figure import require_drawable, write_history_figure

        require_drawable(plot)
    out = console()
    with tracked(stack, out) as client:
        from stacks.history import model_versions

        versions = model_versions(client, name, limit)
        shown = shown_metrics(versions, metrics)
        if plot is not None:
            write_history_figure(plot, versions, shown, champion)
    if as_json:
        write_out(TypeAdapter(tuple[ModelVersion, ...]).dump_json(versions, indent=1).decode())
        return 0
    print_history(out, versions, shown)
    if plot is not None:
        out.print(f"Drawn to {plot}.")
    return 0


def print_history(out: Console, versions: Sequence[ModelVersion], metrics: Sequence[RecordedMetric]) -> None:
    """Print a row a version: when it was registered, algorithm, metrics of the test rows, versions of its tables, commit, aliases."""
    grid = Grid(title=f"{versions[0].name}, test rows", title_justify="left", box=None, padding=(0, 1), pad_edge=False)
    grid.add_column("v", justify="right", no_wrap=True)
    grid.add_column("Registered, UTC", no_wrap=True)
    grid.add_column("Algorithm", overflow="fold")
    for metric in metrics:
        grid.add_column(metric.label, justify="right", no_wrap=True)
    grid.add_column("Trained on", overflow="fold")
    grid.add_column("Commit", no_wrap=True)
    grid.add_column("Aliases", overflow="fold")
    place = versions[0].name.rpartition(".")[0]
    for version in versions:
        grid.add_row(
            str(version.version),
            moment(version.registered_at),
            escape(version.algorithm),
            *(number(metric.value(version.metrics)) for metric in metrics),
            escape(_tables(version.tables, place)) or "-",
            escape(_commit(version.git_sha)),
            escape(", ".join(version.aliases)),
        )
    out.print(grid)
    if gone := [str(version.version) for version in versions if not version.exact]:
        out.print(f"[dim]The runs of version {', '.join(gone)} are gone; metrics are those of the tags.[/]")


def _tables(tables: Mapping[str, int], place: str) -> str:
    """Say which version of each table; tables of the model's own schema without catalog and schema."""
    return ", ".join(f"{name.removeprefix(f'{place}.')} v{version}" for name, version in tables.items())


def _commit(git_sha: str) -> str:
    """Shorten a commit, and keep that its tree had changes.

    >>> _commit("10abf99f14c0a98667a033dea55dd987c48c7e955-dirty")
    '10abf99-dirty'
    """
    sha, dash, dirty = git_sha.partition("-")
    return f"{sha[:_SHA]}{dash}{dirty}"
