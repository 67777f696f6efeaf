"""Every way in which a job can end: a clear state on both sides, nothing orphaned, and a second try that works."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from rehearsal.emulator.faults import Fault
from rehearsal.session import SCOPE, Session, rehearsing
from stacks.databricks.retention import PLACE, RETENTION, place_of
from tests.client_process import SECONDS, ClientProcess
from tests.conftest import CLUSTER_ENVIRONMENTS, PROJECT

FOLDER = "/Workspace/Shared/.stackhouse"
FLIGHTS = """date,origin,dest,sched_dep_time,dep_delay,arr_delay,air_time
2013-01-01,JFK,LAX,900,-1.0,12.0,330.0
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with rehearsing(tmp_path_factory.mktemp("session") / "rehearsal", [], CLUSTER_ENVIRONMENTS) as session:
        yield session


@pytest.fixture(scope="module")
def here(session: Session) -> Iterator[ClientProcess]:
    """Who submits."""
    with ClientProcess.of("tests.rehearsal.submitting", session.environment()) as process:
        yield process


@pytest.fixture(scope="module")
def client(session: Session) -> WorkspaceClient:
    return WorkspaceClient(host=session.workspace.host, token=session.workspace.token)


def until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.1)
    return found


def leftovers(client: WorkspaceClient) -> dict[str, set[str]]:
    """What jobs have left in the workspace, by kind; each kind by the key that the three have in common."""
    jobs = {(job.settings.tags or {})["stackhouse_key"] for job in client.jobs.list() if job.settings}
    folders = (
        {str(item.path).rpartition("/")[2] for item in client.workspace.list(FOLDER)} if client.workspace.get_status(FOLDER) else set()
    )
    secrets = {str(secret.key)[:36] for secret in client.secrets.list_secrets(SCOPE)}
    return {"jobs": jobs, "folders": folders, "secrets": secrets}


def last_run(client: WorkspaceClient) -> Any:
    newest = max(client.jobs.list_runs(), key=lambda run: run.start_time or 0)
    return client.jobs.get_run(newest.run_id or 0)


def attempts(client: WorkspaceClient, run_id: int) -> list[tuple[int, str]]:
    """Number and state of each attempt of each task."""
    tasks = client.jobs.get_run(run_id).tasks or []
    return [(task.attempt_number, (task.state.result_state or task.state.life_cycle_state).value) for task in tasks]


def test_run_that_succeeds_is_completed_on_both_sides(here: ClientProcess, client: WorkspaceClient) -> None:
    ended = here.submit(steps=2)
    run = last_run(client)
    assert (ended["error"], ended["runs"][0]["status"]) == (None, "completed"), ended
    assert ended["runs"][0]["steps"] == {"load_source": "completed", "compute_features": "completed"}
    assert run.state.result_state.value == "SUCCESS"
    assert ended["runs"][0]["orchestrator_run_id"] == str(run.run_id)
    left = leftovers(client)
    assert left["jobs"] == left["folders"] == left["secrets"]
    assert ended["runs"][0]["id"] in left["jobs"]
    tags = client.jobs.get(run.job_id).settings.tags
    assert (tags[PLACE], tags[RETENTION]) == (place_of(FOLDER, SCOPE), "14")


def test_step_that_raises_ends_with_its_own_error(here: ClientProcess, client: WorkspaceClient, tmp_path: Path) -> None:
    ended = here.submit(steps=2, csv=str(tmp_path / "nothing.csv"))
    assert (ended["error"], ended["runs"][0]["status"]) == ("InfrastructureError", "failed")
    assert "nothing.csv" in ended["message"]
    assert ended["runs"][0]["steps"] == {"load_source": "failed"}
    states = {task.task_key: task.state.result_state.value for task in last_run(client).tasks}
    assert states == {"load_source": "FAILED", "compute_features": "UPSTREAM_FAILED"}


@pytest.mark.slow
def test_step_that_fails_once_succeeds_at_its_second_attempt(here: ClientProcess, client: WorkspaceClient, tmp_path: Path) -> None:
    """Although the run ends with the first step that fails: an attempt with another after it has not failed the run."""
    known = {run.run_id for run in client.jobs.list_runs()}
    flights = tmp_path / "flights.csv"
    here.start(csv=str(flights), retries=2)
    run = until(lambda: next((run for run in client.jobs.list_runs() if run.run_id not in known), None))
    until(lambda: attempts(client, run.run_id)[:1] == [(0, "FAILED")])
    flights.write_text(FLIGHTS)
    ended = here.end()
    assert (ended["error"], ended["runs"][0]["status"]) == (None, "completed"), ended
    assert ended["runs"][0]["steps"] == {"load_source": "completed"}
    assert attempts(client, run.run_id) == [(0, "FAILED"), (1, "SUCCESS")]


