"""A run that is killed in any step can be run again: nothing half-written, nothing registered twice."""

import os
import re
import time
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import yaml
from deltalake import DeltaTable
from mlflow import MlflowClient

from tests import forked
from tests.conftest import PROJECT
from tests.pipelines.conftest import small_model

TIMEOUT_SECONDS = 300
STARTED = re.compile(r"Step `(\w+)` has started")


def start(home: Path, model_file: Path) -> BaseProcess:
    environment = {**os.environ, "STACKHOUSE_HOME": str(home), "ZENML_CONFIG_PATH": str(home / "zenml")}
    return forked.start(("stackhouse", "run", str(model_file)), PROJECT, environment)


def ended_with(run: BaseProcess) -> int | None:
    run.join(TIMEOUT_SECONDS)
    return run.exitcode


def started(home: Path) -> list[tuple[str, str]]:
    """Pipeline and step of each step that the latest run in a home has started, in order."""
    log = home / "logs" / "run.log"
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    runs = re.split(r"Initiating a new run for the pipeline: `(\w+)`", text)[1:]
    return [(pipeline, step) for pipeline, lines in zip(runs[::2], runs[1::2], strict=True) for step in re.findall(STARTED, lines)]


def kill_in(home: Path, model_file: Path, step: tuple[str, str]) -> bool:
    """Run until a step has started, then send SIGKILL (what `kill` of a process is); False where the run ended before."""
    (home / "logs" / "run.log").unlink(missing_ok=True)
    run = start(home, model_file)
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while run.is_alive() and time.monotonic() < deadline:
            if step in started(home):
                return True
            time.sleep(0.005)
    finally:
        run.kill()
        run.join()
    return False


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_run_killed_in_every_step_in_turn_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """Twenty kills, each followed by another start, and then a run to the end."""
    home, model_file = tmp_path / "home", tmp_path / "killed.yaml"
    model_file.write_text(yaml.safe_dump(small_model("killed")), encoding="utf-8")
    assert ended_with(start(tmp_path / "untouched", model_file)) == 0
    steps = started(tmp_path / "untouched")
    assert len(steps) == 20
    assert [step for step in steps if kill_in(home, model_file, step)] == steps
    assert ended_with(start(home, model_file)) == 0

    client = MlflowClient(f"sqlite:///{home}/artifacts/mlflow.db", registry_uri=f"sqlite:///{home}/artifacts/mlflow.db")
    versions = client.search_model_versions("name = 'dev.killed.killed'")
    assert len({found.run_id for found in versions}) == len(versions)
    for found in versions:
        assert {"environment", "git_sha", "registered_at", "f1_score", "trained_until"} <= set(found.tags)
    for alias in ("latest-model", "champion"):
        assert int(client.get_model_version_by_alias("dev.killed.killed", alias).version) == len(versions) == 1
    for table in ("route_day_features", "route_day_labels"):
        delta = DeltaTable(str(home / "feature_store" / "dev" / "killed" / table))
        assert delta.version() == 1
        assert delta.count() > 1_000
