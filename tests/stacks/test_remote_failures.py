"""An error that a step raised on a cluster, as a command here raises it."""

import pytest

from stackhouse.errors import DataValidationError, EmptyTableError
from stacks.databricks.run_record import parse_error

OURS = """Traceback (most recent call last):
  File "/x/steps/validate_features.py", line 20, in validate_features
    require_met(result)
stackhouse.errors.DataValidationError: dev.flights.route_day: 2 of 9 expectations are not met
  - late_rate_7d: 3 rows
  - flights: 4 rows
"""
CHAINED = """Traceback (most recent call last):
  File "/x/a.py", line 1, in a
KeyError: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/x/b.py", line 2, in b
stackhouse.errors.EmptyTableError: No records found for training!
"""


def test_error_of_ours_keeps_its_class_and_all_lines_of_its_message() -> None:
    error = parse_error(OURS)
    assert type(error) is DataValidationError
    assert str(error) == "dev.flights.route_day: 2 of 9 expectations are not met\n  - late_rate_7d: 3 rows\n  - flights: 4 rows"


def test_last_error_of_a_chain_counts() -> None:
    error = parse_error(CHAINED)
    assert type(error) is EmptyTableError
    assert str(error) == "No records found for training!"


@pytest.mark.parametrize(
    "traceback", ["", "KeyError: 'x'\n", "Traceback (most recent call last):\nos.error: DataError: x\n", "Mapping: x\n"]
)
def test_other_errors_are_not_taken_for_ours(traceback: str) -> None:
    assert parse_error(traceback) is None
