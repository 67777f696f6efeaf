"""The SQL view `mlflow_metrics` over the database of MLflow: every value that runs have logged, under the names of the training guides.

MLflow keeps names, values and times in the tables `experiments`, `runs` and `metrics`; the view joins them. What was deleted in MLflow is
not in it. A value that is NaN is NULL. MLflow's times are milliseconds since 1970; the view has a time with its zone in PostgreSQL, and
in sqlite, which has no such type, a text in UTC that sorts as the time does.

Source: guide 003, query of the training history; tables of MLflow 3.17 (`mlflow/store/tracking/dbmodels/models.py`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, get_args

from stackhouse.errors import ConfigurationError, InfrastructureError

if TYPE_CHECKING:
    from sqlalchemy import Connection

Dialect = Literal["sqlite", "postgresql"]

VIEW = "mlflow_metrics"
COLUMNS = ("experiment_name", "run_id", "metric_name", "metric_value", "timestamp")
_TIME = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%fZ', logged.timestamp / 1000.0, 'unixepoch')",
    "postgresql": "to_timestamp(logged.timestamp / 1000.0)",
}
_SELECT = """\
CREATE VIEW {view} AS
SELECT
    experiments.name AS experiment_name,
    runs.run_uuid AS run_id,
    logged.key AS metric_name,
    CASE WHEN logged.is_nan THEN NULL ELSE logged.value END AS metric_value,
    {time} AS "timestamp"
FROM metrics AS logged
JOIN runs ON runs.run_uuid = logged.run_uuid
JOIN experiments ON experiments.experiment_id = runs.experiment_id
WHERE runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'"""


def statements(dialect: Dialect) -> tuple[str, str]:
    """Return what creates the view, in order; an earlier one is replaced.

    >>> statements("sqlite")[0]
    'DROP VIEW IF EXISTS mlflow_metrics'
    """
    return drop_statement(), _SELECT.format(view=VIEW, time=_TIME[dialect])


def drop_statement() -> str:
    """Return what removes the view."""
    return f"DROP VIEW IF EXISTS {VIEW}"


def create_view(uri: str) -> None:
    """Create the view in the database of an MLflow, or replace it.

    Args:
        uri: tracking URI, which has to be that of a database.

    Raises:
        ConfigurationError: where the URI is that of a server, or of a database of another kind.
        InfrastructureError: where the database cannot be reached or refuses, or something else has the view's name.
    """
    with _connected(uri) as (connection, dialect):
        _require_ours(connection)
        for statement in statements(dialect):
            connection.exec_driver_sql(statement)


def drop_view(uri: str) -> None:
    """Remove the view where it is there.

    Raises:
        ConfigurationError: as `create_view`.
        InfrastructureError: as `create_view`.
    """
    with _connected(uri) as (connection, _):
        _require_ours(connection)
        connection.exec_driver_sql(drop_statement())


@contextmanager
def _connected(uri: str) -> "Iterator[tuple[Connection, Dialect]]":
    """Open a transaction on the database of a tracking URI."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        place = make_url(uri)
        dialect = next((known for known in get_args(Dialect) if place.get_backend_name() == known), None)
    except ArgumentError:
        dialect = None
    if dialect is None:
        raise ConfigurationError(
            f"This MLflow is not a database that can be reached from here ({uri.partition('://')[0]}). The view is made for "
            f"{' and '.join(get_args(Dialect))}: run what `stackhouse view sql DIALECT` prints in the database of the MLflow server."
        )
    shown = place.render_as_string(hide_password=True)
    try:
        engine = create_engine(place)
        try:
            with engine.begin() as connection:
                yield connection, dialect
        finally:
            engine.dispose()
    except ImportError as error:
        raise InfrastructureError(f"The driver of {shown} is not installed: {error}. MLflow needs it as well; install it.") from error
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error)
        raise InfrastructureError(f"The view {VIEW} could not be changed in {shown}: {reason}. Ask who may create views there.") from error


def _require_ours(connection: "Connection") -> None:
    """Refuse to replace what somebody else has called like the view."""
    from sqlalchemy import inspect

    here = inspect(connection)
    views = here.get_view_names()
    if VIEW in here.get_table_names() or (VIEW in views and [str(column["name"]) for column in here.get_columns(VIEW)] != [*COLUMNS]):
        raise InfrastructureError(f"The database has something else called {VIEW}, which is left as it is. Rename it first.")
