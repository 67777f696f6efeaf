"""Table and Roles: what a column is for, and what a table with keys has to hold."""

from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime

import pandas as pd
import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, EmptyTableError, PrimaryKeyError
from stackhouse.table import Roles, Table, concatenate, require_rows, require_times, require_unique_keys

DAYS = [datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]


def keyed(keys: list[str | None], times: list[datetime | None]) -> Table:
    frame = pl.DataFrame({"k": keys, "t": times}, schema={"k": pl.String, "t": pl.Datetime("us", "UTC")})
    return Table.of(frame, Roles(primary_keys=("k",), timestamp="t"), "dev.flights.demo")


@pytest.mark.parametrize(
    "roles",
    [
        {"label": "y", "features": ("a", "y")},
        {"primary_keys": ("a",), "features": ("a",)},
        {"timestamp": "a", "features": ("a",)},
        {"features": ("a", "a")},
        {"primary_keys": ("a",), "label": "a"},
    ],
)
def test_a_column_with_two_roles_is_refused(roles: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="one role a column"):
        Roles(**roles)


def test_unknown_role_is_refused() -> None:
    with pytest.raises(ValidationError, match="weights"):
        Roles(weights="w")


def test_roles_list_keys_timestamp_features_label_in_this_order() -> None:
    roles = Roles(primary_keys=("k", "l"), timestamp="t", label="y", features=("a", "b"))
    assert roles.columns == ("k", "l", "t", "a", "b", "y")
    assert roles.identity == ("k", "l", "t")


def test_identity_without_timestamp_is_the_primary_keys() -> None:
    assert Roles(primary_keys=("k",)).identity == ("k",)


def test_role_of_an_absent_column_is_refused_with_what_exists_and_what_to_do() -> None:
    with pytest.raises(ColumnNotFoundError) as caught:
        Table.of(pl.DataFrame({"a": [1]}), Roles(label="y"), "dev.flights.demo")
    assert str(caught.value) == "dev.flights.demo has no column 'y'; it has 'a'. Name one of these in the model file."


@pytest.mark.parametrize("role", [{"primary_keys": ("z",)}, {"timestamp": "z"}, {"label": "z"}, {"features": ("z",)}])
def test_absent_column_is_refused_in_every_role(role: dict[str, object]) -> None:
    with pytest.raises(ColumnNotFoundError, match="'z'"):
        Table.of(pl.DataFrame({"a": [1]}), Roles(**role))


@pytest.mark.parametrize("native", [pl.DataFrame({"a": [1, 2]}), pl.LazyFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})])
def test_table_wraps_frames_of_other_engines(native: object) -> None:
    table = Table.of(native)
    assert table.columns == ["a"]
    assert table.collect()["a"].to_list() == [1, 2]


def test_table_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Table.of(pl.DataFrame({"a": [1]})).name = "other"


def test_collect_takes_only_the_named_columns() -> None:
    table = Table.of(pl.DataFrame({"a": [1], "b": [2], "c": [3]}))
    assert table.collect(["c", "a"]).rows() == [(3, 1)]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_count_is_the_number_of_rows(rows: int) -> None:
    assert Table.of(pl.DataFrame({"a": list(range(rows))})).count() == rows


def test_select_drops_the_roles_of_columns_that_go() -> None:
    roles = Roles(primary_keys=("k", "l"), timestamp="t", label="y", features=("a", "b"))
    table = Table.of(pl.DataFrame({name: [1] for name in roles.columns}), roles)
    assert table.select(["k", "b"]).roles == Roles(primary_keys=("k",), features=("b",))
    assert table.select(["t", "y"]).roles == Roles(timestamp="t", label="y")
    assert table.select(["t", "y"]).columns == ["t", "y"]


def test_concatenate_keeps_all_rows_and_the_roles() -> None:
    roles = Roles(features=("a",))
    both = concatenate(Table.of(pl.DataFrame({"a": [1, 2]}), roles), Table.of(pl.DataFrame({"a": [2]}), roles))
    assert sorted(both.collect()["a"].to_list()) == [1, 2, 2]
    assert both.roles == roles


def test_require_rows_refuses_none_and_returns_one() -> None:
    assert require_rows(Table.of(pl.DataFrame({"a": [5]})), "Load more.") == 1
    with pytest.raises(EmptyTableError) as caught:
        require_rows(Table.of(pl.DataFrame({"a": []}), name="dev.flights.demo"), "Load more.")
    assert str(caught.value) == "No records found for training! dev.flights.demo has no rows. Load more."


def test_unique_keys_accept_the_same_key_at_another_time() -> None:
    require_unique_keys(keyed(["a", "a", "b"], [DAYS[0], DAYS[1], DAYS[0]]))


def test_duplicate_keys_are_refused_with_their_number_and_an_example() -> None:
    with pytest.raises(PrimaryKeyError) as caught:
        require_unique_keys(keyed(["b", "b", "a", "a", "a", "c"], [DAYS[0]] * 6))
    assert "dev.flights.demo: 2 primary keys (k, t) stand more than once, e.g. k=a, t=2024-01-01 00:00:00+00:00" in str(caught.value)
    assert "nothing was written" in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "times", "message"),
    [([None, "a", None], DAYS, r"'k' in 2 rows"), (["a", "b", "c"], [*DAYS[:2], None], r"'t' in 1 rows")],
)
def test_null_in_key_or_timestamp_is_refused_with_its_count(keys: list[str], times: list[datetime], message: str) -> None:
    with pytest.raises(PrimaryKeyError, match=message):
        require_unique_keys(keyed(keys, times))


def test_table_without_primary_key_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="demo has no primary key"):
        require_unique_keys(Table.of(pl.DataFrame({"a": [1]}), name="demo"))


@pytest.mark.parametrize("times", [[date(2024, 1, 1)], [datetime(2024, 1, 1, tzinfo=UTC)]])
def test_date_and_datetime_are_times(times: list[object]) -> None:
    require_times(Table.of(pl.DataFrame({"t": times}), Roles(timestamp="t")))


@pytest.mark.parametrize("times", [["2024-01-01"], [1], [20240101.0]])
def test_timestamp_without_order_in_time_is_refused(times: list[object]) -> None:
    with pytest.raises(ColumnTypeError, match=r"demo: the timestamp column 't' is .*Give a date or a datetime"):
        require_times(Table.of(pl.DataFrame({"t": times}), Roles(timestamp="t"), "demo"))


def test_table_without_timestamp_needs_no_times() -> None:
    require_times(Table.of(pl.DataFrame({"t": ["text"]})))
