"""What of earlier jobs is removed: by the place and the days of each job, whoever asks, and never what is about to run."""

import re
import time
from collections.abc import Callable

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import ConditionTask, ConditionTaskOp, CronSchedule, Task

from rehearsal.emulator import run_states
from rehearsal.emulator.workspace import Workspace
from stacks.databricks.retention import KEY, PLACE, RETENTION, place_of, remove_old, tags_of
from stacks.databricks.upload import Baggage
from tests.rehearsal.job_material import wait_for

FOLDER, SCOPE = "/Workspace/Shared/.stackhouse", "stackhouse"
HOUR, DAY = 1.0, 24.0

Make = Callable[..., int]


@pytest.fixture
def make(workspace: Workspace, client: WorkspaceClient) -> Make:
    """Make a job as somebody has left it some hours ago, with a folder and a secret of its own, run or not."""

    def make(
        key: str, hours: float, retention_days: int, folder: str = FOLDER, scope: str = SCOPE, *, ran: bool = True, **more: object
    ) -> int:
        if scope not in {found.name for found in client.secrets.list_scopes()}:
            client.secrets.create_scope(scope)
        baggage = Baggage(client, folder, scope, key)
        client.workspace.mkdirs(baggage.path)
        baggage.hide_secrets({"API_TOKEN": "x"})
        task = Task(task_key="a", condition_task=ConditionTask(op=ConditionTaskOp.EQUAL_TO, left="1", right="1"))
        given = {"tags": tags_of(baggage, retention_days)} | more
        job_id = client.jobs.create(name=key, tasks=[task], **given).job_id
        workspace.jobs.jobs[job_id].created_time = int((time.time() - hours * 3600) * 1000)
        if ran:
            run_id = client.jobs.run_now(job_id).run_id
            wait_for(lambda: workspace.jobs.runs[run_id].state.finished)
        return job_id

    return make


def left(client: WorkspaceClient, folder: str = FOLDER, scope: str = SCOPE) -> tuple[set[str], set[str], set[str]]:
    """Keys of jobs, folders and secrets that are still there."""
    jobs = {str(job.settings.name) for job in client.jobs.list()}
    folders = {str(found.path).rpartition("/")[2] for found in client.workspace.list(folder)}
    return jobs, folders, {str(secret.key).removesuffix("-api-token") for secret in client.secrets.list_secrets(scope)}


def test_job_is_removed_with_its_folder_and_secrets_when_its_own_days_are_over(client: WorkspaceClient, make: Make) -> None:
    make("over", 14 * DAY + 1, 14)
    make("not_over", 14 * DAY - 1, 14)
    make("of_a_team_that_keeps_longer", 89 * DAY, 90)
    assert remove_old(client, FOLDER, SCOPE) == 1
    kept = {"not_over", "of_a_team_that_keeps_longer"}
    assert left(client) == (kept, kept, kept)


@pytest.mark.parametrize(("folder", "scope"), [("/Workspace/Shared/other", SCOPE), (FOLDER, "other")])
def test_job_of_another_folder_or_scope_is_left_to_its_own_stack(client: WorkspaceClient, make: Make, folder: str, scope: str) -> None:
    make("theirs", 99 * DAY, 14, folder, scope)
    make("mine", 99 * DAY, 14)
    assert remove_old(client, FOLDER, SCOPE) == 1
    assert left(client, folder, scope) == ({"theirs"}, {"theirs"}, {"theirs"})
    assert remove_old(client, folder, scope) == 1
    assert left(client, folder, scope) == (set(), set(), set())


@pytest.mark.parametrize(("hours", "ran", "removed"), [(0.01, True, 1), (HOUR - 0.01, False, 0), (HOUR + 0.01, False, 1)])
def test_job_that_has_never_run_is_left_for_an_hour_whatever_its_retention(
    client: WorkspaceClient, make: Make, hours: float, ran: bool, removed: int
) -> None:
    make("new", hours, 0, ran=ran)
    assert remove_old(client, FOLDER, SCOPE) == removed


def test_job_that_is_scheduled_or_running_is_left(workspace: Workspace, client: WorkspaceClient, make: Make) -> None:
    make("scheduled", 99 * DAY, 14, schedule=CronSchedule("0 0 2 ? * SUN", "UTC"))
    running = make("running", 99 * DAY, 14)
    next(run for run in workspace.jobs.runs.values() if run.job_id == running).state = run_states.RUNNING
    assert remove_old(client, FOLDER, SCOPE) == 0


@pytest.mark.parametrize(
    "tags", [{}, {KEY: "old"}, {KEY: "old", PLACE: place_of(FOLDER, SCOPE)}, {KEY: "old", PLACE: place_of(FOLDER, SCOPE), RETENTION: "x"}]
)
def test_job_without_tags_of_place_and_retention_is_left(client: WorkspaceClient, make: Make, tags: dict[str, str]) -> None:
    make("old", 99 * DAY, 14, tags=tags)
    assert remove_old(client, FOLDER, SCOPE) == 0


def test_tags_are_such_as_every_cloud_takes(client: WorkspaceClient) -> None:
    """On Google Cloud a tag of a job becomes a label, which is the narrowest."""
    tags = tags_of(Baggage(client, f"/Workspace/Users/ann@example.com/{'long ' * 99}", "a b/c", "0b8c3f2e-1d6a-4b8e-9d5a-6f7e8c9d0a1b"), 90)
    assert all(re.fullmatch(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]", value) and len(value) <= 63 for value in tags.values())
    assert tags[RETENTION] == "90"
