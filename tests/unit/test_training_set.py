"""What create_training_set refuses before anything is joined, and what becomes of columns and roles."""

from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import polars as pl
import pytest

from stackhouse.certificate import Certificate
from stackhouse.errors import (
    ColumnNotFoundError,
    ColumnTypeError,
    ConfigurationError,
    EmptyTableError,
    LeakageError,
    PointInTimeError,
    PrimaryKeyError,
    StackhouseError,
)
from stackhouse.lookups import FeatureLookup
from stackhouse.table import Roles, Table
from stackhouse.times import microseconds_between
from stackhouse.training_set import create_training_set

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SPINE = pl.DataFrame(
    {
        "user": ["u", "v"],
        "shop": [1, 2],
        "at": [NOON, NOON],
        "asked_at": [NOON - HOUR] * 2,
        "settled_at": [NOON + HOUR] * 2,
        "y": [0.0, 1.0],
    }
)
USERS = pl.DataFrame({"id": ["u", "v"], "known_at": [NOON - 2 * HOUR] * 2, "age": [30, 40], "vip": [True, False], "name": ["U", "V"]})
SHOPS = pl.DataFrame({"shop": [1, 2], "area": [1.0, 2.0]})
USER_ROLES = Roles(primary_keys=("id",), timestamp="known_at", features=("age", "vip", "name"))
SPINE_ROLES = Roles(primary_keys=("user", "shop"), timestamp="at", label="y")


def spine(frame: pl.DataFrame = SPINE, **roles: object) -> Table:
    return Table.of(frame, SPINE_ROLES.model_copy(update=roles), "labels")


def tables(users: pl.DataFrame = USERS) -> dict[str, Table]:
    shops = Table.of(SHOPS, Roles(primary_keys=("shop",), features=("area",)), "shops")
    return {"users": Table.of(users, USER_ROLES, "users"), "shops": shops}


def users(**fields: object) -> FeatureLookup:
    given = {"table_name": "users", "lookup_key": "user", "timestamp_lookup_key": "at", "feature_names": "age"}
    return FeatureLookup(**{**given, **fields})


AREA = FeatureLookup(table_name="shops", lookup_key="shop")


def test_result_has_the_spines_columns_then_the_outputs() -> None:
    table = create_training_set(spine(), [users(), AREA], tables()).table
    assert table.columns == [*SPINE.columns, "age", "area"]
    assert table.roles == SPINE_ROLES.model_copy(update={"features": ("age", "area")})
    assert sorted(table.collect(["user", "age", "area"]).rows()) == [("u", 30, 1.0), ("v", 40, 2.0)]


def test_features_that_the_spine_has_itself_come_first() -> None:
    frame = SPINE.with_columns(amount=pl.lit(5.0))
    table = create_training_set(spine(frame, features=("amount",)), [AREA], tables()).table
    assert table.roles.features == ("amount", "area")


def test_the_spine_and_the_tables_stay_as_they_are() -> None:
    labels, given = spine(), tables()
    create_training_set(labels, [users(), AREA], given, ["settled_at"])
    assert labels.collect().to_native().equals(SPINE)
    assert given["users"].collect().to_native().equals(USERS)


def test_any_column_of_the_spine_can_be_a_lookup_key_also_one_with_nulls() -> None:
    frame = SPINE.with_columns(friend=pl.Series(["v", None]))
    joined = create_training_set(spine(frame), [users(lookup_key="friend")], tables())
    assert joined.table.collect(["user", "age"]).rows() == [("u", 40)]
    (found,) = joined.certificate.lookups
    assert (found.spine_keys, found.table_keys, found.absent_keys) == (1, 2, 0)


def test_a_lookup_may_be_as_of_an_earlier_time() -> None:
    certificate = create_training_set(spine(), [users(timestamp_lookup_key="asked_at")], tables(), ["asked_at"]).certificate
    assert certificate.oldest_age_hours == 1.0


def test_keys_of_other_names_go_by_position() -> None:
    prices = pl.DataFrame({"s": [1, 2], "u": ["u", "v"], "price": [10.0, 20.0]})
    given = {"prices": Table.of(prices, Roles(primary_keys=("s", "u"), features=("price",)), "prices")}
    lookup = FeatureLookup(table_name="prices", lookup_key=("shop", "user"))
    assert sorted(create_training_set(spine(), [lookup], given).table.collect(["user", "price"]).rows()) == [("u", 10.0), ("v", 20.0)]


