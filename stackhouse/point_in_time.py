"""The point-in-time join: each training row sees only feature rows that were known at or before its own time."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import narwhals as nw
from pydantic import model_validator

from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, LeakageError, PointInTimeError
from stackhouse.report import Report
from stackhouse.table import Roles, Table, require_rows, require_times, require_unique_keys


class Certificate(Report):
    """What the join did: rows, losses, and the largest feature time minus label time, which must not be above 0.

    Ages are in hours; an age is label time minus feature time.
    """

    spine: str
    features: str
    spine_rows: int
    matched_rows: int
    latest_feature_minus_label_hours: float
    median_age_hours: float
    oldest_age_hours: float

    @property
    def rows_lost(self) -> int:
        """Spine rows without any feature row that was known by then; they are left out."""
        return self.spine_rows - self.matched_rows

    @model_validator(mode="after")
    def _no_more_rows_than_spine(self) -> Self:
        if self.matched_rows > self.spine_rows:
            raise ValueError(f"{self.matched_rows} rows came of {self.spine_rows}: the features are not unique by key and time")
        return self


# Both sides are sorted in `join_as_of`; Polars cannot verify that by group and says so each time such a frame is computed.
warnings.filterwarnings("ignore", message="Sortedness of columns cannot be checked", category=UserWarning)


@dataclass(frozen=True)
class Joined:
    """The spine with its features, and the certificate."""

    table: Table
    certificate: Certificate


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
    keys, label_time, feature_time = list(spine.roles.primary_keys), spine.roles.timestamp, features.roles.timestamp
    if label_time is None or feature_time is None:
        raise ConfigurationError(f"Both {spine.name} and {features.name} need a timestamp for a point-in-time join.")
    if set(keys) != set(features.roles.primary_keys):
        raise ConfigurationError(
            f"{spine.name} has the keys {keys}, {features.name} has {list(features.roles.primary_keys)}; they must agree."
        )
    if carried := [name for name in names if name in spine.columns]:
        raise LeakageError.not_a_feature(dict.fromkeys(carried, f"column of {spine.name}"))
    spine_rows = require_rows(spine, "Run the feature_engineering pipeline for a period that has labels.")
    for table in (spine, features):
        require_times(table)
        require_unique_keys(table)
    _require_same_types(spine, features, {label_time: feature_time, **{key: key for key in keys}})
    right = features.frame.select(*keys, nw.col(feature_time).alias(_FEATURE_TIME), *names).sort(_FEATURE_TIME, *keys)
    left = spine.frame.sort(label_time, *keys)
    joined = left.join_asof(right, left_on=label_time, right_on=_FEATURE_TIME, by=keys, strategy="backward")
    matched = joined.filter(~nw.col(_FEATURE_TIME).is_null())
    certificate = _certify(matched, label_time, spine, features, spine_rows)
    roles = Roles(primary_keys=tuple(keys), timestamp=label_time, label=spine.roles.label, features=names)
    return Joined(Table(matched.drop(_FEATURE_TIME), roles, "the training set"), certificate)


_FEATURE_TIME = "__feature_time"


def _require_same_types(spine: Table, features: Table, pairs: Mapping[str, str]) -> None:
    left, right = spine.frame.collect_schema(), features.frame.collect_schema()
    for ours, theirs in pairs.items():
        if left[ours] != right[theirs]:
            raise ColumnTypeError.different(spine.name, ours, str(left[ours]), features.name, theirs, str(right[theirs]))


def _certify(matched: nw.LazyFrame[Any], label_time: str, spine: Table, features: Table, spine_rows: int) -> Certificate:
    """Measure the joined rows themselves, independent of how they were joined."""
    times = matched.select(label_time, _FEATURE_TIME).collect(backend="polars")
    if not len(times):
        raise PointInTimeError.nothing_matches(spine.name, features.name, spine_rows)
    ages = (times[label_time] - times[_FEATURE_TIME]).dt.total_seconds() / 3600
    youngest = float(ages.min())
    if youngest < 0:
        raise PointInTimeError.from_future(int((ages < 0).sum()), -youngest)
    return Certificate(
        spine=spine.name,
        features=features.name,
        spine_rows=spine_rows,
        matched_rows=len(times),
        latest_feature_minus_label_hours=0.0 - youngest,
        median_age_hours=float(ages.median()),
        oldest_age_hours=float(ages.max()),
    )
