"""Runs that are registered by processes which begin together, each forked from one that has imported the libraries already."""

import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["mlflow", "sklearn.metrics", "xgboost", "lightgbm", "zenml.client"])

BEGIN_SECONDS = 120
END_SECONDS = 240


def at_once(environment: Mapping[str, str], folder: Path, name: str, experiment: str, runs: Sequence[Sequence[str]]) -> list[int]:
    """Register runs, those of each list one after the other and the lists at once; return the last version of each list."""
    with ProcessPoolExecutor(len(runs), mp_context=_CONTEXT) as pool:
        given = [(dict(environment), str(folder), str(number), name, experiment, [*ids]) for number, ids in enumerate(runs)]
        begun = [pool.submit(_register, *words) for words in given]
        deadline = time.monotonic() + BEGIN_SECONDS
        while len([*folder.glob("*.ready")]) < len(runs) and time.monotonic() < deadline:
            time.sleep(0.01)
        (folder / "go").touch()
        return [found.result(END_SECONDS) for found in begun]


def _register(environment: dict[str, str], folder: str, number: str, name: str, experiment: str, runs: list[str]) -> int:
    os.environ.clear()
    os.environ.update(environment)

    from mlflow import MlflowClient

    from stackhouse.registrable import RegistrationRequest
    from stacks.registration import register_run

    client = MlflowClient()
    client.search_experiments(max_results=1)
    Path(folder, f"{number}.ready").touch()
    while not Path(folder, "go").exists():
        time.sleep(0.001)
    asked = [RegistrationRequest(name=name, experiment=experiment, run_id=run_id, aliases=("latest-model",)) for run_id in runs]
    return int([register_run(client, request).version for request in asked][-1])
