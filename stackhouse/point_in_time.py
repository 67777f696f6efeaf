"""The point-in-time join: each training row sees only feature rows that were known at or before its own time.

`join_as_of` joins one table; `training_set.py` joins several, by lookups. Both attach and certify with what stands here.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import narwhals as nw

from stackhouse.certificate import Certificate, LookupMatch, lost_words
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, LeakageError, PointInTimeError
from stackhouse.table import Roles, Table, require_rows, require_times, require_unique_keys
from stackhouse.times import HOUR, microseconds_between

# Both sides are sorted in `_by_join_asof`; Polars cannot verify that by group and says so each time such a frame is computed.
warnings.filterwarnings("ignore", message="Sortedness of columns cannot be checked", category=UserWarning)


@dataclass(frozen=True)
class Joined:
    """The spine with its features, and the certificate."""

    table: Table
    certificate: Certificate


@dataclass(frozen=True)
class Match:
    """One table to attach: how its rows are found, and what they give. `keys` and `outputs` map names of the table to the spine's."""

    table: Table
    keys: Mapping[str, str]
    outputs: Mapping[str, str]
    time: str | None = None
    window: timedelta | None = None
    defaults: Mapping[str, float] = field(default_factory=dict)
    mark: str = "__feature_time"
    """A column of its own: the time of the feature row found (True where the table has no time), null where there is none."""

    @property
    def fills(self) -> bool:
        """Whether default values keep a row that finds no match."""
        return bool(self.outputs) and set(self.defaults) == set(self.outputs.values())


def join_as_of(spine: Table, features: Table, names: tuple[str, ...] | None = None) -> Joined:
    """Join to each spine row the latest feature row of its key that was known at or before the row's time.

    Args:
        spine: keys, timestamp and label, shape (n_rows, …).
        features: keys, timestamp and features, unique by (keys, timestamp), finite.
        names: the features to take; all of the table where None.

    Returns:
        Shape (n_matched, n_keys + 1 + n_features + label and carried columns). A feature row that is exactly as old as
        the label counts as known. Rows without a match are left out and counted.

    Raises:
        ColumnNotFoundError: where `names` has a feature that the table does not have.
        ColumnTypeError: where a timestamp is no date or datetime, or where times or keys of the two tables have other types.
        ConfigurationError: where a table lacks a timestamp, or the two have other keys.
        EmptyTableError: where the spine has no rows.
        LeakageError: where the spine carries a column of a feature's name, which would stand in for the feature.
        PointInTimeError: where no row matches, or a joined row sees the future.
        PrimaryKeyError: where keys are null or stand twice in either table.
    """
    names = features.roles.features if names is None else names
    if missing := [name for name in names if name not in features.roles.features]:
        raise ColumnNotFoundError.missing(features.name, missing, features.roles.features, "Name one of these under model.features.names.")
    keys, label_time, feature_time = spine.roles.primary_keys, spine.roles.timestamp, features.roles.timestamp
    if label_time is None or feature_time is None:
        raise ConfigurationError(f"Both {spine.name} and {features.name} need a timestamp for a point-in-time join.")
    if set(keys) != set(features.roles.primary_keys):
        raise ConfigurationError(
            f"{spine.name} has the keys {list(keys)}, {features.name} has {list(features.roles.primary_keys)}; they must agree."
        )
    if carried := [name for name in names if name in spine.columns]:
        raise LeakageError.not_a_feature(dict.fromkeys(carried, f"column of {spine.name}"))
    match = Match(features, {key: key for key in keys}, {name: name for name in names}, label_time)
    require_same_types(spine, match)
    return attach(spine, [match], Roles(primary_keys=keys, timestamp=label_time, label=spine.roles.label, features=names))


def require_same_types(spine: Table, match: Match) -> None:
    """Check that the times to compare are times, and that they and the keys have one type on both sides.

    Raises:
        ColumnTypeError: naming both columns and their types.
    """
    times = {match.table.roles.timestamp: match.time} if match.table.roles.timestamp and match.time else {}
    require_times(match.table)
    left, right = spine.frame.collect_schema(), match.table.frame.collect_schema()
    for theirs, ours in {**times, **match.keys}.items():
        if left[ours] != right[theirs]:
            raise ColumnTypeError.different(spine.name, ours, str(left[ours]), match.table.name, theirs, str(right[theirs]))


