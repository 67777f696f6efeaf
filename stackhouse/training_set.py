"""Training sets: the spine (keys, time and label) with the features of several tables, each looked up as of the spine's time."""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import narwhals as nw

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, LeakageError, PointInTimeError, PrimaryKeyError
from stackhouse.lookups import FeatureLookup
from stackhouse.point_in_time import Joined, Match, attach, require_same_types
from stackhouse.table import Roles, Table


def create_training_set(
    spine: Table, lookups: Sequence[FeatureLookup], tables: Mapping[str, Table], exclude_columns: Collection[str] = ()
) -> Joined:
    """Look the features of each table up for every spine row, and certify the result.

    A table with a timestamp gives the latest row of the key that was known at the lookup's time (a row of that very time
    counts as known), one without gives the row of the key. A row that some lookup finds nothing for stays only where all
    outputs of that lookup have default values; otherwise it is left out and counted.

    Args:
        spine: the label's own table: keys, timestamp, label and what else it carries, shape (n_rows, …).
        lookups: at least one; what to take from which table.
        tables: the tables by the name that the lookups give them.
        exclude_columns: columns that leave the result after the lookups have used them.

    Returns:
        Shape (n_kept, n_columns of the spine + n_outputs - n_excluded). Features are those of the spine, if it has any, and
        the outputs in the order of the lookups.

    Raises:
        ColumnNotFoundError: where the spine lacks a lookup key or time, a table lacks a feature, or what to exclude is not there.
        ColumnTypeError: where keys or times of the two sides differ in type, a time is none, or a default does not fit its column.
        ConfigurationError: where a table is not given, keys do not fit the table's, outputs have one name, or what is excluded
            has to stay.
        EmptyTableError: where the spine has no rows.
        LeakageError: where an output has the name of a column of the spine.
        PointInTimeError: where a lookup would see the future, or no row is left.
        PrimaryKeyError: where keys or times are null, or rows stand twice in a table.
    """
    matches = find_matches(spine, lookups, tables)
    roles = _roles(spine, matches, exclude_columns)
    return attach(spine, matches, roles, tuple(dict.fromkeys(exclude_columns)))


def find_matches(spine: Table, lookups: Sequence[FeatureLookup], tables: Mapping[str, Table]) -> list[Match]:
    """Resolve lookups against the spine and the tables that they name; only schemas are read, and times that are not the spine's own.

    Raises:
        ColumnNotFoundError: where the spine lacks a lookup key or time, or a table lacks a feature.
        ColumnTypeError: where keys or times of the two sides differ in type, a time is none, or a default does not fit its column.
        ConfigurationError: where there is no lookup, a table is not given, keys do not fit the table's, or outputs have one name.
        LeakageError: where an output has the name of a column of the spine.
        PointInTimeError: where a lookup would see the future.
        PrimaryKeyError: where a time to look up as of is null.
    """
    if not lookups:
        raise ConfigurationError(f"A training set of {spine.name} needs at least one FeatureLookup; none is given.")
    matches = [_match(number, lookup, spine, tables) for number, lookup in enumerate(lookups)]
    _require_new_names(spine, matches)
    for match in matches:
        _require_no_later_time(spine, match)
    return matches


def _match(number: int, lookup: FeatureLookup, spine: Table, tables: Mapping[str, Table]) -> Match:
    if (table := tables.get(lookup.table_name)) is None:
        raise ConfigurationError(f"A lookup names the table {lookup.table_name}, which is not given; given are {sorted(tables)}.")
    asked = (*lookup.lookup_key, lookup.timestamp_lookup_key) if lookup.timestamp_lookup_key else lookup.lookup_key
    if missing := [column for column in asked if column not in spine.columns]:
        remedy = f"The lookup of {lookup.table_name} needs them as lookup_key or timestamp_lookup_key."
        raise ColumnNotFoundError.missing(spine.name, missing, spine.columns, remedy)
    _require_time_on_both_sides(lookup, spine, table)
    keys = _keys(lookup, table)
    features = table.roles.features
    if unknown := [name for name in lookup.feature_names or () if name not in features]:
        raise ColumnNotFoundError.missing(table.name, unknown, features, "Name some of these as feature_names.")
    try:
        outputs = lookup.outputs(features)
    except ValueError as error:
        raise ConfigurationError(f"The lookup of {lookup.table_name} does not fit the table: {error}.") from error
    if not outputs:
        raise ConfigurationError(f"{table.name} has no features to look up; give its columns the role of features.")
    match = Match(
        table, keys, outputs, lookup.timestamp_lookup_key, lookup.lookback_window, lookup.default_values, mark=f"__lookup_{number}"
    )
    _require_defaults_fit(match)
    require_same_types(spine, match)
    return match


