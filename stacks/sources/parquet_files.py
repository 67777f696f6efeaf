"""Parquet files: one file, a folder, or a glob, all of one schema."""

import glob
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
from pyarrow import ArrowInvalid

from stackhouse.errors import DataError, InfrastructureError
from stackhouse.sources import ParquetSource, assign
from stackhouse.table import Table


def read_parquet_files(source: ParquetSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Open Parquet files lazily, after the footer of each was read. Folders named `key=value` become columns.

    Raises:
        DataError: where a file is no Parquet, or has other columns than the first.
        InfrastructureError: where there is no such file.
    """
    return {name: _open(path) for name, path in assign("path", source.path, inputs).items()}


def _open(path: str) -> Table:
    files = _files(path)
    schemas = {file: _schema(file) for file in files}
    first = files[0]
    for file, schema in schemas.items():
        if different := sorted(name for name, _ in set(schema.items()) ^ set(schemas[first].items())):
            columns = ", ".join(f"'{name}'" for name in dict.fromkeys(different))
            raise DataError(f"{file} and {first} differ in {columns}. Give files of one schema, or write these anew with the same columns.")
    return Table.of(pl.scan_parquet(files, glob=False, hive_partitioning=True), name=path)


def _files(path: str) -> list[Path]:
    """List the files of a path, in a fixed order. In a folder, what begins with '_' or '.' is Spark's own, finished or not."""
    given = Path(path).expanduser().absolute()
    if given.is_file():
        return [given]
    if given.is_dir():
        found = given.rglob("*.parquet")
        files = [file for file in found if not any(part.startswith(("_", ".")) for part in file.relative_to(given).parts)]
    else:
        files = [Path(name) for name in glob.glob(str(given), recursive=True)]  # noqa: PTH207 - Path.glob takes no absolute pattern
    files = sorted(file for file in files if file.is_file())
    if not files:
        raise InfrastructureError(
            f"No Parquet file is at {given}. Give a file, a folder that holds *.parquet, or a glob; "
            "a relative path starts at the working directory."
        )
    return files


def _schema(file: Path) -> dict[str, str]:
    try:
        schema = pq.read_schema(file)
    except ArrowInvalid as error:
        raise DataError(f"{file} is no Parquet file: {error}. Write it anew, or take it out of the path.") from error
    except OSError as error:
        raise InfrastructureError(f"Cannot read {file}: {error.strerror or error}. Give a file that may be read.") from error
    return {field.name: str(field.type) for field in schema}
