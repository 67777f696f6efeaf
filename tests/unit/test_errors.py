"""The error tree: exit codes as its docstring draws them, and messages that say what, where and what to do."""

import inspect
import re

import pytest

from stackhouse import errors
from stackhouse.errors import (
    ColumnNotFoundError,
    ColumnTypeError,
    ConfigurationError,
    DataError,
    DataValidationError,
    DirtyFeaturesError,
    EmptyTableError,
    InfrastructureError,
    LabelError,
    LeakageError,
    MissingTableError,
    PointInTimeError,
    PrimaryKeyError,
    RegistryError,
    StackhouseError,
)

TREE = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, StackhouseError)]

MESSAGES = [
    (
        ConfigurationError.invalid_file("m.yaml", ["a: wrong", "b: unknown"]),
        "m.yaml is not a valid model file:\n  - a: wrong\n  - b: unknown\nCorrect",
    ),
    (ConfigurationError.reserved_alias("v1", "it is a version"), "The alias 'v1' cannot be used: it is a version. Choose letters"),
    (ColumnNotFoundError.missing("t", ["a"], [], "Add it."), "t has no column 'a'; it has nothing. Add it."),
    (ColumnTypeError.not_numeric("t", {"a": "String"}), "t: 'a' (String) must be numeric. Convert"),
    (ColumnTypeError.not_a_time("t", "a", "String"), "t: the timestamp column 'a' is String, which has no order in time. Give"),
    (PrimaryKeyError.null("t", {"k": 1200}), "t: a primary key is null ('k' in 1,200 rows). Fill or drop"),
    (
        PrimaryKeyError.duplicated("t", ["k", "l"], 2, {"k": 1, "l": "x"}),
        "t: 2 primary keys (k, l) stand more than once, e.g. k=1, l=x. Keep one",
    ),
    (EmptyTableError.no_rows("t", "Load more."), "No records found for training! t has no rows. Load more."),
    (DirtyFeaturesError.found("t", {"a": 3}), "t holds NaN, ±Inf or null in 'a' (3). Clean at the source"),
    (DirtyFeaturesError.all_null("t", ["a", "b"]), "t: 'a', 'b' holds no usable value in any row"),
    (LabelError.out_of_range("y", 0, 1, -2, 3), "The label 'y' must lie in [0, 1]; it runs from -2 to 3. Repair"),
    (
        LabelError.not_binary("y", 2, 0.5),
        "The label 'y' of a binary classifier holds 2 values other than 0 and 1, e.g. 0.5. Give a threshold",
    ),
    (LeakageError.not_a_feature({"y": "label"}), "'y' (the label) cannot be a feature"),
    (PointInTimeError.from_future(5, 2.25), "5 training rows see a feature from after their own time (up to 2.2 h after)"),
    (PointInTimeError.nothing_matches("s", "f", 7), "None of the 7 rows of s finds a row of f that was known by then. Compare"),
    (DataValidationError.failed("t", ["a", "b"]), "t failed validation: a; b. Nothing was written"),
    (InfrastructureError.unwritable("/x", "read-only"), "Cannot write to /x: read-only. Give a folder"),
    (InfrastructureError.full("/x", 10, 2000), "/x has 10 MB free, a run needs 2,000 MB. Free some space"),
    (MissingTableError.of_features("a.b.c", "/x"), "Feature table a.b.c does not exist in /x. Run feature_engineering with"),
    (MissingTableError.of_rows("a.b.c", "--test-table"), "Table a.b.c does not exist in the feature store of this stack. prepare_data"),
    (InfrastructureError.no_feature_store("default"), "The active stack 'default' has no feature store of Stackhouse. Run"),
]


@pytest.mark.parametrize(
    ("error", "code"), [(ConfigurationError, 2), (DataError, 3), (RegistryError, 4), (InfrastructureError, 5), (StackhouseError, 5)]
)
def test_branch_leaves_with_its_exit_code(error: type[StackhouseError], code: int) -> None:
    assert error.exit_code == code


@pytest.mark.parametrize("error", [error for error in TREE if issubclass(error, DataError)])
def test_every_error_of_the_data_leaves_with_3(error: type[DataError]) -> None:
    assert error("wrong").exit_code == 3


def test_docstring_draws_every_error_and_no_other() -> None:
    assert sorted(set(re.findall(r"\w+Error", errors.__doc__ or "")) - {"ValueError"}) == sorted(error.__name__ for error in TREE)


def test_docstring_gives_the_exit_code_of_each_branch() -> None:
    drawn = dict(re.findall(r"[├└]── (\w+Error)\s+(\d)\s", errors.__doc__ or ""))
    assert drawn == {"ConfigurationError": "2", "DataError": "3", "RegistryError": "4", "InfrastructureError": "5"}


def test_empty_table_is_a_value_error_in_the_words_of_the_guide() -> None:
    error = EmptyTableError.no_rows("demo", "")
    assert isinstance(error, ValueError)
    assert isinstance(error, DataError)
    assert "No records found for training!" in str(error)


@pytest.mark.parametrize("error", [error for error in TREE if error is not EmptyTableError])
def test_other_errors_are_not_value_errors_which_pydantic_would_swallow(error: type[StackhouseError]) -> None:
    assert not issubclass(error, ValueError)


@pytest.mark.parametrize(
    ("error", "message"), MESSAGES, ids=lambda value: type(value).__name__ if isinstance(value, StackhouseError) else ""
)
def test_message_is_built_from_the_facts(error: StackhouseError, message: str) -> None:
    assert str(error).startswith(message)
    assert str(error).endswith((".", "`."))
