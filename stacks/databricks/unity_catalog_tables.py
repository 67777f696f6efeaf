"""Delta tables of Unity Catalog, asked and changed by SQL through the active Spark session: what the client has no call for.

Versions, properties, comments, the change data feed and removed files. Rows are written by the client alone.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stackhouse.errors import ConfigurationError, InfrastructureError, MissingTableError
from stacks.databricks.unity_catalog_client import told
from stacks.engines import engine

CHANGE_FEED = "delta.enableChangeDataFeed"
COLUMN_MAPPING = "delta.columnMapping.mode"
_DEFAULTS = "spark.databricks.delta.properties.defaults"


@dataclass(frozen=True)
class Detail:
    """What DESCRIBE DETAIL says of a table."""

    description: str
    location: str
    properties: Mapping[str, str]
    created: datetime


@dataclass(frozen=True)
class DeltaTables:
    """The tables that a Spark session of Databricks sees."""

    session: Any
    """A SparkSession. PySpark is not imported here: a laptop that only knows the stack need not have it."""

    def exists(self, name: str) -> bool:
        """Whether there is such a table."""
        with told(f"Feature table {name} cannot be looked for"):
            return bool(self.session.catalog.tableExists(require_three_levels(name)))

    def newest(self, name: str) -> int:
        """Return the newest version.

        Raises:
            MissingTableError: where there is no such table.
        """
        if not self.exists(name):
            raise MissingTableError.of_features(name, "Unity Catalog")
        with told(f"The versions of feature table {name} cannot be read"):
            return int(self.session.sql(f"DESCRIBE HISTORY {quoted(name)} LIMIT 1").select("version").collect()[0][0])

    def detail(self, name: str) -> Detail:
        """Say what is known of a table. Its time of creation is read as a number: PySpark gives times in the zone of the machine."""
        with told(f"Feature table {name} cannot be described"):
            found = self.session.sql(f"DESCRIBE DETAIL {quoted(name)}")
            columns = ("description", "location", "properties", "unix_micros(createdAt) AS created")
            row = found.selectExpr(*columns).collect()[0]
        created = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["created"])
        return Detail(row["description"] or "", row["location"] or "", dict(row["properties"] or {}), created)

    def read(self, name: str, version: int) -> Any:
        """Open one version as a Spark frame."""
        with told(f"Version {version} of feature table {name} cannot be read"):
            return self.session.read.option("versionAsOf", version).table(name)

    def changes(self, name: str, from_version: int, to_version: int) -> Any:
        """Open the change data feed as a Spark frame."""
        with told(f"The changes of {name} from version {from_version} to {to_version} cannot be read"):
            reader = self.session.read.option("readChangeFeed", "true")
            return reader.option("startingVersion", from_version).option("endingVersion", to_version).table(name)

    def record_changes_of_new_tables(self) -> None:
        """Let tables of this session record their changes from version 0 on; serverless compute refuses, and is told later by ALTER."""
        try:
            self.session.conf.set(f"{_DEFAULTS}.{CHANGE_FEED.removeprefix('delta.')}", "true")
        except Exception:  # noqa: BLE001 - serverless compute has an error of its own for a setting that it does not know
            return

    def comment(self, name: str, text: str) -> None:
        """Set the description of a table."""
        self._run(f"COMMENT ON TABLE {quoted(name)} IS {literal(text)}", f"The description of feature table {name} cannot be set")

    def set_properties(self, name: str, properties: Mapping[str, str]) -> None:
        """Set properties of a table in one commit."""
        listed = ", ".join(f"{literal(key)} = {literal(value)}" for key, value in properties.items())
        self._run(f"ALTER TABLE {quoted(name)} SET TBLPROPERTIES ({listed})", f"The properties of feature table {name} cannot be set")

    def drop_columns(self, name: str, columns: Sequence[str]) -> None:
        """Drop columns; the table has to map columns by name (`COLUMN_MAPPING`)."""
        listed = ", ".join(identifier(column) for column in columns)
        self._run(f"ALTER TABLE {quoted(name)} DROP COLUMNS ({listed})", f"Columns of feature table {name} cannot be dropped")

    def add_columns(self, name: str, columns: Mapping[str, str]) -> None:
        """Add columns, each with its SQL type; they are null in the rows that are there."""
        listed = ", ".join(f"{identifier(column)} {kind}" for column, kind in columns.items())
        self._run(f"ALTER TABLE {quoted(name)} ADD COLUMNS ({listed})", f"Columns cannot be added to feature table {name}")

    def vacuum(self, name: str, hours: int, *, dry_run: bool) -> list[str]:
        """Remove files that no version of the last hours needs; return their names, at most the thousand that a dry run tells."""
        with told(f"Files of feature table {name} cannot be removed"):
            statement = f"VACUUM {quoted(name)} RETAIN {hours} HOURS"
            files = [str(row[0]).rpartition("/")[2] for row in self.session.sql(f"{statement} DRY RUN").collect()]
            if files and not dry_run:
                self.session.sql(statement).collect()
        return sorted(files)

    def _run(self, statement: str, what: str) -> None:
        with told(what):
            self.session.sql(statement).collect()


def active_session() -> Any:
    """Return the Spark session of the cluster, its times in UTC.

    Raises:
        InfrastructureError: where there is none; none is started on a machine that is not of Databricks.
    """
    engine("spark")  # says what is missing where there is no PySpark
    from pyspark.sql import SparkSession

    from stacks.engines.spark_engine import session

    if SparkSession.getActiveSession() is None:
        if "DATABRICKS_RUNTIME_VERSION" not in os.environ:
            raise InfrastructureError(
                "The unity_catalog feature store works in the Spark session of a Databricks cluster, and none is active here: "
                "run the pipeline on the databricks stack, or use the delta feature store on this machine."
            )
        with told("The Spark session of the cluster cannot be used"):
            SparkSession.builder.getOrCreate()
    return session()


def require_three_levels(name: str) -> str:
    """Return a name of three levels.

    Raises:
        ConfigurationError: where it has others.
    """
    if not re.fullmatch(r"\w+\.\w+\.\w+", name, re.ASCII):
        raise ConfigurationError(f"'{name}' is not a table name: give catalog.schema.table of letters, digits and '_'.")
    return name


def quoted(name: str) -> str:
    """Quote the three levels of a table's name for SQL.

    >>> quoted("dev.flights.routes")
    '`dev`.`flights`.`routes`'
    """
    return ".".join(identifier(level) for level in require_three_levels(name).split("."))


def identifier(column: str) -> str:
    """Quote one name for SQL."""
    return "`" + column.replace("`", "``") + "`"


def literal(text: str) -> str:
    r"""Quote text for SQL.

    >>> literal("a route's rate")
    "'a route\\'s rate'"
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