def attach(spine: Table, matches: Sequence[Match], roles: Roles, left_out: Sequence[str] = ()) -> Joined:
    """Attach each match to the spine, leave out rows that lack one, and certify the rows themselves.

    `roles` are those of the result, which has the spine's columns and all outputs but `left_out`. On Polars the training set
    is computed here, once, and held in memory, where it has to fit for a fit as well; other engines stay lazy.

    Raises:
        ColumnTypeError: where the spine's timestamp is no date or datetime.
        EmptyTableError: where the spine has no rows.
        PointInTimeError: where no row is left, or a joined row sees the future.
        PrimaryKeyError: where keys are null or stand twice in a table.
    """
    spine_rows = require_rows(spine, "Run the feature_engineering pipeline for a period that has labels.")
    require_times(spine)
    for table in {id(table): table for table in (spine, *(match.table for match in matches))}.values():
        require_unique_keys(table)
    frame = spine.frame
    for match in matches:
        frame = attach_outputs(frame, spine.frame, match)
    if frame.implementation.is_polars():
        frame = frame.collect().lazy()
    certificate = certify(frame, matches, spine, spine_rows)
    lacking = [match.mark for match in matches if not match.fills]
    kept = frame.filter(*(~nw.col(mark).is_null() for mark in lacking)) if lacking else frame
    dropped = [*(match.mark for match in matches), *left_out]
    return Joined(Table(kept.drop(*dropped), roles, "the training set"), certificate)


def attach_outputs(frame: nw.LazyFrame[Any], spine: nw.LazyFrame[Any], match: Match) -> nw.LazyFrame[Any]:
    """Add the outputs and the mark of one lookup to each row of `frame`, lazily; rows stay as many as they are.

    `frame` is the spine with the outputs of earlier lookups. SQL engines read times and keys from the spine itself, so that a
    plan of many lookups grows with their number and no faster.
    """
    time = match.table.roles.timestamp
    right = match.table.frame.select(
        *(nw.col(theirs).alias(ours) for theirs, ours in match.keys.items()),
        (nw.col(time) if time else nw.lit(value=True)).alias(match.mark),
        *(nw.col(feature).alias(output) for feature, output in match.outputs.items()),
    )
    keys = list(match.keys.values())
    if match.time is None:
        frame = frame.join(right, on=keys, how="left")
    else:
        frame = _latest_known(frame, spine, right, keys, match.time, match.mark)
        frame = _without_old(frame, match)
    types = frame.collect_schema()
    filled = (
        nw.when(~nw.col(match.mark).is_null()).then(nw.col(output)).otherwise(nw.lit(value).cast(types[output])).alias(output)
        for output, value in match.defaults.items()
    )
    return frame.with_columns(*filled) if match.defaults else frame


def _latest_known(
    frame: nw.LazyFrame[Any], spine: nw.LazyFrame[Any], right: nw.LazyFrame[Any], keys: list[str], time: str, mark: str
) -> nw.LazyFrame[Any]:
    """Join to each row the row of `right` with its keys and the latest `mark` <= `time`.

    SQL engines have no `join_asof` in Narwhals (Spark), or one for the default connection only (DuckDB). There both tables
    stand below each other in order of time, the feature first where times are equal, and the last feature time is carried on;
    the feature row then follows by equality, exactly, since (keys, time) names one row.
    """
    if frame.implementation.is_polars() or frame.implementation.is_pandas_like():
        return _by_join_asof(frame, right, keys, time, mark)
    known = right.select(*keys, nw.col(mark).alias(time), nw.lit(0).alias(_SIDE))
    asked = spine.select(*keys, time, nw.lit(1).alias(_SIDE))
    times = nw.concat([known, asked]).with_columns(nw.when(nw.col(_SIDE) == 0).then(nw.col(time)).alias(mark))
    carried = nw.col(mark).fill_null(strategy="forward").over(*keys, order_by=[time, _SIDE])
    seen = times.with_columns(carried).filter(nw.col(_SIDE) == 1).select(*keys, time, mark).unique()
    return frame.join(seen.join(right, on=[*keys, mark], how="inner"), on=[*keys, time], how="left")


def _by_join_asof(frame: nw.LazyFrame[Any], right: nw.LazyFrame[Any], keys: list[str], time: str, mark: str) -> nw.LazyFrame[Any]:
    """Sort by the time alone: no two rows of a key share one, and by time and keys it would take several times as long.

    Source: pandas' `merge_asof` takes no dates (pandas 3.0), so these are joined as the midnights that they begin with.
    """
    if frame.implementation.is_polars() or frame.collect_schema()[time] != nw.Date:
        return frame.sort(time).join_asof(right.sort(mark), left_on=time, right_on=mark, by=keys, strategy="backward")
    left, known = (
        side.with_columns(nw.col(column).cast(nw.Datetime("us")).alias(name)).sort(name)
        for side, column, name in ((frame, time, _ASKED), (right, mark, _KNOWN))
    )
    return left.join_asof(known, left_on=_ASKED, right_on=_KNOWN, by=keys, strategy="backward").drop(_ASKED, _KNOWN)


_SIDE, _ASKED, _KNOWN = "__side", "__asked", "__known"