def _require_time_on_both_sides(lookup: FeatureLookup, spine: Table, table: Table) -> None:
    if table.roles.timestamp and lookup.timestamp_lookup_key is None:
        raise PointInTimeError(
            f"A lookup in {table.name} without a time would look into the future: its rows hold from '{table.roles.timestamp}' on. "
            f"Give the column of {spine.name} with the time of each row as timestamp_lookup_key."
        )
    if lookup.timestamp_lookup_key and table.roles.timestamp is None:
        raise ConfigurationError(
            f"{table.name} has no timestamp to compare with '{lookup.timestamp_lookup_key}'. Leave timestamp_lookup_key out, "
            "or create the table with the column from which a row was known."
        )


def _keys(lookup: FeatureLookup, table: Table) -> dict[str, str]:
    """Pair the table's primary keys with columns of the spine, by position; a key of the same name must stand at its own."""
    theirs, ours = table.roles.primary_keys, lookup.lookup_key
    crossed = [key for key in ours if key in theirs and theirs.index(key) != ours.index(key)]
    if len(theirs) != len(ours) or crossed:
        raise ConfigurationError(
            f"The lookup_key {list(ours)} does not fit {table.name}, which has the primary keys {list(theirs)}. "
            "Give one column of the spine for each, in this order (the timestamp is left out)."
        )
    return dict(zip(theirs, ours, strict=True))


def _require_defaults_fit(match: Match) -> None:
    schema = match.table.frame.collect_schema()
    for feature, output in match.outputs.items():
        value, dtype = match.defaults.get(output), schema[feature]
        if value is None or dtype.is_float() or dtype.is_decimal():
            continue
        if not (dtype.is_integer() and float(value).is_integer()) and not (dtype == nw.Boolean and value in {0, 1}):
            raise ColumnTypeError(
                f"The default value {value:g} of '{output}' does not fit the column '{feature}' of {match.table.name}, which is {dtype}. "
                "Give a value of that type; only numbers and booleans can have one."
            )


def _require_new_names(spine: Table, matches: Sequence[Match]) -> None:
    """Check that each output is a new column."""
    named = dict.fromkeys(spine.columns, f"column of {spine.name}") | dict.fromkeys(spine.roles.primary_keys, "primary key")
    named |= {column: role for column, role in ((spine.roles.timestamp, "timestamp"), (spine.roles.label, "label")) if column}
    outputs = [set(match.outputs.values()) for match in matches]
    if carried := {output: named[output] for found in outputs for output in sorted(found) if output in named}:
        raise LeakageError.not_a_feature(carried)
    for (left, first), (right, second) in combinations(zip(matches, outputs, strict=True), 2):
        if both := sorted(first & second):
            raise ConfigurationError(
                f"The lookups of {left.table.name} and {right.table.name} both give {both}. Rename one of them under rename_outputs."
            )


def _roles(spine: Table, matches: Sequence[Match], excluded: Collection[str]) -> Roles:
    """Return the roles of the result, after checking what is to be excluded."""
    outputs = tuple(output for match in matches for output in match.outputs.values())
    existing = (*spine.columns, *outputs)
    if unknown := [column for column in excluded if column not in existing]:
        raise ColumnNotFoundError.missing("The training set", unknown, existing, "Name some of these under exclude_columns.")
    staying = (*spine.roles.identity, spine.roles.label)
    if kept := [column for column in excluded if column in staying]:
        raise ConfigurationError(
            f"exclude_columns names {kept}: keys, timestamp and label stay in a training set, where they are never features. "
            "Exclude other columns."
        )
    features = tuple(feature for feature in (*spine.roles.features, *outputs) if feature not in excluded)
    if not features:
        raise ConfigurationError("exclude_columns names every feature; a training set without any teaches nothing.")
    return spine.roles.model_copy(update={"features": features})


def _require_no_later_time(spine: Table, match: Match) -> None:
    """Check that a time to look up as of, where it is not the spine's own, is never null and never after it."""
    own, time = spine.roles.timestamp, match.time
    if time is None or time == own:
        return
    if own and (schema := spine.frame.collect_schema())[own] != schema[time]:
        raise ColumnTypeError.different(spine.name, own, str(schema[own]), spine.name, time, str(schema[time]))
    counts = {"null": nw.col(time).is_null(), "later": nw.col(time) > nw.col(own or time)}
    row = spine.frame.select(*(count.cast(nw.Int64).sum().alias(name) for name, count in counts.items())).collect(backend="polars")
    if null := int(row["null"][0] or 0):
        raise PrimaryKeyError.null(spine.name, {time: null})
    if rows := int(row["later"][0] or 0):
        raise PointInTimeError(
            f"A lookup in {match.table.name} as of '{time}' would look into the future: in {rows:,} rows of {spine.name} it is after "
            f"'{own}', the time of the row. Look up as of '{own}', or correct '{time}' at the source."
        )
