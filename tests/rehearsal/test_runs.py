"""Runs that really run: order, ends, attempts, time, cancelling, what a process sees and leaves."""

import json
import os
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import databricks
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, OperationFailed
from databricks.sdk.service.compute import Library, PythonPyPiLibrary
from databricks.sdk.service.jobs import (
    ConditionTask,
    ConditionTaskOp,
    CronSchedule,
    JobParameterDefinition,
    QueueSettings,
    RunIf,
    RunTask,
    Task,
    TaskDependency,
    TriggerType,
)

from rehearsal.emulator.workspace import Workspace
from tests.rehearsal.job_material import WHEEL, Desk, code, life_cycle, message, state, states, wait_for, wheel

SITE_PACKAGES = str(Path(next(iter(databricks.__path__))).parent)


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments of the whole module: equal lists are made once."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture
def desk(workspace: Workspace, client: WorkspaceClient, environments: Path) -> Iterator[Desk]:
    workspace.jobs.environments = environments
    yield Desk(workspace, client)
    workspace.jobs.stop()


def condition(key: str, left: str, right: str, operator: ConditionTaskOp = ConditionTaskOp.EQUAL_TO, after: tuple[str, ...] = ()) -> Task:
    needed = [TaskDependency(task_key=name) for name in after] or None
    return Task(task_key=key, condition_task=ConditionTask(op=operator, left=left, right=right), depends_on=needed)


def seen(desk: Desk, task: RunTask) -> dict[str, object]:
    found = re.search(r"^SEEN (.*)$", desk.logs(task), re.MULTILINE)
    assert found, desk.logs(task)
    return dict(json.loads(found[1]))


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def processes(desk: Desk, run_id: int) -> list[int]:
    """Wait until the hanging task has told its processes."""

    def told() -> re.Match[str] | None:
        tasks = desk.client.jobs.get_run(run_id).tasks or []
        return re.search(r"PIDS (\d+) (\d+) (\d+)", desk.logs(tasks[0]))

    wait_for(told)
    found = told()
    assert found
    return [int(process) for process in found.groups()]


# What a task sees


def test_task_sees_its_parameters_variables_and_libraries_and_nothing_of_ours(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED", "must not leak")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    run = desk.run(desk.job(desk.task("a", "show", "--day", "1 2"), variables={"STAGE": "test"}))
    task = (run.tasks or [])[0]
    found = seen(desk, task)
    variables = found["variables"]
    assert isinstance(variables, dict)
    assert found["arguments"] == ["show", "--day", "1 2"]
    assert set(variables) - {"LC_CTYPE"} == {"PATH", "HOME", "STAGE", "DATABRICKS_HOST", "DATABRICKS_TOKEN"}
    assert variables["STAGE"] == "test"
    assert variables["DATABRICKS_HOST"] == desk.workspace.host
    assert os.environ["HOME"] != variables["HOME"]
    assert found["files"] == []
    packages = found["packages"]
    assert isinstance(packages, list)
    assert sorted(name.split("==")[0] for name in packages) == ["demo", "pip", "setuptools"]


def test_cluster_variables_go_before_the_native_identity(desk: Desk) -> None:
    desk.client.secrets.create_scope("team")
    desk.client.secrets.put_secret("team", "host", string_value="http://elsewhere")
    run = desk.run(desk.job(desk.task("a"), variables={"DATABRICKS_HOST": "http://elsewhere"}))
    variables = seen(desk, (run.tasks or [])[0])["variables"]
    assert isinstance(variables, dict)
    assert variables["DATABRICKS_HOST"] == "http://elsewhere"


def test_code_on_the_cluster_reaches_the_workspace_as_its_user(desk: Desk) -> None:
    code = "def show():\n    from databricks.sdk import WorkspaceClient\n    print('I AM', WorkspaceClient().current_user.me().user_name)\n"
    job_id = desk.job(desk.task("a"), variables={"PYTHONPATH": SITE_PACKAGES})
    desk.upload(WHEEL, wheel(code))
    run = desk.run(job_id)
    assert "I AM rehearsal@localhost" in desk.logs((run.tasks or [])[0])


@pytest.mark.parametrize(("entry_point", "said"), [("declared", "SEEN"), ("show", "SEEN"), ("inner.deep", "DEEP")])
def test_entry_point_is_declared_or_an_attribute(desk: Desk, entry_point: str, said: str) -> None:
    run = desk.run(desk.job(desk.task("a", entry_point)))
    assert state(run) == "SUCCESS"
    assert said in desk.logs((run.tasks or [])[0])


@pytest.mark.parametrize(("entry_point", "error"), [("nothing", "has no attribute 'nothing'"), ("inner.nothing", "nothing")])
def test_entry_point_that_is_none_fails_the_task(desk: Desk, entry_point: str, error: str) -> None:
    run = desk.run(desk.job(desk.task("a", entry_point)))
    output = desk.client.jobs.get_run_output((run.tasks or [])[0].run_id or 0)
    assert error in (output.error or "")


def test_references_in_parameters_are_resolved_for_each_run(desk: Desk) -> None:
    parameters = ["{{job.run_id}}", "{{job.id}}", "{{task.name}}", "{{job.parameters.day}}", "{{job.name}}", "{{other}}"]
    job_id = desk.job(desk.task("a", "show", *parameters), parameters=[JobParameterDefinition(name="day", default="mon")])
    for given, day in (({}, "mon"), ({"day": "tue"}, "tue")):
        run = desk.run(job_id, job_parameters=given)
        arguments = seen(desk, (run.tasks or [])[0])["arguments"]
        assert arguments == ["show", str(run.run_id), str(job_id), "a", day, "demo", "{{other}}"]


def test_parameters_of_run_now_take_the_place_of_those_of_the_task(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "show", "old")), python_params=["new", "{{job.run_id}}"])
    assert seen(desk, (run.tasks or [])[0])["arguments"] == ["show", "new", str(run.run_id)]


