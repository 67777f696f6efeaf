"""Definitions of jobs by the SDK: what is kept, found, changed, and refused before anything is created."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceDoesNotExist
from databricks.sdk.service.compute import Library
from databricks.sdk.service.jobs import CronSchedule, JobSettings, PauseStatus, PythonWheelTask, Task, TaskDependency

from rehearsal.emulator.workspace import Workspace

CLUSTER = {"spark_version": "15.4.x-scala2.12", "node_type_id": "m6i.xlarge", "num_workers": 0}


def wheel_task(key: str, *after: str, **more: Any) -> dict[str, Any]:
    task = {"task_key": key, "job_cluster_key": "main", "python_wheel_task": {"package_name": "demo", "entry_point": "go"}}
    return task | ({"depends_on": [{"task_key": name} for name in after]} if after else {}) | more


def condition(key: str, **more: Any) -> dict[str, Any]:
    return {"task_key": key, "condition_task": {"op": "EQUAL_TO", "left": "1", "right": "1"}} | more


def definition(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    clusters = [{"job_cluster_key": "main", "new_cluster": CLUSTER}]
    return {"name": "nightly", "tasks": list(tasks or [wheel_task("a")]), "job_clusters": clusters} | more


@pytest.fixture(autouse=True)
def stopped(workspace: Workspace) -> Iterator[None]:
    yield
    workspace.jobs.stop()


def create(client: WorkspaceClient, body: dict[str, Any], version: str = "2.2") -> int:
    answer: Any = client.api_client.do("POST", f"/api/{version}/jobs/create", body=body)
    return int(answer["job_id"])


def test_created_job_comes_back_as_it_was_sent(client: WorkspaceClient) -> None:
    body = definition(
        wheel_task("a"),
        wheel_task("b", "a", max_retries=2, libraries=[{"whl": "/Workspace/Shared/x.whl"}, {"pypi": {"package": "six==1.17.0"}}]),
        tags={"team": "risk"},
        timeout_seconds=600,
        max_concurrent_runs=3,
        schedule={"quartz_cron_expression": "0 0 2 * * ?", "timezone_id": "Europe/Berlin", "pause_status": "PAUSED"},
        parameters=[{"name": "day", "default": "today"}],
        queue={"enabled": True},
    )
    job = client.jobs.get(create(client, body))
    assert job.settings is not None
    assert {name: value for name, value in job.settings.as_dict().items() if name not in {"format", "email_notifications"}} == body
    assert job.creator_user_name == "rehearsal@localhost"


def test_who_is_told_by_e_mail_is_kept_and_has_to_be_an_address(client: WorkspaceClient) -> None:
    told = {"on_failure": ["ml-team@company.com"], "no_alert_for_skipped_runs": True}
    job = client.jobs.get(create(client, definition(email_notifications=told)))
    assert job.settings is not None
    assert job.settings.as_dict()["email_notifications"] == told
    with pytest.raises(InvalidParameterValue, match=r"email_notifications\.on_failure: 'ml-team' is not an e-mail address"):
        create(client, definition(email_notifications={"on_failure": ["ml-team"]}))
    with pytest.raises(InvalidParameterValue, match=r"email_notifications\.on_failures: there is no such field"):
        create(client, definition(email_notifications={"on_failures": ["ml-team@company.com"]}))


def test_defaults_are_those_of_databricks(client: WorkspaceClient) -> None:
    settings = client.jobs.get(create(client, definition())).settings
    assert settings is not None
    assert (settings.max_concurrent_runs, settings.timeout_seconds) == (1, 0)
    assert settings.format is not None
    assert settings.format.value == "MULTI_TASK"


def test_typed_client_creates_a_job(client: WorkspaceClient) -> None:
    wheel = PythonWheelTask(package_name="demo", entry_point="go", parameters=["--run", "{{job.run_id}}"])
    job_id = client.jobs.create(
        name="typed",
        tasks=[Task("a", python_wheel_task=wheel, environment_key="main", depends_on=[])],
        environments=JobSettings.from_dict(
            {"environments": [{"environment_key": "main", "spec": {"environment_version": "2"}}]}
        ).environments,
    ).job_id
    assert job_id is not None
    assert [job.job_id for job in client.jobs.list(name="TYPED")] == [job_id]


def test_version_2_1_answers_the_same(workspace: Workspace, client: WorkspaceClient) -> None:
    job_id = create(client, definition(), version="2.1")
    headers = {"Authorization": f"Bearer {workspace.token}"}
    found = requests.get(f"{workspace.host}/api/2.1/jobs/get?job_id={job_id}", headers=headers, timeout=10).json()
    assert found["settings"]["tasks"][0]["task_key"] == "a"
    assert requests.get(f"{workspace.host}/api/2.0/jobs/get?job_id={job_id}", headers=headers, timeout=10).status_code == 404


def test_list_pages_from_the_newest_and_filters_by_name(client: WorkspaceClient) -> None:
    ids = [create(client, definition(name=f"job {number % 2}")) for number in range(45)]
    assert [job.job_id for job in client.jobs.list()] == ids[::-1]
    assert [job.job_id for job in client.jobs.list(name="Job 1", limit=7)] == ids[1::2][::-1]
    assert list(client.jobs.list(name="job")) == []
    assert len(list(client.jobs.list(offset=40))) == 5


def test_list_shows_tasks_only_where_they_are_asked_for(client: WorkspaceClient) -> None:
    create(client, definition())
    assert [job.settings.tasks for job in client.jobs.list() if job.settings] == [[]]
    assert [len(job.settings.tasks or []) for job in client.jobs.list(expand_tasks=True) if job.settings] == [1]


def test_many_tasks_come_in_pages(client: WorkspaceClient, workspace: Workspace) -> None:
    job_id = create(client, definition(*(wheel_task(f"t{number}") for number in range(250))))
    settings = client.jobs.get(job_id).settings
    assert settings is not None
    assert [task.task_key for task in settings.tasks or []] == [f"t{number}" for number in range(250)]
    listed = next(iter(client.jobs.list(expand_tasks=True)))
    assert listed.settings is not None
    assert len(listed.settings.tasks or []) == 250
    first: Any = client.api_client.do("GET", "/api/2.2/jobs/get", query={"job_id": job_id})
    assert len(first["settings"]["tasks"]) == 100
    assert first["next_page_token"]


def test_update_replaces_fields_and_merges_tasks_by_key(client: WorkspaceClient) -> None:
    job_id = create(client, definition(wheel_task("a"), wheel_task("b", "a"), tags={"old": "1"}, timeout_seconds=5))
    more = JobSettings.from_dict({"tags": {"new": "2"}, "tasks": [wheel_task("b"), wheel_task("c", "b")]})
    client.jobs.update(job_id, new_settings=more, fields_to_remove=["timeout_seconds", "tasks/a"])
    settings = client.jobs.get(job_id).settings
    assert settings is not None
    assert settings.tags == {"new": "2"}
    assert settings.timeout_seconds == 0
    assert {task.task_key: [one.task_key for one in task.depends_on or []] for task in settings.tasks or []} == {"b": [], "c": ["b"]}


def test_update_that_breaks_the_graph_changes_nothing(client: WorkspaceClient) -> None:
    job_id = create(client, definition(wheel_task("a"), wheel_task("b", "a")))
    before = client.jobs.get(job_id).as_dict()
    with pytest.raises(BadRequest, match="'a', which is no task"):
        client.jobs.update(job_id, fields_to_remove=["tasks/a"])
    assert client.jobs.get(job_id).as_dict() == before


def test_reset_leaves_nothing_of_the_old_definition(client: WorkspaceClient) -> None:
    job_id = create(client, definition(tags={"old": "1"}))
    client.jobs.reset(job_id, JobSettings.from_dict(definition(wheel_task("z"), name="other")))
    settings = client.jobs.get(job_id).settings
    assert settings is not None
    assert (settings.name, settings.tags, [task.task_key for task in settings.tasks or []]) == ("other", None, ["z"])


def test_deleted_job_is_gone(client: WorkspaceClient) -> None:
    job_id = create(client, definition())
    client.jobs.delete(job_id)
    assert list(client.jobs.list()) == []
    with pytest.raises(ResourceDoesNotExist, match=f"Job {job_id} does not exist"):
        client.jobs.get(job_id)


MISSING: list[Callable[[WorkspaceClient], object]] = [
    lambda client: client.jobs.get(1),
    lambda client: client.jobs.delete(1),
    lambda client: client.jobs.run_now(1),
    lambda client: client.jobs.reset(1, JobSettings.from_dict(definition())),
    lambda client: client.jobs.update(1),
    lambda client: client.jobs.cancel_all_runs(job_id=1),
    lambda client: client.jobs.get_run(1),
    lambda client: client.jobs.get_run_output(1),
    lambda client: client.jobs.cancel_run(1),
    lambda client: client.jobs.delete_run(1),
]


@pytest.mark.parametrize("call", MISSING)
def test_unknown_job_or_run_is_refused(client: WorkspaceClient, call: Callable[[WorkspaceClient], object]) -> None:
    with pytest.raises((BadRequest, ResourceDoesNotExist), match=r"(Job|Run) 1 does not exist"):
        call(client)


def with_task(**changes: Any) -> dict[str, Any]:
    return definition(wheel_task("a") | changes)


def without(body: dict[str, Any], *path: Any) -> dict[str, Any]:
    body = copy.deepcopy(body)
    inner: Any = body
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return body


def schedule(expression: str, zone: str = "UTC") -> dict[str, Any]:
    return definition(schedule={"quartz_cron_expression": expression, "timezone_id": zone})


SERVERLESS = {"job_clusters": None, "environments": [{"environment_key": "env", "spec": {"environment_version": "2"}}]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (definition(nmae="x"), "nmae: there is no such field"),
        (with_task(python_wheel_task={"package_name": "a", "entry_pont": "b"}), r"tasks\[0\].python_wheel_task.entry_pont: there is no"),
        (with_task(python_wheel_task={"package_name": "a"}), r"Missing required field: tasks\[0\].python_wheel_task.entry_point"),
        (with_task(run_if="SOMETIMES"), r"tasks\[0\].run_if: 'SOMETIMES' is none of ALL_DONE"),
        (definition(timeout_seconds="600"), "timeout_seconds must be an integer"),
        (definition(timeout_seconds=True), "timeout_seconds must be an integer"),
        (definition(tags={"a": 1}), "tags.a must be a string"),
        (definition(tasks={"a": 1}), "tasks must be an array"),
        (definition(tasks=["a"]), r"tasks\[0\] must be an object"),
        (without(definition(), "tasks", 0, "task_key"), r"Missing required field: tasks\[0\].task_key"),
        (definition(*(wheel_task(f"t{number}") for number in range(1001))), "1001 tasks; the limit is 1000"),
        (definition(wheel_task("a"), wheel_task("a")), "task_key 'a' is not unique"),
        (definition(wheel_task("a b")), "task_key 'a b' must be 1 to 100"),
        (definition(wheel_task("é")), "task_key 'é' must be"),
        (definition(wheel_task("")), "task_key '' must be"),
        (definition(wheel_task("x" * 101)), "must be 1 to 100"),
        (definition(wheel_task("a", "z")), "depends on 'z', which is no task"),
        (definition(wheel_task("a", "a")), "in a circle: a → a"),
        (definition(wheel_task("a", "c"), wheel_task("b", "a"), wheel_task("c", "b")), "in a circle"),
        (definition(wheel_task("a"), wheel_task("b", depends_on=[{"task_key": "a", "outcome": "true"}])), "of a condition task alone"),
        (definition(condition("a"), wheel_task("b", depends_on=[{"task_key": "a", "outcome": "yes"}])), "'true' or 'false'"),
        (with_task(job_cluster_key="other"), "job_cluster_key 'other' is none of the job's"),
        (without(with_task(), "tasks", 0, "job_cluster_key"), "exactly one of job_cluster_key"),
        (with_task(new_cluster=CLUSTER), "exactly one of"),
        (without(with_task(existing_cluster_id="0101-x"), "tasks", 0, "job_cluster_key"), "cluster 0101-x does not exist"),
        (without(with_task(environment_key="env"), "tasks", 0, "job_cluster_key"), "environment_key 'env' is none"),
        (
            without(with_task(environment_key="env", libraries=[{"whl": "/x.whl"}]), "tasks", 0, "job_cluster_key") | SERVERLESS,
            "libraries from its",
        ),
        (
            definition(environments=[{"environment_key": "env", "spec": {"environment_version": "99"}}]),
            "environment_version '99' is none of 1, 2",
        ),
        (definition(environments=[{"environment_key": "env"}]), "environment_version None"),
        (
            definition(job_clusters=[{"job_cluster_key": "main", "new_cluster": CLUSTER | {"spark_version": "1.2.x"}}]),
            "Invalid spark version 1.2.x",
        ),
        (definition(job_clusters=[{"job_cluster_key": "main", "new_cluster": CLUSTER | {"node_type_id": "tiny"}}]), "Node type tiny"),
        (definition(job_clusters=[{"job_cluster_key": "main", "new_cluster": CLUSTER}] * 2), "job_cluster_key 'main' is not unique"),
        (without(with_task(new_cluster={**CLUSTER, "node_type_id": "x"}), "tasks", 0, "job_cluster_key"), "Node type x"),
        (without(with_task(), "tasks", 0, "python_wheel_task"), "exactly one kind; it has none"),
        (with_task(condition_task={"op": "EQUAL_TO", "left": "1", "right": "1"}), "exactly one kind"),
        (without(with_task(notebook_task={"notebook_path": "/a"}), "tasks", 0, "python_wheel_task"), "not notebook_task"),
        (definition(condition("a", job_cluster_key="main")), "a condition task takes no compute"),
        (with_task(max_retries=-2), "must not be negative"),
        (with_task(timeout_seconds=-1), "must not be negative"),
        (
            with_task(python_wheel_task={"package_name": "a", "entry_point": "b", "parameters": ["{{job.naem}}"]}),
            "{{job.naem}} is no reference",
        ),
        (
            with_task(python_wheel_task={"package_name": "a", "entry_point": "b", "parameters": ["{{tasks.b.values.x}}"]}),
            "of a task upstream",
        ),
        (
            with_task(python_wheel_task={"package_name": "a", "entry_point": "b", "parameters": ["x"], "named_parameters": {"a": "b"}}),
            "only one of",
        ),
        (with_task(python_wheel_task={"package_name": "a", "entry_point": "b", "parameters": ["x" * 10_000]}), "longer than 10000 bytes"),
        (definition(name="ü" * 2049), "longer than 4096 bytes"),
        (definition(max_concurrent_runs=1001), "between 0 and 1000"),
        (definition(timeout_seconds=-1), "timeout_seconds must not be negative"),
        (definition(tags={f"t{number}": "" for number in range(26)}), "26 tags; the limit is 25"),
        (definition(tags={"": "x"}), "a key has 1 to 127"),
        (definition(tags={"x": "y" * 256}), "a value at most 255"),
        (schedule("0 2 * * 0"), "Invalid quartz cron expression '0 2 \\* \\* 0': it has 5 fields"),
        (schedule("0 0 2 * * *"), "exactly one of day of month"),
        (schedule("0 0 2 * * ?", "Mars/Olympus"), "Invalid timezone id: 'Mars/Olympus'"),
        (schedule("0 0 2 * * ?", "../etc/passwd"), "Invalid timezone id"),
        (definition(schedule={"quartz_cron_expression": "0 0 2 * * ?"}), "schedule.timezone_id"),
        (definition(continuous={"pause_status": "PAUSED"}), "continuous: the emulator does not have it"),
        (definition(trigger={"periodic": {"interval": 1, "unit": "DAYS"}}), "trigger: the emulator does not have it"),
        (definition(access_control_list=[{"user": "x"}]), "access_control_list.user: there is no such field"),
    ],
)
def test_wrong_definition_is_refused_and_nothing_created(client: WorkspaceClient, body: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidParameterValue, match=reason):
        create(client, body)
    assert list(client.jobs.list()) == []


def test_unknown_policy_is_refused_and_nothing_created(client: WorkspaceClient) -> None:
    cluster = {"job_cluster_key": "main", "new_cluster": CLUSTER | {"policy_id": "nobody"}}
    with pytest.raises(NotFound, match="Cluster policy nobody does not exist"):
        create(client, definition(job_clusters=[cluster]))
    assert list(client.jobs.list()) == []


@pytest.mark.parametrize(
    "body",
    [
        definition(*(wheel_task(f"t{number}") for number in range(1000))),
        definition(wheel_task("x" * 100)),
        definition(name="x" * 4096),
        definition(tags={f"t{number}" * 3: "x" * 255 for number in range(25)}),
        definition(access_control_list=[{"user_name": "x", "permission_level": "CAN_VIEW"}], description=None),
        definition(tasks=[]),
        schedule("0 0 2 ? * MON-FRI 2027", "America/New_York"),
    ],
)
def test_definition_at_the_limit_is_taken(client: WorkspaceClient, body: dict[str, Any]) -> None:
    create(client, body)
    assert len(list(client.jobs.list())) == 1


@pytest.mark.parametrize("body", [b"no json", b"[]", b'"text"', b""])
@pytest.mark.parametrize("path", ["create", "run-now", "delete", "runs/cancel", "reset"])
def test_body_that_is_no_object_is_refused(workspace: Workspace, path: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}", "Content-Type": "application/json"}
    answer = requests.post(f"{workspace.host}/api/2.2/jobs/{path}", data=body, headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("run-now", {"job_id": "x"}),
        ("run-now", {}),
        ("run-now", {"job_id": 1, "notebook_params": {"a": "b"}}),
        ("run-now", {"job_id": 1, "only": ["a"]}),
        ("run-now", {"job_id": 1, "python_params": "a"}),
        ("run-now", {"job_id": 1, "job_parameters": {"a": 1}}),
        ("run-now", {"job_id": 1, "idempotency_token": "x" * 65}),
        ("runs/cancel", {"run_id": True}),
        ("runs/cancel-all", {}),
        ("delete", {"job_id": -1}),
        ("reset", {"job_id": 1}),
        ("update", {"job_id": 1, "fields_to_remove": "x"}),
    ],
)
def test_wrong_request_is_refused(workspace: Workspace, path: str, body: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {workspace.token}"}
    answer = requests.post(f"{workspace.host}/api/2.2/jobs/{path}", data=json.dumps(body), headers=headers, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "query",
    [
        *("list?limit=0", "list?limit=101", "list?page_token=x", "list?page_token=123", "get", "get?job_id=x", "runs/list?limit=26"),
        *("runs/list?active_only=true&completed_only=true", "runs/get?run_id=", "runs/list?page_token=9"),
    ],
)
def test_wrong_query_is_refused(workspace: Workspace, query: str) -> None:
    answer = requests.get(f"{workspace.host}/api/2.2/jobs/{query}", headers={"Authorization": f"Bearer {workspace.token}"}, timeout=10)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_update_to_a_wrong_array_is_refused(client: WorkspaceClient) -> None:
    job_id = create(client, definition())
    for wrong in ({"tasks": "a"}, {"tasks": [{"job_cluster_key": "x"}]}):
        with pytest.raises(InvalidParameterValue):
            client.api_client.do("POST", "/api/2.2/jobs/update", body={"job_id": job_id, "new_settings": wrong})


def test_job_without_tasks_cannot_run(client: WorkspaceClient) -> None:
    job_id = create(client, definition(tasks=[]))
    with pytest.raises(BadRequest, match="has no tasks"):
        client.jobs.run_now(job_id)


def test_parameters_of_a_run_must_be_those_of_the_job(client: WorkspaceClient) -> None:
    job_id = create(client, definition(parameters=[{"name": "day", "default": "x"}]))
    with pytest.raises(BadRequest, match="The job has no parameters month"):
        client.jobs.run_now(job_id, job_parameters={"month": "5"})


def test_pausing_is_an_update(client: WorkspaceClient, workspace: Workspace) -> None:
    job_id = create(client, schedule("0 0 2 * * ?"))
    assert workspace.jobs.next_firing(job_id) is not None
    paused = CronSchedule(quartz_cron_expression="0 0 2 * * ?", timezone_id="UTC", pause_status=PauseStatus.PAUSED)
    client.jobs.update(job_id, new_settings=JobSettings(schedule=paused))
    assert workspace.jobs.next_firing(job_id) is None


def test_dependency_of_the_sdk_keeps_its_outcome(client: WorkspaceClient) -> None:
    body = definition(condition("a"), wheel_task("b", depends_on=[{"task_key": "a", "outcome": "false"}]))
    settings = client.jobs.get(create(client, body)).settings
    assert settings is not None
    assert (settings.tasks or [])[1].depends_on == [TaskDependency(task_key="a", outcome="false")]


def test_library_kinds_are_kept(client: WorkspaceClient) -> None:
    body = with_task(libraries=[{"requirements": "/Workspace/Shared/pins.txt"}])
    settings = client.jobs.get(create(client, body)).settings
    assert settings is not None
    assert (settings.tasks or [])[0].libraries == [Library(requirements="/Workspace/Shared/pins.txt")]
