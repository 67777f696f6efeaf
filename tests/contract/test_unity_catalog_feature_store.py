"""What every feature store promises, of the `unity_catalog` store on doubles of Databricks' client and of its Delta tables.

The tests of the port are those of `test_feature_store.py` themselves, but for `OF_DELTA_ALONE`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import narwhals as nw
import polars as pl
import pytest
from zenml.enums import StackComponentType

from stackhouse.errors import ColumnTypeError, ConfigurationError, DataError, InfrastructureError
from stackhouse.lookups import FeatureLookup
from stackhouse.point_in_time import Joined
from stackhouse.table import Roles, Table
from stacks.databricks import unity_catalog_client as databricks
from stacks.databricks.unity_catalog_feature_store import UnityCatalogFeatureStore, UnityCatalogFeatureStoreConfig
from stacks.databricks.unity_catalog_reading import FeatureTables
from stacks.databricks.unity_catalog_tables import DeltaTables
from stacks.delta import writing
from stacks.engines import engine_of
from stacks.feature_store import FeatureStore
from tests.contract import engines
from tests.contract import test_feature_store as port
from tests.contract.conftest import delta
from tests.contract.engines import NEEDS_JAVA, SOCKETS, bits, opened
from tests.contract.test_feature_store import NAME, ROLES, at, changed, routes, rows
from tests.doubles.delta_catalog import Catalog, Session
from tests.doubles.feature_engineering import FeatureEngineeringClient, installed

pytestmark = [*SOCKETS, NEEDS_JAVA]

OF_DELTA_ALONE = {
    # that create and first write are versions 0 and 1, or that times of commits are in ms
    "test_a_table_says_what_it_is",
    "test_changes_say_what_was_inserted_updated_and_deleted_in_which_version",
    "test_changes_of_versions_that_are_not_there_are_refused",
    "test_a_training_set_takes_each_table_at_the_version_that_is_asked_for",
    "test_vacuum_keeps_what_the_table_promises_to_keep",
    # slow on Spark: one of each kind is enough here
    "test_merge_tells_null_from_every_value",
    "test_first_writers_at_the_same_time_leave_each_key_once",
    # writers at the same time: in processes, or in the words of delta-rs
    "test_writers_that_merge_the_same_keys_at_the_same_time_leave_each_key_once",
    "test_an_overwrite_beside_merges_leaves_what_some_order_of_them_leaves",
    "test_two_processes_that_write_at_the_same_time_lose_nothing",
    "test_a_writer_that_always_loses_says_so_and_stops",
    "test_a_schema_that_another_changes_before_the_commit_is_seen",
    "test_a_table_that_several_create_at_the_same_time_is_created_once",
    "test_a_writer_that_is_killed_leaves_the_version_before",
    # types, names and folders of delta-rs
    "test_equal_rows_of_a_type_that_delta_keeps_as_another_write_no_version",
    "test_columns_of_any_name_are_merged",
    "test_values_that_delta_cannot_hold_are_refused_and_nothing_is_written",
    "test_rows_that_fail_midway_leave_the_version_before",
    "test_a_folder_that_is_a_file_is_refused_before_writing",
    "test_vacuum_removes_what_a_killed_writer_left_and_nothing_of_a_writer_at_work",
    "test_a_null_key_of_another_program_is_refused_by_the_table_itself",
}
"""Each has a counterpart below where Databricks promises the same."""

globals().update({name: test for name, test in vars(port).items() if name.startswith("test_") and name not in OF_DELTA_ALONE})


@pytest.fixture(scope="module")
def spark() -> Any:
    """The session of all tests of this module, with plans that are read and not compiled."""
    from stacks.engines.spark_engine import session

    engines._start_spark()
    return session()


@pytest.fixture
def catalog(spark: Any, tmp_path: Path) -> Catalog:
    """An empty Unity Catalog."""
    return emptied(spark, tmp_path)


@pytest.fixture
def client(catalog: Catalog) -> Iterator[FeatureEngineeringClient]:
    """A client of the catalog, the class of which stands where Databricks' would."""
    with installed(catalog) as kind:
        yield kind()


@pytest.fixture
def store(catalog: Catalog, client: FeatureEngineeringClient) -> FeatureStore:
    """The store as a step of a run on Databricks finds it."""
    return unity_catalog(catalog)


