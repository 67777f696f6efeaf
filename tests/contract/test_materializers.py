"""What every materializer promises, on a local artifact store and on one that is somewhere else."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import numpy as np
import polars as pl
import pytest
from zenml.artifact_stores import BaseArtifactStore, LocalArtifactStore, LocalArtifactStoreConfig
from zenml.enums import ArtifactType, StackComponentType
from zenml.materializers.materializer_registry import materializer_registry

import steps
from materializers.report import ReportMaterializer
from materializers.table import TableMaterializer
from materializers.trained_model import TrainedModelMaterializer
from stackhouse.algorithms import XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.evaluation.evaluation import Period
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.record import TrainingRecord
from stackhouse.table import Roles, Table
from stackhouse.trained import TrainedModel
from stackhouse.verdict import Verdict


class _ElsewhereConfig(LocalArtifactStoreConfig):
    @property
    def is_local(self) -> bool:
        return False


class _Elsewhere(LocalArtifactStore):
    """A store that is reached through its own methods alone, as one on object storage."""


def _store(kind: type[LocalArtifactStore], config: type[LocalArtifactStoreConfig], folder: Path) -> LocalArtifactStore:
    now = datetime.now(UTC)
    return kind(
        name="store",
        id=uuid4(),
        config=config(path=str(folder)),
        flavor="local",
        type=StackComponentType.ARTIFACT_STORE,
        user=uuid4(),
        created=now,
        updated=now,
    )


@pytest.fixture(params=[(LocalArtifactStore, LocalArtifactStoreConfig), (_Elsewhere, _ElsewhereConfig)], ids=["local", "elsewhere"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BaseArtifactStore:
    return _store(*request.param, tmp_path)


@pytest.fixture
def uri(store: BaseArtifactStore) -> str:
    folder = f"{store.path}/artifact"
    store.makedirs(folder)
    return folder


def _table(values: list[float | None]) -> Table:
    frame = pl.DataFrame(
        {"key": [f"k{number}" for number in range(len(values))], "rate": values}, schema={"key": pl.String, "rate": pl.Float64}
    )
    return Table.of(frame, Roles(primary_keys=("key",), features=("rate",)), "rates")


def test_a_table_comes_back_with_rows_roles_and_name(store: BaseArtifactStore, uri: str) -> None:
    TableMaterializer(uri, store).save(_table([0.1, None, float("nan"), float("inf")]))
    loaded = TableMaterializer(uri, store).load(Table)
    assert (loaded.name, loaded.roles) == ("rates", Roles(primary_keys=("key",), features=("rate",)))
    assert loaded.collect(["key"])["key"].to_list() == ["k0", "k1", "k2", "k3"]
    rates = loaded.collect(["rate"])["rate"].to_list()
    assert (rates[0], rates[1], rates[3]) == (0.1, None, float("inf"))
    assert np.isnan(rates[2])


def test_a_table_is_read_lazily(store: BaseArtifactStore, uri: str) -> None:
    TableMaterializer(uri, store).save(_table([0.1, 0.2]))
    assert isinstance(TableMaterializer(uri, store).load(Table).frame.to_native(), pl.LazyFrame)


def test_equal_rows_in_another_order_have_an_equal_content_hash(store: BaseArtifactStore, uri: str) -> None:
    hashes = []
    for number, table in enumerate((_table([0.1, 0.2]), _table([0.1, 0.2]), _table([0.1, 0.3]))):
        materializer = TableMaterializer(f"{uri}/{number}", store)
        reordered = table.with_frame(table.frame.sort("key", descending=number == 1))
        materializer.save(reordered)
        hashes.append(materializer.compute_content_hash(reordered))
    assert hashes[0] == hashes[1]
    assert hashes[0] != hashes[2]


def test_the_page_of_a_table_shows_its_columns_and_no_key_of_a_row(store: BaseArtifactStore, uri: str) -> None:
    materializer = TableMaterializer(uri, store)
    materializer.save(_table([0.1, 0.2]))
    (page,) = materializer.save_visualizations(_table([0.1, 0.2]))
    with store.open(page, "r") as file:
        html = file.read()
    assert "rate" in html
    assert "k0" not in html


def test_a_report_comes_back_equal_and_equal_reports_hash_equal(store: BaseArtifactStore, uri: str) -> None:
    verdict = Verdict(outcome="REJECTED", reasons=("f1 is 0.1",))
    materializer = ReportMaterializer(uri, store)
    materializer.save(verdict)
    assert materializer.load(Verdict) == verdict
    assert materializer.compute_content_hash(verdict) == materializer.compute_content_hash(verdict.model_copy())
    assert materializer.compute_content_hash(verdict) != materializer.compute_content_hash(
        verdict.model_copy(update={"outcome": "SKIPPED"})
    )


def test_a_trained_model_comes_back_with_equal_probabilities(store: BaseArtifactStore, uri: str) -> None:
    generator = np.random.default_rng(7)
    frame = pl.DataFrame({"x": generator.normal(size=80), "y": [0, 1] * 40})
    rules = ScoringRules(algorithm=XGBoost(n_estimators=3), features=("x",), cleaning=CleaningRule(), label=BinaryLabel(source="y"))
    fitted = FittedModel.fit(Table.of(frame, Roles(features=("x",), label="y")), rules)
    record = TrainingRecord(run_id="r", model_uri="models:/m-1", algorithm="xgboost", train_period=Period(rows=80))
    TrainedModelMaterializer(uri, store).save(TrainedModel(fitted, record))
    loaded = TrainedModelMaterializer(uri, store).load(TrainedModel)
    assert loaded.record == record
    assert loaded.fitted is not None
    assert np.array_equal(loaded.fitted.scores(frame.to_pandas()), fitted.scores(frame.to_pandas()))


def test_a_skipped_training_comes_back_with_its_reason(store: BaseArtifactStore, uri: str) -> None:
    record = TrainingRecord(run_id="r", model_uri=None, algorithm="xgboost", train_period=Period(rows=80), skipped="one class")
    TrainedModelMaterializer(uri, store).save(TrainedModel(None, record))
    assert TrainedModelMaterializer(uri, store).load(TrainedModel) == TrainedModel(None, record)


@pytest.mark.parametrize("kind", [Table, Verdict, ScoringRules, TrainedModel])
def test_zenml_takes_our_materializer_and_never_a_pickle(kind: type) -> None:
    assert steps.__all__
    assert materializer_registry[kind].__module__.startswith("materializers.")


@pytest.mark.parametrize(
    ("materializer", "expected"),
    [
        (TableMaterializer, ArtifactType.DATA),
        (ReportMaterializer, ArtifactType.DATA_ANALYSIS),
        (TrainedModelMaterializer, ArtifactType.MODEL),
    ],
)
def test_the_dashboard_knows_what_kind_of_artifact_it_is(materializer: Callable[..., object], expected: ArtifactType) -> None:
    assert expected == materializer.ASSOCIATED_ARTIFACT_TYPE
