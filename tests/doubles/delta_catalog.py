"""A double of the Delta tables of a Unity Catalog: numbered versions in Parquet folders, and the session that reads and alters them.

Spark without Delta's jars knows neither DESCRIBE HISTORY nor `versionAsOf`; `Session` answers these and a few other statements
from its records, refuses every statement that it does not know, and leaves all else to the local Spark session.

Simplified: any two commits of rows at the same time conflict; no grants, no log files; the change feed tells every row that a commit
touched.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree, rmtree
from threading import Lock
from types import SimpleNamespace
from typing import Any

import polars as pl
from pyspark.sql.types import StructField, StructType

TEXT = r"'((?:[^'\\]|\\.)*)'"
NAME = r"((?:`[^`]+`\.){2}`[^`]+`)"
FILES_KEPT = "delta.deletedFileRetentionDuration"
FEED = ("_change_type", "_commit_version", "_commit_timestamp")


COMMITTING = Lock()


class DeltaError(Exception):
    """What Delta and Spark SQL answer where they refuse."""


@dataclass(frozen=True)
class Version:
    """What one commit left: the rows, their columns, and the folder of what it changed."""

    number: int
    operation: str
    schema: StructType
    folder: Path | None
    changes: Path | None
    properties: Mapping[str, str]
    description: str


@dataclass
class KeptTable:
    """A table: its keys and tags as Unity Catalog knows them, and its versions."""

    name: str
    folder: Path
    primary_keys: list[str]
    timeseries: str | None
    tags: dict[str, str]
    versions: list[Version] = field(default_factory=list)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def newest(self) -> Version:
        return self.versions[-1]

    def commit(self, operation: str, **changed: Any) -> None:
        self.versions.append(replace(self.newest, number=self.newest.number + 1, operation=operation, **{"changes": None, **changed}))

    def write(self, rows: pl.DataFrame, schema: StructType, operation: str, changes: pl.DataFrame, base: int) -> None:
        """Keep rows as the version after `base`, with its changes where the table records them; another may have been faster."""
        with COMMITTING:
            if self.newest.number != base:
                raise DeltaError("[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Transaction conflict detected. Files were added by another.")
            self._write(rows, schema, operation, changes)

    def _write(self, rows: pl.DataFrame, schema: StructType, operation: str, changes: pl.DataFrame) -> None:
        number = self.newest.number + 1
        if any(rows[key].null_count() for key in self.primary_keys):
            raise DeltaError("[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for a key")
        folder, feed = self.folder / f"v{number:05d}", None
        folder.mkdir(parents=True)
        rows.select(schema.names).write_parquet(folder / f"part-{number:05d}.parquet")
        if self.newest.properties.get("delta.enableChangeDataFeed") == "true":
            feed = self.folder / f"c{number:05d}"
            feed.mkdir()
            told = (pl.lit(number).alias(FEED[1]), pl.lit(datetime.now(UTC), pl.Datetime("us", "UTC")).alias(FEED[2]))
            changes.select(*schema.names, FEED[0], *told).write_parquet(feed / "part.parquet")
        self.commit(operation, schema=schema, folder=folder, changes=feed)


class Catalog:
    """All tables, and a hook that runs before each commit of rows, as another writer would."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self.spark = spark
        self.folder = folder
        self.tables: dict[str, KeptTable] = {}
        self.before_commit: Callable[[], None] | None = None
        self.statements: list[str] = []

    def copy(self, folder: Path) -> "Catalog":
        """The same tables in a folder of their own."""
        other = Catalog(self.spark, folder)
        if self.folder.exists():
            copytree(self.folder, folder)

        def moved(place: Path | None) -> Path | None:
            return place and folder / place.relative_to(self.folder)

        for name, kept in self.tables.items():
            versions = [replace(version, folder=moved(version.folder), changes=moved(version.changes)) for version in kept.versions]
            other.tables[name] = replace(kept, folder=moved(kept.folder), tags=dict(kept.tags), versions=versions)
        return other

    def table(self, name: str) -> KeptTable:
        if name not in self.tables:
            raise DeltaError(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view {name} cannot be found.")
        return self.tables[name]

    def create(
        self, name: str, schema: StructType, keys: list[str], timeseries: str | None, description: str, tags: dict[str, str]
    ) -> None:
        if refused := [column for column in schema.names if set(column) & set(" ,;{}()\n\t=")]:
            raise DeltaError(f"[DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES] Found invalid characters in the column names {refused}")
        defaults = {"enableChangeDataFeed": "delta.enableChangeDataFeed"}
        values = {key: self.spark.conf.get(f"spark.databricks.delta.properties.defaults.{short}", "") for short, key in defaults.items()}
        properties = {key: value for key, value in values.items() if value}
        kept = KeptTable(name, self.folder.joinpath(*name.split(".")), keys, timeseries, tags)
        fields = [StructField(column.name, column.dataType, column.nullable and column.name not in keys) for column in schema]
        kept.versions.append(Version(0, "CREATE TABLE", StructType(fields), None, None, properties, description))
        self.tables[name] = kept

    def frame(self, version: Version) -> Any:
        """The rows of a version as a Spark frame; nothing tells before it is read that files are gone."""
        nullable = StructType([StructField(column.name, column.dataType) for column in version.schema])
        if version.folder is None:
            return self.spark.createDataFrame([], nullable)
        if not version.folder.exists():
            gone = f"raise_error('[DELTA_FILE_NOT_FOUND_DETAILED] File {version.folder.name} of the transaction log cannot be found')"
            columns = (f"CAST({gone} AS {column.dataType.simpleString()}) AS `{column.name}`" for column in nullable)
            return self.spark.range(1).selectExpr(*columns)
        return self.spark.read.schema(nullable).parquet(str(version.folder))

    def rows(self, name: str) -> pl.DataFrame:
        """The newest rows, on the driver."""
        table = self.frame(self.table(name).newest).toArrow()
        return pl.DataFrame(pl.from_arrow(table))

    def commit_hook(self) -> None:
        if (hook := self.before_commit) is not None:
            self.before_commit = None
            hook()


class Session:
    """A Spark session that knows the tables of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.catalog = SimpleNamespace(tableExists=lambda name: name in catalog.tables)
        self.conf = catalog.spark.conf
        self.version = catalog.spark.version
        self.createDataFrame = catalog.spark.createDataFrame

    @property
    def read(self) -> "Reader":
        return Reader(self._catalog, {})

    def sql(self, statement: str) -> Any:
        self._catalog.statements.append(statement)
        for pattern, answer in STATEMENTS.items():
            if found := re.fullmatch(pattern, statement, re.DOTALL):
                name, *arguments = found.groups()
                return answer(self._catalog, self._catalog.table(name.replace("`", "")), *arguments)
        raise DeltaError(f"[PARSE_SYNTAX_ERROR] Syntax error at or near {statement[:80]!r}")


@dataclass(frozen=True)
class Reader:
    """`spark.read` with the options of Delta; an option that is not known here is refused."""

    catalog: Catalog
    options: dict[str, Any]

    def option(self, key: str, value: Any) -> "Reader":
        if key not in {"versionAsOf", "readChangeFeed", "startingVersion", "endingVersion"}:
            raise DeltaError(f"option {key} is not known to this double")
        return replace(self, options={**self.options, key: value})

    def table(self, name: str) -> Any:
        kept = self.catalog.table(name)
        if self.options.get("readChangeFeed") == "true":
            return self._changes(kept, self.options["startingVersion"], self.options["endingVersion"])
        number = self.options.get("versionAsOf", kept.newest.number)
        if not 0 <= number <= kept.newest.number:
            raise DeltaError(f"[DELTA_VERSION_NOT_FOUND] Cannot time travel to version {number}")
        return self.catalog.frame(kept.versions[number])

    def _changes(self, kept: KeptTable, first: int, last: int) -> Any:
        versions = kept.versions[first : last + 1]
        if any(version.properties.get("delta.enableChangeDataFeed") != "true" for version in versions):
            raise DeltaError("[DELTA_MISSING_CHANGE_DATA] Error getting change data: change data was not recorded for version")
        folders = [str(version.changes) for version in versions if version.changes]
        schema = StructType([*kept.newest.schema.fields]).add(FEED[0], "string").add(FEED[1], "long").add(FEED[2], "timestamp")
        nullable = StructType([StructField(column.name, column.dataType) for column in schema])
        if not folders:
            return self.catalog.spark.createDataFrame([], nullable)
        return self.catalog.spark.read.schema(nullable).parquet(*folders)


def unquoted(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n"}.get(found[1], found[1]), text)


def history(catalog: Catalog, kept: KeptTable, limit: str | None) -> Any:
    rows = [f"({version.number}L, '{version.operation}')" for version in reversed(kept.versions)]
    values = ", ".join(rows[: int(limit)] if limit else rows)
    return catalog.spark.sql(f"SELECT * FROM VALUES {values} AS history(version, operation)")  # noqa: S608 - our own words


def detail(catalog: Catalog, kept: KeptTable) -> Any:
    columns = (
        "'delta' AS format, :name AS name, :description AS description, concat('s3://managed/', :name) AS location, "
        "timestamp_micros(:created) AS createdAt, from_json(:properties, 'map<string, string>') AS properties"
    )
    created, properties = int(kept.created.timestamp() * 1_000_000), json.dumps(dict(kept.newest.properties))
    values = {"name": kept.name, "description": kept.newest.description, "created": created, "properties": properties}
    return catalog.spark.sql(f"SELECT {columns}", args=values)


def nothing(catalog: Catalog) -> Any:
    return catalog.spark.sql("SELECT 'ok' AS result")


def comment(catalog: Catalog, kept: KeptTable, text: str) -> Any:
    kept.commit("CHANGE COMMENT", description=unquoted(text))
    return nothing(catalog)


def set_properties(catalog: Catalog, kept: KeptTable, listed: str) -> Any:
    pairs = re.findall(rf"{TEXT} = {TEXT}", listed)
    if ", ".join(f"'{key}' = '{value}'" for key, value in pairs) != listed:
        raise DeltaError(f"[PARSE_SYNTAX_ERROR] in properties {listed}")
    kept.commit("SET TBLPROPERTIES", properties={**kept.newest.properties, **{unquoted(key): unquoted(value) for key, value in pairs}})
    return nothing(catalog)


def add_columns(catalog: Catalog, kept: KeptTable, listed: str) -> Any:
    new = StructType.fromDDL(listed)
    if existing := [column for column in new.names if column in kept.newest.schema.names]:
        raise DeltaError(f"[FIELDS_ALREADY_EXISTS] Cannot add columns {existing}")
    kept.commit("ADD COLUMNS", schema=StructType([*kept.newest.schema.fields, *new.fields]))
    return nothing(catalog)


def drop_columns(catalog: Catalog, kept: KeptTable, listed: str) -> Any:
    if kept.newest.properties.get("delta.columnMapping.mode") != "name":
        raise DeltaError(
            "[DELTA_UNSUPPORTED_DROP_COLUMN] DROP COLUMN is not supported for your Delta table: columns are not mapped by name"
        )
    dropped = re.findall(r"`([^`]+)`", listed)
    if refused := [column for column in dropped if column in kept.primary_keys or column not in kept.newest.schema.names]:
        raise DeltaError(f"Cannot drop {refused}: a key, or not there")
    fields = [column for column in kept.newest.schema.fields if column.name not in dropped]
    rows = catalog.frame(kept.newest).select(*(f"`{column.name}`" for column in fields)).toArrow()
    folder = kept.folder / f"v{kept.newest.number + 1:05d}"
    folder.mkdir(parents=True)
    pl.DataFrame(pl.from_arrow(rows)).write_parquet(folder / "part-mapped.parquet")
    kept.commit("DROP COLUMNS", schema=StructType(fields), folder=folder)
    return nothing(catalog)


def vacuum(catalog: Catalog, kept: KeptTable, hours: str, dry_run: str | None) -> Any:
    """Only a retention of 0 hours removes anything: no table here is older than a test."""
    promised = re.fullmatch(r"interval (\d+) days", kept.newest.properties.get(FILES_KEPT, "interval 7 days"))
    if int(hours) < int(promised[1]) * 24:
        raise DeltaError("Are you sure you would like to vacuum files with such a low retention period?")
    needed = {kept.newest.folder, kept.newest.changes}
    unneeded = {place for version in kept.versions for place in (version.folder, version.changes) if place} - needed
    gone = sorted(place for place in unneeded if place.exists()) if int(hours) == 0 else []
    files = [(str(file),) for place in gone for file in sorted(place.iterdir())]
    if dry_run:
        return catalog.spark.createDataFrame(files, "path string")
    for place in gone:
        rmtree(place)
    return catalog.spark.createDataFrame([(str(kept.folder),)], "path string")


STATEMENTS: dict[str, Callable[..., Any]] = {
    rf"DESCRIBE HISTORY {NAME}(?: LIMIT (\d+))?": history,
    rf"DESCRIBE DETAIL {NAME}": detail,
    rf"COMMENT ON TABLE {NAME} IS {TEXT}": comment,
    rf"ALTER TABLE {NAME} SET TBLPROPERTIES \((.+)\)": set_properties,
    rf"ALTER TABLE {NAME} ADD COLUMNS \((.+)\)": add_columns,
    rf"ALTER TABLE {NAME} DROP COLUMNS \((.+)\)": drop_columns,
    rf"VACUUM {NAME} RETAIN (\d+) HOURS( DRY RUN)?": vacuum,
}
