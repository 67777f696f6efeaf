"""What the columns of a source table are for, which rows are left out, and how training tables tell their keys."""

import polars as pl
import pytest

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError
from stackhouse.table import Roles, Table
from stackhouse.training_tables import ROW_ID, from_store, numbered, to_store, with_label_and_keys, with_roles

PLAIN = pl.DataFrame({"user": ["b", "a", "a"], "day": [2, 1, 3], "amount": [1.5, 2.5, 3.5], "fraud": [0, 1, 0]})


def test_of_a_plain_table_all_columns_but_keys_time_and_label_are_features() -> None:
    found = with_roles(Table.of(PLAIN), "fraud", ("user",), "day").roles
    assert found == Roles(primary_keys=("user",), timestamp="day", label="fraud", features=("amount",))
    assert with_roles(Table.of(PLAIN), "fraud").roles.features == ("user", "day", "amount")


def test_a_feature_table_says_itself_what_its_columns_are_for() -> None:
    roles = Roles(primary_keys=("user",), timestamp="day", features=("amount", "fraud"))
    found = with_roles(Table.of(PLAIN, roles), "fraud").roles
    assert (found.primary_keys, found.timestamp, found.features) == (("user",), "day", ("amount",))


@pytest.mark.parametrize(
    ("label", "keys", "time", "error", "message"),
    [
        ("late", (), None, ColumnNotFoundError, "has no column 'late'"),
        ("fraud", ("users",), None, ColumnNotFoundError, "has no column 'users'"),
        ("fraud", (), "date", ColumnNotFoundError, "has no column 'date'"),
        ("user", ("user",), None, ConfigurationError, "'user' is the label and a key or the time"),
        ("fraud", ("user",), "user", ConfigurationError, "names a column twice"),
        ("fraud", ("user", "amount"), "day", DataError, "no column beside keys, time and label"),
    ],
)
def test_columns_that_do_not_fit_are_refused(label: str, keys: tuple[str, ...], time: str | None, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        with_roles(Table.of(PLAIN), label, keys, time)


def test_rows_without_label_or_key_leave_and_are_counted() -> None:
    frame = pl.DataFrame({"k": ["a", None, "c", None], "x": [1, 2, 3, 4], "y": [0.0, 1.0, float("nan"), None]})
    left, counted = with_label_and_keys(Table.of(frame, Roles(primary_keys=("k",), label="y", features=("x",))))
    assert left.collect(["k"])["k"].to_list() == ["a"]
    assert counted == {"y": 2, "k": 1}


def test_numbers_follow_the_keys_in_whatever_order_rows_arrive() -> None:
    keyed = Roles(primary_keys=("day",), label="fraud", features=("amount",))
    forth, back = (numbered(Table.of(frame, keyed)).collect([ROW_ID, "day"]).to_native().sort("day") for frame in (PLAIN, PLAIN.reverse()))
    assert forth.rows() == back.rows() == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(("keys", "found"), [((), (ROW_ID,)), (("user",), ("user", ROW_ID)), (("user", "day"), ("user", "day"))])
def test_the_number_is_a_key_only_where_others_do_not_name_one_row_each(keys: tuple[str, ...], found: tuple[str, ...]) -> None:
    assert numbered(Table.of(PLAIN, Roles(primary_keys=keys, label="fraud", features=("amount",)))).roles.primary_keys == found


def test_rows_that_have_a_number_are_numbered_anew() -> None:
    once = numbered(Table.of(PLAIN, Roles(label="fraud", features=("amount",))))
    assert numbered(once).collect().to_native().equals(once.collect().to_native())


def test_a_training_table_comes_back_with_its_keys_and_time() -> None:
    source = numbered(with_roles(Table.of(PLAIN), "fraud", ("user",), "day"))
    kept, tags = to_store(source)
    assert kept.roles == Roles(primary_keys=(ROW_ID,), label="fraud", features=("amount",))
    assert from_store(kept, tags, "fraud").roles == Roles(primary_keys=("user",), timestamp="day", features=("amount",))


def test_another_label_of_the_table_is_no_feature_of_the_target() -> None:
    frame = PLAIN.with_columns(refund=pl.lit(1))
    table = Table.of(frame, Roles(label="fraud"))
    assert from_store(table, {}, "refund").roles.features == ("user", "day", "amount")
