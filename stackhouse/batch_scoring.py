"""Scoring from keys: the features of each key as of its time, and the model's answer. No row is dropped, and none reordered in value.

A key that the feature tables do not know, or not yet at its time, gets no answer (null): training left such rows out, so the
model has nothing to say of them. A column of a feature's name in the keys' own table stands in for the lookup, as raw rows do.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import narwhals as nw
import polars as pl

from stackhouse.answers import PREDICTION, PROBABILITY, SCORE, answer_columns, answer_types
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, DataError, EmptyTableError
from stackhouse.features.comparable import comparable
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.lookups import FeatureLookup
from stackhouse.point_in_time import attach_outputs
from stackhouse.report import Report
from stackhouse.table import Roles, Table, require_unique_keys
from stackhouse.training_set import find_matches

MODEL_VERSION, FEATURE_VERSIONS, SCORED_AT = "model_version", "feature_table_versions", "scored_at"
_STAMPS = (MODEL_VERSION, FEATURE_VERSIONS, SCORED_AT)
_ANSWERS, _OF_A_LABEL = (PREDICTION, PROBABILITY, SCORE), (f"{PREDICTION}_", f"{PROBABILITY}_")
_KNOWN = "__known"


class ScoringRun(Report):
    """What scored: the registered version, the versions of the feature tables that were looked up, and when (UTC)."""

    model: str
    model_version: str
    table_versions: Mapping[str, int]
    scored_at: datetime

    @property
    def stamp(self) -> dict[str, str]:
        """The columns that say so in each row of the predictions."""
        versions = ", ".join(f"{name}@{version}" for name, version in self.table_versions.items())
        return {MODEL_VERSION: self.model_version, FEATURE_VERSIONS: versions}


class ScoringReport(Report):
    """How many keys were scored, how many had no features by their time, and how many were answered with which class.

    `counts` are the rows by class, for each column of predictions that are classes.
    """

    run: ScoringRun
    rows: int
    without_features: int
    counts: Mapping[str, Mapping[str, int]] = {}

    @property
    def positives(self) -> int:
        """Rows answered with class 1, or with 1 for any of several labels."""
        return sum(count.get("1", 0) for count in self.counts.values())


def require_spine(spine: Table, lookups: Sequence[FeatureLookup], features: Sequence[str], numbers: Sequence[str] | None = None) -> Table:
    """Return the rows to score with the keys and the time of the lookups as their roles.

    `numbers` are the features that have to be numbers, all of them where it is absent.

    The timestamp is the time of the first lookup that has one; further times count among the keys.

    Raises:
        ColumnNotFoundError: where a key or the time is not there.
        ColumnTypeError: where the time is no date or datetime, or a feature holds text.
        ConfigurationError: where a key has the name of a column of the predictions.
        DataError: where a column is neither key nor time nor a feature of the model.
        EmptyTableError: where there are no rows.
        PrimaryKeyError: where a key or the time is null, or rows stand twice.
    """
    times = tuple(dict.fromkeys(lookup.timestamp_lookup_key for lookup in lookups if lookup.timestamp_lookup_key))
    named = dict.fromkeys((*(key for lookup in lookups for key in lookup.lookup_key), *times))
    keys = tuple(column for column in named if column not in times[:1])
    existing = spine.columns
    if missing := [column for column in named if column not in existing]:
        raise ColumnNotFoundError.missing(spine.name, missing, existing, "The model looks its features up by these columns.")
    if taken := [column for column in named if column in (*_STAMPS, *_ANSWERS) or column.startswith(_OF_A_LABEL)]:
        raise ConfigurationError(
            f"The model looks its features up by {taken}, and its predictions have columns of that name. Rename the key."
        )
    if unknown := [column for column in existing if column not in named and column not in features]:
        raise DataError(
            f"{spine.name} has the columns {unknown}, which are neither keys ({', '.join(keys)}), nor the time, nor features of the model. "
            "Leave them out; a misspelt feature would be looked up without a word."
        )
    table = Table(spine.frame, Roles(primary_keys=keys, timestamp=times[0] if times else None), spine.name)
    if not table.count():
        raise EmptyTableError(f"{spine.name} has no rows; there is nothing to score. Nothing was written.")
    table = comparable(table)
    given = [column for column in existing if column in (features if numbers is None else numbers) and column not in named]
    require_numbers(spine.frame, given, spine.name)
    if _may_repeat(table):
        require_unique_keys(table)
    return table


def _may_repeat(table: Table) -> bool:
    """Whether the exact check is needed: it holds all keys at once, where a hash of each takes 8 bytes of a row.

    Equal keys have equal hashes, so none is overlooked; engines other than Polars bound their memory themselves.
    """
    native, identity = table.frame.to_native(), table.roles.identity
    if not isinstance(native, pl.LazyFrame) or not table.roles.primary_keys:
        return True
    null = native.select(pl.any_horizontal(pl.col(identity).is_null()).any())
    if null.collect(engine="streaming").item():
        return True
    hashes = native.select(pl.struct(identity).hash()).collect(engine="streaming").to_series().to_numpy(writable=True)
    hashes.sort()
    return bool((hashes[1:] == hashes[:-1]).any())


def require_numbers(frame: nw.LazyFrame[Any], features: Iterable[str], where: str) -> None:
    """Check that features can be scored: numbers, booleans, or a column of no type, which holds nothing but null.

    Raises:
        ColumnTypeError: naming each that is something else, with its type.
    """
    schema = frame.collect_schema()
    found = {name: schema[name] for name in features if name in schema}
    wrong = {name: str(dtype) for name, dtype in found.items() if not (dtype.is_numeric() or dtype in (nw.Boolean, nw.Unknown))}
    if wrong:
        raise ColumnTypeError.not_numeric(where, wrong)


def remaining_lookups(spine: Table, lookups: Sequence[FeatureLookup]) -> tuple[FeatureLookup, ...]:
    """Return the lookups of the features that the spine does not bring itself; those that it brings whole are left out."""
    return tuple(reduced for lookup in lookups if (reduced := _without(lookup, spine.columns)))


def look_up(spine: Table, lookups: Sequence[FeatureLookup], tables: Mapping[str, Table]) -> nw.LazyFrame[Any]:
    """Attach to every row of the spine the features of its keys that were known at its time, lazily.

    Args:
        spine: what `require_spine` returned, or a part of it, shape (n_rows, n_columns).
        lookups: what `remaining_lookups` returned.
        tables: the tables by the name that the lookups give them.

    Returns:
        Shape (n_rows, n_columns + n_outputs + 1); the last column says whether every lookup without default values found
        something.

    Raises:
        ColumnNotFoundError, ColumnTypeError, ConfigurationError, PointInTimeError: see `training_set.find_matches`.
    """
    matches = find_matches(_without_own_time(spine, lookups), lookups, tables) if lookups else []
    frame = spine.frame
    for match in matches:
        frame = attach_outputs(frame, spine.frame, match)
    needed = [~nw.col(match.mark).is_null() for match in matches if not match.fills]
    known = nw.all_horizontal(*needed, ignore_nulls=False) if needed else nw.lit(value=True)
    return frame.with_columns(known.alias(_KNOWN)).drop(*(match.mark for match in matches))


def _without_own_time(spine: Table, lookups: Sequence[FeatureLookup]) -> Table:
    """With several times none is the row's own, which the others must not pass: that was the label's, and there is no label now."""
    if len({lookup.timestamp_lookup_key for lookup in lookups if lookup.timestamp_lookup_key} | {spine.roles.timestamp}) <= 1:
        return spine
    return Table(spine.frame, spine.roles.model_copy(update={"timestamp": None}), spine.name)


def _without(lookup: FeatureLookup, brought: Sequence[str]) -> FeatureLookup | None:
    """The lookup for the outputs that the spine does not bring itself; None where it brings all."""
    outputs = {feature: output for feature, output in lookup.outputs(lookup.feature_names or ()).items() if output not in brought}
    if not outputs:
        return None
    return lookup.model_copy(
        update={
            "feature_names": tuple(outputs),
            "rename_outputs": {feature: output for feature, output in outputs.items() if feature != output},
            "default_values": {output: value for output, value in lookup.default_values.items() if output in outputs.values()},
        }
    )


def scorer(model: FittedModel, identity: Sequence[str], run: ScoringRun) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return the function that scores rows of `look_up`: keys and time, the model's answers, and what scored them.

    It is applied batch by batch; a row's answer does not depend on the rows beside it.
    """

    def score(rows: pl.DataFrame) -> pl.DataFrame:
        answers = answer_columns(model, model.scores_of_matrix(model.encoding.matrix(rows, model.rules.cleaning)))
        known = pl.col(_KNOWN)
        scored = rows.select(*identity, _KNOWN).with_columns(answers)
        stamps = (pl.lit(value).alias(column) for column, value in run.stamp.items())
        at = pl.lit(run.scored_at).cast(pl.Datetime("us", "UTC")).alias(SCORED_AT)
        return scored.with_columns(*(pl.when(known).then(answer.name).alias(answer.name) for answer in answers), *stamps, at).drop(_KNOWN)

    return score


