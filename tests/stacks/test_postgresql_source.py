"""PostgreSQL as a source, on a real server that is started here, with password authentication, and stopped again."""

import logging
import math
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from stackhouse.errors import ColumnTypeError, ConfigurationError, DataError, InfrastructureError
from stackhouse.sources import PostgresqlSource
from stackhouse.table import Table
from stacks.home import home
from stacks.sources import read_source
from tests.stacks.postgresql_server import PASSWORD, USER, execute, free_port, postgresql_server

SETUP = """
CREATE TABLE measures (
    id bigint, small smallint, whole integer, single real, double double precision, exact numeric(12, 3), yes boolean,
    word text, code varchar(3), day date, moment timestamptz, wall timestamp, clock time, document jsonb, key uuid
);
INSERT INTO measures VALUES
    (1, 2, 3, 1.5, 'Infinity', 1.25, true, 'größe', 'abc', '2024-02-29', '2024-01-02 03:04:05+02', '2024-01-02 03:04:05', '10:30',
     '{"a": 1}', '00112233-4455-6677-8899-aabbccddeeff'),
    (2, NULL, NULL, 'NaN', '-Infinity', 'NaN', false, '', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (3, NULL, NULL, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE SEQUENCE numbers;
CREATE SCHEMA "Sales";
CREATE TABLE "Sales"."Order Lines" (amount numeric);
INSERT INTO "Sales"."Order Lines" VALUES (0.1), ('-Infinity'), (9007199254740991);
CREATE TABLE prices (id bigint, price numeric);
INSERT INTO prices VALUES (1, 10), (2, 20);
"""


@dataclass(frozen=True)
class Server:
    """A server on 127.0.0.1, its port and superuser."""

    port: int
    user: str = USER

    def source(self, **changed: Any) -> PostgresqlSource:
        place = {} if {"table", "query"} & set(changed) else {"table": "measures"}
        values = {"host": "127.0.0.1", "port": self.port, "database": "postgres", "user": self.user}
        return PostgresqlSource.model_validate(values | {"password_variable": "TEST_PASSWORD"} | place | changed)

    def read(self, **changed: Any) -> pl.DataFrame:
        return native(read_source(self.source(**changed), ["rows"])["rows"])


