"""`stackhouse rehearse` on real flights: both stacks come to the same, and nothing but this machine is needed for it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from deltalake import DeltaTable

from tests.conftest import CLUSTER_ENVIRONMENTS, PROJECT
from tests.pipelines.conftest import small_model

SECONDS = 1500
ALONE = ["unshare", "--net", "--map-root-user"]
"""What puts a command into a network namespace of its own."""
LOOPBACK = """
import fcntl, os, socket, struct, sys
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: loopback is up
os.execv(sys.argv[1], sys.argv[1:])
"""


def alone() -> list[str]:
    """The words before a command that leave it loopback and no other network; none where this machine does not allow that."""
    words = [*ALONE, sys.executable, "-c", LOOPBACK]
    try:
        tried = subprocess.run([*words, "/bin/true"], capture_output=True, timeout=60, check=False)
    except OSError:
        return []
    return words if tried.returncode == 0 else []


class Rehearsed:
    """What one rehearsal left behind."""

    def __init__(self, home: Path, run: "subprocess.CompletedProcess[str]") -> None:
        self.folder, self.exit_code, self.said = home / "rehearsal", run.returncode, run.stdout + run.stderr

    def outcome(self, stack: str, command: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "outcomes" / f"{stack}_{command}.json").read_text(encoding="utf-8"))
        return found


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    home = tmp_path_factory.mktemp("home")
    file = home / "flights.yaml"
    file.write_text(yaml.safe_dump(small_model("rehearsed")), encoding="utf-8")
    (home / "cluster_environments").symlink_to(CLUSTER_ENVIRONMENTS)
    CLUSTER_ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ZENML_", "MLFLOW_"))}
    run = subprocess.run(
        [*alone(), sys.executable, "-m", "commands.main", "rehearse", str(file), "--score"],
        cwd=PROJECT,
        env=environment | {"STACKHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Rehearsed(home, run)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS)
def test_command_says_that_both_stacks_are_equal_and_leaves_with_0(rehearsed: Rehearsed) -> None:
    assert rehearsed.exit_code == 0, rehearsed.said
    assert "EQUAL  rows, metrics to the last bit, signature, metadata and tags of the version" in rehearsed.said
    assert "Everything is stopped." in rehearsed.said


@pytest.mark.slow
def test_training_is_equal_in_all_but_the_name_of_the_stack(rehearsed: Rehearsed) -> None:
    local, remote = rehearsed.outcome("local", "run"), rehearsed.outcome("rehearsal", "run")
    assert {key: value for key, value in local.items() if key not in {"stack", "seconds"}} == {
        key: value for key, value in remote.items() if key not in {"stack", "seconds"}
    }
    assert (local["stack"], remote["stack"]) == ("local", "rehearsal")
    assert remote["verdict"] == "APPROVED"
    assert remote["metrics"]["test"]["roc_auc"] > 0.52
    assert remote["tables"]["dev.rehearsed.route_day_features"]["rows"] == 13_198
    assert json.loads(remote["signature"]["outputs"]) == [{"type": "long", "required": True}]
    assert remote["metadata"]["feature_lookups"][0]["table_name"] == "dev.rehearsed.route_day_features"


@pytest.mark.slow
def test_rows_of_every_table_are_equal_one_by_one(rehearsed: Rehearsed) -> None:
    stores = rehearsed.folder / "local" / "feature_store", rehearsed.folder / "feature_store"
    tables = sorted(path.parent.relative_to(stores[0]) for path in stores[0].rglob("_delta_log"))
    assert [table.name for table in tables] == ["rehearsed_predictions", "route_day_features", "route_day_labels"]
    for table in tables:
        here, there = (DeltaTable(str(store / table)).to_pyarrow_table().to_pandas() for store in stores)
        columns = [column for column in here.columns if column != "scored_at"]
        keys = [column for column in columns if column in {"origin", "dest", "known_at", "label_time"}]
        here, there = (rows.sort_values(keys)[columns].reset_index(drop=True) for rows in (here, there))
        assert len(here) > 1000
        assert here.equals(there), table


@pytest.mark.slow
def test_batch_inference_is_equal(rehearsed: Rehearsed) -> None:
    local, remote = rehearsed.outcome("local", "score"), rehearsed.outcome("rehearsal", "score")
    assert local["metrics"] == remote["metrics"] == {"scoring": {"rows": 3855, "positives": 648, "without_features": 51}}


@pytest.mark.slow
def test_every_step_was_a_task_of_its_own_in_a_clean_environment(rehearsed: Rehearsed) -> None:
    logs = [path.stem for path in rehearsed.folder.glob("workspace/runs/*/*.log")]
    steps = [name.partition(".")[2] for name in rehearsed.outcome("rehearsal", "run")["seconds"] if "." in name]
    scoring = [name.partition(".")[2] for name in rehearsed.outcome("rehearsal", "score")["seconds"] if "." in name]
    assert sorted(logs) == sorted([*steps, *scoring])
    assert len(logs) == 23


@pytest.mark.slow
def test_no_other_network_than_loopback_was_there(rehearsed: Rehearsed) -> None:
    words = alone()
    if not words:
        pytest.skip("this machine allows no network namespaces, so the rehearsal ran with its network")
    reach = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"
    outside = subprocess.run([*words, sys.executable, "-c", reach], capture_output=True, text=True, timeout=60, check=False)
    assert "Network is unreachable" in outside.stderr
    with socket.socket() as here:
        here.bind(("127.0.0.1", 0))
    assert rehearsed.exit_code == 0


@pytest.mark.slow
def test_nothing_goes_on_after_the_end(rehearsed: Rehearsed) -> None:
    folder = str(rehearsed.folder).encode()
    mine = [path for path in Path("/proc").glob("[0-9]*/cmdline") if path.parent.name != str(os.getpid()) and folder in _read(path)]
    assert mine == []


def test_file_with_a_schedule_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "scheduled.yaml"
    file.write_text(yaml.safe_dump(small_model("scheduled") | {"schedule": {"cron_expression": "0 2 * * 0"}}), encoding="utf-8")
    run = rehearse(file, tmp_path)
    assert run.returncode == 2
    assert "has a schedule, so nothing would run now" in run.stderr


def test_unknown_environment_is_refused_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "flights.yaml"
    file.write_text(yaml.safe_dump(small_model("environment")), encoding="utf-8")
    run = rehearse(file, tmp_path, "--environment", "night")
    assert run.returncode == 2
    assert "--environment is 'night'" in run.stderr
    assert not (tmp_path / "rehearsal").exists()


def test_second_rehearsal_in_the_same_home_is_refused(tmp_path: Path) -> None:
    from filelock import FileLock

    file = tmp_path / "flights.yaml"
    file.write_text(yaml.safe_dump(small_model("twice")), encoding="utf-8")
    with FileLock(tmp_path / "rehearsal.lock"):
        run = rehearse(file, tmp_path)
    assert run.returncode == 5
    assert "A rehearsal is going on in" in run.stderr
    assert not (tmp_path / "rehearsal" / "zenml_server").exists()


def rehearse(file: Path, home: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "commands.main", "rehearse", str(file), *flags],
        cwd=PROJECT,
        env={**os.environ, "STACKHOUSE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
