"""The three pipelines on Spark: the same rows, metrics and predictions as on Polars, and no table collected to the driver.

The account of the second example, made small. One JVM serves the module.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from zenml.client import Client

from stackhouse.spec import ModelSpec
from stackhouse.table import Table
from tests.conftest import PROJECT
from tests.contract.engines import NEEDS_JAVA

pytestmark = [pytest.mark.slow, NEEDS_JAVA, pytest.mark.filterwarnings("ignore::ResourceWarning")]

SHIPPED = PROJECT / "configs/models/failure_predictor.yaml"
SMALL = {
    "source": {"kind": "account", "seed": 7, "days": 60, "workspaces": 2, "jobs_per_workspace": 5},
    "validation": {"min_rows": 100, "ranges": {"failure_rate": [0, 1]}},
    "algorithms": [{"kind": "xgboost", "n_estimators": 20, "max_depth": 3}],
    "gates": {"minimum": {"roc_auc": 0.51}, "baseline_f1": 0.01},
    "leaks": {
        "accepted": [{"check": "outcome_column", "name": "total_runs", "reason": "So small an account runs its jobs alike on every day."}]
    },
}
AGGREGATES = 50
"""Rows that an aggregate or a schema may bring to the driver; the tables here have hundreds."""


def write_model(folder: Path, name: str) -> tuple[Path, ModelSpec]:
    shipped = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    model = {**shipped["parameters"]["model"], **SMALL, "name": name, "schema": name}
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump({"parameters": {"model": model}}), encoding="utf-8")
    return file, ModelSpec.model_validate(model)


def run_all(stack: str, file: Path) -> dict[str, Any]:
    """Run the three pipelines on a stack; the finished runs by name."""
    from pipelines.batch_inference import batch_inference
    from pipelines.feature_engineering import feature_engineering
    from pipelines.training import training
    from stacks.definition import bring_up, read_definition

    bring_up(read_definition(stack))
    pipelines = (feature_engineering, training, batch_inference)
    return {pipeline.name: Client().get_pipeline_run(pipeline.with_options(config_path=str(file))().id) for pipeline in pipelines}


class Collected:
    """What Spark handed to the driver while it was watched: rows and columns of each frame."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, tuple[str, ...]]] = []

    def watch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pyspark.sql.classic.dataframe import DataFrame

        def watched(name: str, count: Callable[[Any], int]) -> None:
            original = getattr(DataFrame, name)

            def method(frame: Any, *arguments: Any, **options: Any) -> Any:
                found = original(frame, *arguments, **options)
                self.frames.append((count(found), tuple(frame.columns)))
                return found

            monkeypatch.setattr(DataFrame, name, method)

        watched("toArrow", lambda table: table.num_rows)
        watched("toPandas", len)
        watched("collect", len)

    @property
    def tables(self) -> set[tuple[str, ...]]:
        """Columns of every frame of more rows than an aggregate has."""
        return {columns for rows, columns in self.frames if rows > AGGREGATES}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, local_stack: str) -> Iterator[dict[str, Any]]:
    """The runs of the same model on both engines, and what Spark collected."""
    folder, collected = tmp_path_factory.mktemp("models"), Collected()
    names = {"local": "polars_run", "local_spark": "spark_run"}
    files = {stack: write_model(folder, name) for stack, name in names.items()}
    found: dict[str, Any] = {"local": run_all("local", files["local"][0]), "collected": collected}
    with pytest.MonkeyPatch.context() as monkeypatch:
        collected.watch(monkeypatch)
        found["local_spark"] = run_all("local_spark", files["local_spark"][0])
    found["specs"] = {stack: spec for stack, (_, spec) in files.items()}
    yield found
    from stacks.definition import bring_up, read_definition

    bring_up(read_definition("local"))


def artifact(run: Any, step: str, output: str) -> Any:
    return run.steps[step].outputs[output][0].load()


def stored(name: str) -> pl.DataFrame:
    """Rows of a table of the feature store, in the order of its keys."""
    from stacks.feature_store import active_feature_store

    table: Table = active_feature_store().read_table(name)
    rows: pl.DataFrame = table.collect().to_native()
    return rows.sort(table.roles.identity)


def test_all_runs_complete(both: dict[str, Any]) -> None:
    assert {run.status.value for stack in ("local", "local_spark") for run in both[stack].values()} == {"completed"}


@pytest.mark.parametrize("which", ["feature_table", "label_table"])
def test_feature_and_label_tables_hold_the_same_rows(both: dict[str, Any], which: str) -> None:
    polars, spark = (stored(getattr(both["specs"][stack], which)) for stack in ("local", "local_spark"))
    assert len(polars) > 400
    assert spark.equals(polars)
    assert spark.schema == polars.schema


def test_training_sets_certificates_and_metrics_are_the_same(both: dict[str, Any]) -> None:
    polars, spark = both["local"]["training"], both["local_spark"]["training"]
    ours, theirs = (artifact(run, "load_features", "certificate") for run in (polars, spark))
    assert ours.model_dump(exclude={"spine", "features", "lookups"}) == theirs.model_dump(exclude={"spine", "features", "lookups"})
    assert artifact(spark, "evaluate_model", "evaluation").test == artifact(polars, "evaluate_model", "evaluation").test


def test_predictions_are_the_same_to_the_bit(both: dict[str, Any]) -> None:
    polars, spark = (stored(both["specs"][stack].predictions_table) for stack in ("local", "local_spark"))
    columns = ["workspace_id", "job_id", "label_time", "prediction", "probability", "model_version"]
    assert spark.select(columns).equals(polars.select(columns))
    assert polars["probability"].null_count() < len(polars)


def test_the_driver_collects_nothing_but_aggregates_the_columns_of_a_fit_and_those_looked_at_for_leaks(both: dict[str, Any]) -> None:
    spec = both["specs"]["local_spark"]
    fit = {"workspace_id", "job_id", "label_time", "high_failure_rate", *spec.feature_names}
    looked_at = {*fit, *spec.features.definition.label_columns, "run_date"}  # by the leak detector, a sample that is bounded
    assert both["collected"].frames
    given = [{name for name in columns if not name.startswith("__")} for columns in both["collected"].tables]  # __: computed of these
    assert [columns for columns in given if not columns <= looked_at] == []
