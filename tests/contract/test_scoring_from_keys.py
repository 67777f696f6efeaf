"""Scoring from keys on every engine: for each algorithm the very probabilities that the fitted model gave the training set.

The features hold what raw ones may hold (null, NaN, ±Inf, integers, booleans, DECIMAL), so that each engine's way of handing
them over is compared as well. The model that scores was saved and loaded.
"""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from stackhouse.algorithms import Algorithm, GradientBoosting, LightGBM, RandomForest, XGBoost
from stackhouse.cleaning import CleaningRule, clean
from stackhouse.errors import ColumnTypeError, InfrastructureError
from stackhouse.fitted import FittedModel, ScoringRules, to_arrays
from stackhouse.labels.rules import BinaryLabel
from stackhouse.lookups import FeatureLookup
from stackhouse.table import Roles, Table
from stacks.feature_store import FeatureStore
from stacks.predictions import score_batch, write_predictions
from stacks.scoring_model import ScoringModel
from tests.conftest import PROJECT
from tests.contract.conftest import delta
from tests.contract.engines import EVERY_ENGINE, SOCKETS, collected, opened

pytestmark = SOCKETS

ALGORITHMS: tuple[Algorithm, ...] = (
    XGBoost(n_estimators=30, max_depth=4),
    LightGBM(n_estimators=30, min_child_samples=5, threads=2),
    GradientBoosting(n_estimators=15, max_depth=3),
    RandomForest(n_estimators=15, max_depth=6, threads=2),
)
KEYS, NAMES = ("origin", "dest"), ("delay", "flights", "price", "holiday", "distance")
LOOKUPS = (
    FeatureLookup(table_name="dev.air.days", lookup_key=KEYS, feature_names=NAMES[:4], timestamp_lookup_key="label_time"),
    FeatureLookup(table_name="dev.air.places", lookup_key="dest", feature_names="far", rename_outputs={"far": "distance"}),
)
CLEANING = CleaningRule(default=-1.0, columns={"delay": 0.25})
FIRST, DAYS = datetime(2024, 1, 1, tzinfo=UTC), 40
TABLE = "dev.air.predictions"


def source() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Features of ten routes on forty days, of their destinations, and labels from the day before; one route and one place miss."""
    generator = np.random.default_rng(11)
    routes = [(origin, f"D{number}") for origin in ("EWR", "JFK") for number in range(5)]
    keys = [(origin, dest, FIRST + timedelta(days=day, hours=9)) for day in range(DAYS) for origin, dest in routes]
    size = len(keys)
    delay = generator.normal(size=size) / 3
    delay[generator.random(size) < 0.05] = np.nan
    delay[generator.random(size) < 0.03] = np.inf
    delay[generator.random(size) < 0.03] = -np.inf
    schema = {"origin": pl.String, "dest": pl.String, "known_at": pl.Datetime("us", "UTC")}
    days = pl.DataFrame(keys, schema=schema, orient="row").with_columns(
        pl.Series("delay", [None if drawn < 0.04 else value for drawn, value in zip(generator.random(size), delay, strict=True)]),
        pl.Series("flights", [None if value == 7 else value for value in generator.integers(0, 9, size).tolist()], dtype=pl.Int64),
        pl.Series("price", [Decimal(value).scaleb(-2) for value in generator.integers(-500, 9_999, size).tolist()], dtype=pl.Decimal(9, 2)),
        pl.Series("holiday", (generator.random(size) < 0.2).tolist()),
    )
    places = pl.DataFrame({"dest": [f"D{number}" for number in range(4)], "far": [0.1, 0.7, None, 1 / 3]})
    labels = days.select(*KEYS, (pl.col("known_at") - timedelta(days=1)).alias("label_time"))
    chance = days["delay"].fill_nan(0).fill_null(0).clip(-1, 1).to_numpy() + days["holiday"].to_numpy() * 0.4
    late = (chance + generator.normal(size=size) / 3 > 0.1).astype(np.int64)
    return days, places, labels.with_columns(pl.Series("late", late))


@dataclass(frozen=True)
class Trained:
    """A model by its algorithm, fitted on the training set and loaded again, with what it said of the training set's rows."""

    path: Path
    identities: list[tuple[Any, ...]]
    probabilities: dict[str, np.ndarray]
    models: dict[str, FittedModel]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    path = tmp_path_factory.mktemp("store") / "tables"
    store = delta(path)
    days, places, labels = source()
    tables = {
        "dev.air.days": Table.of(days, Roles(primary_keys=KEYS, timestamp="known_at", features=NAMES[:4])),
        "dev.air.places": Table.of(places, Roles(primary_keys=("dest",), features=("far",))),
        "dev.air.labels": Table.of(labels, Roles(primary_keys=KEYS, timestamp="label_time", label="late")),
    }
    for name, table in tables.items():
        store.create_table(name, table, "made")
        store.write_table(name, table)
    train = clean(store.create_training_set(store.read_table("dev.air.labels"), LOOKUPS).table, CLEANING).table
    probabilities, models = {}, {}
    for algorithm in ALGORITHMS:
        rules = ScoringRules(algorithm=algorithm, features=NAMES, cleaning=CLEANING, label=BinaryLabel(source="late"))
        fitted = FittedModel.fit(train, rules)
        X, _ = to_arrays(train, fitted.encoding, rules)
        probabilities[algorithm.kind] = fitted.scores_of_matrix(X)
        folder = tmp_path_factory.mktemp(algorithm.kind)
        fitted.save(folder)
        models[algorithm.kind] = FittedModel.load(folder)
    identities = collected(train).sort("label_time", *KEYS).select(*KEYS, "label_time").rows()
    return Trained(path, identities, probabilities, models)


