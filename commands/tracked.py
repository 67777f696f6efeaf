"""What commands that read an MLflow share: the stack's client, names of models, numbers and times in tables, output for machines."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from commands.model_file import read_model_file
from commands.progress import nowhere
from commands.working import on_stack
from stackhouse.errors import ConfigurationError
from stacks.home import PROJECT

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL_FILES = PROJECT / "configs" / "models"
_LEVELS = 3


@contextmanager
def tracked(stack: str | None, out: Console) -> "Iterator[MlflowClient]":
    """Give a client of the MLflow of a stack; where none is named, of the active one, or of `local` where that is none of ours.

    Raises:
        ConfigurationError: where there is no such stack.
        InfrastructureError: where the stack cannot be used or has no MLflow.
    """
    with on_stack(stack, out, "history"):
        from stacks.tracking import tracking_client

        yield tracking_client()


def registered_name(model: str) -> str:
    """Return the three-level name of a model that is named so, by its model file, or by the name of one in configs/models.

    Raises:
        ConfigurationError: where it is none of these, or the file cannot be used.
    """
    if model.endswith((".yaml", ".yml")):
        return read_model_file(Path(model)).registered_name
    if len(model.split(".")) == _LEVELS and all(model.split(".")):
        return model
    known = {file.stem: file for file in sorted(MODEL_FILES.glob("*.yaml"))}
    if model not in known:
        raise ConfigurationError(
            f"'{model}' names no model. Give catalog, schema and name, such as dev.flights.flight_delay; a model file; or the name of "
            f"one in configs/models: {', '.join(known)}."
        )
    return read_model_file(known[model]).registered_name


def number(value: float | None) -> str:
    """Write a metric as tables show it."""
    return "-" if value is None else f"{value:.4f}"


def moment(time: datetime) -> str:
    """Write a time in UTC to the minute."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def write_out(text: str) -> None:
    """Write what a machine reads to the standard output, as it is; nothing where nobody reads it any more."""
    try:
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere(sys.stdout)
