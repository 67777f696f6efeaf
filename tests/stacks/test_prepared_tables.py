"""Training and test table take each other's place whatever their rows came from; a table of somebody else is left alone."""

from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from stackhouse.errors import DataError
from stackhouse.preparation import Preparation, PreparedTables, TableRows
from stackhouse.table import Roles, Table
from stackhouse.training_tables import from_store, numbered
from stacks.delta_feature_store import DeltaFeatureStore
from stacks.prepared_tables import write_tables
from tests.contract.conftest import delta

ASKED = Preparation(
    source=TableRows(table="c.s.raw"),
    label="y",
    train_table="c.s.train",
    test_table="c.s.test",
    experiment="/Shared/c/s",
    environment="dev",
)


def write(store: DeltaFeatureStore, keys: tuple[str, ...], **columns: list[object]) -> PreparedTables:
    """Write the same rows to both tables."""
    frame = pl.DataFrame({**columns, "y": [0, 1]})
    features = tuple(name for name in columns if name not in keys)
    rows = numbered(Table.of(frame, Roles(primary_keys=keys, label="y", features=features)))
    return write_tables(store, rows, rows, ASKED)


def test_rows_of_other_keys_and_columns_take_the_place_of_those_before(tmp_path: Path) -> None:
    store = delta(tmp_path)
    write(store, ("user",), user=["a", "b"], x=[1.0, 2.0])
    written = write(store, (), amount=[3.0, 4.0])
    assert (written.train.version, written.train.written, written.keys) == (3, True, ("row_id",))  # other tags are a version of their own
    found = from_store(store.read_table("c.s.train"), store.describe_table("c.s.train").tags, "y")
    assert (found.roles.primary_keys, found.roles.features) == (("row_id",), ("amount",))
    assert store.read_table("c.s.train", 1).columns == ["row_id", "x", "y", "user"]


def test_equal_rows_write_no_version(tmp_path: Path) -> None:
    store = delta(tmp_path)
    first, again = (write(store, ("user",), user=["a", "b"], x=[1.0, 2.0]) for _ in range(2))
    assert [(table.version, table.written) for table in (first.test, again.test)] == [(1, True), (1, False)]


def test_a_table_of_somebody_else_is_left_alone_and_the_other_one_is_not_written_either(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "c" / "s" / "test"), pl.DataFrame({"theirs": [1]}).to_arrow())
    with pytest.raises(DataError, match=r"c\.s\.test cannot be written over: .* Name another --train-table or --test-table\."):
        write(delta(tmp_path), ("user",), user=["a", "b"], x=[1.0, 2.0])
    assert DeltaTable(str(tmp_path / "c" / "s" / "test")).version() == 0
    assert not (tmp_path / "c" / "s" / "train").exists()