@pytest.fixture(scope="module")
def made(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """A catalog with the two rows of the port's tests and the tables of the training sets, written once and copied for each test."""
    catalog = emptied(spark, tmp_path_factory.mktemp("made"))
    with installed(catalog):
        store, table = unity_catalog(catalog), routes(("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2))
        store.create_table(NAME, table, "late rate of a route")
        store.write_table(NAME, table)
        fill(store)
    return catalog


@pytest.fixture
def written(catalog: Catalog, made: Catalog, store: FeatureStore, tmp_path: Path) -> FeatureStore:
    """A store with two rows of one table."""
    catalog.tables = made.copy(tmp_path / "made").tables
    return store


@pytest.fixture
def filled(written: FeatureStore) -> FeatureStore:
    """A store with days and places."""
    return written


def emptied(spark: Any, folder: Path) -> Catalog:
    spark.conf.unset("spark.databricks.delta.properties.defaults.enableChangeDataFeed")
    return Catalog(spark, folder / "catalog")


def unity_catalog(catalog: Catalog) -> UnityCatalogFeatureStore:
    now = datetime.now(UTC)
    store = UnityCatalogFeatureStore(
        name="unity_catalog",
        id=uuid4(),
        config=UnityCatalogFeatureStoreConfig(),
        flavor="unity_catalog",
        type=StackComponentType.FEATURE_STORE,
        user=uuid4(),
        created=now,
        updated=now,
    )
    store.found = FeatureTables(databricks.feature_engineering_client(), DeltaTables(Session(catalog)))
    return store


def test_the_tests_that_are_not_shared_exist() -> None:
    assert {name for name in OF_DELTA_ALONE if name not in vars(port)} == set()
    assert len([name for name in globals() if name in vars(port) and name.startswith("test_")]) >= 30


# What the client is told


def test_a_table_is_created_with_its_time_among_the_keys_not_null_and_with_changes_from_the_first_row_on(
    store: FeatureStore, catalog: Catalog, client: FeatureEngineeringClient
) -> None:
    store.create_table(NAME, routes(), "late rate of a route", {"owner": "ops"}, 30)
    kept, said = catalog.tables[NAME], client.get_table(name=NAME)
    assert (kept.primary_keys, kept.timeseries, said.features) == (["route", "known_at"], "known_at", ["late_rate"])
    assert {column.name: column.nullable for column in kept.newest.schema} == {"route": False, "known_at": False, "late_rate": True}
    assert (said.description, said.tags) == ("late rate of a route", {"owner": "ops"})
    assert kept.versions[0].properties == {"delta.enableChangeDataFeed": "true"}
    assert dict(kept.newest.properties) == {
        "delta.enableChangeDataFeed": "true",
        "delta.deletedFileRetentionDuration": "interval 30 days",
        "delta.logRetentionDuration": "interval 30 days",
        "stackhouse.roles": '{"features": ["late_rate"], "label": null}',
    }
    assert len(kept.versions) == 2


def test_a_table_says_what_it_is(written: FeatureStore, catalog: Catalog) -> None:
    found = written.describe_table(NAME)
    assert (found.name, found.description, found.tags, found.uri) == (NAME, "late rate of a route", {}, f"s3://managed/{NAME}")
    assert (found.primary_keys, found.timestamp, found.features, found.label) == (("route",), "known_at", ("late_rate",), None)
    assert (found.version, found.rows, found.retention_days) == (2, 2, 7)
    assert dict(found.columns) == {"route": "string", "known_at": "timestamp[us, tz=UTC]", "late_rate": "double"}
    assert found.created == catalog.tables[NAME].created


def test_a_label_table_keeps_its_label_and_its_other_columns(store: FeatureStore) -> None:
    frame = routes(("A", 1, 0.5)).collect().to_native().with_columns(note=pl.lit("x"))
    table = Table.of(frame, Roles(primary_keys=("route",), timestamp="known_at", label="late_rate"), "labels")
    store.create_table(NAME, table, "was it late")
    store.write_table(NAME, table)
    found = store.read_table(NAME)
    assert (found.roles, sorted(found.columns)) == (table.roles, ["known_at", "late_rate", "note", "route"])


def test_creating_again_with_other_columns_leaves_columns_and_roles_alone(written: FeatureStore) -> None:
    written.create_table(NAME, changed("added"), "late rate of a route")
    written.create_table(NAME, changed("other role"), "late rate of a route")
    assert (written.read_table(NAME).roles, written.table_version(NAME).version) == (ROLES, 2)


def test_a_table_of_another_program_has_every_column_but_the_keys_as_a_feature(
    store: FeatureStore, spark: Any, client: FeatureEngineeringClient
) -> None:
    frame = spark.createDataFrame([("A", 1.0, 2.0)], "route string, late_rate double, flights double")
    client.create_table(name=NAME, primary_keys="route", df=frame)
    assert store.read_table(NAME).roles == Roles(primary_keys=("route",), features=("late_rate", "flights"))


def test_a_creation_that_was_killed_halfway_is_completed_by_the_next(
    store: FeatureStore, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = Table.of(routes(("A", 1, 0.5)).frame, Roles(primary_keys=("route",), timestamp="known_at", label="late_rate"), "labels")
    with monkeypatch.context() as killed:
        killed.setattr(Session, "sql", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.create_table(NAME, labels, "was it late")
    assert len(catalog.tables[NAME].versions) == 1
    store.create_table(NAME, labels, "was it late")
    assert store.read_table(NAME).roles == labels.roles


def test_a_table_that_another_process_creates_first_is_taken_as_it_is(
    store: FeatureStore, client: FeatureEngineeringClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = type(client).create_table

    def beaten(client: FeatureEngineeringClient, **arguments: Any) -> None:
        create(client, **arguments)
        raise ValueError(f"table {NAME} already exists")

    monkeypatch.setattr(type(client), "create_table", beaten)
    store.create_table(NAME, routes(("A", 1, 0.5)), "late rate of a route")
    assert store.describe_table(NAME).rows == 0


def test_a_merge_tells_null_and_nan_from_every_value(written: FeatureStore) -> None:
    for value in (None, float("nan"), None, 0.1):
        answers = [written.write_table(NAME, routes(("EWR-ATL", 1, value))).written for _ in range(2)]
        assert (answers, repr(rows(written.read_table(NAME))[0])) == ([True, False], repr(("EWR-ATL", 1, value)))


def test_only_rows_that_differ_are_given_to_the_client(written: FeatureStore) -> None:
    before = written.table_version(NAME).version
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.9), ("JFK-LAX", 1, 0.5)))
    told = written.read_changes(NAME, before + 1).collect().to_native().select("_change_type", "route", "late_rate").sort(pl.all())
    assert told.rows() == [("insert", "JFK-LAX", 0.5), ("update_postimage", "EWR-ATL", 0.9), ("update_preimage", "EWR-ATL", 0.2)]


def test_changes_are_read_from_the_creation_on_or_between_two_versions(written: FeatureStore) -> None:
    written.write_table(NAME, routes(("JFK-LAX", 1, 0.5)), "overwrite")
    changes = written.read_changes(NAME, 0)
    found = changes.collect().to_native()
    assert changes.roles == ROLES
    assert dict(found["_change_type"].value_counts().iter_rows()) == {"insert": 3, "delete": 2}
    assert found.schema["_commit_timestamp"] == pl.Datetime("us", "UTC")
    assert written.read_changes(NAME, 1, 2).collect().to_native()["_change_type"].to_list() == ["insert", "insert"]
    for first, last in [(2, 1), (-1, None), (0, 9), (9, None)]:
        with pytest.raises(InfrastructureError, match=r"no changes from version .* from 0 to 3, which is the newest"):
            written.read_changes(NAME, first, last)


def test_changes_that_were_not_recorded_are_told(store: FeatureStore, catalog: Catalog, client: FeatureEngineeringClient) -> None:
    client.create_table(name=NAME, primary_keys="route", df=catalog.spark.createDataFrame([("A", 1.0)], "route string, rate double"))
    with pytest.raises(InfrastructureError, match=r"changes of dev\.flights\.routes from version 0 to 1 cannot be read: .*not recorded"):
        store.read_changes(NAME, 0)


def test_vacuum_keeps_what_the_table_promises_to_keep(written: FeatureStore) -> None:
    before = written.table_version(NAME).version
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.7)), "overwrite")
    for days in (0, 6):
        with pytest.raises(ConfigurationError, match=rf"in the last 7 days; {days} would .* nothing was removed"):
            written.vacuum(NAME, days)
    assert written.vacuum(NAME) == written.vacuum(NAME, 30) == []
    assert len(rows(written.read_table(NAME, before))) == 2