def predictions_schema(spine: Table, rules: ScoringRules) -> dict[str, pl.DataType]:
    """Return names and types of the columns that `scorer` gives."""
    identity = spine.with_frame(spine.frame.head(0)).collect(spine.roles.identity).to_native().schema
    stamps = {MODEL_VERSION: pl.String(), FEATURE_VERSIONS: pl.String()}
    return {**identity, **answer_types(rules), **stamps, SCORED_AT: pl.Datetime("us", "UTC")}


def prediction_roles(spine: Table) -> Roles:
    """Return the roles of a predictions table: one row for each key, time and version of the model."""
    return Roles(primary_keys=(*spine.roles.primary_keys, MODEL_VERSION), timestamp=spine.roles.timestamp)


def summarize(predictions: Table, run: ScoringRun) -> ScoringReport:
    """Count what was scored."""
    schema = predictions.frame.collect_schema()
    answers = [name for name in schema.names() if name == PREDICTION or name.startswith(f"{PREDICTION}_")]
    missing = nw.col(answers[0]).is_null().cast(nw.Int64).sum().alias("missing")
    row = predictions.frame.select(nw.len().alias("rows"), missing).collect(backend="polars").rows(named=True)[0]
    counts = {name: _by_class(predictions, name) for name in answers if schema[name].is_integer()}
    return ScoringReport(run=run, rows=int(row["rows"]), without_features=int(row["missing"] or 0), counts=counts)


