"""A process whose stack is the rehearsal: it is told of one case after the other, as a notebook is that stays open.

That zenml is imported and the stack brought up once is what it saves; each task on the emulated cluster is a process of its own.
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from rehearsal.session import Session
from tests.conftest import PROJECT

SECONDS = 240


class ClientProcess:
    """A client that submits while the tests look on."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._said: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    @classmethod
    @contextmanager
    def of(cls, session: Session) -> Iterator[Self]:
        """Start it, and end it with the block."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "tests.rehearsal.submitting"],
            cwd=PROJECT,
            env=session.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                yield cls(process)
            finally:
                process.kill()

    def start(self, **case: Any) -> None:
        """Begin a case; what becomes of it is what `end` returns."""
        self._process.stdin.write(f"{json.dumps(case)}\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """Wait for the end of what was begun; what the process said meanwhile is returned as `said`."""
        said, deadline = [], time.monotonic() + SECONDS
        while True:
            try:
                line = self._said.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                line = None
            assert line is not None, "".join(said)
            if line.startswith("RESULT "):
                found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
                return found | {"said": "".join(said)}
            said.append(line)

    def submit(self, **case: Any) -> dict[str, Any]:
        """Begin a case, and wait for its end."""
        self.start(**case)
        return self.end()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self._said.put(line)
        self._said.put(None)