def test_named_parameters_become_options_together_with_those_of_the_job(desk: Desk) -> None:
    task = desk.task("a")
    assert task.python_wheel_task is not None
    task.python_wheel_task.parameters = None
    task.python_wheel_task.named_parameters = {"size": "3"}
    run = desk.run(desk.job(task, parameters=[JobParameterDefinition(name="day", default="mon")]))
    assert seen(desk, (run.tasks or [])[0])["arguments"] == ["show", "--size=3", "--day=mon"]


def test_serverless_task_has_the_dependencies_of_its_environment_and_no_variables(desk: Desk) -> None:
    desk.upload("/Shared/pins.txt", b"# nothing but\n/Workspace/Shared/demo-1.0-py3-none-any.whl\n")
    run = desk.run(
        desk.serverless(
            desk.task("a", job_cluster_key=None, libraries=None, environment_key="main"), dependencies=["-r /Workspace/Shared/pins.txt"]
        )
    )
    found = seen(desk, (run.tasks or [])[0])
    variables = found["variables"]
    assert isinstance(variables, dict)
    assert set(variables) - {"LC_CTYPE"} == {"PATH", "HOME", "DATABRICKS_HOST", "DATABRICKS_TOKEN"}


# How it ends


def test_success_shows_in_both_forms(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a"), name="nightly"))
    assert run.state is not None
    assert run.status is not None
    assert run.status.termination_details is not None
    assert run.state.as_dict() == {
        "life_cycle_state": "TERMINATED",
        "result_state": "SUCCESS",
        "state_message": "",
        "user_cancelled_or_timedout": False,
    }
    assert run.status.termination_details.as_dict() == {"code": "SUCCESS", "type": "SUCCESS", "message": ""}
    assert (run.run_name, run.trigger, run.number_in_job) == ("nightly", TriggerType.ONE_TIME, run.run_id)
    assert run.run_page_url == f"{desk.workspace.host}/page/runs/{run.run_id}"
    task = (run.tasks or [])[0]
    assert task.run_id != run.run_id
    assert (task.end_time or 0) >= (task.start_time or 0) > 0
    assert (task.execution_duration or 0) > 0


def test_tasks_run_in_the_order_of_the_graph_and_what_waits_for_a_failure_does_not_run(desk: Desk) -> None:
    tasks = (
        desk.task("last", after=["bad", "good"]),
        desk.task("bad", "fail", after=["first"]),
        desk.task("good", after=["first"]),
        desk.task("first"),
    )
    run = desk.run(desk.job(*tasks))
    assert states(run) == {"first": "SUCCESS", "good": "SUCCESS", "bad": "FAILED", "last": "UPSTREAM_FAILED"}
    assert life_cycle(run) == "INTERNAL_ERROR"
    assert message(run) == (
        "Task bad failed with message: Workload failed, see run output for details. This caused all downstream tasks to get skipped."
    )
    by_key = {task.task_key: task for task in run.tasks or []}
    assert (by_key["first"].end_time or 0) <= (by_key["good"].start_time or 0)
    assert desk.logs(by_key["last"]) == ""


def test_clients_wait_raises_where_a_task_failed(desk: Desk) -> None:
    with pytest.raises(OperationFailed, match="INTERNAL_ERROR: Task a failed"):
        desk.client.jobs.run_now_and_wait(desk.job(desk.task("a", "fail")), timeout=timedelta(seconds=60))


def test_failure_carries_error_and_trace(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "fail")))
    output = desk.client.jobs.get_run_output((run.tasks or [])[0].run_id or 0)
    assert output.error == "ValueError: the boiler is cold"
    assert re.search(r'^Traceback.*in fail\n.*raise ValueError\("the boiler is cold"\)', output.error_trace or "", re.DOTALL)
    assert "ValueError: the boiler is cold" in (output.logs or "")
    assert output.metadata is not None
    assert output.metadata.state is not None
    assert output.metadata.state.state_message == "Workload failed, see run output for details"


