"""What one engine writes to the feature store, every engine reads as it was, to the last bit."""

import math
from datetime import UTC, date, datetime
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from stackhouse.table import Roles, Table
from stacks.engines import engine_of
from stacks.feature_store import FeatureStore
from tests.contract import engines
from tests.contract.conftest import delta
from tests.contract.engines import EVERY_ENGINE, SOCKETS, bits

pytestmark = SOCKETS

NAME = "dev.values.kept"
ROLES = Roles(primary_keys=("key", "part"), timestamp="at", features=("rate",))
SMALLEST = 5e-324
ROWS = pl.DataFrame(
    {
        "key": ["a", "a", "b", "ü", "z 'quoted\""],
        "part": [1, 2, 1, 1, 2**53 + 1],
        "at": [datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC), *[datetime(2024, 3, 31, 1, 30, tzinfo=UTC)] * 4],
        "rate": [0.1, 1 / 3, 1e-308, 2.0**53 + 2, SMALLEST],
        "odd": [math.nan, -0.0, math.inf, -math.inf, 0.0],
        "maybe": [1.5, None, math.nan, None, 0.0],
        "count": [2**63 - 1, -(2**63), 2**53 + 1, None, 0],
        "day": [date(1969, 12, 31), date(2024, 2, 29), None, date(9999, 12, 31), date(1970, 1, 1)],
        "seen": [datetime(2013, 7, 1, 4, 30, tzinfo=UTC), None, *[datetime(1950, 1, 1, tzinfo=UTC)] * 3],
        "text": ["", None, "null", "line\nbreak", "NaN"],
        "flag": [True, False, None, True, False],
        "small": pl.Series([1, -(2**31), 2**31 - 1, None, 0], dtype=pl.Int32),
        "half": pl.Series([0.1, math.nan, -0.0, None, math.inf], dtype=pl.Float32),
    },
    schema_overrides={"at": pl.Datetime("us", "UTC"), "seen": pl.Datetime("us", "UTC")},
)


@pytest.fixture(scope="session", params=EVERY_ENGINE)
def writer(request: pytest.FixtureRequest) -> str:
    """Each engine, as the one that writes."""
    return request.param


@pytest.fixture(scope="session", params=EVERY_ENGINE)
def reader(request: pytest.FixtureRequest) -> str:
    """Each engine, as the one that reads."""
    return request.param


def opened(name: str, rows: pl.DataFrame, folder: Path) -> Table:
    """Rows as a table of an engine."""
    return engines.opened(name, rows, folder, ROLES)


def computed(table: Table) -> pl.DataFrame:
    """The rows of a table, as its own engine computes them, in the order of their keys."""
    return engines.computed(table).sort("key", "part", "at")


def store_of(name: str, path: Path | str) -> FeatureStore:
    return delta(path, engine=name)


@pytest.fixture(scope="session")
def written(writer: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the rows, as one engine wrote them."""
    return write(writer, tmp_path_factory.mktemp(f"written-by-{writer}"))


@pytest.fixture(scope="session")
def written_by_polars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the rows, as Polars wrote them."""
    return write("polars", tmp_path_factory.mktemp("written"))


def write(writer: str, folder: Path) -> Path:
    table, store = opened(writer, ROWS, folder), store_of(writer, folder / "tables")
    store.create_table(NAME, table, "values that are easily lost")
    assert store.write_table(NAME, table).rows == 5
    return folder / "tables"


def test_every_value_arrives_as_it_was(written: Path, reader: str) -> None:
    table = store_of(reader, written).read_table(NAME)
    assert engine_of(table).name == reader
    assert table.roles == ROLES
    found = computed(table)
    assert dict(found.schema) == {name: ROWS.schema[name] for name in found.columns}
    assert bits(found) == bits(ROWS.sort("key", "part", "at"))


def test_rows_that_another_engine_wrote_are_known_as_the_same(written_by_polars: Path, reader: str, tmp_path: Path) -> None:
    store, table = store_of(reader, written_by_polars), opened(reader, ROWS, tmp_path)
    for mode in ("merge", "overwrite"):
        assert not store.write_table(NAME, table, mode).written


def test_a_merge_updates_and_inserts_from_every_engine(writer: str, tmp_path: Path) -> None:
    store = store_of(writer, tmp_path / "tables")
    store.create_table(NAME, opened(writer, ROWS, tmp_path), "values that are easily lost")
    store.write_table(NAME, opened("polars", ROWS, tmp_path))
    changed, added = ROWS[1:2].with_columns(odd=pl.lit(math.nan), count=pl.lit(7)), ROWS[2:3].with_columns(part=pl.lit(99))
    newer = pl.concat([rows.cast(dict(ROWS.schema)) for rows in (changed, added)])
    assert store.write_table(NAME, opened(writer, newer, tmp_path)).rows == 6
    expected = pl.concat([ROWS[[0, 2, 3, 4]], newer]).sort("key", "part", "at")
    assert bits(computed(store_of("polars", tmp_path / "tables").read_table(NAME))) == bits(expected)


def test_an_overwrite_with_other_rows_is_written_from_every_engine(writer: str, tmp_path: Path) -> None:
    store = store_of(writer, tmp_path / "tables")
    store.create_table(NAME, opened(writer, ROWS, tmp_path), "values that are easily lost")
    store.write_table(NAME, opened(writer, ROWS, tmp_path), "overwrite")
    other = ROWS.with_columns(rate=pl.lit(0.5))
    assert store.write_table(NAME, opened(writer, other, tmp_path), "overwrite").written
    assert bits(computed(store.read_table(NAME))) == bits(other.sort("key", "part", "at"))


def test_an_earlier_version_and_online_features_are_read_by_every_engine(written_by_polars: Path, reader: str) -> None:
    store = store_of(reader, written_by_polars)
    assert store.read_table(NAME, 0).frame.select(nw.len()).collect("polars").item() == 0
    assert store.get_online_features([{"key": "a", "part": 2}, {"key": "?", "part": 1}], [f"{NAME}:rate"]) == {"rate": [1 / 3, None]}
