"""Batch inference as a user runs it: from keys to the predictions table, on the local stack."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from mlflow import MlflowClient
from zenml.client import Client
from zenml.models import PipelineRunResponse

from stackhouse.batch_scoring import ScoringReport
from stackhouse.errors import StackhouseError
from stackhouse.record import TableVersion
from stacks.feature_store import FeatureStore, active_feature_store
from tests.conftest import PROJECT
from tests.pipelines.conftest import Runs, small_model
from tests.pipelines.test_commands import call

NAME = "scored"
MODEL, TABLE, FEATURE_TABLE = (f"dev.{NAME}.{table}" for table in (NAME, f"{NAME}_predictions", "route_day_features"))
KEYS = ("origin", "dest", "label_time")
COLUMNS = {
    "origin": pl.String,
    "dest": pl.String,
    "label_time": pl.Datetime("us", "UTC"),
    "prediction": pl.Int64,
    "probability": pl.Float64,
    "model_version": pl.String,
    "feature_table_versions": pl.String,
    "scored_at": pl.Datetime("us", "UTC"),
}
REPEATED = "origin,dest,label_time\nEWR,ATL,2013-02-20T09:00:00Z\nEWR,ATL,2013-02-20T09:00:00Z\n"

Score = Callable[..., PipelineRunResponse]


@pytest.fixture(scope="module")
def trained(run_small: Callable[..., Runs]) -> Runs:
    """A champion that no other test knows."""
    return run_small(NAME)


@pytest.fixture(scope="module")
def store(trained: Runs) -> FeatureStore:
    return active_feature_store()


@pytest.fixture(scope="module")
def score(trained: Runs, tmp_path_factory: pytest.TempPathFactory) -> Score:
    """Run the pipeline, with the section `scoring` of the model file."""
    from pipelines.batch_inference import batch_inference

    def run(**scoring: Any) -> PipelineRunResponse:
        file = tmp_path_factory.mktemp("models") / "model.yaml"
        file.write_text(yaml.safe_dump(small_model(NAME, scoring=scoring)), encoding="utf-8")
        return Client().get_pipeline_run(batch_inference.with_options(config_path=str(file))().id)

    return run


@pytest.fixture(scope="module")
def first(score: Score) -> PipelineRunResponse:
    """The first scoring, of the keys of the label table."""
    return score()


def report(run: PipelineRunResponse) -> tuple[ScoringReport, TableVersion]:
    """What scoring and writing said."""
    return run.steps["score_batch"].outputs["scoring"][0].load(), run.steps["write_predictions"].outputs["predictions_version"][0].load()


def stored(store: FeatureStore, version: int | None = None) -> pl.DataFrame:
    rows: pl.DataFrame = store.read_table(TABLE, version).collect().to_native()
    return rows


def test_every_key_of_the_label_table_has_a_row(first: PipelineRunResponse, store: FeatureStore) -> None:
    rows, labels = stored(store), store.read_table(f"dev.{NAME}.route_day_labels").collect(KEYS).to_native()
    assert dict(rows.schema) == COLUMNS
    assert rows.select(KEYS).sort(KEYS).equals(labels.sort(KEYS))
    assert store.read_table(TABLE).roles.primary_keys == ("origin", "dest", "model_version")
    assert store.read_table(TABLE).roles.timestamp == "label_time"


def test_the_answers_are_those_of_the_training_run_bit_for_bit(trained: Runs, first: PipelineRunResponse, store: FeatureStore) -> None:
    fitted, rows = trained.report("train_model", "model").fitted, stored(store).filter(pl.col("probability").is_not_null())
    known = trained.report("load_features", "training_set").collect([*KEYS, *fitted.rules.features]).to_native().sort(KEYS)
    answered = rows.sort(KEYS)
    assert answered.select(KEYS).equals(known.select(KEYS))
    expected = fitted.scores_of_matrix(known.select(fitted.rules.features).to_numpy())
    assert np.array_equal(answered["probability"].to_numpy(), expected)
    assert answered["prediction"].to_list() == (expected >= 0.5).astype(int).tolist()


def test_the_report_counts_what_was_scored(first: PipelineRunResponse, store: FeatureStore) -> None:
    rows = stored(store)
    scoring, written = report(first)
    assert (scoring.rows, scoring.without_features, scoring.positives) == (
        len(rows),
        rows["prediction"].null_count(),
        rows["prediction"].sum(),
    )
    assert scoring.without_features > 0 < scoring.positives
    assert (scoring.run.model, scoring.run.model_version, scoring.run.table_versions) == (MODEL, "1", {FEATURE_TABLE: 1})
    assert (written.name, written.version, written.written, written.rows) == (TABLE, 1, True, len(rows))
    assert rows["scored_at"].unique().to_list() == [scoring.run.scored_at]
    assert scoring.run.scored_at.tzinfo is not None
    assert abs((datetime.now(UTC) - scoring.run.scored_at).total_seconds()) < 600
    assert set(rows["feature_table_versions"]) == {f"{FEATURE_TABLE}@1"}


def test_no_step_is_served_from_the_cache_and_a_second_run_writes_no_version(first: PipelineRunResponse, score: Score) -> None:
    again = score()
    assert {name: step.status.value for name, step in again.steps.items()} == dict.fromkeys(
        ("load_spine", "score_batch", "write_predictions"), "completed"
    )
    _, written = report(again)
    assert (written.version, written.written) == (1, False)


def test_the_command_of_zenml_scores_the_same(first: PipelineRunResponse, store: FeatureStore, tmp_path: Path) -> None:
    """A process of its own, with keys from a CSV file whose times end in Z; two are known, one is not."""
    known = stored(store).filter(pl.col("probability").is_not_null()).sort(KEYS).head(2)
    times = known["label_time"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    lines = [f"{origin},{dest},{time}" for (origin, dest), time in zip(known.select("origin", "dest").rows(), times, strict=True)]
    (tmp_path / "keys.csv").write_text("\n".join(["origin,dest,label_time", *lines, "EWR,XXX,2013-02-20T09:00:00Z", ""]))
    scoring = {"keys": {"kind": "csv", "path": str(tmp_path / "keys.csv")}, "table": "from_csv"}
    file = tmp_path / "model.yaml"
    file.write_text(yaml.safe_dump(small_model(NAME, scoring=scoring)), encoding="utf-8")
    home = Path(store.config.path).parent
    ran = call("zenml", "pipeline", "run", "pipelines.batch_inference.batch_inference", "-c", str(file), home=home)
    assert ran.returncode == 0, ran.stderr
    rows = store.read_table(f"dev.{NAME}.from_csv").collect().to_native().sort(KEYS)
    assert dict(rows.schema) == COLUMNS
    answered = ["prediction", "probability", "model_version", "feature_table_versions"]
    assert rows.head(2).select(*KEYS, *answered).equals(known.select(*KEYS, *answered))
    assert rows.select(*KEYS, *answered[:3]).rows()[2:] == [("EWR", "XXX", datetime(2013, 2, 20, 9, tzinfo=UTC), None, None, "1")]


@pytest.fixture(scope="module")
def second_champion(first: PipelineRunResponse, score: Score, mlflow_client: MlflowClient) -> PipelineRunResponse:
    """The scoring by a second version, which became champion."""
    version = mlflow_client.get_model_version(MODEL, "1")
    created = mlflow_client.create_model_version(MODEL, source=version.source, run_id=version.run_id, model_id=version.model_id)
    mlflow_client.set_registered_model_alias(MODEL, "champion", created.version)
    return score()


def test_a_new_champion_adds_its_answers_and_keeps_the_old(second_champion: PipelineRunResponse, store: FeatureStore) -> None:
    before, after = stored(store, 1), stored(store)
    _, written = report(second_champion)
    assert (written.version, written.written, len(after)) == (2, True, 2 * len(before))
    old, new = (after.filter(pl.col("model_version") == version).sort(KEYS) for version in ("1", "2"))
    assert old.equals(before.sort(KEYS))
    assert new.select(*KEYS, "prediction", "probability").equals(old.select(*KEYS, "prediction", "probability"))
    assert new["scored_at"].min() > old["scored_at"].max()


# --- refused


@pytest.fixture(scope="module")
def untouched(second_champion: PipelineRunResponse, store: FeatureStore) -> Iterator[None]:
    """Nothing that is refused writes a version of the predictions."""
    before = store.table_version(TABLE)
    yield
    assert store.table_version(TABLE) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "origin,dest,label_time,late_rate_7\nEWR,ATL,2013-02-20T09:00:00Z,0.5\n",
            "keys.csv has the columns ['late_rate_7'], which are neither keys (origin, dest), nor the time, nor features of the model.",
        ),
        (
            "origin,label_time\nEWR,2013-02-20T09:00:00Z\n",
            "keys.csv has no column 'dest'; it has 'origin', 'label_time'. The model looks its features up by these columns.",
        ),
        (
            "origin,dest\nEWR,ATL\n",
            "keys.csv has no column 'label_time'; it has 'origin', 'dest'. The model looks its features up by these columns.",
        ),
        (
            "origin,dest,label_time\nEWR,17,2013-02-20T09:00:00Z\n",
            f"keys.csv is Int64, 'dest' of {FEATURE_TABLE} is String; they cannot be joined.",
        ),
        (
            "origin,dest,label_time\nEWR,ATL,2013-02-20T09:00:00Z\nEWR,,2013-02-20T09:00:00Z\n",
            "keys.csv: a primary key is null ('dest' in 1 rows).",
        ),
        (REPEATED, "keys.csv: 1 primary keys (origin, dest, label_time) stand more than once, e.g. origin=EWR, dest=ATL, label_time=2013"),
    ],
    ids=["unknown column", "no key", "no time", "key of another type", "null key", "repeated key"],
)
def test_keys_that_do_not_fit_are_refused_by_name(score: Score, untouched: None, tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "keys.csv").write_text(content)
    with pytest.raises(StackhouseError) as raised:
        score(keys={"kind": "csv", "path": str(tmp_path / "keys.csv")})
    assert message in str(raised.value)


def test_an_alias_that_no_version_has_is_refused(score: Score, untouched: None) -> None:
    with pytest.raises(StackhouseError) as raised:
        score(alias="challenger")
    assert str(raised.value) == (
        f"{MODEL} has no version with the alias 'challenger'. Run the training pipeline first; a version that passes its gates becomes "
        "champion."
    )


def test_keys_that_are_not_there_are_refused(score: Score, untouched: None) -> None:
    with pytest.raises(StackhouseError, match="no-such-keys"):
        score(keys={"kind": "csv", "path": str(PROJECT / "no-such-keys.csv")})


def test_a_feature_table_that_is_gone_is_refused(score: Score, untouched: None, store: FeatureStore) -> None:
    folder = Path(store.config.path).joinpath(*FEATURE_TABLE.split("."))
    folder.rename(folder.with_name("moved"))
    try:
        with pytest.raises(StackhouseError, match="does not exist in"):
            score()
    finally:
        folder.with_name("moved").rename(folder)