@pytest.mark.parametrize(
    ("function", "parameters", "ends"),
    [("leave", ["0"], "SUCCESS"), ("leave", ["3"], "FAILED"), ("die", [], "FAILED"), ("show", [], "SUCCESS")],
)
def test_status_of_the_process_decides_and_what_the_function_returns_does_not(
    desk: Desk, function: str, parameters: list[str], ends: str
) -> None:
    run = desk.run(desk.job(desk.task("a", function, *parameters)))
    assert state(run) == ends
    error = {"leave": "SystemExit: 3", "die": "The Python process ended by signal 9, without an exception."}
    if ends == "FAILED":
        assert desk.client.jobs.get_run_output((run.tasks or [])[0].run_id or 0).error == error[function]


def test_failure_that_later_tasks_make_up_for_is_success_with_failures(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "fail"), desk.task("b", after=["a"], run_if=RunIf.AT_LEAST_ONE_FAILED)))
    assert states(run) == {"a": "FAILED", "b": "SUCCESS"}
    assert state(run) == "SUCCESS_WITH_FAILURES"


def test_task_for_failures_is_excluded_where_none_happened(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a"), desk.task("b", after=["a"], run_if=RunIf.AT_LEAST_ONE_FAILED)))
    assert states(run) == {"a": "SUCCESS", "b": "EXCLUDED"}
    assert state(run) == "SUCCESS"


def test_disabled_task_does_not_run_and_counts_as_successful(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "fail", disabled=True), desk.task("c"), desk.task("b", after=["a", "c"])))
    assert states(run) == {"a": "DISABLED", "b": "SUCCESS", "c": "SUCCESS"}


