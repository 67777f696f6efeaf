"""Records of a run: names, tags without placeholders, and reports that cannot pass by being empty."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from stackhouse.record import ModelCheck, RunTags, TableVersion, ValidationReport, features_sample, run_name

TAGS = {
    "project": "stackhouse",
    "domain": "reliability",
    "model_name": "flight_delay",
    "model_type": "binary_classification",
    "algorithm": "xgboost",
    "use_case": "Will the route be late tomorrow?",
    "feature_engineering": "route_day",
    "training_data": "dev.flights.route_day_features",
}


def checked(*passed: bool) -> ValidationReport:
    checks = tuple(ModelCheck(name=str(number), passed=one, detail="") for number, one in enumerate(passed))
    return ValidationReport(name="dev.flights.flight_delay", version="1", checks=checks)


def test_run_carries_the_eight_tags() -> None:
    assert RunTags(**TAGS).model_dump() == TAGS
    assert len(TAGS) == 8


@pytest.mark.parametrize("tag", sorted(TAGS))
def test_missing_tag_is_refused(tag: str) -> None:
    with pytest.raises(ValidationError, match=f"{tag}\n  Field required"):
        RunTags(**{name: value for name, value in TAGS.items() if name != tag})


@pytest.mark.parametrize("value", ["", "  ", "xgboost|lightgbm", "<algorithm>", "{algorithm}", " <name> "])
def test_placeholder_is_refused_as_a_tag(value: str) -> None:
    with pytest.raises(ValidationError, match="is a placeholder; give the one value that holds for this run"):
        RunTags(**{**TAGS, "algorithm": value})


def test_unknown_domain_is_refused() -> None:
    with pytest.raises(ValidationError, match="domain"):
        RunTags(**{**TAGS, "domain": "weather"})


def test_run_is_named_by_model_algorithm_version_and_utc_time() -> None:
    at = datetime(2026, 11, 20, 23, 30, 5, tzinfo=timezone(timedelta(hours=-5)))
    assert run_name("flight_delay", "xgboost", 3, at) == "flight_delay_xgboost_v3_20261121_043005"
    assert run_name("m", "a", 1, datetime(2026, 1, 2, tzinfo=UTC)) == "m_a_v1_20260102_000000"


@pytest.mark.parametrize(("count", "ending"), [(19, "f18"), (20, "f19"), (21, "f19, ...and 1 more"), (50, "f19, ...and 30 more")])
def test_features_beyond_twenty_are_counted(count: int, ending: str) -> None:
    sample = features_sample(tuple(f"f{number}" for number in range(count)))
    assert sample.startswith("f0, f1, ")
    assert sample.endswith(ending)


def test_no_features_give_an_empty_sample() -> None:
    assert features_sample(()) == ""


@pytest.mark.parametrize(
    ("report", "passed"), [(checked(), False), (checked(True), True), (checked(True, False), False), (checked(True, True), True)]
)
def test_validation_passes_where_there_was_something_to_check_and_all_passed(report: ValidationReport, passed: bool) -> None:
    assert report.passed is passed


def test_table_version_begins_at_zero() -> None:
    values = {"name": "t", "uri": "u", "rows": 1, "primary_keys": ("k",)}
    assert TableVersion(version=0, **values).written
    with pytest.raises(ValidationError, match="version"):
        TableVersion(version=-1, **values)
