"""Spark: for tables past one machine. On a laptop a local session with a JVM of the system; on a cluster the session that is there.

Delta tables are opened by their Parquet files, as delta-rs lists them for the version: no Delta package for the JVM is needed.
"""

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import narwhals as nw
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from stackhouse.errors import InfrastructureError
from stacks.engines.engine import BATCH_ROWS, Engine, arrow_schema, mapped

LOCAL = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": "4",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
}
"""Settings of a session that is started here; a session that runs already keeps its own, but for `EVERY_SESSION`."""

EVERY_SESSION = {"spark.sql.session.timeZone": "UTC", "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"}
"""Times are UTC and in µs. Spark's own choice for Parquet, INT96, has no zone and ends in the year 2262 for those who read it in ns."""


class SparkEngine:
    """Opens tables as Spark frames."""

    name = "spark"

    def scan_parquet(self, files: Sequence[Path | str]) -> nw.LazyFrame[Any]:
        """Open Parquet files; see the port."""
        return _lazy(session().read.parquet(*(str(file) for file in files)))

    def scan_delta(self, delta: DeltaTable) -> nw.LazyFrame[Any]:
        """Open the files of a Delta table; see the port.

        Raises:
            InfrastructureError: where they lie in object storage, for which Spark needs jars that its package does not bring.
        """
        if delta.table_uri.startswith("s3://"):
            raise InfrastructureError(
                f"Spark cannot open {delta.table_uri}: its package has no jars for S3. "
                "Set the engine of the feature store to polars, duckdb or pandas, or its path to a folder that all executors see."
            )
        schema = from_arrow_schema(pa.schema(delta.schema().to_arrow()))
        files = [unquote(file) for file in delta.file_uris()]  # delta-rs gives a space as %20
        frame = session().read.schema(schema).parquet(*files) if files else session().createDataFrame([], schema)
        return _lazy(frame)

    def sink_parquet(self, frame: nw.LazyFrame[Any], folder: Path) -> None:
        """Write from the executors; see the port."""
        _native(frame).write.mode("overwrite").option("compression", "zstd").parquet(str(folder))

    def batches(self, frame: nw.LazyFrame[Any], rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Write to a temporary folder and read that in a stream, so that the driver never holds the table; see the port."""
        from pyarrow import dataset

        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "rows"
            self.sink_parquet(frame, folder)
            yield from dataset.dataset(folder, format="parquet").to_batches(batch_size=rows)

    def pieces(self, frame: nw.LazyFrame[Any], rows: int) -> Iterator[nw.LazyFrame[Any]]:
        """Give the frame: its partitions are the pieces; see the port."""
        yield frame

    def map_batches(
        self, frame: nw.LazyFrame[Any], function: Callable[[pl.DataFrame], pl.DataFrame], schema: dict[str, pl.DataType]
    ) -> nw.LazyFrame[Any]:
        """Apply a function on the executors; see the port."""
        target = arrow_schema(schema)
        on_executor = partial(mapped, function=function, target=target)
        return _lazy(_native(frame).mapInArrow(on_executor, from_arrow_schema(target)))


def session() -> SparkSession:
    """Return the active session, or start a local one.

    Raises:
        InfrastructureError: where no session can be started, for want of a Java that Spark runs on.
    """
    active = SparkSession.getActiveSession()
    if active is None:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # or the workers run on whatever `python3` is
        builder = SparkSession.builder.appName("stackhouse").master(os.environ.get("SPARK_MASTER", "local[*]"))
        for key, value in LOCAL.items():
            builder = builder.config(key, value)
        try:
            active = builder.getOrCreate()
        except Exception as error:
            raise InfrastructureError(
                f"Spark cannot be started: {error}. It needs Java 17 or 21 of the system, e.g. `apt install openjdk-17-jre-headless`."
            ) from error
        active.sparkContext.setLogLevel("ERROR")
        logging.getLogger("py4j").setLevel(logging.WARNING)
    for key, value in EVERY_SESSION.items():
        active.conf.set(key, value)
    return active


def _lazy(frame: DataFrame) -> nw.LazyFrame[Any]:
    opened: nw.LazyFrame[Any] = nw.from_native(frame)
    return opened


def _native(frame: nw.LazyFrame[Any]) -> DataFrame:
    native: DataFrame = frame.to_native()
    return native


ENGINE: Engine = SparkEngine()
