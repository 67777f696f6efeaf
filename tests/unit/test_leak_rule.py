"""The section `model.leaks`: what is refused, and that an accepted leak says why it is none."""

from typing import Any

import pytest
from pydantic import ValidationError

from stackhouse.leaks.rule import AcceptedLeak, LeakRule
from stackhouse.placeholder import require_no_placeholder

REASON = "airlines announce it an hour before"


def accepted(reason: str = REASON, name: str = "dep_delay", check: str = "single_feature") -> dict[str, str]:
    return {"check": check, "name": name, "reason": reason}


def test_nothing_has_to_be_declared() -> None:
    assert LeakRule() == LeakRule(max_auc=0.85, max_r2=0.8, accepted=[])


def test_full_declaration_survives_json() -> None:
    declared = LeakRule(max_auc=0.9, entity=["customer_id"], accepted=[accepted(), accepted(check="repeated_rows", name="test")])
    assert LeakRule.model_validate_json(declared.model_dump_json()) == declared


@pytest.mark.parametrize(
    ("declared", "where"),
    [
        ({"max_auc": 0.5}, "max_auc"),
        ({"max_auc": 1}, "max_auc"),
        ({"max_auc_of_named": 0.5}, "max_auc_of_named"),
        ({"max_r2": 0}, "max_r2"),
        ({"max_r2": 1}, "max_r2"),
        ({"max_r2_of_named": 0}, "max_r2_of_named"),
        ({"max_agreement": 1}, "max_agreement"),
        ({"max_repeated_keys": 1}, "max_repeated_keys"),
        ({"max_repeated_rows": -0.1}, "max_repeated_rows"),
        ({"max_shared_entities": 1}, "max_shared_entities"),
        ({"max_auc": float("nan")}, "max_auc"),
        ({"sample_rows": 99}, "sample_rows"),
        ({"sample_rows": 10_000_001}, "sample_rows"),
        ({"entity": []}, "entity"),
        ({"seed": -1}, "seed"),
        ({"max_AUC": 0.9}, "max_AUC"),
        ({"max_auc": 0.75}, "max_auc_of_named is above max_auc"),
        ({"max_r2": 0.6}, "max_r2_of_named is above max_r2"),
        ({"accepted": [{**accepted(), "check": "auc"}]}, "check"),
        ({"accepted": [{**accepted(), "name": ""}]}, "name"),
        ({"accepted": [accepted(), accepted("known from the schedule already")]}, "stands more than once"),
    ],
)
def test_limit_that_cannot_fail_or_cannot_pass_is_refused(declared: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError, match=where):
        LeakRule(**declared)


@pytest.mark.parametrize(
    "reason", ["", "  ", "\n", "TODO", "todo: say why later", "TBD", "<why it is none>", "{reason goes here}", "a|b|c", "no leak", "ok"]
)
def test_acceptance_without_a_reason_is_refused(reason: str) -> None:
    with pytest.raises(ValidationError, match=r"placeholder|gives no reason"):
        AcceptedLeak(check="single_feature", name="dep_delay", reason=reason)


def test_reason_is_kept_in_one_line() -> None:
    assert AcceptedLeak(**accepted(" airlines announce it\n an hour before ")).reason == REASON


@pytest.mark.parametrize("text", ["one", "a b", "< 5 minutes"])
def test_text_that_says_something_is_no_placeholder(text: str) -> None:
    assert require_no_placeholder(text) == text
