"""`stackhouse view`: the SQL view `mlflow_metrics` over the database of the stack's MLflow."""

from typing import TYPE_CHECKING

from commands.progress import console
from commands.tracked import tracked, write_out
from stacks.metrics_view import COLUMNS, VIEW, Dialect, create_view, drop_view, statements

if TYPE_CHECKING:
    from mlflow import MlflowClient


def create(stack: str | None) -> int:
    """Create the view, or replace it.

    Raises:
        ConfigurationError: where the MLflow is a server, whose database is not reached from here.
        InfrastructureError: where the database cannot be reached or refuses.
    """
    out = console()
    with tracked(stack, out) as client:
        create_view(_database(client))
    out.print(f"{VIEW} is there, with the columns {', '.join(COLUMNS)}.")
    out.print("Drop it before MLflow's database is upgraded, and create it again afterwards.")
    return 0


def drop(stack: str | None) -> int:
    """Remove the view where it is there.

    Raises:
        ConfigurationError: as `create`.
        InfrastructureError: as `create`.
    """
    out = console()
    with tracked(stack, out) as client:
        drop_view(_database(client))
    out.print(f"{VIEW} is not there any more.")
    return 0


def print_sql(dialect: Dialect) -> int:
    """Print the statements that create the view."""
    write_out("".join(f"{statement};\n" for statement in statements(dialect)))
    return 0


def _database(client: "MlflowClient") -> str:
    """Tracking URI of an MLflow, whose database is opened or made first, with all tables of this MLflow."""
    from stacks.mlflow_failures import reading

    with reading("its experiments"):
        client.search_experiments(max_results=1)
    return str(client.tracking_uri)