@pytest.mark.slow
def test_step_that_fails_at_every_attempt_ends_with_its_own_error(here: ClientProcess, client: WorkspaceClient, tmp_path: Path) -> None:
    ended = here.submit(csv=str(tmp_path / "nothing.csv"), retries=1)
    assert (ended["error"], ended["runs"][0]["status"]) == ("InfrastructureError", "failed"), ended
    assert "nothing.csv" in ended["message"]
    assert ended["runs"][0]["steps"] == {"load_source": "failed"}
    assert attempts(client, last_run(client).run_id) == [(0, "FAILED"), (1, "FAILED")]


@pytest.mark.slow
def test_library_that_does_not_exist_ends_the_run_before_any_code(here: ClientProcess, client: WorkspaceClient) -> None:
    ended = here.submit(settings={"libraries": ["no-such-library-of-ours==1.0"]})
    assert (ended["error"], ended["runs"][0]["status"]) == ("InfrastructureError", "failed")
    assert "no-such-library-of-ours==1.0" in ended["message"]
    assert "LIBRARY_INSTALLATION_ERROR" in ended["message"]
    assert ended["runs"][0]["steps"] == {}


@pytest.mark.slow
def test_task_that_hangs_is_ended_by_its_timeout(here: ClientProcess, client: WorkspaceClient) -> None:
    ended = here.submit(settings={"task_timeout_seconds": 1})
    assert (ended["error"], ended["runs"][0]["status"]) == ("InfrastructureError", "failed")
    assert "load_source" in ended["message"]
    assert {task.state.result_state.value for task in last_run(client).tasks} == {"TIMEDOUT"}
    assert set(ended["runs"][0]["steps"].values()) <= {"failed"}


@pytest.mark.slow
def test_compute_that_does_not_start_in_time_is_cancelled(here: ClientProcess, client: WorkspaceClient) -> None:
    ended = here.submit(settings={"start_timeout_seconds": 1, "libraries": ["another-missing-library==2.0"]})
    assert (ended["error"], ended["runs"][0]["status"]) in {("InfrastructureError", "failed"), ("InfrastructureError", "stopped")}
    assert last_run(client).state.life_cycle_state.value in {"TERMINATED", "INTERNAL_ERROR", "SKIPPED"}


@pytest.mark.slow
def test_run_cancelled_in_the_workspace_is_stopped_here(here: ClientProcess, client: WorkspaceClient) -> None:
    known = {run.run_id for run in client.jobs.list_runs()}
    here.start(steps=2)
    run = until(lambda: next((run for run in client.jobs.list_runs() if run.run_id not in known), None))
    until(lambda: client.jobs.get_run(run.run_id).state.life_cycle_state.value == "RUNNING")
    client.jobs.cancel_run(run.run_id)
    ended = here.end()
    assert (ended["error"], ended["runs"][0]["status"]) == ("InfrastructureError", "stopped")
    assert "cancelled" in ended["message"]
    assert set(ended["runs"][0]["steps"].values()) <= {"stopped"}


@pytest.mark.slow
def test_run_stopped_by_zenml_is_cancelled_in_the_workspace(session: Session, here: ClientProcess, client: WorkspaceClient) -> None:
    known = {run.run_id for run in client.jobs.list_runs()}
    here.start(steps=2)
    run = until(lambda: next((run for run in client.jobs.list_runs() if run.run_id not in known), None))
    until(lambda: client.jobs.get_run(run.run_id).state.life_cycle_state.value == "RUNNING")
    record = client.jobs.get(run.job_id).settings.tags["stackhouse_key"]
    stopped = subprocess.run(
        [str(Path(sys.executable).parent / "zenml"), "pipeline", "runs", "stop", record, "--yes"],
        env=session.environment(),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    ended = here.end()
    assert client.jobs.get_run(run.run_id).state.result_state.value == "CANCELED", stopped
    assert ended["runs"][0]["status"] == "stopped", (ended, stopped)
    assert (ended["runs"][0]["id"], ended["runs"][0]["orchestrator_run_id"]) == (record, str(run.run_id))


PASSING = [
    ("429", "POST", "jobs/create", 3),
    ("429", "GET", "jobs/runs/get", 10),
    ("503", "POST", "workspace/import", 2),
    ("503", "PUT", "fs/files", 3),
    ("drop_after", "POST", "jobs/run-now", 1),
]


@dataclass
class BadDay:
    """A run of one step that met every passing fault."""

    ended: dict[str, Any]
    faults: list[Fault]
    new_runs: int


@pytest.fixture(scope="module")
def bad_day(session: Session, here: ClientProcess, client: WorkspaceClient) -> BadDay:
    runs_before = len(list(client.jobs.list_runs()))
    for kind, method, path, times in PASSING:
        session.workspace.faults.plan(kind, method, path, times)
    faults = session.workspace.faults.planned[-len(PASSING) :]
    return BadDay(here.submit(), faults, len(list(client.jobs.list_runs())) - runs_before)


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "method", "path", "times"), PASSING)
def test_passing_fault_is_survived(bad_day: BadDay, kind: str, method: str, path: str, times: int) -> None:
    [met] = [fault for fault in bad_day.faults if (fault.kind, fault.method, fault.path) == (kind, method, path)]
    assert met.times == 0, f"{met.times} of {times} did not happen"
    assert (bad_day.ended["error"], bad_day.ended["runs"][0]["status"]) == (None, "completed"), bad_day.ended
    assert bad_day.new_runs == 1


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), [("POST", "workspace/import"), ("POST", "jobs/create"), ("POST", "secrets/put")])
def test_connection_dropped_during_submission_leaves_nothing_and_a_second_try_works(
    session: Session, here: ClientProcess, client: WorkspaceClient, method: str, path: str
) -> None:
    before = leftovers(client)
    session.workspace.faults.plan("drop_after", method, path)
    ended = here.submit()
    assert ended["error"] == "InfrastructureError", ended
    assert session.workspace.faults.planned[-1].times == 0
    assert leftovers(client) == before
    assert here.submit()["runs"][0]["status"] == "completed"