def test_output_of_a_run_is_that_of_its_only_task(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a")))
    assert "SEEN" in (desk.client.jobs.get_run_output(run.run_id or 0).logs or "")


def test_output_of_a_run_with_several_tasks_is_refused(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a"), desk.task("b")))
    with pytest.raises(BadRequest, match="several tasks"):
        desk.client.jobs.get_run_output(run.run_id or 0)


def test_task_run_can_be_looked_up_by_its_own_id(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a"), desk.task("b", "fail")))
    task = next(task for task in run.tasks or [] if task.task_key == "b")
    found = desk.client.jobs.get_run(task.run_id or 0)
    assert (found.run_id, found.job_run_id, state(found)) == (task.run_id, run.run_id, "FAILED")


# Parallel, attempts, time


def test_at_most_two_tasks_are_under_way_at_once(desk: Desk) -> None:
    run = desk.run(desk.job(*(desk.task(name, "brief", "0.5") for name in "abcd")))
    assert state(run) == "SUCCESS"
    spans = [re.search(r"SPAN (\S+) (\S+)", desk.logs(task)) for task in run.tasks or []]
    times = [(float(span[1]), float(span[2])) for span in spans if span]
    overlaps = [sum(begun <= other < ended for other, _ in times) for begun, ended in times]
    assert len(times) == 4
    assert max(overlaps) == 2


def test_failed_task_is_tried_again_as_often_as_it_says(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "once", "2", max_retries=3, min_retry_interval_millis=10), desk.task("b", after=["a"])))
    attempts = [(task.attempt_number, state(task)) for task in run.tasks or [] if task.task_key == "a"]
    assert attempts == [(0, "FAILED"), (1, "FAILED"), (2, "SUCCESS")]
    assert states(run) == {"a": "SUCCESS", "b": "SUCCESS"}
    assert state(run) == "SUCCESS"
    ids = [task.run_id for task in run.tasks or []]
    assert len(set(ids)) == 4
    last = desk.client.jobs.get_run(next(task.run_id or 0 for task in run.tasks or [] if task.attempt_number == 2))
    assert (last.attempt_number, last.original_attempt_run_id) == (2, ids[0])


def test_last_attempt_that_fails_fails_the_run(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "fail", max_retries=1)))
    assert [(task.attempt_number, state(task)) for task in run.tasks or []] == [(0, "FAILED"), (1, "FAILED")]
    assert state(run) == "FAILED"


def test_next_attempt_waits_for_the_interval(desk: Desk) -> None:
    run_id = desk.start(desk.job(desk.task("a", "fail", max_retries=1, min_retry_interval_millis=2500)))
    run = desk.until(run_id, lambda run: len(run.tasks or []) == 2)
    assert state((run.tasks or [])[1]) == "WAITING_FOR_RETRY"
    assert (run.tasks or [])[1].status is not None
    first, second = (desk.ended(run_id).tasks or [])[:2]
    assert (second.start_time or 0) - (first.start_time or 0) >= 2400