@pytest.fixture(params=EVERY_ENGINE)
def store(request: pytest.FixtureRequest, trained: Trained) -> FeatureStore:
    """The store with the tables, opened by each engine."""
    return delta(trained.path, engine=request.param)


def model(trained: Trained, kind: str, version: str = "1") -> ScoringModel:
    return ScoringModel(trained.models[kind], "dev.air.late", version, LOOKUPS)


def spine(store: FeatureStore) -> Table:
    labels = store.read_table("dev.air.labels")
    return labels.select(labels.roles.identity)


def require_as_in_training(scored: pl.DataFrame, trained: Trained, kind: str) -> None:
    """Each row of the training set is answered by the same bits, and each other row by nothing."""
    answered = scored.filter(pl.col("probability").is_not_null()).sort("label_time", *KEYS)
    assert (len(scored), len(answered)) == (10 * DAYS, 8 * (DAYS - 1))
    assert answered.select(*KEYS, "label_time").rows() == trained.identities
    assert np.array_equal(answered["probability"].to_numpy(), trained.probabilities[kind])
    assert len(np.unique(trained.probabilities[kind])) > 20
    assert scored.filter(pl.col("probability").is_null())["prediction"].is_null().all()
    assert answered["prediction"].to_list() == (trained.probabilities[kind] >= 0.5).astype(int).tolist()


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.kind)
def test_scoring_from_keys_gives_the_bits_of_training(store: FeatureStore, trained: Trained, algorithm: Algorithm) -> None:
    scored, run = score_batch(store, model(trained, algorithm.kind), spine(store))
    require_as_in_training(collected(scored), trained, algorithm.kind)
    assert run.table_versions == {"dev.air.days": 1, "dev.air.places": 1}


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda algorithm: algorithm.kind)
def test_pieces_and_the_order_of_keys_change_no_bit(trained: Trained, algorithm: Algorithm, tmp_path: Path) -> None:
    store = delta(trained.path)
    shuffled = collected(spine(store)).sample(fraction=1, shuffle=True, seed=4)
    scored, _ = score_batch(
        store, model(trained, algorithm.kind), opened("polars", shuffled, tmp_path, spine(store).roles, "keys"), batch_size=37
    )
    require_as_in_training(collected(scored), trained, algorithm.kind)


def test_raw_features_beside_the_keys_give_the_bits_of_training(store: FeatureStore, trained: Trained, tmp_path: Path) -> None:
    """They stand in for the lookup: nothing is read of the table, and its version is not named."""
    days, _, labels = source()
    shifted = days.with_columns(pl.col("known_at").alias("label_time")).drop("known_at")
    given = shifted.filter(pl.col("label_time") < labels["label_time"].max() + timedelta(seconds=1))
    engine = store.config.engine
    scored, run = score_batch(store, model(trained, "xgboost"), opened(engine, given, tmp_path, title="raw"))
    assert run.table_versions == {"dev.air.places": 1}
    answered = collected(scored).filter(pl.col("probability").is_not_null()).sort("label_time", *KEYS)
    assert np.array_equal(answered["probability"].to_numpy(), trained.probabilities["xgboost"])


