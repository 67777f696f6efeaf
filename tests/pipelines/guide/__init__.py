"""Scripts that call the four commands: the examples of the training pipeline guide, and what runs them as a user's shell does."""

import io
import json
import os
import subprocess
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable, write_deltalake

from commands import prepare_data, register_model, train_model, validate_model
from tests.conftest import PROJECT
from tests.pipelines.conftest import BIN

FOLDER = Path(__file__).parent
HOME = Path(os.environ["STACKHOUSE_HOME"])
"""The home that these tests share, with its ZenML store; commands that are called in this process work there."""
_MINUTES = 15

_APPS = {"prepare_data": prepare_data.app, "train_model": train_model.app, "register_model": register_model.app} | {
    "validate_model": validate_model.app
}


def script(name: str, **lines: str) -> str:
    """Return a script of this folder; the line that sets a variable of `lines` becomes the one that is given."""
    text = (FOLDER / f"{name}.sh").read_text(encoding="utf-8")
    for variable, line in lines.items():
        [before] = [found for found in text.splitlines() if found.startswith(f"{variable}=")]
        text = text.replace(before, f"{variable}={line}")
    return text


def run_script(text: str, *words: str, home: Path = HOME, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in a shell that finds the console scripts, in the repository's folder."""
    foreign = ("MLFLOW_TRACKING_", "MLFLOW_REGISTRY_", "ZENML_CUSTOM_SOURCE_ROOT")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    ours = {"PATH": f"{BIN}:{os.environ['PATH']}", "STACKHOUSE_HOME": str(home), "ZENML_CONFIG_PATH": str(home / "zenml")}
    return subprocess.run(
        ["bash", "-c", text, "script", *words],
        cwd=PROJECT,
        env=inherited | ours | environment,
        capture_output=True,
        text=True,
        timeout=60 * _MINUTES,
        check=False,
    )


def answer(*command: str, code: int = 0) -> Any:
    """Call one of the commands with --json in this process, which takes a fraction of the time, and return its document."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        left = _APPS[command[0]]([*command[1:], "--json"], result_action="return_value")
    assert left == code, printed.getvalue()
    return json.loads(printed.getvalue())


def write_table(name: str, frame: pl.DataFrame) -> None:
    """Write a table as another tool does that knows neither keys nor roles."""
    folder = HOME.joinpath("feature_store", *name.split("."))
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_deltalake(str(folder), frame.to_arrow())


def table(name: str) -> DeltaTable:
    """Open a table of the feature store."""
    return DeltaTable(str(HOME.joinpath("feature_store", *name.split("."))))
