"""The view `mlflow_metrics`: the guide's query runs on it to the letter, on MLflow's sqlite database and on its tables in PostgreSQL."""

import math
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow.store.tracking.dbmodels.models as tables
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from sqlalchemy import CheckConstraint, MetaData
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from commands.view import print_sql
from stackhouse.errors import ConfigurationError, InfrastructureError
from stacks.metrics_view import COLUMNS, create_view, drop_view, statements
from tests.stacks.postgresql_server import execute, postgresql_server, rows_of

GUIDES_QUERY = """
-- Query training history
SELECT
    experiment_name,
    run_id,
    metric_name,
    metric_value,
    timestamp
FROM mlflow_metrics
WHERE experiment_name = 'customer-churn-prediction'
ORDER BY timestamp DESC;
"""
FIRST, SECOND = 1_763_284_500_250, 1_763_284_501_000
"""2025-11-16, 09:15:00.250 and 09:15:01, in milliseconds."""

ROWS = """
INSERT INTO experiments (experiment_id, name, workspace, lifecycle_stage) VALUES
    (1, 'customer-churn-prediction', 'default', 'active'), (2, 'dropped', 'default', 'deleted'), (3, 'Default', 'default', 'active');
INSERT INTO runs (run_uuid, experiment_id, lifecycle_stage, status, source_type) VALUES
    ('run', 1, 'active', 'FINISHED', 'LOCAL'), ('deleted', 1, 'deleted', 'FINISHED', 'LOCAL'),
    ('of dropped', 2, 'active', 'FINISHED', 'LOCAL'), ('other', 3, 'active', 'FINISHED', 'LOCAL');
INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES
    ('f1', 0.5, 1763284500250, 1, false, 'run'), ('f1', 0.75, 1763284501000, 2, false, 'run'),
    ('mape', 0, 1763284500249, 0, true, 'run'), ('f1', 0.9, 1763284500250, 0, false, 'deleted'),
    ('f1', 0.9, 1763284500250, 0, false, 'of dropped'), ('f1', 0.9, 1763284500250, 0, false, 'other');
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An MLflow with a run that has two values of one metric and a NaN; a deleted run, and a run of a deleted experiment."""
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment, dropped = (client.create_experiment(name) for name in ("customer-churn-prediction", "dropped"))
    run, deleted, of_dropped, other = (client.create_run(place).info.run_id for place in (experiment, experiment, dropped, "0"))
    client.log_batch(run, metrics=[Metric("f1", 0.5, FIRST, 1), Metric("f1", 0.75, SECOND, 2), Metric("mape", math.nan, FIRST - 1, 0)])
    for one in (deleted, of_dropped, other):
        client.log_batch(one, metrics=[Metric("f1", 0.9, FIRST, 0)])
    client.delete_run(deleted)
    client.delete_experiment(dropped)
    (tmp_path / "run_id").write_text(run)
    return tmp_path / "mlflow.db"


def asked(database: Path, query: str) -> list[Sequence[Any]]:
    with sqlite3.connect(database) as connection:
        return connection.execute(query).fetchall()


def test_the_guides_query_gives_every_value_that_was_logged_newest_first(database: Path) -> None:
    create_view(f"sqlite:///{database}")
    run = (database.parent / "run_id").read_text()
    assert asked(database, GUIDES_QUERY) == [
        ("customer-churn-prediction", run, "f1", 0.75, "2025-11-16T09:15:01.000Z"),
        ("customer-churn-prediction", run, "f1", 0.5, "2025-11-16T09:15:00.250Z"),
        ("customer-churn-prediction", run, "mape", None, "2025-11-16T09:15:00.249Z"),
    ]


def test_what_is_deleted_in_mlflow_is_not_in_the_view(database: Path) -> None:
    create_view(f"sqlite:///{database}")
    assert asked(database, "SELECT experiment_name, count(*) FROM mlflow_metrics GROUP BY 1 ORDER BY 1") == [
        ("Default", 1),
        ("customer-churn-prediction", 3),
    ]