def _without_old(frame: nw.LazyFrame[Any], match: Match) -> nw.LazyFrame[Any]:
    if match.time is None or match.window is None:
        return frame
    young = microseconds_between(frame, match.time, match.mark) <= match.window // timedelta(microseconds=1)
    return frame.with_columns(nw.when(young).then(nw.col(column)).alias(column) for column in (match.mark, *match.outputs.values()))


def certify(frame: nw.LazyFrame[Any], matches: Sequence[Match], spine: Table, spine_rows: int) -> Certificate:
    """Measure the joined rows themselves, independent of how they were joined; only aggregates leave the engine.

    `frame` holds every spine row with the mark of each match.

    Raises:
        PointInTimeError: where no row is left, or a row sees the future.
    """
    row = frame.select(*_measures(frame, matches)).collect(backend="polars").rows(named=True)[0]
    future = sum(int(row[f"future_{match.mark}"] or 0) for match in matches if match.time)
    if future:
        raise PointInTimeError.from_future(future, -float(row["youngest"]) / HOUR)
    kept, tables = int(row["kept"] or 0), ", ".join(dict.fromkeys(match.table.name for match in matches))
    lookups = tuple(_lookup_match(match, spine, int(row[f"found_{match.mark}"] or 0), spine_rows) for match in matches)
    if not kept:
        nothing = PointInTimeError.nothing_matches(spine.name, tables, spine_rows)
        raise PointInTimeError(f"{nothing} {lost_words(spine.name, spine_rows, lookups)}")
    youngest, median, oldest = (float(row.get(age) or 0) / HOUR for age in ("youngest", "median", "oldest"))
    return Certificate(
        spine=spine.name,
        features=tables,
        spine_rows=spine_rows,
        matched_rows=kept,
        latest_feature_minus_label_hours=0.0 - youngest,
        median_age_hours=median,
        oldest_age_hours=oldest,
        rows_measured=int(row.get("measured") or 0),
        lookups=lookups,
    )


def _measures(frame: nw.LazyFrame[Any], matches: Sequence[Match]) -> list[nw.Expr]:
    """Counts of rows, and ages in microseconds over the rows that are kept."""
    required = [~nw.col(match.mark).is_null() for match in matches if not match.fills]

    def of_kept(expression: nw.Expr) -> nw.Expr:
        return nw.when(*required).then(expression) if required else expression

    timed = [(match, match.time) for match in matches if match.time]
    found = [(~nw.col(match.mark).is_null()).cast(nw.Int64).sum().alias(f"found_{match.mark}") for match in matches]
    future = [of_kept((nw.col(match.mark) > nw.col(time)).cast(nw.Int64)).sum().alias(f"future_{match.mark}") for match, time in timed]
    kept = of_kept(nw.lit(1)).sum() if required else nw.len()
    measures = [*found, *future, kept.alias("kept")]
    ages = [of_kept(microseconds_between(frame, time, match.mark)) for match, time in timed]
    if not ages:
        return measures
    youngest, oldest = (nw.min_horizontal(*ages), nw.max_horizontal(*ages)) if len(ages) > 1 else (ages[0], ages[0])
    measured = (~oldest.is_null()).cast(nw.Int64).sum().alias("measured")
    return [*measures, measured, youngest.min().alias("youngest"), oldest.median().alias("median"), oldest.max().alias("oldest")]


def _lookup_match(match: Match, spine: Table, found: int, spine_rows: int) -> LookupMatch:
    ours, theirs, absent = count_keys(match, spine)
    return LookupMatch(
        table=match.table.name,
        lookup_key=tuple(match.keys.values()),
        rows_matched=found,
        rows_filled=spine_rows - found if match.fills else 0,
        rows_lost=0 if match.fills else spine_rows - found,
        spine_keys=ours,
        table_keys=theirs,
        absent_keys=absent,
    )


def count_keys(match: Match, spine: Table) -> tuple[int, int, int]:
    """Count the distinct keys of the spine, of the table, and of the spine that the table lacks, in one pass over both."""
    keys = list(match.keys.values())
    ours = spine.frame.select(*keys).filter(*(~nw.col(key).is_null() for key in keys)).unique()
    theirs = match.table.frame.select(nw.col(theirs).alias(ours) for theirs, ours in match.keys.items()).unique()
    sides = nw.concat([ours.with_columns(nw.lit(1).alias(_SIDE)), theirs.with_columns(nw.lit(2).alias(_SIDE))])
    of_key = sides.group_by(*keys).agg(nw.col(_SIDE).sum())
    wanted = {"spine": (1, 3), "table": (2, 3), "absent": (1,)}
    counts = [nw.col(_SIDE).is_in(values).cast(nw.Int64).sum().alias(name) for name, values in wanted.items()]
    row = of_key.select(*counts).collect(backend="polars").rows(named=True)[0]
    return int(row["spine"] or 0), int(row["table"] or 0), int(row["absent"] or 0)
