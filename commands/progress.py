"""What a command prints: a console, a calm line for each step of a pipeline and each trial of a search. ZenML's full log goes to a file.

ZenML offers no event for a step that is served from the cache, so its log records are what is listened to.
"""

import importlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console

_FINISHED = re.compile(r"Step `?([\w-]+)`? has finished in `?([\d.hms ]+)`?")
_TRIAL = re.compile(r"Trial (\d+ of \d+: .*)")
_CACHED = re.compile(r"Using cached version of step `?([\w-]+)`?")


class _Screen(Console):
    """Goes on in silence where nobody reads any more: what a command does, and its exit code, are not those of `| head -1`."""

    def on_broken_pipe(self) -> None:
        """Let what is still to be printed go nowhere. Source: Python's documentation of SIGPIPE."""
        nowhere(sys.stderr if self.stderr else sys.stdout)


def nowhere(stream: TextIO) -> None:
    """Let everything that is still written to a stream go nowhere."""
    with Path(os.devnull).open("w", encoding="utf-8") as sink:
        os.dup2(sink.fileno(), stream.fileno())


def console(*, stderr: bool = False) -> Console:
    """Return the console of our commands; wide enough for the last screen where the output is not a terminal.

    With `stderr` it leaves the standard output to what a machine reads.
    """
    width = None if (sys.stderr if stderr else sys.stdout).isatty() else 120
    return _Screen(highlight=False, soft_wrap=True, width=width, stderr=stderr)


class _StepLines(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__(logging.INFO)
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if found := _FINISHED.search(message):
            self._console.print(f"  [green]✓[/] {found[1]:<22} [dim]{found[2]:>8}[/]")
        elif found := _CACHED.search(message):
            self._console.print(f"  [blue]=[/] {found[1]:<22} [dim]  cached[/]")
        elif found := _TRIAL.match(message):
            self._console.print(f"    [dim]trial {found[1]}[/]")


@contextmanager
def step_lines(console: Console, log_file: Path) -> Iterator[None]:
    """Print a line for each step that ends, and write everything that is logged to `log_file`.

    ZenML and MLflow set up their own handlers when they are imported, so both are imported before theirs are put aside.
    """
    for library in ("mlflow", "zenml.logger"):
        importlib.import_module(library)

    log_file.parent.mkdir(parents=True, exist_ok=True)
    everything = logging.FileHandler(log_file, mode="a", encoding="utf-8")
    everything.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    before = {logger: (logger.handlers[:], logger.level) for logger in (root, logging.getLogger("zenml"), logging.getLogger("mlflow"))}
    for logger in before:
        logger.handlers[:] = []
    logging.captureWarnings(capture=True)
    root.handlers[:] = [everything, _StepLines(console)]
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, (handlers, level) in before.items():
            logger.handlers[:] = handlers
            logger.setLevel(level)
        logging.captureWarnings(capture=False)
        everything.close()
