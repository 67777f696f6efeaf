"""What every feature store promises."""

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from stackhouse.errors import ConfigurationError, DataError, EmptyTableError, InfrastructureError, PrimaryKeyError
from stackhouse.table import Roles, Table
from stacks.feature_store import FeatureStore

NAME = "dev.flights.routes"
ROLES = Roles(primary_keys=("route",), timestamp="known_at", features=("late_rate",))


def at(day: int) -> datetime:
    return datetime(2013, 1, day, 9, tzinfo=UTC)


def routes(*rows: tuple[str | None, int, float]) -> Table:
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


@pytest.mark.parametrize("mode", ["merge", "overwrite"])
def test_first_writers_at_the_same_time_leave_each_key_once(store: FeatureStore, mode: str) -> None:
    """Eight threads write the same first rows; those that lose say so, and no key stands twice."""
    table = routes(*((f"R{number}", 1, 0.5) for number in range(500)))
    store.create_table(NAME, table, "late rate of a route")

    def write(_: int) -> str:
        try:
            store.write_table(NAME, table, mode)
        except InfrastructureError as error:
            return str(error)
        return "written"

    with ThreadPoolExecutor(8) as writers:
        answers = list(writers.map(write, range(8)))
    assert "written" in answers
    assert all(answer == "written" or "at the same time" in answer for answer in answers), answers
    assert len(rows(store.read_table(NAME))) == 500


def test_an_earlier_version_reads_as_it_was(written: FeatureStore) -> None:
    before = written.table_version(NAME).version
    written.write_table(NAME, routes(("EWR-ATL", 1, 0.7)))
    assert rows(written.read_table(NAME, before)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2)]


def test_creating_twice_keeps_the_rows(written: FeatureStore) -> None:
    written.create_table(NAME, routes(("JFK-LAX", 1, 0.5)), "late rate of a route")
    assert rows(written.read_table(NAME)) == [("EWR-ATL", 1, 0.1), ("EWR-ATL", 2, 0.2)]


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


def test_other_columns_are_refused_on_merge_naming_them(written: FeatureStore) -> None:
    wider = routes(("JFK-LAX", 1, 0.5))
    frame = wider.collect().to_native().with_columns(flights=pl.lit(3.0))
    roles = ROLES.model_copy(update={"features": ("late_rate", "flights")})
    with pytest.raises(DataError, match=r"differ in 'flights'\. Set model\.features\.write_mode to overwrite"):
        written.write_table(NAME, Table.of(frame, roles, "routes"))


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
    joined = written.create_training_set(spine, NAME, None)
    assert joined.table.collect(["label_time", "late_rate"]).rows() == [(at(1), 0.1), (at(3), 0.2)]
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


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


def test_a_writer_that_is_killed_leaves_the_version_before(written: FeatureStore, tmp_path: Path) -> None:
    """A process merges different rows again and again until SIGKILL hits it, most likely in the middle of a write."""
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        from tests.contract.conftest import delta
        from tests.contract.test_feature_store import NAME, routes
        store = delta(Path(sys.argv[1]))
        for turn in range(10_000):
            store.write_table(NAME, routes(*((f"R{number}", 1, float(turn)) for number in range(2_000))))
            print(turn, flush=True)
        """
    )
    project = Path(__file__).parents[2]
    writer = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "tables")], cwd=project, stdout=subprocess.PIPE, text=True, env=os.environ
    )
    for _ in range(3):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    writer.wait(30)
    writer.stdout.close()
    found = [rate for route, _, rate in rows(written.read_table(NAME)) if route.startswith("R")]
    assert len(found) == 2_000
    assert len(set(found)) == 1
    again = written.write_table(NAME, routes(("JFK-LAX", 1, 0.5)))
    assert again.written