def _by_class(predictions: Table, answer: str) -> dict[str, int]:
    known = predictions.frame.filter(~nw.col(answer).is_null())
    found = known.group_by(answer).agg(nw.len().alias("__rows")).collect(backend="polars").select(answer, "__rows").rows()
    return {str(cls): int(rows) for cls, rows in sorted(found)}


def changed(predictions: Table, stored: Table) -> Table:
    """Return the predictions that are new, or that answer otherwise than the stored ones of the same key, time and version.

    When the same rows are scored a second time, nothing is left; the time of scoring alone is no change.
    """
    identity = list(predictions.roles.identity)
    answers = [name for name in predictions.columns if name not in (*identity, *_STAMPS)]
    before = {name: f"__stored_{name}" for name in answers}
    kept = stored.frame.select(*identity, *(nw.col(name).alias(alias) for name, alias in before.items()), nw.lit(1).alias("__stored"))
    joined = predictions.frame.join(kept, on=identity, how="left")
    same = [
        (nw.col(name) == nw.col(alias)).fill_null(value=False) | (nw.col(name).is_null() & nw.col(alias).is_null())
        for name, alias in before.items()
    ]
    differs = nw.col("__stored").is_null() | ~nw.all_horizontal(*same, ignore_nulls=False)
    return predictions.with_frame(joined.filter(differs).select(*predictions.columns))
