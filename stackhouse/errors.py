"""Every error that Stackhouse raises on purpose, and the exit code that a command leaves with.

    StackhouseError
    ├── ConfigurationError        2   the model file, a flag or an alias is wrong
    ├── DataError                 3   the rows are wrong
    │   ├── ColumnNotFoundError       a named column is not there
    │   ├── ColumnTypeError           a column has a type that its role does not allow
    │   ├── PrimaryKeyError           a primary key is null or stands twice
    │   ├── EmptyTableError           no rows are left (also a ValueError)
    │   ├── DirtyFeaturesError        NaN, ±Inf or null where features have to be clean
    │   ├── LabelError                a label outside the range of its task
    │   ├── LeakageError              a feature would tell the label
    │   ├── PointInTimeError          a feature from the future of its label
    │   └── DataValidationError       a feature or label table breaks an expectation
    ├── RegistryError             4   the model registry refuses, or holds something else than expected
    └── InfrastructureError       5   a folder, store or service cannot be used
        └── MissingTableError         a table is not in the feature store

A classmethod builds each message from facts: what is wrong, where, and what to do about it.
"""

from collections.abc import Iterable, Mapping
from typing import Self


def _names(columns: Iterable[str]) -> str:
    return ", ".join(f"'{column}'" for column in columns) or "nothing"


class StackhouseError(Exception):
    """Root of the tree; `exit_code` is what a command leaves with."""

    exit_code = 5


class ConfigurationError(StackhouseError):
    """The model file, a flag or an alias is wrong: nothing was read or written yet."""

    exit_code = 2

    @classmethod
    def invalid_file(cls, path: str, problems: Iterable[str]) -> Self:
        """Build the error for a model file that does not validate; one line a problem."""
        lines = "\n".join(f"  - {problem}" for problem in problems)
        return cls(f"{path} is not a valid model file:\n{lines}\nCorrect these keys; nothing was run.")

    @classmethod
    def reserved_alias(cls, alias: str, reason: str) -> Self:
        """Build the error for an alias that MLflow would refuse or take for a version."""
        return cls(f"The alias '{alias}' cannot be used: {reason}. Choose letters, digits, '-' and '_', e.g. 'champion'.")


class DataError(StackhouseError):
    """The rows are wrong; nothing was written."""

    exit_code = 3


class ColumnNotFoundError(DataError):
    """A named column is not there."""

    @classmethod
    def missing(cls, where: str, missing: Iterable[str], existing: Iterable[str], remedy: str) -> Self:
        """Build the error from the columns that are asked for and those that exist."""
        return cls(f"{where} has no column {_names(missing)}; it has {_names(existing)}. {remedy}")


class ColumnTypeError(DataError):
    """A column has a type that its role does not allow."""

    @classmethod
    def not_numeric(cls, where: str, types: Mapping[str, str]) -> Self:
        """Build the error for feature columns that hold something else than numbers."""
        found = ", ".join(f"'{column}' ({dtype})" for column, dtype in types.items())
        return cls(
            f"{where}: {found} must be numeric. Convert these columns at the source, or leave them out of the features. "
            "In a CSV file, name its words for no value under source.null_values."
        )

    @classmethod
    def not_a_time(cls, where: str, column: str, dtype: str) -> Self:
        """Build the error for a timestamp column that cannot be ordered in time."""
        return cls(
            f"{where}: the timestamp column '{column}' is {dtype}, which has no order in time. Give a date or a datetime. "
            "In a CSV file, name a form other than ISO 8601 under source.times."
        )

    @classmethod
    def different(cls, left: str, left_column: str, left_type: str, right: str, right_column: str, right_type: str) -> Self:
        """Build the error for columns of two tables that have to be of one type to be joined."""
        return cls(
            f"'{left_column}' of {left} is {left_type}, '{right_column}' of {right} is {right_type}; they cannot be joined. "
            "Give both the same type (and time zone) at the source."
        )


class PrimaryKeyError(DataError):
    """A primary key is null or stands twice."""

    @classmethod
    def null(cls, where: str, counts: Mapping[str, int]) -> Self:
        """Build the error from the null count of each key column."""
        found = ", ".join(f"'{column}' in {count:,} rows" for column, count in counts.items())
        return cls(f"{where}: a primary key is null ({found}). Fill or drop these rows at the source; nothing was written.")

    @classmethod
    def duplicated(cls, where: str, keys: Iterable[str], duplicates: int, example: Mapping[str, object]) -> Self:
        """Build the error from how many keys stand more than once, and one of them."""
        shown = ", ".join(f"{column}={value}" for column, value in example.items())
        return cls(
            f"{where}: {duplicates:,} primary keys ({', '.join(keys)}) stand more than once, e.g. {shown}. "
            "Keep one row a key, or add the column that tells the rows apart to the keys; nothing was written."
        )