def test_task_that_takes_too_long_is_ended_with_all_its_processes(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang", timeout_seconds=3), desk.task("b", after=["a"]))
    run_id = desk.start(job_id)
    told = processes(desk, run_id)
    run = desk.ended(run_id)
    assert states(run) == {"a": "TIMEDOUT", "b": "UPSTREAM_FAILED"}
    assert state(run) == "FAILED"
    assert message(run).startswith("Task a failed with message: Timed out after 3 seconds.")
    task = (run.tasks or [])[0]
    assert code(task) == "CANCELED"
    wait_for(lambda: not any(map(alive, told)), 5)


@pytest.mark.parametrize(("again", "attempts"), [(None, 1), (True, 2)])
def test_timeout_is_tried_again_only_on_request(desk: Desk, again: bool | None, attempts: int) -> None:
    run = desk.run(desk.job(desk.task("a", "hang", timeout_seconds=1, max_retries=1, retry_on_timeout=again)))
    assert [state(task) for task in run.tasks or []] == ["TIMEDOUT"] * attempts


def test_run_that_takes_too_long_is_timed_out(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a", "hang", max_retries=-1, retry_on_timeout=True), desk.task("b", after=["a"]), timeout_seconds=2))
    assert state(run) == "TIMEDOUT"
    assert states(run) == {"a": "TIMEDOUT", "b": "TIMEDOUT"}


# Cancelling and stopping


def test_cancelled_run_leaves_no_process(desk: Desk) -> None:
    run_id = desk.start(desk.job(desk.task("a", "hang", max_retries=5), desk.task("b", after=["a"])))
    told = processes(desk, run_id)
    assert all(map(alive, told))
    desk.client.jobs.cancel_run(run_id).result(timeout=timedelta(seconds=30))
    run = desk.client.jobs.get_run(run_id)
    assert state(run) == "CANCELED"
    assert states(run) == {"a": "CANCELED", "b": "CANCELED"}
    assert len(run.tasks or []) == 2
    assert run.state is not None
    assert run.state.user_cancelled_or_timedout is True
    wait_for(lambda: not any(map(alive, told)), 5)


def test_cancelling_what_has_ended_changes_nothing(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a")))
    desk.client.jobs.cancel_run(run.run_id or 0)
    assert state(desk.client.jobs.get_run(run.run_id or 0)) == "SUCCESS"


def test_one_task_can_be_cancelled_alone(desk: Desk) -> None:
    run_id = desk.start(desk.job(desk.task("a", "hang"), desk.task("b"), desk.task("c", after=["a"])))
    processes(desk, run_id)
    task = (desk.client.jobs.get_run(run_id).tasks or [])[0]
    desk.client.jobs.cancel_run(task.run_id or 0)
    run = desk.ended(run_id)
    assert states(run) == {"a": "CANCELED", "b": "SUCCESS", "c": "UPSTREAM_CANCELED"}


def test_cancel_all_ends_every_run_of_the_job(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"), max_concurrent_runs=2)
    run_ids = [desk.start(job_id), desk.start(job_id)]
    desk.client.jobs.cancel_all_runs(job_id=job_id)
    assert [state(desk.ended(run_id)) for run_id in run_ids] == ["CANCELED", "CANCELED"]


def test_deleted_job_takes_its_runs_along(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"))
    run_id = desk.start(job_id)
    desk.client.jobs.delete(job_id)
    assert state(desk.ended(run_id)) == "CANCELED"


def test_stopped_service_leaves_no_process_and_starts_no_run(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"), max_concurrent_runs=5)
    run_id = desk.start(job_id)
    told = processes(desk, run_id)
    desk.workspace.jobs.stop()
    wait_for(lambda: not any(map(alive, told)), 5)
    assert state(desk.client.jobs.get_run(run_id)) == "CANCELED"
    assert list((desk.workspace.folder / "runs" / str(run_id)).glob("home")) == []


# How many at once


def test_run_beyond_the_maximum_is_skipped(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"))
    first = desk.start(job_id)
    second = desk.client.jobs.get_run(desk.start(job_id))
    assert state(second) == "MAXIMUM_CONCURRENT_RUNS_REACHED"
    assert code(second) == "MAX_CONCURRENT_RUNS_EXCEEDED"
    assert not desk.client.jobs.get_run(first).end_time


def test_run_beyond_the_maximum_waits_where_the_job_has_a_queue(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"), queue=QueueSettings(enabled=True))
    first, second, third = desk.start(job_id), desk.start(job_id), desk.start(job_id)
    assert state(desk.client.jobs.get_run(second)) == "QUEUED"
    desk.client.jobs.cancel_run(third)
    assert state(desk.client.jobs.get_run(third)) == "CANCELED"
    desk.client.jobs.cancel_run(first)
    desk.until(second, lambda run: state(run) == "RUNNING")


def test_same_token_gives_the_same_run(desk: Desk) -> None:
    job_id = desk.job(desk.task("a"), max_concurrent_runs=5)
    run_id = desk.start(job_id, idempotency_token="once")  # noqa: S106 - no password
    assert desk.start(job_id, idempotency_token="once") == run_id  # noqa: S106
    assert desk.start(job_id, idempotency_token="twice") != run_id  # noqa: S106
    desk.ended(run_id)
    desk.client.jobs.delete_run(run_id)
    with pytest.raises(BadRequest, match=f"Run {run_id} does not exist"):
        desk.start(job_id, idempotency_token="once")  # noqa: S106


def test_run_keeps_the_definition_that_it_was_started_with(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", "hang"))
    run_id = desk.start(job_id)
    desk.client.jobs.update(job_id, fields_to_remove=["tasks/a"])
    assert [task.task_key for task in desk.client.jobs.get_run(run_id).tasks or []] == ["a"]


def test_runs_are_listed_from_the_newest_by_job_state_and_time(desk: Desk) -> None:
    one, two = desk.job(desk.task("a")), desk.job(desk.task("a", "hang"), max_concurrent_runs=9)
    ended = [desk.run(one).run_id for _ in range(3)]
    active = [desk.start(two) for _ in range(2)]
    client = desk.client.jobs
    assert [run.run_id for run in client.list_runs()] == [*reversed(active), *reversed(ended)]
    assert [run.run_id for run in client.list_runs(limit=2)] == [*reversed(active), *reversed(ended)]
    assert [run.run_id for run in client.list_runs(job_id=one)] == [*reversed(ended)]
    assert [run.run_id for run in client.list_runs(active_only=True)] == [*reversed(active)]
    assert [run.run_id for run in client.list_runs(completed_only=True)] == [*reversed(ended)]
    assert [len(run.tasks or []) for run in client.list_runs(job_id=one, expand_tasks=True)] == [1, 1, 1]
    assert list(client.list_runs(start_time_from=desk.workspace.clock.milliseconds() + 1000)) == []


def test_active_run_cannot_be_deleted_and_an_ended_one_can(desk: Desk) -> None:
    run_id = desk.start(desk.job(desk.task("a", "hang")))
    with pytest.raises(BadRequest, match="is active"):
        desk.client.jobs.delete_run(run_id)
    desk.client.jobs.cancel_run(run_id)
    desk.ended(run_id)
    desk.client.jobs.delete_run(run_id)
    assert list(desk.client.jobs.list_runs()) == []
    assert list((desk.workspace.folder / "runs").iterdir()) == []


def test_run_of_many_tasks_comes_in_pages(desk: Desk) -> None:
    job_id = desk.job(*(condition(f"t{number}", "1", "1") for number in range(230)))
    run = desk.run(job_id)
    assert len(run.tasks or []) == 230
    assert state(run) == "SUCCESS"


# Conditions and task values


def test_branch_of_a_condition_that_is_not_taken_is_excluded(desk: Desk) -> None:
    def branch(key: str, outcome: str) -> Task:
        return (
            desk.task(key)
            if not outcome
            else Task.from_dict(desk.task(key).as_dict() | {"depends_on": [{"task_key": "if", "outcome": outcome}]})
        )

    tasks = (
        condition("if", "{{job.parameters.size}}", "10", ConditionTaskOp.GREATER_THAN),
        branch("large", "true"),
        branch("small", "false"),
    )
    job_id = desk.job(*tasks, desk.task("join", after=["large", "small"]), parameters=[JobParameterDefinition(name="size", default="11")])
    run = desk.run(job_id)
    assert states(run) == {"if": "SUCCESS", "large": "SUCCESS", "small": "EXCLUDED", "join": "SUCCESS"}
    assert state(run) == "SUCCESS"
    decided = (run.tasks or [])[0].condition_task
    assert decided is not None
    assert (decided.left, decided.right, decided.outcome) == ("11", "10", "true")
    assert states(desk.run(job_id, job_parameters={"size": "10"}))["large"] == "EXCLUDED"


def test_condition_without_a_number_fails_the_run(desk: Desk) -> None:
    run = desk.run(desk.job(condition("if", "high", "10", ConditionTaskOp.GREATER_THAN)))
    assert state(run) == "FAILED"
    assert "The condition needs numbers" in message(run)


def test_task_value_reaches_conditions_parameters_and_code(desk: Desk) -> None:
    variables = {"PYTHONPATH": SITE_PACKAGES}
    tasks = (
        desk.task("set", "set_value", "ok=true", 'name="x y"', "n=3"),
        condition("if", "{{tasks.set.values.ok}}", "true", after=("set",)),
        desk.task("show", "show", "{{tasks.set.values.name}}", "{{tasks.set.values.n}}", "{{tasks.set.result_state}}", after=["if"]),
        desk.task("get", "get_value", "set", "n", after=["if"]),
        desk.task("missing", "get_value", "set", "nothing", after=["if"]),
    )
    run = desk.run(desk.job(*tasks, variables=variables))
    assert states(run) == {"set": "SUCCESS", "if": "SUCCESS", "show": "SUCCESS", "get": "SUCCESS", "missing": "FAILED"}
    by_key = {task.task_key: task for task in run.tasks or []}
    assert seen(desk, by_key["show"])["arguments"] == ["show", "x y", "3", "success"]
    assert "VALUE 3" in desk.logs(by_key["get"])


def test_task_value_that_was_never_set_fails_the_task_that_needs_it(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a"), condition("if", "{{tasks.a.values.ok}}", "true", after=("a",))))
    assert states(run) == {"a": "SUCCESS", "if": "FAILED"}
    assert "{{tasks.a.values.ok}} has no value in this run" in message(run)


# Secrets


def test_secret_reaches_the_task_and_no_log_error_or_answer(desk: Desk) -> None:
    desk.client.secrets.create_scope("team")
    desk.client.secrets.put_secret("team", "password", string_value="planted-password")
    job_id = desk.job(desk.task("a", "tell", max_retries=1), variables={"PASSWORD": "{{secrets/team/password}}"})
    run = desk.run(job_id)
    task = (run.tasks or [])[0]
    output = desk.client.jobs.get_run_output(task.run_id or 0)
    assert (output.logs or "").startswith("[REDACTED]\n[REDACTED]")
    assert output.error == "ValueError: cannot log in with [REDACTED]"
    for said in (output.as_dict(), run.as_dict(), desk.client.jobs.get(job_id).as_dict()):
        assert "planted-password" not in json.dumps(said)
    files = [path for path in desk.workspace.folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"planted-password" in path.read_bytes()]


def test_token_of_the_workspace_is_not_in_the_logs(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a")))
    variables = seen(desk, (run.tasks or [])[0])["variables"]
    assert isinstance(variables, dict)
    assert variables["DATABRICKS_TOKEN"] == "[REDACTED]"  # noqa: S105 - no password


@pytest.mark.parametrize("reference", ["{{secrets/nowhere/key}}", "{{secrets/team/nothing}}"])
def test_reference_to_a_secret_that_is_not_there_stops_the_cluster(desk: Desk, reference: str) -> None:
    desk.client.secrets.create_scope("team")
    run = desk.run(desk.job(desk.task("a"), desk.task("b", after=["a"]), variables={"PASSWORD": reference}))
    task = (run.tasks or [])[0]
    assert life_cycle(task) == "INTERNAL_ERROR"
    assert re.match(r"The cluster could not start: Secret.* does not exist\.", task.state.state_message or "")
    assert code(task) == "CLUSTER_ERROR"
    assert states(run) == {"a": "FAILED", "b": "UPSTREAM_FAILED"}


# Libraries


def test_library_that_cannot_be_installed_fails_the_task_before_any_code_runs(desk: Desk) -> None:
    desk.workspace.jobs.online = False
    missing = Library(pypi=PythonPyPiLibrary(package="stackhouse-no-such-package==1.0"))
    run = desk.run(desk.job(desk.task("a", libraries=[Library(whl=WHEEL), missing]), desk.task("b", after=["a"])))
    task = (run.tasks or [])[0]
    assert states(run) == {"a": "FAILED", "b": "UPSTREAM_FAILED"}
    assert life_cycle(task) == "INTERNAL_ERROR"
    assert message(task).startswith('Library installation failed for pypi: "stackhouse-no-such-package==1.0".')
    assert code(task) == "LIBRARY_INSTALLATION_ERROR"
    assert "SEEN" not in desk.logs(task)
    assert 'pypi: "stackhouse-no-such-package==1.0"' in message(run)


def test_second_try_works_once_the_library_is_there(desk: Desk) -> None:
    job_id = desk.job(desk.task("a", libraries=[Library(whl="/Workspace/Shared/other/demo-1.0-py3-none-any.whl")]))
    run = desk.run(job_id)
    assert "Path (/Shared/other/demo-1.0-py3-none-any.whl) does not exist" in message((run.tasks or [])[0])
    desk.client.workspace.mkdirs("/Shared/other")
    with desk.client.workspace.download(WHEEL) as file:
        desk.upload("/Shared/other/demo-1.0-py3-none-any.whl", file.read())
    assert state(desk.run(job_id)) == "SUCCESS"


def test_new_wheel_of_the_same_name_is_what_runs_next(desk: Desk) -> None:
    job_id = desk.job(desk.task("a"))
    for word in ("ONE", "TWO"):
        desk.upload(WHEEL, wheel(f"def show():\n    print({word!r})\n"))
        assert desk.logs((desk.run(job_id).tasks or [])[0]).strip() == word


def test_runtime_whose_python_this_machine_lacks_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    job_id = desk.serverless(desk.task("a", job_cluster_key=None, libraries=None, environment_key="main"), version="1")
    monkeypatch.setattr("rehearsal.emulator.environments.installer.find_uv", lambda: None)
    desk.workspace.jobs.environments_of(desk.workspace).uv = None
    run = desk.run(job_id)
    assert state(run) == "FAILED"
    assert "The runtime has Python 3.10, and this machine has 3.1" in message(run)


# Schedules


def scheduled(desk: Desk, expression: str, function: str = "show", **more: object) -> int:
    schedule = CronSchedule(quartz_cron_expression=expression, timezone_id="Europe/Berlin")
    return desk.job(desk.task("a", function, "{{job.run_id}}", "{{job.trigger.time.iso_date}}"), schedule=schedule, **more)


def test_clock_moved_over_three_firings_starts_three_runs(desk: Desk) -> None:
    job_id = scheduled(desk, "0 0 2 * * ?")
    begun = desk.workspace.clock.now()
    desk.workspace.clock.move(timedelta(days=3))
    runs = [desk.ended(run.run_id or 0) for run in desk.client.jobs.list_runs(job_id=job_id)]
    assert [state(run) for run in runs] == ["SUCCESS"] * 3
    assert {run.trigger for run in runs} == {TriggerType.PERIODIC}
    arguments = [seen(desk, (run.tasks or [])[0])["arguments"] for run in runs]
    days = [(begun + timedelta(days=number)).date() for number in range(4)]
    told = [argument[2] for argument in arguments if isinstance(argument, list)]
    assert told == sorted(told, reverse=True)
    assert set(told) <= {str(day) for day in days}
    assert len(set(told)) == 3
    assert [argument[1] for argument in arguments if isinstance(argument, list)] == [str(run.run_id) for run in runs]
    assert desk.workspace.jobs.next_firing(job_id) is not None


def test_clock_moved_day_by_day_starts_a_run_each(desk: Desk) -> None:
    job_id = scheduled(desk, "0 0 2 * * ?")
    for number in (1, 2, 3):
        desk.workspace.clock.move(timedelta(days=1))
        assert len(list(desk.client.jobs.list_runs(job_id=job_id))) == number
    assert [state(desk.ended(run.run_id or 0)) for run in desk.client.jobs.list_runs(job_id=job_id)] == ["SUCCESS"] * 3


def test_schedule_fires_by_the_real_clock_and_skips_while_a_run_is_active(desk: Desk) -> None:
    job_id = scheduled(desk, "* * * * * ?", "hang")
    wait_for(lambda: len(list(desk.client.jobs.list_runs(job_id=job_id))) >= 2, 10)
    runs = list(desk.client.jobs.list_runs(job_id=job_id))
    assert state(runs[0]) == "MAXIMUM_CONCURRENT_RUNS_REACHED"
    assert not runs[-1].end_time


def test_nothing_runs_before_the_first_firing(desk: Desk) -> None:
    job_id = scheduled(desk, "0 0 2 ? * MON 2099")
    desk.workspace.clock.move(timedelta(days=30))
    assert list(desk.client.jobs.list_runs(job_id=job_id)) == []


def test_paused_or_deleted_schedule_does_not_fire(desk: Desk) -> None:
    job_id = scheduled(desk, "0 0 2 * * ?")
    desk.client.jobs.update(job_id, fields_to_remove=["schedule"])
    gone = scheduled(desk, "0 0 2 * * ?")
    desk.client.jobs.delete(gone)
    desk.workspace.clock.move(timedelta(days=3))
    assert list(desk.client.jobs.list_runs()) == []


def test_move_of_the_clock_does_not_time_out_a_run(desk: Desk) -> None:
    run_id = desk.start(desk.job(desk.task("a", "brief", "1", timeout_seconds=60), timeout_seconds=60))
    desk.workspace.clock.move(timedelta(days=3))
    assert state(desk.ended(run_id)) == "SUCCESS"


def test_rest_of_a_run_is_cleared_away_but_its_logs(desk: Desk) -> None:
    run = desk.run(desk.job(desk.task("a")))
    time.sleep(0.2)
    assert [path.name for path in (desk.workspace.folder / "runs" / str(run.run_id)).iterdir()] == ["a.log"]