def test_the_second_writing_changes_nothing_and_a_new_version_keeps_the_old_rows(store: FeatureStore, trained: Trained) -> None:
    name = f"{TABLE}_{store.config.engine}"

    def write(kind: str, version: str) -> Any:
        scored, _ = score_batch(store, model(trained, kind, version), spine(store))
        return write_predictions(store, name, scored, "made", {})

    first, second = write("xgboost", "1"), write("xgboost", "1")
    assert (first.version, first.written, second.version, second.written) == (1, True, 1, False)
    third = write("lightgbm", "2")
    assert (third.version, third.rows) == (2, 2 * 10 * DAYS)
    rows = collected(delta(trained.path).read_table(name))
    for version, kind in (("1", "xgboost"), ("2", "lightgbm")):
        require_as_in_training(rows.filter(pl.col("model_version") == version), trained, kind)
    assert rows["scored_at"].dtype == pl.Datetime("us", "UTC")
    assert set(rows["feature_table_versions"]) == {"dev.air.days@1, dev.air.places@1"}


def other_type(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("dest").str.slice(1).cast(pl.Int64))


def text_feature(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(delay=pl.lit("late"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_type, "'dest' of keys is Int64, 'dest' of dev.air.days is String; they cannot be joined"),
        (text_feature, "keys: 'delay' (String) must be numeric"),
    ],
    ids=["key of another type", "feature of text"],
)
def test_keys_that_do_not_fit_are_refused_in_the_same_words(
    store: FeatureStore, trained: Trained, tmp_path: Path, change: Callable[[pl.DataFrame], pl.DataFrame], message: str
) -> None:
    rows = change(collected(spine(delta(trained.path))))
    with pytest.raises(ColumnTypeError) as raised:
        score_batch(store, model(trained, "xgboost"), opened(store.config.engine, rows, tmp_path, title="keys"))
    assert str(raised.value).startswith(message)


def test_a_feature_table_that_is_gone_is_named(store: FeatureStore, trained: Trained) -> None:
    gone = tuple(lookup.model_copy(update={"table_name": "dev.air.gone"}) for lookup in LOOKUPS[:1])
    with pytest.raises(InfrastructureError, match=r"Feature table dev\.air\.gone does not exist"):
        score_batch(store, ScoringModel(trained.models["xgboost"], "dev.air.late", "1", (*gone, LOOKUPS[1])), spine(store))


def test_a_feature_that_has_become_text_is_named_before_a_row_is_scored(store: FeatureStore, trained: Trained) -> None:
    days = source()[0].with_columns(pl.col("delay").cast(pl.String))
    name = f"dev.air.text_{store.config.engine}"
    table = Table.of(days, Roles(primary_keys=KEYS, timestamp="known_at", features=NAMES[:4]))
    store.create_table(name, table, "made")
    text = LOOKUPS[0].model_copy(update={"table_name": name})
    with pytest.raises(ColumnTypeError) as raised:
        score_batch(store, ScoringModel(trained.models["xgboost"], "dev.air.late", "1", (text, LOOKUPS[1])), spine(store))
    assert str(raised.value).startswith("The features of dev.air.late: 'delay' (String) must be numeric.")


def test_what_a_killed_scoring_has_kept_goes_with_the_next_process(tmp_path: Path) -> None:
    """Pieces are kept in folders, which hold folders: all of them go."""
    keep = """
        import os, signal, sys
        from stacks.temporary import temporary_file
        part = temporary_file("-predictions") / "000000"
        if sys.argv[1] == "killed":
            part.mkdir(parents=True)
            (part / "part-00000.parquet").write_text("rows")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    found = []
    for how in ("killed", "next"):
        environment = {**os.environ, "STACKHOUSE_HOME": str(tmp_path)}
        script = [sys.executable, "-c", textwrap.dedent(keep), how]
        left = subprocess.run(script, cwd=PROJECT, env=environment, timeout=120, check=False).returncode
        found.append((left, len(list(tmp_path.rglob("*.parquet")))))
    assert found == [(-signal.SIGKILL, 1), (0, 0)]
