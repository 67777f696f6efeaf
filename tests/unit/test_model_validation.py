"""What comes of the checks of a version: three of four are enough, a strict validation needs all, a limit that is not kept fails."""

import pytest

from materializers.pages import render
from stackhouse.environments import Environment
from stackhouse.model_validation import Accuracy, Limits, ModelValidation, Readiness, ValidationRequest, limits_exceeded, outcome
from stackhouse.record import ModelCheck

READY = Readiness(
    size_bytes=2_500_000, row_ms=4.0, batch_ms=8.0, batch_rows=1000, memory_bytes=12_000_000, probability_low=0.1, probability_high=0.9
)


@pytest.mark.parametrize(
    ("passed", "strict", "expected"),
    [
        (4, False, "PASSED"),
        (4, True, "PASSED"),
        (3, False, "WARNING"),
        (3, True, "FAILED"),
        (2, False, "FAILED"),
        (0, False, "FAILED"),
    ],
)
def test_outcome_by_the_number_of_checks_that_passed(passed: int, strict: bool, expected: str) -> None:
    checks = [True] * passed + [False] * (4 - passed)
    assert outcome(checks, limits_kept=True, strict=strict) == expected


def test_a_limit_that_is_not_kept_fails_whatever_the_checks_say() -> None:
    assert outcome([True] * 4, limits_kept=False, strict=False) == "FAILED"


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        (Limits(max_size_mb=2.5, max_row_ms=4.0, max_batch_ms=8.0, max_memory_mb=12.0), ()),
        (Limits(max_size_mb=2.4), ("its files take 2.5 MB, and may take 2.4 MB",)),
        (Limits(max_row_ms=3.9), ("one row takes 4 ms, and may take 3.9 ms",)),
        (Limits(max_batch_ms=7.9), ("a batch of 1,000 rows takes 8 ms, and may take 7.9 ms",)),
        (Limits(max_memory_mb=11.0), ("its memory takes 12 MB, and may take 11 MB",)),
    ],
)
def test_the_end_of_a_limit_is_inside(limits: Limits, told: tuple[str, ...]) -> None:
    assert limits_exceeded(limits, READY, None) == told


@pytest.mark.parametrize(
    ("accuracy", "told"),
    [
        (Accuracy(value=0.75, where="measured on t"), ()),
        (Accuracy(value=0.7499, where="measured on t"), ("its accuracy is 0.7499 (measured on t), and has to be 0.75 at least",)),
        (Accuracy(where="t has no label"), ("its accuracy is unknown (t has no label), and has to be 0.75 at least",)),
        (None, ("its accuracy is unknown (not measured), and has to be 0.75 at least",)),
    ],
)
def test_the_least_accuracy_is_inside_and_an_unknown_one_is_not_enough(accuracy: Accuracy | None, told: tuple[str, ...]) -> None:
    assert limits_exceeded(Limits(min_accuracy=0.75), READY, accuracy) == told


def test_what_could_not_be_measured_keeps_no_limit() -> None:
    assert limits_exceeded(Limits(max_row_ms=5.0), Readiness(), None) == ("one row could not be measured, and may take 5 ms",)


def test_a_flag_goes_before_the_file_of_the_environment() -> None:
    file = {"environment": "prod", "catalog": "c", "schema": "s", "baseline_f1": 0.85, "limits": {"max_row_ms": 9.0, "max_size_mb": 20.0}}
    found = Limits(max_row_ms=5.0).over(Environment.model_validate(file).limits)
    assert found == Limits(max_row_ms=5.0, max_size_mb=20.0)


def validated(*passed: bool, limits: Limits | None = None, readiness: Readiness = READY) -> ModelValidation:
    request = ValidationRequest(name="dev.shop.churn", alias="champion", test_table="dev.shop.test_set", limits=limits or Limits())
    names = ("loads", "signature", "inference", "metadata")
    checks = [ModelCheck(name=name, passed=good, detail=f"<{name}>") for name, good in zip(names, passed, strict=True)]
    return ModelValidation.judged(request, "3", 5, checks, readiness, Accuracy(value=0.8, where="measured on dev.shop.test_set"))


def test_the_page_shows_checks_readiness_and_limits_and_escapes_what_a_model_says() -> None:
    page = render(validated(True, False, True, True, limits=Limits(max_row_ms=1.0)))
    for shown in (
        "dev.shop.churn, version 3",
        "FAILED",
        "3 of 4 checks passed",
        "&lt;signature&gt;",
        "one row takes 4 ms",
        "2.5 MB",
        "0.8000",
    ):
        assert shown in page, shown
    assert "<signature>" not in page


def test_the_page_of_a_version_that_could_not_be_measured_says_nothing_of_it() -> None:
    page = render(validated(False, False, False, True, readiness=Readiness()))
    assert "1 of 4 checks passed" in page
    assert "None" not in page


def test_a_validation_comes_back_from_its_json() -> None:
    report = validated(True, True, True, False)
    assert ModelValidation.model_validate_json(report.model_dump_json()) == report
    assert (report.outcome, report.passed) == ("WARNING", 3)
