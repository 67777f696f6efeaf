"""`stackhouse reproduce`: train a registered version again and compare its metrics to the last bit."""

from rich.markup import escape
from rich.table import Table as Grid

from commands.progress import console
from commands.working import on_stack


def reproduce_version(version: str, stack: str | None) -> int:
    """Train again and print both columns; 0 where they are equal, else 1.

    Raises:
        ConfigurationError: where the text names no version.
        StackhouseError: whatever stopped it.
    """
    from stacks.named_version import NamedVersion

    NamedVersion.parse(version)
    out = console()
    with on_stack(stack, out, "reproduce"):
        from stacks.feature_store import active_feature_store
        from stacks.reproduction import reproduce
        from stacks.tracking import tracking_client

        found = reproduce(tracking_client(), active_feature_store(), version)
    grid = Grid(title=f"{found.name} version {found.version}, trained again", title_justify="left", box=None, pad_edge=False)
    grid.add_column("Metric", style="bold")
    for column in ("on record", "again"):
        grid.add_column(column, justify="right")
    for metric, value in found.again.items():
        grid.add_row(metric, repr(found.recorded.get(metric, "-")), repr(value))
    out.print(grid)
    for difference in found.differences:
        out.print(f"[yellow]otherwise[/]  {escape(difference)}")
    out.print(
        "[bold green]EQUAL[/]  every metric to the last bit" if found.equal else "[bold red]DIFFERENT[/]  the metrics are not the same"
    )
    return 0 if found.equal else 1
