"""Rows to prepare, read from a feature store: of one table, or looked up for the rows of a label table."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import write_deltalake

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, InfrastructureError, PointInTimeError
from stackhouse.preparation import LookedUpRows, Preparation, PreparationSource, SourceRecord, SyntheticRows, TableRows
from stackhouse.synthetic.rows import RowsParameters
from stackhouse.table import Roles, Table
from stacks.delta_feature_store import DeltaFeatureStore
from stacks.prepared_rows import read_rows
from tests.contract.conftest import delta

USERS = pl.DataFrame({"user": ["a", "b", "c"], "amount": [1.0, 2.0, 3.0], "count": [1, 2, 3]})
LABELS = pl.DataFrame({"user": ["a", "b", "d", None, "c"], "fraud": [0, 1, 1, 0, None]})


def day(number: int) -> datetime:
    return datetime(2026, 1, number, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> DeltaFeatureStore:
    """A store with a feature table that has roles, and a label table that another tool has written."""
    found = delta(tmp_path)
    keep(found, "c.features.users", USERS, Roles(primary_keys=("user",), features=("amount", "count")))
    write_deltalake(str(tmp_path / "c" / "labels" / "fraud"), LABELS.to_arrow())
    return found


def keep(store: DeltaFeatureStore, name: str, frame: pl.DataFrame, roles: Roles) -> None:
    table = Table.of(frame, roles, name)
    store.create_table(name, table, "a table")
    store.write_table(name, table)


def read(store: DeltaFeatureStore, source: PreparationSource, label: str = "fraud", time: str | None = None) -> tuple[Table, SourceRecord]:
    asked = Preparation(
        source=source, label=label, time=time, train_table="c.s.train", test_table="c.s.test", experiment="/Shared/c/s", environment="dev"
    )
    return read_rows(store, asked)


def looked_up(**changes: object) -> LookedUpRows:
    given = {"feature_table": "c.features.users", "lookup_key": ("user",), "label_table": "c.labels.fraud"} | changes
    return LookedUpRows.model_validate(given)


def test_features_are_looked_up_for_each_label_and_what_is_lost_is_told(store: DeltaFeatureStore) -> None:
    rows, source = read(store, looked_up())
    assert rows.collect(["user", "amount", "count", "fraud"]).to_native().sort("user").rows() == [("a", 1.0, 1, 0), ("b", 2.0, 2, 1)]
    assert rows.roles == Roles(primary_keys=("user",), label="fraud", features=("amount", "count"))
    assert (source.rows, source.lost, dict(source.without)) == (2, 1, {"fraud": 1, "user": 1})
    assert source.lost_message.startswith("Lost 1 rows in join. Ensure label table has matching lookup_key values: ")
    assert "c.labels.fraud has 3 keys (user), c.features.users has 3, 1 of c.labels.fraud are not in it" in source.lost_message
    assert [(table.name, table.version) for table in source.tables] == [("c.features.users", 1), ("c.labels.fraud", 0)]


def test_only_the_features_that_are_named_are_taken(store: DeltaFeatureStore) -> None:
    assert read(store, looked_up(features=("count",)))[0].roles.features == ("count",)
    with pytest.raises(ColumnNotFoundError, match="has no column 'mean'; it has 'amount', 'count'"):
        read(store, looked_up(features=("mean",)))


def test_rows_that_say_the_same_count_once_and_keys_that_repeat_get_a_number(store: DeltaFeatureStore, tmp_path: Path) -> None:
    repeated = pl.DataFrame({"user": ["a", "a", "a", "b"], "fraud": [0, 0, 1, 1]})
    write_deltalake(str(tmp_path / "c" / "labels" / "fraud"), repeated.to_arrow(), mode="overwrite")
    rows, source = read(store, looked_up())
    assert (rows.count(), source.repeated, rows.roles.primary_keys) == (3, 1, ("user", "row_id"))


def test_features_with_a_time_are_those_known_at_the_labels_time(store: DeltaFeatureStore, tmp_path: Path) -> None:
    daily = pl.DataFrame({"user": ["a", "a"], "known_at": [day(1), day(3)], "amount": [1.0, 3.0]})
    keep(store, "c.features.daily", daily, Roles(primary_keys=("user",), timestamp="known_at", features=("amount",)))
    labels = pl.DataFrame({"user": ["a", "a"], "day": [day(2), day(4)], "fraud": [0, 1]})
    write_deltalake(str(tmp_path / "c" / "labels" / "daily"), labels.to_arrow())
    source = looked_up(feature_table="c.features.daily", label_table="c.labels.daily")
    rows, _ = read(store, source, time="day")
    assert rows.collect(["day", "amount"]).to_native().sort("day").rows() == [(day(2), 1.0), (day(4), 3.0)]
    assert rows.roles.timestamp == "day"
    with pytest.raises(ConfigurationError, match=r"features from the future would be taken. Name the column of its time as --time-column"):
        read(store, source)


def test_the_time_of_a_label_table_that_has_one_is_used_by_itself(store: DeltaFeatureStore) -> None:
    labels = pl.DataFrame({"user": ["a", "b"], "day": [day(2), day(4)], "fraud": [0, 1]})
    keep(store, "c.labels.timed", labels, Roles(primary_keys=("user",), timestamp="day", label="fraud"))
    assert read(store, looked_up(label_table="c.labels.timed"))[0].roles.timestamp == "day"


@pytest.mark.parametrize(
    ("changes", "label", "error", "message"),
    [
        ({"lookup_key": ("users",)}, "fraud", ColumnNotFoundError, "c.labels.fraud has no column 'users'"),
        ({}, "late", ColumnNotFoundError, "c.labels.fraud has no column 'late'"),
        ({"lookup_key": ("fraud",)}, "fraud", ConfigurationError, "'fraud' is the label and a key"),
        ({"lookup_key": ("day", "user")}, "fraud", ColumnNotFoundError, "has no column 'day'"),
        ({"feature_table": "c.labels.fraud"}, "fraud", ConfigurationError, "c.labels.fraud has no primary key"),
        ({"feature_table": "c.features.gone"}, "fraud", InfrastructureError, "c.features.gone does not exist"),
        ({"label_table": "c.labels.gone"}, "fraud", InfrastructureError, "c.labels.gone does not exist"),
    ],
)
def test_what_does_not_fit_is_refused(store: DeltaFeatureStore, changes: dict[str, object], label: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        read(store, looked_up(**changes), label)


def test_no_matching_key_is_told_with_the_keys_of_both_tables(store: DeltaFeatureStore, tmp_path: Path) -> None:
    strangers = pl.DataFrame({"user": ["x", "y"], "fraud": [0, 1]})
    write_deltalake(str(tmp_path / "c" / "labels" / "fraud"), strangers.to_arrow(), mode="overwrite")
    with pytest.raises(PointInTimeError, match=r"Lost 2 rows in join. Ensure label table has matching lookup_key values"):
        read(store, looked_up())


def test_a_table_of_another_tool_is_read_with_the_keys_that_are_named_or_numbered(store: DeltaFeatureStore) -> None:
    plain, source = read(store, TableRows(table="c.labels.fraud"))
    assert (plain.roles.primary_keys, plain.roles.features, dict(source.without)) == (("row_id",), ("user",), {"fraud": 1})
    keyed, source = read(store, TableRows(table="c.features.users", keys=("user",)), "count")
    assert (keyed.roles.primary_keys, keyed.roles.label, keyed.roles.features) == (("user",), "count", ("amount",))
    with pytest.raises(ColumnNotFoundError, match="has no column 'id'"):
        read(store, TableRows(table="c.labels.fraud", keys=("id",)))


def test_made_rows_have_a_key_a_time_and_are_the_same_for_a_seed(store: DeltaFeatureStore) -> None:
    first, again, other = (read(store, SyntheticRows(rows=RowsParameters(rows=50, seed=seed)), "target")[0] for seed in (1, 1, 2))
    assert first.roles.identity == ("entity_id", "event_time")
    assert first.collect().to_native().equals(again.collect().to_native())
    assert not first.collect().to_native().equals(other.collect().to_native())