def test_rows_on_spark_are_written_without_passing_the_driver(store: FeatureStore, tmp_path: Path) -> None:
    table = opened("spark", routes(("A", 1, 0.5), ("B", 1, None)).collect().to_native(), tmp_path, ROLES)
    store.create_table(NAME, table, "late rate of a route")
    assert (store.write_table(NAME, table).written, store.write_table(NAME, table).written) == (True, False)
    assert (rows(store.read_table(NAME)), engine_of(store.read_table(NAME)).name) == ([("A", 1, 0.5), ("B", 1, None)], "spark")


def test_rows_of_another_engine_arrive_as_they_were_on_a_spark_that_takes_no_arrow(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame(
        {
            "route": ["ü 'x'", "B"],
            "known_at": [datetime(2013, 1, 1, 23, 59, 59, 999_999, tzinfo=UTC), at(2)],
            "late_rate": [5e-324, None],
            "flights": pl.Series([2**53 + 1, None], dtype=pl.Int64),
            "carriers": pl.Series([7, 200], dtype=pl.UInt8),
        }
    )
    table = Table.of(frame, ROLES, "routes")
    store.create_table(NAME, table, "late rate of a route")
    for version in ("3.5.2", "4.0.0"):
        monkeypatch.setattr(store.found.tables.session, "version", version)
        store.write_table(NAME, table, "overwrite")
        found = store.read_table(NAME).collect().to_native().sort("route")
        assert bits(found) == bits(frame.cast({"carriers": pl.Int16}).sort("route"))
    assert not store.write_table(NAME, table).written


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (pl.Series([1], dtype=pl.Int8), r"'late_rate' \(int8\)"),
        (pl.Series([datetime(2013, 1, 1)], dtype=pl.Datetime("us")), r"'late_rate' \(timestamp\[us\]\)"),  # noqa: DTZ001 - that is the case
        (pl.Series([{"a": 1}]), r"'late_rate' \(struct<a: int64>\)"),
    ],
    ids=["int8", "time without a zone", "struct"],
)
def test_types_that_the_client_does_not_take_are_refused_before_it_is_asked(
    store: FeatureStore, catalog: Catalog, values: pl.Series, named: str
) -> None:
    table = Table.of(pl.DataFrame({"route": ["A"], "known_at": [at(1)], "late_rate": values}), ROLES, "routes")
    for refused in (lambda: store.create_table(NAME, table, "rate"), lambda: store.check_write(NAME, table, "merge", "refuse")):
        with pytest.raises(ColumnTypeError, match=rf"routes: a feature table of Unity Catalog cannot hold {named}"):
            refused()
    assert catalog.tables == {}


