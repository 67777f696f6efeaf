"""Whether a task runs after those before it have ended, and what a condition task says. Pure.

Source: https://docs.databricks.com/en/jobs/run-if.html, and the comments of `databricks.sdk.service.jobs`.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Literal

End = Literal["success", "failed", "canceled", "excluded"]
"""How a task ended, as those after it see it. `excluded` also stands for the branch of a condition that was not taken."""

Decision = Literal["run", "UPSTREAM_FAILED", "UPSTREAM_CANCELED", "EXCLUDED"]

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
}


def decide(run_if: str, ends: Sequence[End]) -> Decision:
    """Say what becomes of a task by the ends of those that it depends on.

    Excluded tasks count as successful; where all of them are excluded, so is this one. A task for failures that did not happen is
    excluded; any other that cannot run has failed upstream.
    """
    if not ends:
        return "run"
    if all(end == "excluded" for end in ends):
        return "EXCLUDED"
    bad = [end in {"failed", "canceled"} for end in ends]
    runs = {
        "ALL_SUCCESS": not any(bad),
        "AT_LEAST_ONE_SUCCESS": "success" in ends,
        "NONE_FAILED": "failed" not in ends and any(end != "excluded" for end in ends),
        "ALL_DONE": True,
        "AT_LEAST_ONE_FAILED": "failed" in ends,
        "ALL_FAILED": all(end == "failed" for end in ends),
    }[run_if]
    if runs:
        return "run"
    if run_if in {"AT_LEAST_ONE_FAILED", "ALL_FAILED"}:
        return "EXCLUDED"
    return "UPSTREAM_FAILED" if "failed" in ends else "UPSTREAM_CANCELED"


def holds(left: str, comparison: str, right: str) -> bool:
    """Evaluate a condition: equality of text, or order of numbers.

    >>> holds("12.0", "EQUAL_TO", "12"), holds("12.0", "GREATER_THAN_OR_EQUAL", "12")
    (False, True)

    Raises:
        ValueError: where an order is asked of something that is no number.
    """
    if comparison in {"EQUAL_TO", "NOT_EQUAL"}:
        return (left == right) == (comparison == "EQUAL_TO")
    return COMPARISONS[comparison](float(left), float(right))
