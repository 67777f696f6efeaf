"""Training and test tables: rows with features and a label, as prepare_data keeps them and train_model reads them.

A table that another tool has written has no roles; what its columns are for is said here. In the feature store such tables have the
number of the row as their only key, so that rows of any origin can take the place of others under one name; the keys and the time that
the rows came with are told by tags.
"""

import json
from collections.abc import Mapping, Sequence

import narwhals as nw

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError
from stackhouse.labels.inferred import known_label
from stackhouse.table import Roles, Table

ROW_ID = "row_id"
"""Number of the row in the order of keys and time, from 0 on; of a table without keys in the order of all columns."""

KEYS, TIME = "stackhouse.training.keys", "stackhouse.training.time"
"""Tags of a training table: its keys as JSON, its column of time."""


def with_roles(table: Table, label: str, keys: Sequence[str] = (), time: str | None = None) -> Table:
    """Say what the columns of a source table are for.

    Keys and time are those that are given, else those that the table has itself. Features are the table's own, where it has any, else
    all columns that are neither key, time nor label.

    Raises:
        ColumnNotFoundError: where a column is not there.
        ConfigurationError: where one column would be two things.
        DataError: where no column is left as a feature.
    """
    keys, time = tuple(keys) or table.roles.primary_keys, time or table.roles.timestamp
    if missing := [column for column in (label, *keys, *((time,) if time else ())) if column not in table.columns]:
        raise ColumnNotFoundError.missing(table.name, missing, table.columns, "Name some of these.")
    require_one_role(table.name, label, keys, time)
    named = (*keys, *((time,) if time else ()))
    own = table.roles.features or tuple(table.columns)
    features = tuple(column for column in own if column not in (*named, label, ROW_ID))
    if not features:
        raise DataError(f"{table.name} has no column beside keys, time and label; nothing can be learned from it. Name another table.")
    roles = Roles(primary_keys=keys, timestamp=time, label=label, features=features)
    return Table(table.frame.select(*roles.columns), roles, table.name)


def require_one_role(where: str, label: str, keys: Sequence[str], time: str | None) -> None:
    """Check that label, keys and time are columns of their own.

    Raises:
        ConfigurationError: where one column would be two of them.
    """
    named = (*keys, *((time,) if time else ()))
    if label in named:
        raise ConfigurationError(f"'{label}' is the label and a key or the time of {where}. Name another column as one of them.")
    if len(set(named)) < len(named):
        raise ConfigurationError(f"{list(named)} names a column twice among keys and time of {where}. Name each once.")


def with_label_and_keys(table: Table) -> tuple[Table, dict[str, int]]:
    """Leave out the rows whose label, keys or time are null, and count them by what is missing; a label that is NaN is missing too.

    A row that lacks several counts once, with the first of label, keys and time.
    """
    label, counted, frame = str(table.roles.label), {}, table.frame
    before = table.count()
    conditions = {label: known_label(table, label)} | {column: ~nw.col(column).is_null() for column in table.roles.identity}
    for column, condition in conditions.items():
        frame = frame.filter(condition)
        after = table.with_frame(frame).count()
        if before > after:
            counted[column] = before - after
        before = after
    return table.with_frame(frame), counted


def numbered(table: Table) -> Table:
    """Add the number of each row as `row_id`; equal rows give equal numbers in whatever order they arrive.

    Where the table has no keys, or they do not name one row each, the number becomes a key. A number that the rows have already gives way.
    """
    if ROW_ID in table.columns:
        table = table.select(column for column in table.columns if column != ROW_ID)
    identity = table.roles.identity
    others = [column for column in table.columns if column not in identity]
    rows = table.frame.with_row_index(ROW_ID, order_by=[*identity, *others]).with_columns(nw.col(ROW_ID).cast(nw.Int64))
    unique = bool(table.roles.primary_keys) and not repeats(table, identity)
    keys = table.roles.primary_keys if unique else (*table.roles.primary_keys, ROW_ID)
    return Table(rows, table.roles.model_copy(update={"primary_keys": keys}), table.name)


def known_beyond(roles: Roles) -> bool:
    """Whether a row can be known again after another preparation: by keys alone that the rows came with, none of them its number.

    >>> known_beyond(Roles(primary_keys=("customer",))), known_beyond(Roles(primary_keys=("customer", ROW_ID))), known_beyond(Roles())
    (True, False, False)
    """
    return bool(roles.primary_keys) and ROW_ID not in roles.primary_keys


def repeats(table: Table, columns: Sequence[str]) -> bool:
    """Whether some rows have the same values in these columns."""
    repeated = table.frame.select(*columns).group_by(*columns).agg(nw.len().alias("__rows")).filter(nw.col("__rows") > 1)
    return len(repeated.head(1).collect(backend="polars")) > 0


def to_store(table: Table) -> tuple[Table, dict[str, str]]:
    """Return a numbered table as the feature store keeps it, and the tags that tell its keys and time."""
    roles = table.roles
    kept = Roles(primary_keys=(ROW_ID,), label=roles.label, features=roles.features)
    columns = dict.fromkeys((ROW_ID, *roles.columns))
    tags = {KEYS: json.dumps(roles.primary_keys), TIME: roles.timestamp or ""}
    return Table(table.frame.select(*columns), kept, table.name), tags


def from_store(table: Table, tags: Mapping[str, str], target: str) -> Table:
    """Return a table of the feature store as rows to learn from; `target` has no role yet, see `stackhouse.labels.labelling`.

    Keys and time are those of the tags, else those of the table itself. A label that the table has beside the target is no feature.

    Raises:
        ColumnNotFoundError: where there is no column `target`.
        ConfigurationError: where the target is a key or the time.
        DataError: where no column is left as a feature.
    """
    keys = tuple(json.loads(tags[KEYS])) if KEYS in tags else table.roles.primary_keys
    time = tags[TIME] or None if TIME in tags else table.roles.timestamp
    told = Roles(primary_keys=keys, timestamp=time, features=table.roles.features)
    label = table.roles.label
    found = with_roles(Table(table.frame, told, table.name), target)
    roles = found.roles.model_copy(
        update={"label": None, "features": tuple(feature for feature in found.roles.features if feature != label)}
    )
    return Table(found.frame, roles, table.name)