def test_names_of_columns_that_delta_does_not_take_are_refused(store: FeatureStore) -> None:
    table = Table.of(routes(("A", 1, 0.5)).frame.rename({"late_rate": "Late Rate"}), Roles(primary_keys=("route",)), "routes")
    with pytest.raises(DataError, match=r"Unity Catalog takes no columns called \['Late Rate'\]"):
        store.create_table(NAME, table, "rate")


@pytest.mark.parametrize("name", ["'rate'", "say`it`", "select", "späte_rate", "a.b"])
def test_columns_of_other_names_are_written(store: FeatureStore, name: str) -> None:
    table = Table.of(routes(("A", 1, 0.5)).frame.rename({"late_rate": name}), ROLES.model_copy(update={"features": (name,)}), "routes")
    store.create_table(NAME, table, "a route's \\ rate\nof 'late' flights")
    store.write_table(NAME, table)
    assert not store.write_table(NAME, table).written
    assert store.read_table(NAME).roles.features == (name,)
    store.create_table(NAME, table, "the route's \\ rate\nof 'late' flights")
    assert store.describe_table(NAME).description == "the route's \\ rate\nof 'late' flights"


def test_a_value_that_a_feature_table_cannot_hold_is_refused_and_nothing_is_written(store: FeatureStore, catalog: Catalog) -> None:
    big = Table.of(pl.DataFrame({"route": ["A"], "known_at": [at(1)], "late_rate": pl.Series([2**63], dtype=pl.UInt64)}), ROLES, "routes")
    store.create_table(NAME, big, "rate")
    before = len(catalog.tables[NAME].versions)
    with pytest.raises(DataError, match=r"routes: 'late_rate' holds a value that .* cannot"):
        store.write_table(NAME, big)
    assert len(catalog.tables[NAME].versions) == before


