"""A process that registers runs, one after the other, as soon as it is let go; told of by lines, see `tests/client_process.py`."""

import os
import time
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from stackhouse.registrable import RegistrationRequest
from stacks.registration import register_run
from tests.client_process import answer

BEGIN_SECONDS = 120


def register(case: dict[str, Any]) -> int:
    """Say by a file that all is ready, wait for `go`, register the runs; return the last version."""
    os.environ.clear()  # of the place before
    os.environ.update(case["environment"])
    client = MlflowClient()
    client.search_experiments(max_results=1)
    folder = Path(case["folder"])
    (folder / f"{os.getpid()}.ready").touch()
    deadline = time.monotonic() + BEGIN_SECONDS
    while not (folder / "go").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    asked = {"name": case["name"], "experiment": case["experiment"], "aliases": ("latest-model",)}
    versions = [register_run(client, RegistrationRequest(run_id=run_id, **asked)).version for run_id in case["runs"]]
    return int(versions[-1])


if __name__ == "__main__":
    answer(register)
