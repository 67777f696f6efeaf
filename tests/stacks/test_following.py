"""A run that is followed: what is told of it, when it is cancelled, and what the workspace may fail to answer meanwhile."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import Mock

import pytest
from databricks.sdk.errors import InternalError, TemporarilyUnavailable
from databricks.sdk.service.jobs import Run
from zenml.enums import ExecutionStatus

from stackhouse.errors import InfrastructureError
from stacks.databricks.following import FAILURES_TOLERATED, Following, reason, status_of

RUNNING = {"status": {"state": "RUNNING"}}
PENDING = {"status": {"state": "PENDING"}}
SUCCESS = {"status": {"state": "TERMINATED", "termination_details": {"code": "SUCCESS", "type": "SUCCESS"}}}
FAILED = {
    "state": {"result_state": "FAILED", "state_message": "the boiler is cold"},
    "status": {"state": "TERMINATED", "termination_details": {"code": "RUN_EXECUTION_ERROR", "type": "CLIENT_ERROR"}},
}
CANCELED = {"status": {"state": "TERMINATED", "termination_details": {"code": "USER_CANCELED", "type": "CLIENT_ERROR"}}}
GONE = TemporarilyUnavailable("try again later")


def task(state: dict[str, Any], key: str = "fit", **more: Any) -> dict[str, Any]:
    return {"task_key": key, **state, **more}


def run(state: dict[str, Any], *tasks: dict[str, Any]) -> Run:
    return Run.from_dict({"run_id": 7, **state, "tasks": list(tasks)})


def following(looks: Sequence[Any], cancellations: Sequence[Any] = (None,), **more: Any) -> Following:
    """Follow a run that shows itself so at each look, in a workspace that answers each cancellation so."""
    client = Mock()
    client.jobs.get_run.side_effect = looks
    client.jobs.cancel_run.side_effect = cancellations
    return Following(client, 7, 0.1, more.pop("start_timeout_seconds", 60), sleep=lambda _: None, **more)


def asked_to_cancel(following: Following) -> int:
    return int(following.client.jobs.cancel_run.call_count)  # type: ignore[attr-defined]


def test_looks_that_are_not_answered_are_tolerated_until_there_are_ten_in_a_row() -> None:
    tolerated = [GONE] * (FAILURES_TOLERATED - 1)
    assert status_of(following([*tolerated, run(RUNNING), *tolerated, run(SUCCESS)]).to_end()) is ExecutionStatus.COMPLETED
    with pytest.raises(InfrastructureError, match="Run 7 cannot be followed"):
        following([GONE] * FAILURES_TOLERATED).to_end()


def test_attempt_that_fails_is_told_once_and_does_not_cancel_the_run_while_another_follows(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "zenml.stackhouse.databricks")
    first = task(FAILED, attempt_number=0, max_retries=2)
    waiting, second = task(PENDING, attempt_number=1, max_retries=2), task(SUCCESS, attempt_number=1, max_retries=2)
    looks = [run(RUNNING, first), run(RUNNING, first, waiting), run(RUNNING, first, waiting), run(RUNNING, first, second)]
    followed = following([*looks, run(SUCCESS, first, second)])
    assert status_of(followed.to_end()) is ExecutionStatus.COMPLETED
    assert (followed.cancelled, asked_to_cancel(followed)) == (None, 0)
    assert [record.getMessage() for record in caplog.records if record.name == "zenml.stackhouse.databricks"] == [
        "Step `fit` has failed at attempt 1 and is tried again: the boiler is cold (RUN_EXECUTION_ERROR)",
        "Step `fit` has finished in `0.0s`.",
    ]


TIMED_OUT = {"state": {"result_state": "TIMEDOUT"}, "status": FAILED["status"]}
UPSTREAM_FAILED = {"state": {"result_state": "UPSTREAM_FAILED"}, "status": FAILED["status"]}


@pytest.mark.parametrize(
    ("state", "more", "again"),
    [
        (FAILED, {}, False),
        (FAILED, {"max_retries": 0}, False),
        (FAILED, {"max_retries": 2}, True),
        (FAILED, {"max_retries": 2, "attempt_number": 1}, True),
        (FAILED, {"max_retries": 2, "attempt_number": 2}, False),
        (FAILED, {"max_retries": -1, "attempt_number": 99}, True),
        (TIMED_OUT, {"max_retries": 2}, False),
        (TIMED_OUT, {"max_retries": 2, "retry_on_timeout": True}, True),
        (UPSTREAM_FAILED, {"max_retries": 2}, False),
    ],
)
def test_failure_cancels_the_rest_where_no_attempt_is_left(state: dict[str, Any], more: dict[str, Any], again: bool) -> None:
    followed = following([run(RUNNING, task(state, **more)), run(FAILED, task(state, **more))])
    followed.to_end()
    assert asked_to_cancel(followed) == (0 if again else 1)


def test_reason_names_a_task_by_its_last_attempt_and_not_one_that_succeeded_at_last() -> None:
    late = task(FAILED, "load", attempt_number=0), task(SUCCESS, "load", attempt_number=1)
    ended = run(FAILED, *late, task(TIMED_OUT, attempt_number=0), task(FAILED, attempt_number=1))
    assert reason(ended) == "fit: the boiler is cold (RUN_EXECUTION_ERROR)"


def test_cancellation_is_asked_for_once_where_it_is_taken() -> None:
    failing = run(RUNNING, task(FAILED))
    followed = following([failing, failing, run(CANCELED, task(FAILED))])
    assert status_of(followed.to_end()) is ExecutionStatus.STOPPED
    assert (followed.cancelled, asked_to_cancel(followed)) == ("a step has failed", 1)


@pytest.mark.parametrize("refusal", [GONE, InternalError("no"), ConnectionError("reset")])
def test_cancellation_that_is_not_taken_is_asked_for_again_and_the_run_followed_to_its_end(refusal: Exception) -> None:
    failing = run(RUNNING, task(FAILED))
    followed = following([failing] * 14 + [run(CANCELED, task(FAILED))], [refusal] * 12 + [None])
    assert status_of(followed.to_end()) is ExecutionStatus.STOPPED
    assert (followed.cancelled, asked_to_cancel(followed)) == ("a step has failed", 13)


def test_cancellation_whose_answer_is_lost_is_still_the_reason_of_the_end() -> None:
    followed = following([run(PENDING, task(PENDING)), run(CANCELED, task(CANCELED))], [ConnectionError("reset")], start_timeout_seconds=-1)
    followed.to_end()
    assert followed.cancelled == "its compute did not start within -1 s"


def test_run_that_ends_by_itself_although_its_cancellation_is_never_taken_is_concluded() -> None:
    followed = following([run(RUNNING, task(FAILED)), run(FAILED, task(FAILED))], [GONE])
    assert status_of(followed.to_end()) is ExecutionStatus.FAILED
