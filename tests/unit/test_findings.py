"""What a list of findings comes to."""

import pytest

from stackhouse.findings import Diagnosis, Finding, State

OK, NOT_CHECKED = Finding.ok("fine"), Finding.not_checked("no workspace")
WARNING, FAILED, NO_ANSWER = Finding.warning("old", "update"), Finding.failed("gone", "make it"), Finding.no_answer("silence", "try again")


@pytest.mark.parametrize(
    ("findings", "exit_code"),
    [
        ([], 0),
        ([OK], 0),
        ([OK, WARNING, NOT_CHECKED], 0),
        ([OK, FAILED], 2),
        ([OK, NO_ANSWER, NOT_CHECKED], 5),
        ([NO_ANSWER, FAILED], 2),
    ],
)
def test_exit_code_follows_from_the_worst_finding(findings: list[Finding], exit_code: int) -> None:
    assert Diagnosis(findings).exit_code == exit_code


def test_summary_counts_each_state_in_a_fixed_order() -> None:
    assert Diagnosis([NO_ANSWER, FAILED, OK, OK, NOT_CHECKED, WARNING]).summary == "2 OK, 1 WARNING, 1 FAILED, 1 NO ANSWER, 1 NOT CHECKED"


@pytest.mark.parametrize("state", [State.WARNING, State.FAILED, State.NO_ANSWER])
def test_finding_that_is_not_in_order_has_to_say_what_to_do(state: State) -> None:
    with pytest.raises(ValueError, match=r"'gone' is .* does not say what to do"):
        Finding(state, "gone")


def test_finding_takes_the_name_of_its_check() -> None:
    assert FAILED.named("volume") == Finding(State.FAILED, "gone", "make it", "volume")
