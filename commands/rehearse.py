"""`stackhouse rehearse`: a model file on the local stack and on an emulated workspace, side by side."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.effective_model import Flags, read_model
from commands.environments import variables
from commands.progress import console
from rehearsal.comparison import Difference, differences
from rehearsal.processes import left_on_sigterm
from rehearsal.session import Session, clean_environment, rehearsing
from stacks.home import PROJECT, home, require_writable

NEEDED_MB = 2500
"""Room for the environment of the emulated cluster, where it cannot be linked from the installer's cache."""

_SHOWN = ("roc_auc", "f1", "accuracy", "log_loss")


class _CommandFailedError(Exception):
    """A command of one of the stacks left with an error, which it has printed itself."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


def rehearse(model_file: Path, flags: Flags, *, score: bool, keep: bool) -> int:
    """Run everything, as flags and environment have it, print both results beside each other, and stop everything.

    Returns:
        0 where the results are equal, 1 where they differ, else what the command that failed has left with.

    Raises:
        StackhouseError: where the model file or a flag is wrong, or a server does not start.
    """
    spec = read_model(model_file, flags).spec
    out = console()
    require_writable(home(), NEEDED_MB)
    folder = home() / "rehearsal"
    out.print("[bold]Rehearsal[/]  the job that Databricks would get, run by an emulator on this machine")
    out.print("Starting a ZenML server, an MLflow server and the emulator …")
    with left_on_sigterm(), rehearsing(folder, [(spec.catalog, spec.schema_name)], home() / "cluster_environments") as session:
        out.print(f"Jobs, tasks and logs: {session.page}")
        local = folder / "local"
        beside = clean_environment() | {"STACKHOUSE_HOME": str(local), "ZENML_CONFIG_PATH": str(local / "zenml")}
        try:
            commands = _commands(model_file, flags, score=score)
            here = _outcomes(out, "local", commands, beside | variables(), folder / "outcomes")
            there = _outcomes(out, "rehearsal", commands, session.environment() | variables(), folder / "outcomes")
            if len(here) < len(commands):
                out.print("\nNothing was scored: the model was not approved, so there is no champion to score with.")
            differing = [found for pair in zip(here, there, strict=False) for found in differences(*pair)]
            _show(out, here, there, differing)
            exit_code = 1 if differing else 0
        except _CommandFailedError as failure:
            exit_code = failure.exit_code
        if keep:
            _hold(out, session)
    out.print(f"Everything is stopped. Logs and the workspace's files stay in {folder} until the next rehearsal.")
    return exit_code


def _commands(model_file: Path, flags: Flags, *, score: bool) -> list[list[str]]:
    """The commands that are run on each stack, without what names it."""
    file = str(model_file.absolute())
    run = ["run", file, *flags.arguments]
    return [run, ["score", file, *replace(flags, baseline_f1=None).arguments]] if score else [run]


def _outcomes(
    out: Console, stack: str, commands: Sequence[Sequence[str]], environment: Mapping[str, str], folder: Path
) -> list[dict[str, Any]]:
    """Run the commands on a stack as far as there is a model, each in a process of its own, since a process has one ZenML store."""
    found = []
    for command, *arguments in commands:
        file = folder / f"{stack}_{command}.json"
        begun = time.monotonic()
        out.print(f"\n[bold]stackhouse {command} --stack {stack}[/]")
        out.file.flush()
        _run([command, *arguments, "--stack", stack, "--output-file", str(file)], environment)
        outcome = json.loads(file.read_text(encoding="utf-8"))
        found.append(outcome | {"seconds": outcome["seconds"] | {f"stackhouse {command}": time.monotonic() - begun}})
        if outcome["verdict"] not in {None, "APPROVED"}:
            break
    return found


def _run(arguments: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run([sys.executable, "-m", "commands.main", *arguments], env=dict(environment), cwd=PROJECT, check=False)  # noqa: S603 - our own command
    if done.returncode not in {0, 1}:
        raise _CommandFailedError(done.returncode)


def _show(out: Console, here: list[dict[str, Any]], there: list[dict[str, Any]], differing: list[Difference]) -> None:
    out.print()
    out.print(_side_by_side(here, there))
    if not differing:
        out.print("[bold green]EQUAL[/]  rows, metrics to the last bit, signature, metadata and tags of the version")
        return
    out.print(f"[bold red]DIFFERENT[/]  in {len(differing)} places")
    for found in differing[:20]:
        out.print(f"  {escape(found.where)}: local {escape(repr(found.here))}, rehearsal {escape(repr(found.there))}")


def _side_by_side(here: list[dict[str, Any]], there: list[dict[str, Any]]) -> Grid:
    grid = Grid(title="Side by side", title_justify="left", box=None, padding=(0, 2), pad_edge=False)
    grid.add_column("", style="bold")
    for title in ("local", "rehearsal"):
        grid.add_column(title, justify="right")
    for one, other in zip(here, there, strict=False):
        for name in one["tables"]:
            grid.add_row(f"{name}, rows", *(f"{outcome['tables'].get(name, {}).get('rows') or 0:,}" for outcome in (one, other)))
        for name in _SHOWN:
            if name in one["metrics"].get("test", {}):
                grid.add_row(name, *(repr(outcome["metrics"].get("test", {}).get(name)) for outcome in (one, other)))
        if one["verdict"]:
            grid.add_row("verdict", one["verdict"], str(other["verdict"]))
        for name in one["seconds"]:
            if name.startswith("stackhouse "):
                grid.add_row(f"{name}, s", *(f"{outcome['seconds'].get(name, 0):.0f}" for outcome in (one, other)))
    return grid


def _hold(out: Console, session: Session) -> None:
    out.print(f"\nThe workspace stays up until Ctrl-C: {session.page}")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        out.print()
