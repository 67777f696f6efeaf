"""What every feature store promises."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier

import narwhals as nw
import polars as pl
import pytest
from deltalake.exceptions import CommitFailedError, DeltaError

from stackhouse.errors import ColumnTypeError, ConfigurationError, DataError, EmptyTableError, InfrastructureError, PrimaryKeyError
from stackhouse.lookups import FeatureLookup
from stackhouse.table import Roles, Table
from stacks.delta import writing
from stacks.feature_store import FeatureStore

NAME = "dev.flights.routes"
ROLES = Roles(primary_keys=("route",), timestamp="known_at", features=("late_rate",))
LATE_RATE = FeatureLookup(table_name=NAME, lookup_key="route", feature_names="late_rate", timestamp_lookup_key="label_time")


def at(day: int) -> datetime:
    return datetime(2013, 1, day, 9, tzinfo=UTC)


def routes(*rows: tuple[str | None, int, float | None]) -> Table:
    frame = pl.DataFrame(
        {
            "route": [route for route, _, _ in rows],
            "known_at": [at(day) for _, day, _ in rows],
            "late_rate": [rate for _, _, rate in rows],
        },
        schema={"route": pl.String, "known_at": pl.Datetime("us", "UTC"), "late_rate": pl.Float64},
    )
    return Table.of(frame, ROLES, "routes")


def rows(table: Table) -> list[tuple[str, int, float]]:
    frame = table.collect(["route", "known_at", "late_rate"]).to_native()
    return sorted((route, known.day, rate) for route, known, rate in frame.iter_rows())


@pytest.fixture
def written(store: FeatureStore) -> FeatureStore:
    """A store with two rows of one table."""
    table = routes(("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2))
    store.create_table(NAME, table, "late rate of a route")
    store.write_table(NAME, table)
    return store


def test_rows_come_back_with_their_roles(written: FeatureStore) -> None:
    table = written.read_table(NAME)
    assert rows(table) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2)]
    assert table.roles == ROLES


def test_merge_updates_known_keys_and_inserts_new_ones(written: FeatureStore) -> None:
    written.write_table(NAME, routes(("EWR-ATL", 2, 0.9), ("JFK-LAX", 1, 0.5)))
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.9), ("JFK-LAX", 1, 0.5)]


def test_overwrite_replaces_all_rows_and_keeps_the_roles(written: FeatureStore) -> None:
    written.write_table(NAME, routes(("JFK-LAX", 1, 0.5)), "overwrite")
    assert rows(written.read_table(NAME)) == [("JFK-LAX", 1, 0.5)]
    assert written.read_table(NAME).roles == ROLES


def test_equal_rows_in_another_order_write_no_version(written: FeatureStore) -> None:
    before = written.table_version(NAME).version
    again = written.write_table(NAME, routes(("EWR-ATL", 2, 0.2), ("EWR-ATL", 1, 0.1)))
    assert (again.version, again.written) == (before, False)


def test_overwrite_removes_rows_that_a_merge_had_left_even_where_the_merged_rows_are_the_same(written: FeatureStore) -> None:
    same = routes(("EWR-ATL", 2, 0.9))
    written.write_table(NAME, same)
    assert written.write_table(NAME, same, "overwrite").written
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 2, 0.9)]


def test_overwrite_with_as_many_other_rows_is_written(written: FeatureStore) -> None:
    assert written.write_table(NAME, routes(("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.3)), "overwrite").written
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.3)]


@pytest.mark.parametrize(("was", "becomes"), [(0.1, None), (None, 0.1), (float("nan"), None), (None, float("nan"))])
def test_merge_tells_null_from_every_value(store: FeatureStore, was: float | None, becomes: float | None) -> None:
    store.create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")
    store.write_table(NAME, routes(("A", 1, was)))
    assert store.write_table(NAME, routes(("A", 1, becomes))).written
    assert repr(rows(store.read_table(NAME))) == repr([("A", 1, becomes)])
    assert not store.write_table(NAME, routes(("A", 1, becomes))).written


def test_overwrite_with_equal_rows_writes_no_version(written: FeatureStore) -> None:
    before = written.table_version(NAME).version
    again = written.write_table(NAME, routes(("EWR-ATL", 2, 0.2), ("EWR-ATL", 1, 0.1)), "overwrite")
    assert (again.version, again.written) == (before, False)


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
@pytest.mark.parametrize("dtype", [pl.UInt32, pl.Int8, pl.Float32, pl.Boolean, pl.Categorical])
def test_equal_rows_of_a_type_that_delta_keeps_as_another_write_no_version(store: FeatureStore, mode: str, dtype: pl.DataType) -> None:
    values = (
        pl.Series("late_rate", ["1", "0"]).cast(pl.Int64).cast(dtype)
        if dtype != pl.Categorical
        else pl.Series("late_rate", ["a", "b"], dtype)
    )
    table = Table.of(pl.DataFrame({"route": ["A", "B"], "known_at": [at(1), at(1)]}).with_columns(values), ROLES, "routes")
    store.create_table(NAME, table, "late rate of a route")
    first = store.write_table(NAME, table, mode)
    again = store.write_table(NAME, table, mode)
    assert (first.written, again.written, again.version) == (True, False, first.version)


def all_at_once(writes: list[Callable[[], object]]) -> None:
    """Start all writes at the same moment, and fail with the first that fails."""
    start = Barrier(len(writes))

    def write(one: Callable[[], object]) -> object:
        start.wait(30)
        return one()

    with ThreadPoolExecutor(len(writes)) as writers:
        list(writers.map(write, writes))


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
def test_first_writers_at_the_same_time_leave_each_key_once(store: FeatureStore, mode: str) -> None:
    table = routes(*((f"R{number}", 1, 0.5) for number in range(500)))
    store.create_table(NAME, table, "late rate of a route")
    all_at_once([lambda: store.write_table(NAME, table, mode)] * 8)
    assert len(rows(store.read_table(NAME))) == 500


def test_writers_that_merge_other_keys_at_the_same_time_lose_nothing(written: FeatureStore) -> None:
    tables = [routes(*((f"R{writer}-{number}", 1, 0.5) for number in range(50))) for writer in range(8)]
    all_at_once([partial(written.write_table, NAME, table) for table in tables])
    assert len(rows(written.read_table(NAME))) == 2 + 8 * 50


def test_writers_that_merge_the_same_keys_at_the_same_time_leave_each_key_once(written: FeatureStore) -> None:
    tables = [routes(*((f"R{number}", 1, float(writer)) for number in range(50))) for writer in range(8)]
    all_at_once([partial(written.write_table, NAME, table) for table in tables])
    found = [(route, rate) for route, _, rate in rows(written.read_table(NAME)) if route.startswith("R")]
    assert len({route for route, _ in found}) == len(found) == 50
    assert len({rate for _, rate in found}) == 1


def test_an_overwrite_beside_merges_leaves_what_some_order_of_them_leaves(written: FeatureStore) -> None:
    """Whatever comes after the overwrite is there, what came before is not, and its own rows are there in any case."""
    base = routes(*((f"R{number}", 1, 0.0) for number in range(50)))
    merged = [routes(("R0", 1, float(writer)), (f"S{writer}", 1, 0.5)) for writer in range(1, 5)]
    overwrites = [partial(written.write_table, NAME, base, "overwrite")]
    all_at_once([*overwrites, *(partial(written.write_table, NAME, table) for table in merged)])
    found = rows(written.read_table(NAME))
    routes_found = [route for route, _, _ in found]
    assert len(set(routes_found)) == len(routes_found)
    assert {f"R{number}" for number in range(50)} <= set(routes_found)
    assert "EWR-ATL" not in routes_found
    later = {float(route[1:]) for route in routes_found if route.startswith("S")}
    assert {rate for route, _, rate in found if route == "R0"} <= (later or {0.0})


WRITER = """
import sys
from tests.contract.conftest import delta
from tests.contract.test_feature_store import NAME, routes
store, who = delta(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
for turn in range(4):
    store.write_table(NAME, routes(*((f"{who}{turn}-{number}", 1, 0.5) for number in range(20)), ("EWR-ATL", 1, float(turn))))
"""


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Run Python code in a process of its own, in the project's folder and in this environment."""
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    return subprocess.Popen(
        command, cwd=Path(__file__).parents[2], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    )


def test_two_processes_that_write_at_the_same_time_lose_nothing(written: FeatureStore, path: str) -> None:
    writers = [start(WRITER, path, who) for who in "AB"]
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    assert [writer.wait(60) for writer in writers] == [0, 0]
    for writer in writers:
        writer.stdin.close()
        writer.stdout.close()
    found = [route for route, _, _ in rows(written.read_table(NAME))]
    assert len(found) == len(set(found)) + 1 == 2 + 2 * 4 * 20


def test_a_writer_that_always_loses_says_so_and_stops(written: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = []

    def lose(*_: object) -> None:
        attempts.append(1)
        raise CommitFailedError("another was faster")

    monkeypatch.setattr(writing, "write", lose)
    monkeypatch.setattr(writing, "LONGEST_WAIT_SECONDS", 0.0)
    with pytest.raises(
        InfrastructureError, match=r"Writing 1 rows to dev\.flights\.routes lost against other .*20 times; nothing .* Run again"
    ):
        written.write_table(NAME, routes(("A", 1, 0.5)))
    assert len(attempts) == 20


def test_a_schema_that_another_changes_before_the_commit_is_seen(written: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first attempt loses against an evolving write; the second compares its columns with what is there by then."""
    write, table = writing.write, routes(("A", 1, 0.5))

    def first_another(*arguments: object) -> None:
        monkeypatch.setattr(writing, "write", write)
        written.write_table(NAME, changed("added"), "merge", "evolve")
        write(*arguments)

    monkeypatch.setattr(writing, "write", first_another)
    with pytest.raises(DataError, match="dropped: 'flights'"):
        written.write_table(NAME, table)


def test_an_earlier_version_reads_as_it_was(written: FeatureStore) -> None:
    before = written.table_version(NAME).version
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.7)))
    assert rows(written.read_table(NAME, before)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2)]


def test_creating_twice_keeps_the_rows(written: FeatureStore) -> None:
    written.create_table(NAME, routes(("JFK-LAX", 1, 0.5)), "late rate of a route")
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2)]


@pytest.mark.parametrize("version", [-1, 7])
def test_a_version_that_is_not_there_is_refused_naming_the_newest(written: FeatureStore, version: int) -> None:
    newest = written.table_version(NAME).version
    with pytest.raises(InfrastructureError, match=rf"has no version {version}; the newest is {newest}\. Give one from 0 to {newest}"):
        written.read_table(NAME, version)


def test_a_table_says_what_it_is(written: FeatureStore) -> None:
    found = written.describe_table(NAME)
    assert (found.name, found.description, found.tags) == (NAME, "late rate of a route", {})
    assert (found.primary_keys, found.timestamp, found.features, found.label) == (("route",), "known_at", ("late_rate",), None)
    assert (found.version, found.rows, found.retention_days) == (1, 2, 7)
    assert dict(found.columns) == {"route": "string", "known_at": "timestamp[us, tz=UTC]", "late_rate": "double"}
    assert abs((found.created - datetime.now(UTC)).total_seconds()) < 60


def test_description_tags_and_retention_become_the_given_ones_where_they_differ(written: FeatureStore) -> None:
    table = routes(("A", 1, 0.5))
    written.create_table(NAME, table, "share of late flights", {"owner": "ops", "tier": "gold"}, 30)
    first = written.describe_table(NAME)
    assert (first.description, first.tags, first.retention_days) == ("share of late flights", {"owner": "ops", "tier": "gold"}, 30)
    written.create_table(NAME, table, "share of late flights", {"owner": "ml"})
    second = written.describe_table(NAME)
    assert (second.tags, second.retention_days, second.rows) == ({"owner": "ml"}, 30, 2)
    written.create_table(NAME, table, "share of late flights", {"owner": "ml"}, 30)
    written.create_table(NAME, table, "share of late flights")
    assert written.describe_table(NAME) == second


def test_a_table_that_several_create_at_the_same_time_is_created_once(store: FeatureStore) -> None:
    table = routes(("A", 1, 0.5))
    all_at_once([lambda: store.create_table(NAME, table, "late rate of a route", {"owner": "ops"}, 30)] * 8)
    found = store.describe_table(NAME)
    assert (found.version, found.tags, found.retention_days) == (0, {"owner": "ops"}, 30)


def test_changes_say_what_was_inserted_updated_and_deleted_in_which_version(written: FeatureStore) -> None:
    written.write_table(NAME, routes(("EWR-ATL", 2, 0.9), ("JFK-LAX", 1, 0.5)))
    written.write_table(NAME, routes(("JFK-LAX", 1, 0.5)), "overwrite")
    changes = written.read_changes(NAME, 2, 2)
    assert changes.roles == ROLES
    found = changes.collect().to_native()
    told = found.select("_change_type", "route", "late_rate", "_commit_version").sort("_change_type", "route").rows()
    assert told == [("insert", "JFK-LAX", 0.5, 2), ("update_postimage", "EWR-ATL", 0.9, 2), ("update_preimage", "EWR-ATL", 0.2, 2)]
    assert found.schema["_commit_timestamp"] == pl.Datetime("ms", "UTC")
    later = written.read_changes(NAME, 3).collect(["_change_type"]).to_native().to_series().value_counts(sort=True)
    assert dict(later.iter_rows()) == {"delete": 3, "insert": 1}
    assert written.read_changes(NAME, 0).frame.head(3).collect("polars").shape == (3, 6)
    kinds = written.read_changes(NAME, 0).frame.filter(nw.col("_change_type") == "insert").select("_commit_version", "route")
    assert sorted(kinds.collect("polars").to_native().get_column("_commit_version")) == [1, 1, 2, 3]


@pytest.mark.parametrize(("first", "last"), [(2, 1), (-1, None), (0, 9), (9, None)])
def test_changes_of_versions_that_are_not_there_are_refused(written: FeatureStore, first: int, last: int | None) -> None:
    with pytest.raises(InfrastructureError, match=r"no changes from version .* from 0 to 1, which is the newest"):
        written.read_changes(NAME, first, last)


def test_vacuum_removes_what_no_kept_version_needs_and_an_old_version_says_so(written: FeatureStore) -> None:
    written.create_table(NAME, routes(("A", 1, 0.5)), "late rate of a route", retention_days=0)
    old = written.table_version(NAME).version
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.7)), "overwrite")
    files = written.vacuum(NAME, dry_run=True)
    assert files
    assert len(rows(written.read_table(NAME, old))) == 2
    assert written.vacuum(NAME) == files
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.7)]
    with pytest.raises(InfrastructureError, match=rf"Version {old} of feature table .* is no longer kept.*the newest is"):
        written.read_table(NAME, old)
    with pytest.raises(Exception, match=r"changes of dev\.flights\.routes from version 1 .* cannot be read"):
        written.read_changes(NAME, 1).collect()
    assert written.vacuum(NAME) == []


def test_vacuum_keeps_what_the_table_promises_to_keep(written: FeatureStore) -> None:
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.7)), "overwrite")
    for days in (0, 6):
        with pytest.raises(
            ConfigurationError, match=rf"promises to keep what was there in the last 7 days; {days} would .* nothing was removed"
        ):
            written.vacuum(NAME, days)
    assert written.vacuum(NAME) == written.vacuum(NAME, 30) == []
    assert len(rows(written.read_table(NAME, 1))) == 2


def test_a_negative_retention_is_refused(store: FeatureStore) -> None:
    with pytest.raises(ConfigurationError, match="A retention of -1 days makes no sense"):
        store.create_table(NAME, routes(("A", 1, 0.5)), "late rate of a route", retention_days=-1)


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
def test_duplicate_keys_are_refused_and_nothing_is_written(written: FeatureStore, mode: str) -> None:
    with pytest.raises(PrimaryKeyError, match=r"1 primary keys \(route, known_at\) stand more than once, e\.g\. route=JFK-LAX"):
        written.write_table(NAME, routes(("JFK-LAX", 1, 0.5), ("JFK-LAX", 1, 0.6)), mode)
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2)]


def test_a_null_key_is_refused_and_nothing_is_written(written: FeatureStore) -> None:
    with pytest.raises(PrimaryKeyError, match=r"a primary key is null \('route' in 1 rows\)"):
        written.write_table(NAME, routes((None, 1, 0.5)))
    assert len(rows(written.read_table(NAME))) == 2


def test_no_rows_are_refused(written: FeatureStore) -> None:
    with pytest.raises(EmptyTableError, match="No records found"):
        written.write_table(NAME, routes())


def changed(how: str) -> Table:
    """A row whose columns differ from those of the table."""
    frame = routes(("JFK-LAX", 1, 0.5)).collect().to_native()
    features: tuple[str, ...] = ("late_rate",)
    if how == "added":
        frame, features = frame.with_columns(flights=pl.lit(3.0)), ("late_rate", "flights")
    if how == "dropped":
        frame, features = frame.drop("late_rate"), ()
    if how == "renamed":
        frame, features = frame.rename({"late_rate": "delay_rate"}), ("delay_rate",)
    if how == "retyped":
        frame = frame.with_columns(pl.col("late_rate").cast(pl.Float32))
    if how == "other role":
        features = ()
    return Table.of(frame, ROLES.model_copy(update={"features": features}), "routes")


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
@pytest.mark.parametrize(
    ("how", "named"),
    [
        ("added", "added: 'flights'"),
        ("dropped", "dropped: 'late_rate'"),
        ("renamed", "added: 'delay_rate'; dropped: 'late_rate'"),
        ("retyped", r"of another type: 'late_rate' \(double is now float\)"),
        ("other role", r"of another role: 'late_rate' \(feature is now no role\)"),
    ],
)
def test_changed_columns_are_refused_naming_them(written: FeatureStore, mode: str, how: str, named: str) -> None:
    before = written.table_version(NAME)
    with pytest.raises(DataError, match=rf"changed \({named}\)\. Set model\.features\.schema_change to evolve .* a new name"):
        written.write_table(NAME, changed(how), mode)
    assert written.table_version(NAME) == before


def test_a_merge_that_may_evolve_adds_columns_that_are_null_in_other_rows(written: FeatureStore) -> None:
    frame = routes(("EWR-ATL", 2, 0.2), ("JFK-LAX", 1, 0.5)).collect().to_native().with_columns(flights=pl.Series([7.0, 3.0]))
    roles = ROLES.model_copy(update={"features": ("late_rate", "flights")})
    written.write_table(NAME, Table.of(frame, roles, "routes"), "merge", "evolve")
    table = written.read_table(NAME)
    assert table.roles == roles
    found = table.collect(["route", "known_at", "flights"]).to_native().sort("route", "known_at")
    assert found.rows() == [("EWR-ATL", at(1), None), ("EWR-ATL", at(2), 7.0), ("JFK-LAX", at(1), 3.0)]


@pytest.mark.parametrize("how", ["dropped", "retyped", "renamed", "other role"])
def test_a_merge_that_may_evolve_adds_columns_and_nothing_else(written: FeatureStore, how: str) -> None:
    before = written.table_version(NAME)
    with pytest.raises(DataError, match=r"a merge can add columns and nothing else.*Set model\.features\.write_mode to overwrite"):
        written.write_table(NAME, changed(how), "merge", "evolve")
    assert written.table_version(NAME) == before


@pytest.mark.parametrize("how", ["added", "dropped", "retyped", "renamed", "other role"])
def test_an_overwrite_that_may_evolve_rewrites_the_columns(written: FeatureStore, how: str) -> None:
    rows_to_write = changed(how)
    answer = written.write_table(NAME, rows_to_write, "overwrite", "evolve")
    table = written.read_table(NAME)
    assert (answer.written, answer.rows, table.roles) == (True, 1, rows_to_write.roles)
    assert table.collect().to_native().select(rows_to_write.columns).equals(rows_to_write.collect().to_native())
    assert written.describe_table(NAME).description == "late rate of a route"
    assert not written.write_table(NAME, rows_to_write, "overwrite").written


def test_an_overwrite_with_the_same_rows_in_other_roles_is_written(written: FeatureStore) -> None:
    same = Table.of(written.read_table(NAME).collect(), ROLES.model_copy(update={"features": ()}), "routes")
    assert written.write_table(NAME, same, "overwrite", "evolve").written
    assert written.read_table(NAME).roles == same.roles


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
@pytest.mark.parametrize("schema_change", ["refuse", "evolve"])
def test_keys_of_another_type_or_name_are_refused_whatever_was_asked_for(written: FeatureStore, mode: str, schema_change: str) -> None:
    before = written.table_version(NAME)
    numbers = pl.DataFrame({"route": [1], "known_at": [at(1)], "late_rate": [0.5]})
    with pytest.raises(DataError, match=r"other keys .*'route' \(string is now long\)\. Keys never change; .* a new name"):
        written.write_table(NAME, Table.of(numbers, ROLES, "routes"), mode, schema_change)
    other = Table.of(
        routes(("A", 1, 0.5)).collect().to_native().rename({"route": "leg"}), ROLES.model_copy(update={"primary_keys": ("leg",)})
    )
    with pytest.raises(DataError, match=r"other keys .*'leg', 'route'\. Keys never change"):
        written.write_table(NAME, other, mode, schema_change)
    with pytest.raises(DataError, match="Keys never change"):
        written.create_table(NAME, other, "late rate of a route")
    assert written.table_version(NAME) == before


@pytest.mark.parametrize("name", ["Late Rate", 'say "late"', "late.rate", "späte_rate", "select"])
def test_columns_of_any_name_are_merged(store: FeatureStore, name: str) -> None:
    tables = [
        Table.of(routes(("A", 1, rate)).collect().to_native().rename({"late_rate": name, "route": f"{name}!"})) for rate in (0.1, 0.2)
    ]
    roles = Roles(primary_keys=(f"{name}!",), timestamp="known_at", features=(name,))
    for table in (Table.of(table.frame, roles, "routes") for table in tables):
        store.create_table(NAME, table, "late rate of a route")
        store.write_table(NAME, table)
    assert store.read_table(NAME).collect([f"{name}!", name]).rows() == [("A", 0.2)]


def test_composite_keys_keep_their_order_and_each_tells_rows_apart(store: FeatureStore) -> None:
    roles = Roles(primary_keys=("year", "route"), features=("late_rate",))
    frame = pl.DataFrame({"late_rate": [0.1, 0.2, 0.3], "route": ["A", "A", "B"], "year": [2012, 2013, 2013]})
    store.create_table(NAME, Table.of(frame, roles), "late rate of a route and year")
    store.write_table(NAME, Table.of(frame, roles))
    store.write_table(NAME, Table.of(frame[1:2].with_columns(late_rate=pl.lit(0.9)), roles))
    table = store.read_table(NAME)
    assert table.roles == roles
    found = table.collect(["year", "route", "late_rate"]).to_native().sort("year", "route").rows()
    assert found == [(2012, "A", 0.1), (2013, "A", 0.9), (2013, "B", 0.3)]


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
def test_values_that_delta_cannot_hold_are_refused_and_nothing_is_written(store: FeatureStore, mode: str) -> None:
    keys = pl.DataFrame({"route": ["A"], "known_at": [at(1)]})
    big = Table.of(keys.with_columns(late_rate=pl.Series([2**63], dtype=pl.UInt64)), ROLES, "routes")
    fine = Table.of(keys.with_columns(late_rate=pl.Series([1], dtype=pl.Datetime("ns"))), ROLES, "routes")
    for name, table in {"dev.flights.big": big, "dev.flights.fine": fine}.items():
        store.create_table(name, table, "late rate of a route")
        with pytest.raises(DataError, match=r"routes: 'late_rate' holds a value that .* cannot"):
            store.write_table(name, table, mode)
        assert store.table_version(name).version == 0


def test_a_type_without_a_place_in_delta_is_refused_naming_the_column(store: FeatureStore) -> None:
    frame = pl.DataFrame({"route": ["A"], "known_at": [at(1)], "late_rate": [0.1], "air_time": [timedelta(hours=1)]})
    with pytest.raises(ColumnTypeError, match=r"cannot hold 'air_time' \(Duration.*Convert at the source"):
        store.create_table(NAME, Table.of(frame, ROLES, "routes"), "late rate of a route")
    with pytest.raises(InfrastructureError, match="does not exist"):
        store.table_version(NAME)


def test_rows_that_fail_midway_leave_the_version_before(written: FeatureStore) -> None:
    def fail(frame: pl.DataFrame) -> pl.DataFrame:
        if frame.width == 3:  # the write; what looks at keys alone comes through
            raise ValueError("the source broke")
        return frame

    table = routes(*((f"R{number}", 1, 0.5) for number in range(10)))
    broken = table.with_frame(nw.from_native(table.frame.to_native().map_batches(fail)))
    before = written.table_version(NAME)
    for mode in ("merge", "overwrite"):
        with pytest.raises(Exception, match="the source broke"):
            written.write_table(NAME, broken, mode)
    assert written.table_version(NAME) == before


def test_a_missing_table_names_the_pipeline_that_makes_it(store: FeatureStore) -> None:
    with pytest.raises(InfrastructureError, match=r"dev.flights.routes does not exist .* Run feature_engineering"):
        store.read_table(NAME)


@pytest.mark.parametrize("name", ["routes", "dev.routes", "dev.flights.routes.x", "dev.flights.../x", "dev.fli ghts.x"])
def test_a_name_without_three_levels_is_refused(store: FeatureStore, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"give catalog\.schema\.table"):
        store.read_table(name)


def test_a_table_without_primary_key_is_refused(store: FeatureStore) -> None:
    table = Table.of(pl.DataFrame({"late_rate": [0.1]}), Roles(features=("late_rate",)), "routes")
    with pytest.raises(ConfigurationError, match="needs at least one primary key"):
        store.create_table(NAME, table, "no key")


def test_a_training_set_sees_nothing_from_the_future(written: FeatureStore) -> None:
    labels = pl.DataFrame({"route": ["EWR-ATL"] * 2, "label_time": [at(1), at(3)], "late": [0.0, 1.0]})
    spine = Table.of(labels, Roles(primary_keys=("route",), timestamp="label_time", label="late"), "labels")
    joined = written.create_training_set(spine, [LATE_RATE])
    assert joined.table.collect(["label_time", "late_rate"]).rows() == [(at(1), 0.1), (at(3), 0.2)]
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


def test_a_training_set_takes_each_table_at_the_version_that_is_asked_for(written: FeatureStore) -> None:
    other, keys = "dev.flights.carriers", pl.DataFrame({"carrier": ["AA"]})
    carriers = [
        Table.of(keys.with_columns(fleet=pl.lit(size)), Roles(primary_keys=("carrier",), features=("fleet",))) for size in (1.0, 2.0)
    ]
    store = written
    store.create_table(other, carriers[0], "size of a carrier")
    for table in carriers:
        store.write_table(other, table)
    store.write_table(NAME, routes(("EWR-ATL", 1, 0.7)))
    labels = pl.DataFrame({"route": ["EWR-ATL"], "carrier": ["AA"], "label_time": [at(1)], "late": [1.0], "note": ["x"]})
    spine = Table.of(labels, Roles(primary_keys=("route",), timestamp="label_time", label="late"), "labels")
    lookups = [LATE_RATE, FeatureLookup(table_name=other, lookup_key="carrier")]
    newest = store.create_training_set(spine, lookups, ["note"]).table
    assert newest.collect(["late_rate", "fleet"]).rows() == [(0.7, 2.0)]
    assert "note" not in newest.columns
    earlier = store.create_training_set(spine, lookups, versions={NAME: 1, other: 1}).table
    assert earlier.collect(["late_rate", "fleet"]).rows() == [(0.1, 1.0)]


def test_online_features_are_the_latest_of_each_key_in_the_order_asked(written: FeatureStore) -> None:
    answer = written.get_online_features([{"route": "JFK-LAX"}, {"route": "EWR-ATL"}], [f"{NAME}:late_rate"])
    assert answer == {"late_rate": [None, 0.2]}


def test_features_of_two_tables_at_once_are_refused(written: FeatureStore) -> None:
    two = [f"{NAME}:late_rate", "dev.flights.other:late_rate"]
    with pytest.raises(
        ConfigurationError, match=r"Give features of one table, .* the tables are \['dev.flights.other', 'dev.flights.routes'\]"
    ):
        written.get_online_features([{"route": "EWR-ATL"}], two)
    with pytest.raises(ConfigurationError, match="Give features of one table"):
        written.get_historical_features(written.read_table(NAME), two)


def test_historical_features_answer_zenmls_own_method(written: FeatureStore) -> None:
    labels = pl.DataFrame({"route": ["EWR-ATL"], "label_time": [at(2)]})
    spine = Table.of(labels, Roles(primary_keys=("route",), timestamp="label_time"), "labels")
    assert written.get_historical_features(spine, [f"{NAME}:late_rate"]).collect(["late_rate"]).rows() == [(0.2,)]


def test_a_folder_that_is_a_file_is_refused_before_writing(tmp_path: Path) -> None:
    from tests.contract.conftest import delta  # the one adapter that keeps its tables in a folder

    (tmp_path / "tables").write_text("not a folder")
    with pytest.raises(InfrastructureError, match=r"Cannot write to .*tables: File exists"):
        delta(tmp_path / "tables").create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")


def test_vacuum_removes_what_a_killed_writer_left_and_nothing_of_a_writer_at_work(tmp_path: Path) -> None:
    from tests.contract.conftest import delta

    store = delta(tmp_path)
    store.create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")
    store.write_table(NAME, routes(("A", 1, 0.1)))
    folder = tmp_path.joinpath(*NAME.split("."))
    at_work, left = folder / "part-00001-at-work.zstd.parquet", folder / "part-00002-left.zstd.parquet"
    for file in (at_work, left):
        file.write_bytes(b"rows")
    os.utime(left, (1, 1))
    assert store.vacuum(NAME) == [left.name]
    assert at_work.exists()
    assert rows(store.read_table(NAME)) == [("A", 1, 0.1)]


def test_a_null_key_of_another_program_is_refused_by_the_table_itself(tmp_path: Path) -> None:
    from tests.contract.conftest import delta

    delta(tmp_path).create_table(NAME, routes(("A", 1, 0.1)), "late rate of a route")
    rows_of_another = pl.DataFrame({"route": [None], "known_at": [at(1)], "late_rate": [0.1]}, routes().frame.collect_schema().to_polars())
    with pytest.raises(DeltaError, match="1 rows failed validation check"):
        rows_of_another.write_delta(tmp_path.joinpath(*NAME.split(".")), mode="append")


KILLED = """
import sys
from tests.contract.conftest import delta
from tests.contract.test_feature_store import NAME, routes
store = delta(sys.argv[1])
for turn in range(10_000):
    store.write_table(NAME, routes(*((f"R{number}", 1, float(turn)) for number in range(2_000))))
    print(turn, flush=True)
"""


def test_a_writer_that_is_killed_leaves_the_version_before(written: FeatureStore, path: str) -> None:
    """A process merges different rows again and again until SIGKILL hits it, most likely in the middle of a write."""
    with start(KILLED, path) as writer:
        for _ in range(3):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.wait(30)
    found = [rate for route, _, rate in rows(written.read_table(NAME)) if route.startswith("R")]
    assert len(found) == 2_000
    assert len(set(found)) == 1
    again = written.write_table(NAME, routes(("JFK-LAX", 1, 0.5)))
    assert again.written
