"""`stackhouse reproduce`: train a registered version again and compare its metrics to the last bit."""

from rich.markup import escape
from rich.table import Table as Grid

from commands.progress import console
from stackhouse.errors import ConfigurationError


def reproduce_version(version: str, stack: str) -> int:
    """Train again and print both columns; 0 where they are equal, else 1.

    Raises:
        ConfigurationError: where the text names no version.
        StackhouseError: whatever stopped it.
    """
    name = version.removeprefix("models:/")
    if name.count("@") + name.count("/") != 1:
        raise ConfigurationError(
            f"'{version}' names no version. Give name and version, or name and alias: dev.flights.flight_delay/1, "
            "dev.flights.flight_delay@champion."
        )
    from stacks.definition import bring_up, read_definition
    from stacks.feature_store import active_feature_store
    from stacks.reproduction import reproduce
    from stacks.tracking import tracking_client

    out = console()
    bring_up(read_definition(stack))
    found = reproduce(tracking_client(), active_feature_store(), f"models:/{name}")
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
