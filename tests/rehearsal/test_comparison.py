"""What counts as equal between two stacks."""

import pytest

from rehearsal.comparison import differences

HERE = {
    "stack": "local",
    "seconds": {"training.tune": 1.0},
    "tables": {"dev.flights.route_day": {"rows": 10, "digest": "a"}},
    "metrics": {"test": {"f1": 0.5, "roc_auc": 0.67}},
    "reasons": ["all gates passed"],
    "signature": {"inputs": "[]"},
    "tags": {"git_sha": "abc"},
}


def test_stack_and_seconds_do_not_count() -> None:
    assert differences(HERE, {**HERE, "stack": "rehearsal", "seconds": {"training.tune": 9.0}}) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"metrics": {"test": {"f1": 0.5000000000000001, "roc_auc": 0.67}}}, "metrics.test.f1"),
        ({"metrics": {"test": {"f1": 0.5}}}, "metrics.test.roc_auc"),
        ({"tables": {"dev.flights.route_day": {"rows": 10, "digest": "b"}}}, "tables.dev.flights.route_day.digest"),
        ({"tables": {"dev.flights.route_day": {"rows": 11, "digest": "a"}}}, "tables.dev.flights.route_day.rows"),
        ({"reasons": []}, "reasons"),
        ({"signature": None}, "signature"),
        ({"tags": {"git_sha": "abc", "more": "1"}}, "tags.more"),
        ({"metrics": {"test": {"f1": True, "roc_auc": 0.67}}}, "metrics.test.f1"),
    ],
)
def test_anything_else_that_differs_is_named(change: dict[str, object], where: str) -> None:
    assert [found.where for found in differences(HERE, {**HERE, **change})] == [where]
    assert [found.where for found in differences({**HERE, **change}, HERE)] == [where]