def native(table: Table) -> pl.DataFrame:
    return table.collect().to_native()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server with the tables, started for this module and stopped at its end."""
    with postgresql_server() as port:
        execute(port, SETUP)
        yield Server(port)


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGPASSWORD", "PGPASSFILE", "PGCONNECT_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TEST_PASSWORD", PASSWORD)


def chain(error: BaseException | None) -> str:
    """All that an error carries: itself, what it was raised from, and what was being handled, with the locals left out."""
    texts = []
    while error is not None:
        texts += [str(error), repr(error), repr(error.args), *getattr(error, "__notes__", [])]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def left_over() -> list[Path]:
    return list((home() / "sources").rglob("*.parquet"))


def test_every_type_arrives_as_what_it_is(server: Server) -> None:
    rows = server.read().sort("id")
    assert dict(rows.schema) == {
        "id": pl.Int64,
        "small": pl.Int16,
        "whole": pl.Int32,
        "single": pl.Float32,
        "double": pl.Float64,
        "exact": pl.Float64,
        "yes": pl.Boolean,
        "word": pl.String,
        "code": pl.String,
        "day": pl.Date,
        "moment": pl.Datetime("us", "UTC"),
        "wall": pl.Datetime("us"),
        "clock": pl.Time,
        "document": pl.String,
        "key": pl.String,
    }
    first = rows.row(0, named=True)
    assert (first["id"], first["small"], first["whole"], first["single"], first["exact"]) == (1, 2, 3, 1.5, 1.25)
    assert (first["double"], first["yes"], first["word"], first["code"]) == (math.inf, True, "größe", "abc")
    assert (first["day"], first["wall"]) == (date(2024, 2, 29), datetime(2024, 1, 2, 3, 4, 5))  # noqa: DTZ001 - without a zone there
    assert first["moment"] == datetime(2024, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert (first["document"], first["key"]) == ('{"a": 1}', "00112233-4455-6677-8899-aabbccddeeff")
    second, third = rows.row(1, named=True), rows.row(2, named=True)
    assert math.isnan(second["single"])
    assert math.isnan(second["exact"])
    assert (second["double"], second["yes"], second["word"], second["moment"]) == (-math.inf, False, "", None)
    assert math.isnan(third["double"])
    assert {value for name, value in third.items() if name not in {"id", "double"}} == {None}


def test_a_table_is_named_with_its_schema_and_quoted(server: Server) -> None:
    rows = server.read(table="Sales.Order Lines")
    assert sorted(rows["amount"].to_list()) == [-math.inf, 0.1, 9007199254740991.0]


def test_several_inputs_are_read_by_their_names(server: Server) -> None:
    queries = {"measures": "SELECT id FROM measures", "prices": "SELECT id, price FROM prices ORDER BY id"}
    tables = read_source(server.source(query=queries), ["measures", "prices"])
    assert tables["prices"].columns == ["id", "price"]
    assert native(tables["prices"]).rows() == [(1, 10.0), (2, 20.0)]
    assert tables["measures"].count() == 3


def test_no_rows_are_a_table_with_its_columns(server: Server) -> None:
    assert server.read(query="SELECT id, exact FROM measures WHERE false").schema == {"id": pl.Int64, "exact": pl.Float64}


def test_password_is_taken_from_libpq_where_no_variable_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert server.read(password_variable=None, query="SELECT 1 AS one").rows() == [(1,)]


def test_a_million_rows_stream_through_bounded_memory(server: Server, tmp_path: Path) -> None:
    script = textwrap.dedent(f"""
        import resource
        from stackhouse.sources import PostgresqlSource
        from stacks.sources import read_source

        def source(rows):
            query = f"SELECT g AS id, g * 0.5::numeric AS half, repeat(md5(g::text), 8) AS filler FROM generate_series(1, {{rows}}) g"
            return PostgresqlSource(host="127.0.0.1", port={server.port}, database="postgres", user="analyst",
                                    password_variable="TEST_PASSWORD", query=query)

        def peak_mb():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000

        read_source(source(10), ["rows"])
        before = peak_mb()
        table = read_source(source(1_000_000), ["rows"])["rows"]
        grown = peak_mb() - before
        print(table.count(), grown)
    """)  # noqa: S608 - of this test
    environment = {**os.environ, "STACKHOUSE_HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=False, env=environment, timeout=120
    )
    assert run.stderr == ""
    rows, grown_mb = run.stdout.split()
    assert rows == "1000000"
    assert float(grown_mb) < 150  # the rows are 290 MB
    assert list((tmp_path / "sources").glob("*/*")) == []


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        (
            {"password_variable": "WRONG_PASSWORD"},
            r'password authentication failed for user "analyst"\. Correct the source .* in WRONG_PASSWORD;',
        ),
        ({"password_variable": None}, "no password supplied"),
        ({"user": "nobody_here"}, 'password authentication failed for user "nobody_here"'),
        ({"database": "missing"}, 'database "missing" does not exist'),
        ({"table": "missing"}, 'relation "missing" does not exist'),
        ({"query": "SELEC 1"}, 'syntax error at or near "SELEC"'),
        ({"query": "SELECT 1; DELETE FROM measures"}, "cannot insert multiple commands"),
        ({"query": "SELECT 10 / (500000 - g) AS x FROM generate_series(1, 600000) g"}, "division by zero"),
        ({"host": "no-such-host.invalid"}, "could not translate host name"),
    ],
)
def test_what_the_server_refuses_is_said_without_the_password(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, changed: dict[str, Any], reason: str
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("WRONG_PASSWORD", "hunter2-wrong")
    kept = left_over()
    source = server.source(**changed)
    with pytest.raises(InfrastructureError, match=reason) as caught:
        read_source(source, ["rows"])
    where = f"PostgreSQL at {source.host}, port {source.port}, database {source.database}, user {source.user}: "
    assert str(caught.value).startswith(where)
    told = chain(caught.value) + caplog.text + repr(source)
    assert [secret for secret in (PASSWORD, repr(PASSWORD)[1:-1], "hunter2-wrong") if secret in told] == []
    assert caught.value.__context__ is None
    assert left_over() == kept


def test_a_password_that_the_server_repeats_is_masked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PASSWORD", "hunter2")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with pytest.raises(InfrastructureError, match=r'relation "\*\*\*" does not exist') as caught:
        read_source(server.source(password_variable=None, query=f'SELECT * FROM "{PASSWORD}"'), ["rows"])  # noqa: S608
    assert PASSWORD not in chain(caught.value)


def test_an_unreachable_port_is_said(server: Server) -> None:
    with pytest.raises(InfrastructureError, match=r"port \d+, database postgres, user analyst: .*Connection refused") as caught:
        server.read(port=free_port())
    assert PASSWORD not in chain(caught.value)


def test_a_server_that_never_answers_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        with pytest.raises(InfrastructureError, match="timeout expired"):
            server.read(port=silent.getsockname()[1])
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM measures",
        "INSERT INTO prices VALUES (3, 30) RETURNING id",
        "WITH gone AS (DELETE FROM measures RETURNING id) SELECT * FROM gone",
        "CREATE TABLE stolen AS SELECT * FROM measures",
        "SELECT setval('numbers', 7) AS number",
    ],
)
def test_a_write_is_refused(server: Server, query: str) -> None:
    with pytest.raises(InfrastructureError, match="read-only transaction"):
        server.read(query=query)
    assert server.read(query="SELECT count(*) AS n FROM measures").item() == 3
    assert server.read(query="SELECT count(*) AS n FROM prices").item() == 2


def test_a_transaction_cannot_be_made_writable(server: Server) -> None:
    with pytest.raises(InfrastructureError, match="must be set before any query"):
        server.read(query="SELECT id, set_config('transaction_read_only', 'off', true) FROM measures")


def test_a_statement_without_rows_is_refused(server: Server) -> None:
    with pytest.raises(ConfigurationError, match=r"gives no columns\. Give one SELECT"):
        server.read(query="SET statement_timeout = 0")


def test_two_columns_of_one_name_are_refused(server: Server) -> None:
    with pytest.raises(ConfigurationError, match=r"gives id more than once\. Name each column with AS"):
        server.read(query="SELECT a.id, b.id FROM measures a JOIN prices b USING (id)")


@pytest.mark.parametrize("value", ["interval '1 day'", "'x'::bytea", "12::money", "ARRAY[1, 2]", "'10.0.0.1'::inet"])
def test_a_type_without_a_place_in_a_table_is_refused(server: Server, value: str) -> None:
    with pytest.raises(ColumnTypeError, match=r'column \'odd\' has the PostgreSQL type .*Cast it in source\.query, e\.g\. "odd"::text'):
        server.read(query=f"SELECT {value} AS odd")


@pytest.mark.parametrize("value", ["'infinity'::timestamptz", "'-infinity'::timestamp", "'infinity'::date", "'4713-01-01 BC'::date"])
def test_a_time_that_no_table_can_hold_is_refused(server: Server, value: str) -> None:
    kept = left_over()
    with pytest.raises(DataError, match="column 'moment' holds an infinite time, or one outside the years 1 to 9999"):
        server.read(query=f"SELECT {value} AS moment")
    assert left_over() == kept


@pytest.mark.parametrize("value", ["date '0001-01-01'", "timestamptz '9999-12-31 23:59:59.999999+00'"])
def test_the_first_and_the_last_time_are_kept(server: Server, value: str) -> None:
    assert server.read(query=f"SELECT {value} AS moment").item().year in {1, 9999}


def test_a_numeric_that_a_float_would_change_is_refused(server: Server) -> None:
    assert server.read(query="SELECT 9007199254740991::numeric AS key").item() == 9007199254740991
    with pytest.raises(DataError, match=r"column 'key' is numeric and holds -9007199254740993, of which a float would lose digits"):
        server.read(query="SELECT -9007199254740993::numeric AS key")


def test_a_variable_that_is_not_set_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_PASSWORD")
    with pytest.raises(ConfigurationError, match=r"The environment variable TEST_PASSWORD is not set\. Set it to the password of analyst"):
        server.read()


def test_without_the_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(InfrastructureError, match=r"needs its driver: pip install stackhouse\[postgresql\]"):
        Server(5432).read()


def test_what_a_killed_process_left_is_removed_and_what_another_uses_is_not(server: Server, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, sys
        from stacks.temporary import temporary_file
        file = temporary_file(".parquet")
        file.write_text("rows")
        print(file, flush=True)
        sys.stdin.readline()
        os._exit(9)
    """)
    environment = {**os.environ, "STACKHOUSE_HOME": str(tmp_path)}

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def file_of(process: subprocess.Popen[str]) -> Path:
        assert process.stdout
        return Path(process.stdout.readline().strip())

    with start() as first:
        left = file_of(first)
        with start() as second:
            in_use = file_of(second)
            assert (left.exists(), in_use.exists()) == (True, True)
            second.kill()
        assert in_use.exists()
        with start() as third:
            file_of(third)
            assert (left.exists(), in_use.exists()) == (True, False)
            third.kill()
        first.kill()