@pytest.mark.slow
def test_schedule_fires_three_times_and_gives_three_runs(session: Session, here: ClientProcess, client: WorkspaceClient) -> None:
    known = {run["id"] for run in here.submit(look=True)["runs"]}
    runs_before = len(list(client.jobs.list_runs()))
    ended = here.submit(schedule="0 2 * * 0")
    assert ended["error"] is None, ended
    job = next(job for job in client.jobs.list() if job.settings and job.settings.schedule)
    assert job.settings.schedule.as_dict() | {"pause_status": "UNPAUSED"} == {
        "quartz_cron_expression": "0 0 2 ? * SUN",
        "timezone_id": "UTC",
        "pause_status": "UNPAUSED",
    }
    assert len(list(client.jobs.list_runs())) == runs_before, "no run at once"
    for firing in range(1, 4):
        session.workspace.clock.move(timedelta(days=7))
        fired = until(lambda count=firing: (runs := list(client.jobs.list_runs(job_id=job.job_id))) and len(runs) == count and runs)
        until(lambda run=fired[0]: client.jobs.get_run(run.run_id).state.life_cycle_state.value == "TERMINATED", SECONDS)
    fired = list(client.jobs.list_runs(job_id=job.job_id))
    assert [run.state.result_state.value for run in fired] == ["SUCCESS"] * 3
    records = [run for run in here.submit(look=True)["runs"] if run["id"] not in known]
    assert [run["status"] for run in records] == ["completed"] * 3
    assert {run["orchestrator_run_id"] for run in records} == {str(run.run_id) for run in fired}


@pytest.mark.slow
def test_no_secret_stands_in_a_job_a_log_a_file_or_the_page(session: Session, client: WorkspaceClient) -> None:
    from urllib.request import urlopen

    workspace = session.workspace
    stored = {key: workspace.secrets.get(SCOPE, key).decode() for key in workspace.secrets.list(SCOPE)}
    planted = {"the workspace's token": workspace.token, "the server's key": session.zenml["ZENML_STORE_API_KEY"], **stored}
    assert any(len(value) > 20 for value in stored.values())
    jobs = {f"job {job.job_id}": json.dumps(client.jobs.get(job.job_id or 0).as_dict()) for job in client.jobs.list()}
    runs = {
        f"output of {task.task_key} {task.run_id}": json.dumps(client.jobs.get_run_output(task.run_id or 0).as_dict())
        for run in client.jobs.list_runs()
        for task in client.jobs.get_run(run.run_id or 0).tasks or []
    }
    pages = {}
    for run in client.jobs.list_runs():
        with urlopen(f"{session.page}/runs/{run.run_id}") as answer:
            pages[f"page of run {run.run_id}"] = answer.read().decode()
    texts = jobs | runs | pages
    assert len(texts) > 20
    found = [(where, name) for where, text in texts.items() for name, value in planted.items() if value in text]
    own = ("zenml_server/", "client/")  # ZenML's own store and its client's credentials
    files = [
        path for path in session.folder.rglob("*") if path.is_file() and not path.relative_to(session.folder).as_posix().startswith(own)
    ]
    assert len(files) > 50
    found += [(str(path), name) for path in files for name, value in planted.items() if value.encode() in path.read_bytes()]
    assert found == []
