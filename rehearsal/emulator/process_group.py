"""A command in a process group of its own: output passed on as it comes, ended as a whole, nothing left behind."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

LOOK_SECONDS = 0.05
END_SECONDS = 2
CHUNK = 65536


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (negative: the signal that ended it), or None where it was stopped."""

    status: int | None


def run(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    received: Callable[[bytes], None],
    stopped: Callable[[], bool],
) -> Ended:
    """Run a command to its end, or until `stopped` says so; then end whatever its group still holds.

    Args:
        command: program and arguments.
        environment: all of its variables; none of this process are added.
        folder: where it runs.
        received: takes its output, both streams as one, in pieces.
        stopped: asked every now and then.

    Raises:
        OSError: where the command cannot be started.
    """
    process = subprocess.Popen(  # noqa: S603 - what a job asks for is what this is here to run
        list(map(str, command)),
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        while process.poll() is None:
            if stopped():
                return Ended(None)
            _pass_on(process, received, LOOK_SECONDS)
        return Ended(process.returncode)
    finally:
        _end(process)
        _drain(process, received)


def sweep(variable: str, value: str) -> None:
    """End the processes that carry a variable and left their group, as daemons do; where the system tells of them (Linux)."""
    mark = f"{variable}={value}".encode()
    for entry in Path("/proc").glob("[0-9]*") if sys.platform == "linux" else ():
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the group: politely where its first process is still there, then not."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: "subprocess.Popen[bytes]", sent: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sent)


def _pass_on(process: "subprocess.Popen[bytes]", received: Callable[[bytes], None], seconds: float) -> bool:
    """Pass on what the command writes within some seconds; False where nothing came, or nothing more will."""
    if process.stdout is None or not select.select([process.stdout], [], [], seconds)[0]:
        return False
    if piece := os.read(process.stdout.fileno(), CHUNK):
        received(piece)
        return True
    time.sleep(seconds)  # the end of the stream is always ready to be read
    return False


def _drain(process: "subprocess.Popen[bytes]", received: Callable[[bytes], None]) -> None:
    while _pass_on(process, received, 0):
        pass
    if process.stdout is not None:
        process.stdout.close()
