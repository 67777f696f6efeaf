"""Servers that the rehearsal starts: processes on loopback that are waited for, and ended with all their children."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from stackhouse.errors import InfrastructureError

END_SECONDS = 10


@contextmanager
def left_on_sigterm() -> Iterator[None]:
    """Leave the block by SystemExit where this process is told to end, so that what the block holds is ended first.

    For the main thread alone. A second SIGTERM is ignored meanwhile.
    """

    def leave(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_IGN)
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def server(
    name: str,
    command: Sequence[str],
    environment: Mapping[str, str],
    health: str,
    log_file: Path,
    folder: Path | None = None,
    start_seconds: float = 120,
) -> Iterator[None]:
    """Run a server until the block ends; it is up once `health` answers. What it says is added to its log.

    It works in `folder`, or where this process does where none is named.

    Raises:
        InfrastructureError: where it ends or does not answer in time, naming its log.
    """
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(name, process, health, log_file, start_seconds)
        yield
    finally:
        end(process)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its group: politely, then not."""
    for sent in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, sent)
        except ProcessLookupError:
            break
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait(END_SECONDS)


def _wait(name: str, process: "subprocess.Popen[bytes]", health: str, log_file: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        if process.poll() is not None:
            raise InfrastructureError(f"{name} did not start: it left with {process.returncode}. What it said is in {log_file}.")
        try:
            with urlopen(health, timeout=2):  # noqa: S310 - an address of ours on loopback
                return
        except (URLError, HTTPException, OSError):
            if time.monotonic() > deadline:
                raise InfrastructureError(f"{name} did not answer within {seconds:.0f} s. What it said is in {log_file}.") from None
        time.sleep(0.1)