@pytest.mark.parametrize(
    ("lookups", "error", "message"),
    [
        ([], ConfigurationError, "needs at least one FeatureLookup"),
        ([users(table_name="clients")], ConfigurationError, r"table clients, which is not given; given are \['shops', 'users'\]"),
        ([users(lookup_key="client")], ColumnNotFoundError, "labels has no column 'client'; it has 'user', 'shop'"),
        ([users(timestamp_lookup_key="when")], ColumnNotFoundError, "labels has no column 'when'"),
        ([users(timestamp_lookup_key=None)], PointInTimeError, "without a time would look into the future: its rows hold from 'known_at'"),
        (
            [users(timestamp_lookup_key="settled_at")],
            PointInTimeError,
            "as of 'settled_at' would look into the future: in 2 rows of labels",
        ),
        ([FeatureLookup(table_name="shops", lookup_key="shop", timestamp_lookup_key="at")], ConfigurationError, "shops has no timestamp"),
        ([users(feature_names="height")], ColumnNotFoundError, "users has no column 'height'; it has 'age', 'vip', 'name'"),
        ([users(feature_names="known_at")], ColumnNotFoundError, "users has no column 'known_at'"),
        ([users(feature_names=None, rename_outputs={"height": "h"})], ConfigurationError, r"lookup of users does not fit .*'height'"),
        ([users(lookup_key=("user", "shop"))], ConfigurationError, r"\['user', 'shop'\] does not fit users, .* primary keys \['id'\]"),
        ([users(lookup_key="shop")], ColumnTypeError, "'shop' of labels is Int64, 'id' of users is String"),
        ([users(rename_outputs={"age": "y"})], LeakageError, r"'y' \(the label\) cannot be a feature"),
        ([users(rename_outputs={"age": "user"})], LeakageError, r"'user' \(the primary key\)"),
        ([users(rename_outputs={"age": "at"})], LeakageError, r"'at' \(the timestamp\)"),
        ([users(rename_outputs={"age": "settled_at"})], LeakageError, r"'settled_at' \(the column of labels\)"),
        ([users(), users()], ConfigurationError, r"lookups of users and users both give \['age'\]. Rename one"),
        ([AREA, users(rename_outputs={"age": "area"})], ConfigurationError, r"lookups of shops and users both give \['area'\]"),
        (
            [users(default_values={"age": 0.5})],
            ColumnTypeError,
            "default value 0.5 of 'age' does not fit the column 'age' of users, .*Int64",
        ),
        ([users(feature_names="name", default_values={"name": 0})], ColumnTypeError, "does not fit the column 'name'"),
        ([users(feature_names="vip", default_values={"vip": 2})], ColumnTypeError, "does not fit the column 'vip'"),
    ],
)
def test_lookup_that_does_not_fit_is_refused(lookups: list[FeatureLookup], error: type[StackhouseError], message: str) -> None:
    with pytest.raises(error, match=message):
        create_training_set(spine(), lookups, tables())


def test_schemas_are_checked_before_any_row_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed")

    monkeypatch.setattr(nw.LazyFrame, "collect", refuse)
    with pytest.raises(LeakageError):
        create_training_set(spine(), [users(), AREA, users(rename_outputs={"age": "y"})], tables())


def test_keys_in_another_order_than_the_tables_are_refused() -> None:
    given = {"prices": Table.of(SPINE.rename({"settled_at": "price"}), Roles(primary_keys=("user", "shop"), features=("price",)), "prices")}
    with pytest.raises(ConfigurationError, match=r"\['shop', 'user'\] does not fit prices, .* \['user', 'shop'\].*in this order"):
        create_training_set(spine(), [FeatureLookup(table_name="prices", lookup_key=("shop", "user"))], given)


@pytest.mark.parametrize(
    ("excluded", "error", "message"),
    [
        (["nothing"], ColumnNotFoundError, "The training set has no column 'nothing'; it has 'user'"),
        (["user"], ConfigurationError, r"exclude_columns names \['user'\]: keys, timestamp and label stay"),
        (["at", "y"], ConfigurationError, r"exclude_columns names \['at', 'y'\]"),
        (["age"], ConfigurationError, "exclude_columns names every feature"),
    ],
)
def test_what_has_to_stay_cannot_be_excluded(excluded: list[str], error: type[StackhouseError], message: str) -> None:
    with pytest.raises(error, match=message):
        create_training_set(spine(), [users()], tables(), excluded)


