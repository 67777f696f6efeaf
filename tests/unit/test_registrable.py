"""Which runs may be registered."""

import pytest

from stackhouse.registrable import GATE, not_registrable, of_model

NAME = "dev.shop.churn"
PASSED = {"registered_name": NAME, "verdict": "APPROVED", "verdict.reasons": "f1 0.8 > 0.7", GATE: "passed"}


def test_a_run_whose_gate_has_passed_may_be_registered() -> None:
    assert not_registrable(NAME, "FINISHED", PASSED) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({GATE: "failed"}, "its gate has failed: f1 0.8 > 0.7"),
        ({GATE: None}, "no gate is on record (tag gate.baseline)"),
        ({"verdict": "REJECTED"}, "it is REJECTED: f1 0.8 > 0.7"),
        ({"verdict": "SKIPPED", "verdict.reasons": "one class"}, "it is SKIPPED: one class"),
        ({"registered_name": "prod.shop.churn"}, "it trained prod.shop.churn"),
        ({"registered_name": None}, "it trained no model of Stackhouse"),
        ({"registered_name": None, "model_name": "other"}, "it trained other"),
    ],
)
def test_every_other_run_says_why_not(change: dict[str, str | None], why: str) -> None:
    tags = {key: value for key, value in {**PASSED, **change}.items() if value is not None}
    assert not_registrable(NAME, "FINISHED", tags) == why


@pytest.mark.parametrize("status", ["RUNNING", "FAILED", "KILLED"])
def test_a_run_that_did_not_finish_is_not_registered_whatever_its_tags_say(status: str) -> None:
    assert not_registrable(NAME, status, PASSED) == f"it is {status}"


def test_finished_alone_is_not_enough() -> None:
    assert not_registrable(NAME, "FINISHED", {"registered_name": NAME}) == "no gate is on record (tag gate.baseline)"


def test_a_run_that_tells_no_full_name_is_taken_by_the_last_level() -> None:
    assert of_model(NAME, {"model_name": "churn"})
    assert not of_model(NAME, {"model_name": "churn", "registered_name": "prod.shop.churn"})
