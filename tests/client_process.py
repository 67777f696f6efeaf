"""A process that is told of one case after the other, a line of JSON each, and answers each with a line of its own.

What it saves is that the libraries are imported once and not for every case. A module that is run so calls `answer`.
"""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from stacks.home import PROJECT

RESULT = "RESULT "
SECONDS = 240


def answer(work: Callable[[dict[str, Any]], Any]) -> None:
    """Do the work of each line that comes, and print what came of it; what it raises ends the process."""
    for line in sys.stdin:
        print(RESULT + json.dumps(work(json.loads(line))), flush=True)  # noqa: T201


class ClientProcess:
    """A process that works while the tests look on."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._said: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    @classmethod
    @contextmanager
    def of(cls, module: str, environment: Mapping[str, str]) -> Iterator[Self]:
        """Start a module of the tests, and end it with the block."""
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", module],
            cwd=PROJECT,
            env=dict(environment),
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

    def end(self) -> Any:
        """Wait for the end of what was begun, and return the answer; fails with what the process said where there is none."""
        said, deadline = [], time.monotonic() + SECONDS
        while True:
            try:
                line = self._said.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                line = None
            assert line is not None, "".join(said)
            if line.startswith(RESULT):
                return json.loads(line.removeprefix(RESULT))
            said.append(line)

    def submit(self, **case: Any) -> Any:
        """Begin a case, and wait for its end."""
        self.start(**case)
        return self.end()

    def _listen(self) -> None:
        for line in self._process.stdout:
            self._said.put(line)
        self._said.put(None)