def test_excluding_a_column_twice_is_excluding_it() -> None:
    table = create_training_set(spine(), [users()], tables(), ["settled_at", "settled_at"]).table
    assert "settled_at" not in table.columns


def test_defaults_have_the_type_of_their_column() -> None:
    defaults = {"age": 7, "vip": 1}
    lookup = users(feature_names=("age", "vip"), default_values=defaults)
    table = create_training_set(spine(), [lookup], tables(USERS.head(1))).table
    assert sorted(table.collect(["user", "age", "vip"]).rows()) == [("u", 30, True), ("v", 7, True)]
    assert table.frame.collect_schema()["age"] == nw.Int64


@pytest.mark.parametrize(
    ("frame", "error", "message"),
    [
        (SPINE.head(0), EmptyTableError, "No records found for training! labels has no rows"),
        (pl.concat([SPINE, SPINE.head(1)]), PrimaryKeyError, "labels: 1 primary keys"),
        (SPINE.with_columns(user=pl.lit(None, pl.String)), PrimaryKeyError, "'user' in 2 rows"),
        (SPINE.with_columns(at=pl.lit("noon")), ColumnTypeError, "'at' of labels is String, 'known_at' of users is Datetime"),
        (SPINE.with_columns(at=pl.lit(date(2024, 1, 1))), ColumnTypeError, "'at' of labels is Date"),
    ],
)
def test_rows_of_a_wrong_spine_are_refused(frame: pl.DataFrame, error: type[StackhouseError], message: str) -> None:
    with pytest.raises(error, match=message):
        create_training_set(spine(frame), [users()], tables())


def test_rows_of_a_wrong_table_are_refused() -> None:
    with pytest.raises(PrimaryKeyError, match="users: 2 primary keys"):
        create_training_set(spine(), [users()], tables(pl.concat([USERS, USERS])))
    with pytest.raises(ColumnTypeError, match="users: the timestamp column 'known_at' is String"):
        create_training_set(spine(), [users()], tables(USERS.with_columns(known_at=pl.lit("noon"))))


@pytest.mark.parametrize(
    ("asked_at", "error", "message"),
    [
        (pl.lit(None, pl.Datetime("us", "UTC")), PrimaryKeyError, "'asked_at' in 2 rows"),
        (
            pl.lit(date(2024, 1, 1)),
            ColumnTypeError,
            "'at' of labels is Datetime.*'asked_at' of labels is Date|'asked_at' of labels is Date",
        ),
    ],
)
def test_time_of_a_lookup_has_to_be_one(asked_at: pl.Expr, error: type[StackhouseError], message: str) -> None:
    with pytest.raises(error, match=message):
        create_training_set(spine(SPINE.with_columns(asked_at=asked_at)), [users(timestamp_lookup_key="asked_at")], tables())


def test_a_spine_without_a_time_takes_the_times_of_its_lookups() -> None:
    labels = Table.of(SPINE, Roles(primary_keys=("user", "shop"), label="y"), "labels")
    assert create_training_set(labels, [users(timestamp_lookup_key="at")], tables()).certificate.oldest_age_hours == 2.0


def test_certificate_survives_json_with_its_lookups() -> None:
    certificate = create_training_set(spine(), [users(), AREA], tables()).certificate
    assert len(certificate.lookups) == 2
    assert Certificate.model_validate_json(certificate.model_dump_json()) == certificate


@pytest.mark.parametrize(
    ("later", "earlier", "expected"),
    [
        (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 2, 28, 23, 59, 59, 999999, tzinfo=UTC), 86_400_000_001),
        (date(2024, 3, 1), date(2023, 3, 1), 366 * 86_400_000_000),
        (datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 1), -1_000_000),  # noqa: DTZ001 - times without a zone are meant
    ],
)
def test_microseconds_between_two_times(later: object, earlier: object, expected: int) -> None:
    frame = nw.from_native(pl.LazyFrame({"later": [later, None], "earlier": [earlier, earlier]}))
    assert frame.select(found=microseconds_between(frame, "later", "earlier")).collect()["found"].to_list() == [expected, None]
