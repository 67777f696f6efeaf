"""PostgreSQL through ADBC: a read-only transaction, streamed batch by batch into a temporary Parquet file that is then scanned.

The password comes from the environment alone, and no error carries it: what the driver raises is translated outside its handler,
so that nothing of the connection is left in the chain.
"""

import errno
import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from stackhouse.errors import ConfigurationError, InfrastructureError, StackhouseError
from stackhouse.sources import PostgresqlSource, assign
from stackhouse.table import Table
from stacks.sources.postgresql_types import converted, read_schema
from stacks.temporary import temporary_file

CONNECT_TIMEOUT_SECONDS = 10
"""How long a connection may take to be made, for each address of the host; libpq's PGCONNECT_TIMEOUT where it is set."""


def read_postgresql(source: PostgresqlSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Read tables or queries, all in one read-only transaction with one snapshot, and open them lazily.

    Raises:
        ConfigurationError: where the variable of the password is not set, or a query gives no columns.
        DataError: where a column has a type, or a value, that a table cannot hold; nothing of it is kept.
        InfrastructureError: where the server cannot be reached or refuses, with its message and without the password.
    """
    queries = _queries(source, inputs)
    driver = _driver()
    password = _password(source)
    files = {name: temporary_file(".parquet") for name in queries}
    try:
        with closing(driver.connect(_connection(source, password))) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            for name, query in queries.items():
                _stream(cursor, query, files[name], f"{name} from {source.database}")
        return {name: Table.of(pl.scan_parquet(file), name=f"{name} from {source.database}") for name, file in files.items()}
    except StackhouseError:
        _remove(files)
        raise
    except (driver.Error, pa.ArrowException, OSError) as error:  # the stream raises Arrow's
        _remove(files)
        failure = _failure(source, error, password)
    raise failure


def _driver() -> Any:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise InfrastructureError("A source of kind postgresql needs its driver: pip install stackhouse[postgresql].") from error
    return dbapi


def _queries(source: PostgresqlSource, inputs: Sequence[str]) -> dict[str, str]:
    if source.query is not None:
        return assign("query", source.query, inputs)
    tables = assign("table", source.table or "", inputs)
    return {name: f"SELECT * FROM {'.'.join(_identifier(part) for part in table.split('.'))}" for name, table in tables.items()}  # noqa: S608 - quoted


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _password(source: PostgresqlSource) -> str | None:
    """Return the password of the named variable; None where libpq is to take its own."""
    if source.password_variable is None:
        return None
    password = os.environ.get(source.password_variable)
    if not password:
        raise ConfigurationError(
            f"The environment variable {source.password_variable} is not set. Set it to the password of {source.user}; nothing was read."
        )
    return password


def _connection(source: PostgresqlSource, password: str | None) -> str:
    """Build libpq's connection string of keys and quoted values."""
    settings = {"host": source.host, "port": str(source.port), "dbname": source.database, "user": source.user}
    settings |= {"application_name": "stackhouse"}
    settings |= {} if os.environ.get("PGCONNECT_TIMEOUT") else {"connect_timeout": str(CONNECT_TIMEOUT_SECONDS)}
    settings |= {} if password is None else {"password": password}
    return " ".join(f"{key}='{_escaped(value)}'" for key, value in settings.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")


def _stream(cursor: Any, query: str, file: Path, name: str) -> None:
    """Write the rows of a query to a Parquet file; one batch is held at a time."""
    cursor.execute(query)
    with cursor.fetch_record_batch() as reader:
        schema = read_schema(reader.schema, name)
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_batch(converted(batch, schema, name))


def _remove(files: Mapping[str, Path]) -> None:
    for file in files.values():
        file.unlink(missing_ok=True)


def _failure(source: PostgresqlSource, error: Exception, password: str | None) -> InfrastructureError:
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return InfrastructureError.unwritable(str(temporary_file("").parent), os.strerror(error.errno))
    reason = " ".join(str(error).split())
    for secret in (password, os.environ.get("PGPASSWORD")):
        reason = reason.replace(secret, "***") if secret else reason
    variable = source.password_variable or "PGPASSWORD"
    return InfrastructureError(
        f"PostgreSQL at {source.host}, port {source.port}, database {source.database}, user {source.user}: {reason.rstrip('.')}. "
        f"Correct the source in the model file, or the password in {variable}; nothing was written."
    )