class EmptyTableError(DataError, ValueError):
    """No rows are left. Also a ValueError, as the training guide asks for."""

    @classmethod
    def no_rows(cls, where: str, remedy: str) -> Self:
        """Build the error for a table without rows."""
        return cls(f"No records found for training! {where} has no rows. {remedy}")


class DirtyFeaturesError(DataError):
    """NaN, ±Inf or null where features have to be clean."""

    @classmethod
    def found(cls, where: str, counts: Mapping[str, int]) -> Self:
        """Build the error from the count of unusable values of each column."""
        shown = ", ".join(f"'{column}' ({count:,})" for column, count in counts.items())
        return cls(f"{where} holds NaN, ±Inf or null in {shown}. Clean at the source: run the feature_engineering pipeline again.")

    @classmethod
    def all_null(cls, where: str, columns: Iterable[str]) -> Self:
        """Build the error for columns that hold no single usable value."""
        return cls(
            f"{where}: {_names(columns)} holds no usable value in any row; filling it with a default would invent a feature. "
            "Repair the source, or leave the column out of the features."
        )


class LabelError(DataError):
    """A label outside the range of its task."""

    @classmethod
    def out_of_range(cls, column: str, low: float, high: float, found_low: float, found_high: float) -> Self:
        """Build the error from the allowed and the observed range."""
        return cls(
            f"The label '{column}' must lie in [{low:g}, {high:g}]; it runs from {found_low:g} to {found_high:g}. "
            "Repair the source, or give the range as minimum and maximum under model.label.rule."
        )

    @classmethod
    def not_binary(cls, column: str, count: int, example: float) -> Self:
        """Build the error for a binary label with other values than 0 and 1."""
        return cls(
            f"The label '{column}' of a binary classifier holds {count:,} values other than 0 and 1, e.g. {example:g}. "
            "Give a threshold under model.label (kind: threshold), or repair the source."
        )

    @classmethod
    def infinite(cls, column: str) -> Self:
        """Build the error for a label that holds an infinite value."""
        return cls(f"The label '{column}' holds an infinite value, from which nothing can be learned. Repair the source.")

    @classmethod
    def one_class(cls, column: str, value: str) -> Self:
        """Build the error for a label that has one value in all rows."""
        return cls(
            f"The label '{column}' is {value} in every row; a classifier needs two classes at least. Use a longer period, or name another "
            "column as the label."
        )

    @classmethod
    def not_classes(cls, column: str, found: int, most: int) -> Self:
        """Build the error for a column of measured values where classes are needed."""
        many = f"more than {most}" if found > most else str(found)
        return cls(
            f"The label '{column}' holds {many} different values that are no classes. Binarize it at the source (1 above a threshold, "
            f"else 0), or name a column of 2 to {most} whole numbers or texts as the label."
        )

    @classmethod
    def unknown_class(cls, column: str, unknown: Iterable[str], classes: Iterable[str]) -> Self:
        """Build the error for a label that holds something that is none of its classes."""
        return cls(
            f"The label '{column}' holds {_names(unknown)}, and the classes are {_names(classes)}. Name every class under "
            "model.label.rule, or repair the source."
        )

    @classmethod
    def not_in_training(cls, column: str, test: str, unknown: Iterable[str], train: str, classes: Iterable[str]) -> Self:
        """Build the error for a test table with classes that its training table lacks."""
        return cls(
            f"The label '{column}' of {test} holds {_names(unknown)}, and the classes are {_names(classes)}, those of {train}. Add rows of "
            "each class to what the tables are made of and run prepare_data again, leave the class out of both tables, or name another "
            "column with --target-col."
        )

    @classmethod
    def all_held_out(cls, label: str, classes: Mapping[str, int], test_size: float, divided: str) -> Self:
        """Build the error for classes whose rows, counted here, would all be held out; `divided` are times or rows."""
        shown = ", ".join(f"'{name}' ({rows:,} {'row' if rows == 1 else 'rows'})" for name, rows in classes.items())
        return cls(
            f"No row of {shown} of the label '{label}' would be left to learn from: {test_size:g} of the {divided} are held out to judge, "
            "and a fifth of the others to follow the losses. Add rows of the class, leave it out of the table, or lower --test-size."
        )

    @classmethod
    def none_to_learn(cls, column: str, train: str, missing: Iterable[str]) -> Self:
        """Build the error for classes of a training table whose rows are all among those held out."""
        return cls(
            f"Without the fifth that is held out to follow the losses, {train} has none of class {_names(missing)} of '{column}'; a model "
            "could never answer with it. Add rows of the class and run prepare_data again, leave it out of both tables, or name another "
            "column with --target-col."
        )

    @classmethod
    def missing_class(cls, label: str, missing: Iterable[str], part: str) -> Self:
        """Build the error for classes of which one part of the rows has none."""
        return cls(
            f"The {part} rows have none of class {_names(missing)} of '{label}'; a model could never answer with it. Leave the class out "
            "under model.label.rule, or use a longer period."
        )


