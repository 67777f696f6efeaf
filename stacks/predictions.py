"""Batch inference on the active stack: score the rows where they lie, and keep what is new in the predictions table."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import narwhals as nw

from stackhouse.batch_scoring import (
    ScoringRun,
    changed,
    look_up,
    prediction_roles,
    predictions_schema,
    remaining_lookups,
    require_numbers,
    require_spine,
    scorer,
)
from stackhouse.record import TableVersion
from stackhouse.table import Table
from stacks.engines import Engine, engine_of
from stacks.feature_store import FeatureStore
from stacks.scoring_model import ScoringModel
from stacks.temporary import temporary_file

PIECE_ROWS = 500_000
"""Rows that are looked up and scored at once where one machine computes: memory holds so many, however many there are."""


def score_batch(store: FeatureStore, model: ScoringModel, spine: Table, batch_size: int | None = None) -> tuple[Table, ScoringRun]:
    """Score a table of keys with the features that were known at each key's time, in the newest version of their tables.

    `batch_size` rows (`PIECE_ROWS` where none is given) are looked up and scored at once.

    Every row is scored once, here: what is asked of the predictions afterwards reads what was kept.

    Returns:
        Predictions of shape (n_rows, n_keys + time + 5), see `stackhouse.batch_scoring.scorer`, and what scored them. No row is
        dropped; their order is not that of the spine.

    Raises:
        DataError: where the rows do not fit the model; see `stackhouse.batch_scoring`.
        InfrastructureError: where a feature table is not there.
    """
    numbers = model.fitted.encoding.numbers
    spine = require_spine(spine, model.lookups, model.fitted.rules.features, numbers)
    lookups = remaining_lookups(spine, model.lookups)
    versions = {name: store.table_version(name).version for name in dict.fromkeys(lookup.table_name for lookup in lookups)}
    tables = {name: store.read_table(name, version) for name, version in versions.items()}
    run = ScoringRun(model=model.name, model_version=model.version, table_versions=versions, scored_at=datetime.now(UTC))
    require_numbers(look_up(spine, lookups, tables), numbers, f"The features of {model.name}")
    computes, score, schema = (
        engine_of(spine),
        scorer(model.fitted, spine.roles.identity, run),
        predictions_schema(spine, model.fitted.rules),
    )
    pieces = (
        computes.map_batches(look_up(spine.with_frame(piece), lookups, tables), score, schema)
        for piece in computes.pieces(spine.frame, batch_size or PIECE_ROWS)
    )
    return Table(_computed(computes, pieces), prediction_roles(spine), f"predictions of {model.name}"), run


def write_predictions(store: FeatureStore, name: str, predictions: Table, description: str, tags: Mapping[str, str]) -> TableVersion:
    """Merge predictions by key, time and version of the model; those that are there already with the same answer change nothing.

    Raises:
        DataError: where the table has other keys.
        InfrastructureError: where the store cannot be used.
    """
    store.create_table(name, predictions, description, tags)
    new = changed(predictions, store.read_table(name))
    new = new.with_frame(_computed(engine_of(new), [new.frame]))
    if not new.count():
        return store.table_version(name)
    return store.write_table(name, new, "merge")


def _computed(computes: Engine, pieces: Iterable[nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """Compute the pieces, once and one after the other, into a temporary folder, which goes with the process."""
    folder = temporary_file("-predictions")
    for number, piece in enumerate(pieces):
        part = folder / f"{number:06d}"
        part.mkdir(parents=True)
        computes.sink_parquet(piece, part)
    return computes.scan_parquet(sorted(folder.rglob("*.parquet")))