def test_the_view_may_be_created_twice_and_dropped_twice(database: Path) -> None:
    for change in (create_view, create_view, drop_view, drop_view):
        change(f"sqlite:///{database}")
    assert asked(database, "SELECT count(*) FROM sqlite_master WHERE name = 'mlflow_metrics'") == [(0,)]


def test_mlflow_goes_on_with_the_view_in_its_database(database: Path) -> None:
    create_view(f"sqlite:///{database}")
    client = MlflowClient(f"sqlite:///{database}")
    run = client.create_run("0").info.run_id
    client.log_metric(run, "rmse", 3.0)
    assert asked(database, "SELECT metric_value FROM mlflow_metrics WHERE metric_name = 'rmse'") == [(3.0,)]


@pytest.mark.parametrize(
    "mine", ["CREATE TABLE mlflow_metrics (experiment_name TEXT)", "CREATE VIEW mlflow_metrics AS SELECT 1 AS one"], ids=["table", "view"]
)
@pytest.mark.parametrize("change", [create_view, drop_view])
def test_what_somebody_else_called_so_is_left_as_it_is(database: Path, mine: str, change: Callable[[str], None]) -> None:
    asked(database, mine)
    with pytest.raises(InfrastructureError, match="something else called mlflow_metrics"):
        change(f"sqlite:///{database}")
    assert asked(database, "SELECT sql FROM sqlite_master WHERE name = 'mlflow_metrics'") == [(mine,)]


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "databricks", "mysql+pymysql://me:Tr0ub4dor@host/db", "file:///mlruns"])
def test_an_mlflow_whose_database_is_not_reached_leaves_with_2_and_says_what_to_run(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="run what `stackhouse view sql DIALECT` prints") as told:
        create_view(uri)
    assert "Tr0ub4dor" not in str(told.value)


def test_a_database_that_refuses_leaves_with_5(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database " * 100)
    with pytest.raises(InfrastructureError, match=r"could not be changed in sqlite:.*mlflow\.db: file is not a database"):
        create_view(f"sqlite:///{tmp_path}/mlflow.db")


def test_a_driver_that_is_not_installed_is_told_without_the_password() -> None:
    with pytest.raises(InfrastructureError, match=r"The driver of postgresql://me:\*\*\*@host/db is not installed") as told:
        create_view("postgresql://me:Tr0ub4dor@host/db")
    assert "Tr0ub4dor" not in str(told.value)


def test_what_is_printed_makes_the_same_view(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_sql("sqlite")
    with sqlite3.connect(database) as connection:
        connection.executescript(capsys.readouterr().out)
        assert tuple(column[0] for column in connection.execute("SELECT * FROM mlflow_metrics").description) == COLUMNS
    assert len(asked(database, GUIDES_QUERY)) == 3


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """MLflow's own tables, as it would create them in PostgreSQL, with the same rows, and the view twice over; its port."""
    copied = MetaData()
    for model in (tables.SqlExperiment, tables.SqlRun, tables.SqlMetric):
        table = model.__table__.to_metadata(copied)
        table.constraints = {rule for rule in table.constraints if not isinstance(rule, CheckConstraint)}  # MLflow's repeat themselves
    made = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in copied.sorted_tables]
    with postgresql_server() as port:
        execute(port, ";\n".join(made) + f";\n{ROWS}")
        for _ in range(2):
            execute(port, "".join(f"{statement};\n" for statement in statements("postgresql")))
        yield port


def test_the_guides_query_runs_in_postgresql(port: int) -> None:
    assert rows_of(port, GUIDES_QUERY) == [
        ("customer-churn-prediction", "run", "f1", 0.75, datetime(2025, 11, 16, 9, 15, 1, tzinfo=UTC)),
        ("customer-churn-prediction", "run", "f1", 0.5, datetime(2025, 11, 16, 9, 15, 0, 250_000, tzinfo=UTC)),
        ("customer-churn-prediction", "run", "mape", None, datetime(2025, 11, 16, 9, 15, 0, 249_000, tzinfo=UTC)),
    ]


def test_what_is_deleted_is_not_in_the_view_of_postgresql(port: int) -> None:
    assert rows_of(port, "SELECT count(*) FROM mlflow_metrics") == [(4,)]