class LeakageError(DataError):
    """A feature would tell the label."""

    @classmethod
    def not_a_feature(cls, columns: Mapping[str, str]) -> Self:
        """Build the error from columns that must not be features, and the role that each has."""
        shown = ", ".join(f"'{column}' (the {role})" for column, role in columns.items())
        return cls(f"{shown} cannot be a feature: it would not be known when the model scores. Remove it from model.features.names.")


class PointInTimeError(DataError):
    """A feature from the future of its label, or no feature at all."""

    @classmethod
    def from_future(cls, rows: int, worst_hours: float) -> Self:
        """Build the error from the rows whose feature time is after their label time."""
        return cls(
            f"{rows:,} training rows see a feature from after their own time (up to {worst_hours:.1f} h after). "
            "The feature table's timestamp must be the time from which a row was known; correct it at the source."
        )

    @classmethod
    def nothing_matches(cls, spine: str, features: str, rows: int) -> Self:
        """Build the error for a join that finds no feature row for any label."""
        return cls(
            f"None of the {rows:,} rows of {spine} finds a row of {features} that was known by then. "
            "Compare keys and time ranges of the two tables; run feature_engineering for the earlier period if it is missing."
        )


class DataValidationError(DataError):
    """A feature or label table breaks an expectation."""

    @classmethod
    def failed(cls, where: str, failures: Iterable[str]) -> Self:
        """Build the error from the expectations that failed, with the rows counted."""
        return cls(
            f"{where} failed validation: {'; '.join(failures)}. Nothing was written. "
            "Data quality issue detected: repair the source, or correct the expectation under model.validation."
        )


class RegistryError(StackhouseError):
    """The model registry refuses, or holds something else than expected."""

    exit_code = 4


class InfrastructureError(StackhouseError):
    """A folder, store or service cannot be used."""

    exit_code = 5

    @classmethod
    def unwritable(cls, path: str, reason: str) -> Self:
        """Build the error for a folder that cannot be written to."""
        return cls(f"Cannot write to {path}: {reason}. Give a folder that you may write to (STACKHOUSE_HOME); nothing was written.")

    @classmethod
    def full(cls, path: str, free_mb: int, needed_mb: int) -> Self:
        """Build the error for a folder without room for a run."""
        return cls(
            f"{path} has {free_mb:,} MB free, a run needs {needed_mb:,} MB. Free some space there, "
            "or choose another folder (STACKHOUSE_HOME)."
        )

    @classmethod
    def no_feature_store(cls, stack: str) -> Self:
        """Build the error for a stack that lacks a feature store."""
        return cls(
            f"The active stack '{stack}' has no feature store of Stackhouse. Run `stackhouse stack up local`, or `zenml stack set local`."
        )


class MissingTableError(InfrastructureError):
    """A table is not in the feature store."""

    @classmethod
    def of_features(cls, name: str, where: str) -> Self:
        """Build the error for a feature or label table; who reads another kind of table says what makes that."""
        return cls(f"Feature table {name} does not exist in {where}. Run feature_engineering with the same model file first.")

    @classmethod
    def of_source(cls, name: str, flag: str) -> Self:
        """Build the error for a table that training and test rows would be made of; any tool may have made it."""
        return cls(f"Table {name} does not exist in the feature store of this stack. Name one that is there: {flag}. Nothing was written.")

    @classmethod
    def of_rows(cls, name: str, flag: str) -> Self:
        """Build the error for a training or test table, which prepare_data makes or another tool has made."""
        return cls(
            f"Table {name} does not exist in the feature store of this stack. prepare_data makes training and test tables; or name one "
            f"that is there: {flag}, --catalog, --schema."
        )