# Other writers


def test_a_merge_that_another_overtakes_is_made_again_on_what_is_there_by_then(written: FeatureStore, catalog: Catalog) -> None:
    """Our rows are (1, 0.1), which is there, and (2, 0.9); the other process changes both before our merge is committed."""
    catalog.before_commit = lambda: written.write_table(NAME, routes(("EWR-ATL", 1, 0.7), ("EWR-ATL", 2, 0.7)))
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.9)))
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.9)]


class ConcurrentAppendException(Exception):  # noqa: N818 - its real name
    """An error of Delta's Python package by its name."""


@pytest.mark.parametrize("error", [ConcurrentAppendException("files were added"), Exception("[DELTA_CONCURRENT_APPEND.NO_PARTITION] …")])
def test_a_writer_that_loses_starts_again(written: FeatureStore, catalog: Catalog, error: Exception) -> None:
    def lose() -> None:
        raise error

    catalog.before_commit = lose
    assert written.write_table(NAME, routes(("JFK-LAX", 1, 0.5)), "overwrite").written
    assert rows(written.read_table(NAME)) == [("JFK-LAX", 1, 0.5)]


def test_a_writer_that_always_loses_says_so_and_stops(
    written: FeatureStore, client: FeatureEngineeringClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts = []

    def lose(*_: Any, **__: Any) -> None:
        attempts.append(1)
        raise ConcurrentAppendException("files were added")

    monkeypatch.setattr(type(client), "write_table", lose)
    monkeypatch.setattr(writing, "LONGEST_WAIT_SECONDS", 0.0)
    monkeypatch.setattr(writing, "ATTEMPTS", 3)
    with pytest.raises(InfrastructureError, match=r"Writing to dev\.flights\.routes lost against other .* 3 times"):
        written.write_table(NAME, routes(("A", 1, 0.5)))
    assert len(attempts) == 3


def test_columns_that_another_changes_before_the_commit_are_seen(written: FeatureStore, catalog: Catalog) -> None:
    def another() -> None:
        written.write_table(NAME, changed("added"), "merge", "evolve")
        raise ConcurrentAppendException("files were added")

    catalog.before_commit = another
    with pytest.raises(DataError, match="dropped: 'flights'"):
        written.write_table(NAME, routes(("A", 1, 0.5)))


def test_an_evolving_overwrite_that_was_killed_halfway_is_completed_by_the_next(
    written: FeatureStore, client: FeatureEngineeringClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(type(client), "write_table", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            written.write_table(NAME, changed("renamed"), "overwrite", "evolve")
    written.write_table(NAME, changed("renamed"), "overwrite", "evolve")
    table = written.read_table(NAME)
    assert table.roles.features == ("delay_rate",)
    assert table.collect(["route", "delay_rate"]).rows() == [("JFK-LAX", 0.5)]


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
def test_what_the_catalog_refuses_is_told_and_nothing_is_written(written: FeatureStore, catalog: Catalog, mode: str) -> None:
    def refuse() -> None:
        raise PermissionError("User does not have MODIFY on Table 'dev.flights.routes'.\nSQLSTATE: 42501")

    catalog.before_commit = refuse
    with pytest.raises(InfrastructureError) as raised:
        written.write_table(NAME, routes(("A", 1, 0.5)), mode)
    assert str(raised.value) == "Writing 1 rows to dev.flights.routes failed: User does not have MODIFY on Table 'dev.flights.routes'."
    assert len(rows(written.read_table(NAME))) == 2


# Training sets: the rows of the delta store


KEYS = ("origin", "dest")
DAYS, PLACES = "dev.air.days", "dev.air.places"
SEEN = FeatureLookup(
    table_name=DAYS,
    lookup_key=KEYS,
    feature_names=("delay", "flights"),
    rename_outputs={"delay": "delay_before"},
    timestamp_lookup_key="label_time",
    lookback_window=timedelta(days=2),
)
FAR = FeatureLookup(table_name=PLACES, lookup_key="dest", default_values={"far": -1.0})
FILLED = SEEN.model_copy(update={"default_values": {"delay_before": -1.0, "flights": -2.0}})


def source() -> dict[str, Table]:
    """Days with gaps and nulls, places of which one is missing, and labels of which some come before the first day."""
    pairs = [("E", "A"), ("E", "B"), ("J", "C")]
    days = [(*pair, at(day), day / 10 if day != 5 else None, day) for pair in pairs for day in (2, 3, 5, 9) if (pair[1], day) != ("C", 9)]
    labels = [(*pair, at(day), float(day % 2), "n") for pair in pairs for day in (1, 2, 4, 6, 8, 12)]
    schema = {"origin": pl.String, "dest": pl.String}
    zone = pl.Datetime("us", "UTC")
    frames = {
        DAYS: pl.DataFrame(days, {**schema, "known_at": zone, "delay": pl.Float64, "flights": pl.Int64}, orient="row"),
        PLACES: pl.DataFrame({"dest": ["A", "C"], "far": [0.5, None]}),
        "dev.air.labels": pl.DataFrame(labels, {**schema, "label_time": zone, "late": pl.Float64, "note": pl.String}, orient="row"),
    }
    roles = {
        DAYS: Roles(primary_keys=KEYS, timestamp="known_at", features=("delay", "flights")),
        PLACES: Roles(primary_keys=("dest",), features=("far",)),
        "dev.air.labels": Roles(primary_keys=KEYS, timestamp="label_time", label="late"),
    }
    return {name: Table.of(frame, roles[name], name) for name, frame in frames.items()}


def fill(store: FeatureStore) -> None:
    for name in (DAYS, PLACES):
        store.create_table(name, source()[name], "made")
        store.write_table(name, source()[name])


def spine() -> Table:
    return source()["dev.air.labels"]


def collected(joined: Joined) -> pl.DataFrame:
    frame: pl.DataFrame = joined.table.collect().to_native()
    return frame.select(sorted(frame.columns)).sort("label_time", *KEYS)


@pytest.mark.parametrize("lookups", [[SEEN], [SEEN, FAR], [FILLED, FAR], [FAR]], ids=["rows lost", "two tables", "defaults", "no time"])
def test_the_training_set_and_its_certificate_are_those_of_the_delta_store(
    filled: FeatureStore, tmp_path: Path, lookups: list[FeatureLookup]
) -> None:
    local = delta(tmp_path / "local")
    fill(local)
    ours, theirs = (store.create_training_set(spine(), lookups, ["note"]) for store in (filled, local))
    assert (bits(collected(ours)), ours.table.roles) == (bits(collected(theirs)), theirs.table.roles)
    assert ours.certificate == theirs.certificate
    assert engine_of(ours.table).name == "spark"
    lost = sum(lookup.rows_lost for lookup in ours.certificate.lookups)
    assert (lost > 0) == (SEEN in lookups)


def test_a_training_set_takes_each_table_at_the_version_that_is_asked_for(filled: FeatureStore) -> None:
    before = {name: filled.table_version(name).version for name in (DAYS, PLACES)}
    first = collected(filled.create_training_set(spine(), [SEEN, FAR]))
    later = source()[DAYS]
    filled.write_table(DAYS, later.with_frame(later.frame.with_columns(flights=nw.col("flights") + 100)))
    newest = collected(filled.create_training_set(spine(), [SEEN, FAR]))
    assert newest["flights"].to_list() == [flights + 100 for flights in first["flights"]]
    again = filled.create_training_set(spine(), [SEEN, FAR], versions=before)
    assert bits(collected(again)) == bits(first)


def test_the_clients_training_set_has_the_same_lookups_and_agrees_on_every_row_that_both_keep(
    filled: FeatureStore, catalog: Catalog
) -> None:
    training_set = filled.databricks_training_set(spine(), [SEEN, FAR])
    assert not training_set.loaded
    seen, far = training_set.lookups
    assert (seen.lookup_key, seen.times, seen.lookback_window) == (["origin", "dest"], ["label_time"], timedelta(days=2))
    assert (seen.feature_names, seen.rename_outputs, seen.default_values) == (["delay", "flights"], {"delay": "delay_before"}, {})
    assert (far.lookup_key, far.times, far.default_values) == (["dest"], [], {"far": -1.0})
    assert (training_set.label, training_set.exclude_columns) == ("late", ["origin", "dest", "label_time", "note"])
    theirs = pl.DataFrame(pl.from_arrow(training_set.load_df().toArrow()))
    ours = collected(filled.create_training_set(spine(), [SEEN, FAR]))
    assert sorted(theirs.columns) == ["delay_before", "far", "flights", "late"]
    assert len(theirs) == 18 > len(ours)
    found = theirs.filter(pl.col("flights").is_not_null())
    columns = ["late", "delay_before", "flights"]
    assert sorted(map(str, found.select(columns).rows())) == sorted(map(str, ours.select(columns).rows()))


@pytest.mark.parametrize(
    ("lookup", "message"),
    [
        ({"timestamp_lookup_key": None, "lookback_window": None}, "would look into the future"),
        ({"lookup_key": (*KEYS, "late")}, "does not fit dev.air.days"),
        ({"feature_names": ("delays",), "rename_outputs": {}}, "has no column 'delays'"),
        ({"rename_outputs": {"delay": "note"}}, "'note' (the column of dev.air.labels) cannot be a feature"),
    ],
)
def test_lookups_that_do_not_fit_are_refused_before_the_client_is_asked(filled: FeatureStore, lookup: dict[str, Any], message: str) -> None:
    changed_lookup = SEEN.model_copy(update=lookup)
    for made in (filled.create_training_set, filled.databricks_training_set):
        with pytest.raises((DataError, ConfigurationError)) as raised:
            made(spine(), [changed_lookup])
        assert message in str(raised.value)


# Models that carry their lookups


class Adds:
    """A model that adds its inputs, and remembers which they were."""

    def predict(self, frame: Any) -> list[float]:
        self.inputs = list(frame.columns)
        return frame.fillna(0).sum(axis=1).tolist()


def test_a_model_is_logged_with_its_lookups_and_output_schema_and_scores_keys(
    filled: FeatureStore, client: FeatureEngineeringClient
) -> None:
    import mlflow.sklearn
    from mlflow.types import ColSpec, DataType, Schema

    model, schema = Adds(), Schema([ColSpec(DataType.double)])
    filled.log_model(model, mlflow.sklearn, filled.databricks_training_set(spine(), [FILLED, FAR]), "dev.air.late", schema)
    logged = client.models["models:/dev.air.late/1"]
    assert (logged["output_schema"], logged["infer_input_example"]) == (schema, True)
    keys = spine().select((*KEYS, "label_time"))
    scored = filled.score_batch("models:/dev.air.late/1", keys).collect().to_native().sort("label_time", *KEYS)
    assert model.inputs == ["delay_before", "flights", "far"]
    assert scored.columns[:3] == ["origin", "dest", "label_time"]
    expected = collected(filled.create_training_set(spine(), [FILLED, FAR])).select("delay_before", "flights")
    found = scored.select("delay_before", "flights")
    both = pl.all_horizontal(pl.all().is_not_null())
    assert expected.filter(both).rows() == [row for row, kept in zip(found.rows(), expected.select(both).to_series(), strict=True) if kept]
    assert scored["prediction"].dtype == pl.Float64
    assert filled.score_batch("models:/dev.air.late/1", keys, "long").collect().to_native()["prediction"].dtype == pl.Int64


@pytest.mark.parametrize("output_schema", [None, "double"])
def test_a_model_without_an_output_schema_is_not_logged(filled: FeatureStore, client: FeatureEngineeringClient, output_schema: Any) -> None:
    import mlflow.sklearn

    training_set = filled.databricks_training_set(spine(), [SEEN])
    with pytest.raises(InfrastructureError, match=r"dev\.air\.late cannot be logged with its lookups: .*output_schema"):
        filled.log_model(Adds(), mlflow.sklearn, training_set, "dev.air.late", output_schema)
    assert client.models == {}


def test_a_model_that_is_not_there_cannot_score(filled: FeatureStore) -> None:
    with pytest.raises(InfrastructureError, match=r"models:/dev\.air\.gone/1 cannot score: there is no model"):
        filled.score_batch("models:/dev.air.gone/1", spine())
