"""A real PostgreSQL server on 127.0.0.1, with password authentication, for the tests that need one."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "Tr0ub4dor'\\ &3"  # noqa: S105 - of a server that lives for seconds
USER = "analyst"


def binaries() -> Path:
    """The folder of initdb and pg_ctl, on the PATH or where Debian keeps them."""
    found = [Path(path).parent for path in [shutil.which("initdb")] if path]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in found:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    pytest.skip("no PostgreSQL server is installed here (initdb, pg_ctl)")


def owner() -> str:
    """A user that the server may run as; it refuses root."""
    if os.geteuid() != 0:
        return getpass.getuser()
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), "") or pytest.skip("no user here that a server may run as")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def postgresql_server() -> Iterator[int]:
    """Start a server with scram-sha-256, give its port, and stop it; a test that needs it skips where none is installed."""
    tools, user = binaries(), owner()
    folder = Path(tempfile.mkdtemp(prefix="stackhouse-postgresql-"))
    password = folder / "password"
    password.write_text(PASSWORD)
    port = free_port()

    def run(*command: str) -> None:
        runs_as = {"user": user} if os.geteuid() == 0 else {}
        with (folder / "output").open("ab") as output:
            subprocess.run(command, cwd=folder, stdout=output, stderr=output, timeout=60, check=True, **runs_as)  # type: ignore[call-overload]

    for path in (folder, password):
        shutil.chown(path, user)
    data = str(folder / "data")
    run(
        str(tools / "initdb"),
        "-D",
        data,
        "-U",
        USER,
        "-A",
        "scram-sha-256",
        f"--pwfile={password}",
        "-E",
        "UTF8",
        "--locale=C",
        "--no-sync",
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c timezone=America/New_York"
    try:
        run(str(tools / "pg_ctl"), "-D", data, "-l", str(folder / "log"), "-w", "-t", "30", "-o", options, "start")
        yield port
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            run(str(tools / "pg_ctl"), "-D", data, "-m", "immediate", "-w", "-t", "30", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cursor_of(port: int) -> Iterator[Any]:
    """A cursor of the superuser; what it runs is committed at once."""
    dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the extra postgresql is not installed")
    escaped = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
    connection = f"host=127.0.0.1 port={port} dbname=postgres user={USER} password='{escaped}' connect_timeout=10"
    with dbapi.connect(connection, autocommit=True) as opened, opened.cursor() as cursor:
        yield cursor


def execute(port: int, script: str) -> None:
    """Run statements as the superuser."""
    with cursor_of(port) as cursor:
        for statement in script.split(";\n")[:-1]:
            cursor.execute(statement)


def rows_of(port: int, query: str) -> list[tuple[Any, ...]]:
    """Rows of a query of the superuser; the driver puts it inside a COPY, which takes no semicolon."""
    with cursor_of(port) as cursor:
        cursor.execute(query.rstrip().removesuffix(";"))
        return [*cursor.fetchall()]
