"""Versions of a registered model read from a real MLflow on sqlite, and the figure that is drawn of them."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import mlflow
import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.entities.model_registry import ModelVersion as Registered
from mlflow.store.entities import PagedList

from stackhouse.errors import ConfigurationError, InfrastructureError, RegistryError
from stackhouse.evaluation.intervals import Interval
from stackhouse.evaluation.recorded import RecordedMetric
from stackhouse.history import ModelVersion
from stacks.history import model_versions
from stacks.history_figure import history_figure, write_history_figure

NAME = "dev.shop.churn"
LOGGED = {"f1": 0.51, "test_f1": 0.51, "test_f1_low": 0.45, "test_f1_high": 0.57, "train_f1": 0.9, "test_roc_auc": 0.7}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowClient]:
    """Three versions: one with its run, one whose run is gone, one that somebody registered by hand. No model has files."""
    folder = tmp_path_factory.mktemp("registry")
    uri, source = f"sqlite:///{folder}/mlflow.db", f"{folder}/nothing"
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    client = MlflowClient()
    client.create_registered_model(NAME)
    client.create_registered_model("dev.shop.empty")
    tables = {"delta.version.dev.shop.customers": "0", "delta.version.dev.shop.churned": "7"}
    run = client.create_run("0", tags={"model_type": "binary_classification", "algorithm": "xgboost", **tables}).info.run_id
    client.log_batch(run, metrics=[Metric(name, value, 0, 0) for name, value in LOGGED.items()])
    tags = {"registered_at": "2026-11-01T10:00:00+02:00", "git_sha": "abc", "environment": "dev", "algorithm": "xgboost"}
    client.create_model_version(NAME, source, run, tags={**tags, "f1_score": "0.510000"})
    gone = {"registered_at": "2026-11-02T10:00:00", "algorithm": "lightgbm", "f1_score": "0.623457", "rmse": "nan", "mae": "many"}
    client.create_model_version(NAME, source, "f" * 32, tags={**gone, "roc_auc": "0.75", "trained_until": "2026-10-01"})
    client.create_model_version(NAME, source)
    client.set_registered_model_alias(NAME, "champion", "2")
    client.set_registered_model_alias(NAME, "latest-model", "2")
    client.set_registered_model_alias(NAME, "challenger", "1")
    yield client
    mlflow.set_tracking_uri("")
    mlflow.set_registry_uri("")


def test_a_version_has_the_metrics_of_its_run_its_tables_and_its_aliases(client: MlflowClient) -> None:
    first = model_versions(client, NAME)[0]
    assert (first.version, first.task, first.algorithm, first.environment, first.git_sha) == (
        1,
        "binary_classification",
        "xgboost",
        "dev",
        "abc",
    )
    assert first.registered_at == datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
    assert first.tables == {"dev.shop.customers": 0, "dev.shop.churned": 7}
    assert first.metrics == {"f1": 0.51, "roc_auc": 0.7}
    assert first.intervals == {"f1": Interval(low=0.45, high=0.57)}
    assert (first.aliases, first.exact) == (("challenger",), True)


def test_a_version_whose_run_is_gone_has_the_metrics_of_its_tags(client: MlflowClient) -> None:
    second = model_versions(client, NAME)[1]
    assert (second.metrics, second.intervals, second.exact) == ({"f1": 0.623457, "roc_auc": 0.75}, {}, False)
    assert (second.tables, second.aliases) == ({}, ("champion", "latest-model"))
    assert second.registered_at == datetime(2026, 11, 2, 10, 0, tzinfo=UTC)


def test_a_version_that_was_registered_by_hand_has_the_time_of_the_registry(client: MlflowClient) -> None:
    third = model_versions(client, NAME)[2]
    assert abs(third.registered_at - datetime.now(UTC)) < timedelta(minutes=10)
    assert (third.run_id, third.metrics, third.tables, third.exact) == ("", {}, {}, False)


@pytest.mark.parametrize(("limit", "numbers"), [(None, [1, 2, 3]), (2, [2, 3]), (1, [3]), (9, [1, 2, 3])])
def test_the_newest_versions_are_given_oldest_first(client: MlflowClient, limit: int | None, numbers: list[int]) -> None:
    assert [version.version for version in model_versions(client, NAME, limit)] == numbers


def test_a_version_whose_upload_was_killed_is_none(client: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    search = client.search_model_versions

    def last_one_pending(*asked: str, **how: str) -> PagedList[Registered]:
        page = search(*asked, **how)
        next(found for found in page if int(found.version) == 3)._status = "PENDING_REGISTRATION"
        return page

    monkeypatch.setattr(client, "search_model_versions", last_one_pending)
    assert [version.version for version in model_versions(client, NAME)] == [1, 2]


@pytest.mark.parametrize("name", ["dev.shop.nobody", "dev.shop.empty"])
def test_a_model_without_versions_leaves_with_4_and_names_what_is_registered(client: MlflowClient, name: str) -> None:
    with pytest.raises(RegistryError, match=rf"{name} has no registered version\. There are dev\.shop\.churn, dev\.shop\.empty"):
        model_versions(client, name)


def test_a_name_is_never_part_of_a_filter(client: MlflowClient) -> None:
    with pytest.raises(ConfigurationError, match="is no name of a model"):
        model_versions(client, "dev.shop.x' or name = 'dev.shop.churn")


def version(number: int, f1: float | None, *aliases: str, interval: Interval | None = None) -> ModelVersion:
    return ModelVersion(
        name=NAME,
        version=number,
        registered_at=datetime(2026, 11, number, tzinfo=UTC),
        task="binary_classification",
        algorithm="xgboost",
        environment="dev",
        git_sha="",
        run_id="",
        aliases=aliases,
        metrics={} if f1 is None else {"f1": f1, "log_loss": 1 - f1},
        intervals={"f1": interval} if interval else {},
    )


VERSIONS = [version(1, 0.5, interval=Interval(low=0.4, high=0.6)), version(2, None), version(3, 0.7, "champion", "latest-model")]
F1, LOG_LOSS = RecordedMetric("f1"), RecordedMetric("log_loss")


def test_the_figure_shows_a_metric_over_time_with_its_interval_and_the_champion() -> None:
    (axes,) = history_figure(VERSIONS, [F1], "champion").axes
    line = axes.lines[0]
    assert [day.day for day in line.get_xdata()] == [1, 3]
    assert [*line.get_ydata()] == [0.5, 0.7]
    assert [text.get_text() for text in axes.texts] == ["1", "3 champion"]
    assert axes.texts[0].get_color() != axes.texts[1].get_color()
    assert [path.vertices[:, 1].tolist() for path in axes.collections[0].get_paths()] == [[0.4, 0.6]]
    assert len(axes.collections) == 1


def test_each_metric_has_a_panel_that_says_which_direction_is_good() -> None:
    panels = history_figure(VERSIONS, [F1, LOG_LOSS], "champion").axes
    assert [axes.get_ylabel() for axes in panels] == ["f1\n(higher is better)", "log_loss\n(lower is better)"]


@pytest.mark.parametrize(("file", "begins"), [("f1.png", b"\x89PNG"), ("new/F1.SVG", b"<?xml")])
def test_the_figure_is_written_in_the_form_that_its_name_says(tmp_path: Path, file: str, begins: bytes) -> None:
    write_history_figure(tmp_path / file, VERSIONS, [F1], "champion")
    assert (tmp_path / file).read_bytes().startswith(begins)


@pytest.mark.parametrize("file", ["f1.gif", "f1", "png"])
def test_another_form_is_refused(tmp_path: Path, file: str) -> None:
    with pytest.raises(ConfigurationError, match=r"no picture that can be drawn.*\.png or \.svg"):
        write_history_figure(tmp_path / file, VERSIONS, [F1], "champion")
    assert not (tmp_path / file).exists()


def test_versions_without_metrics_are_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nothing to draw"):
        write_history_figure(tmp_path / "f1.png", [version(1, None)], [], "champion")


def test_a_figure_that_cannot_be_written_leaves_with_5(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(InfrastructureError, match="could not be written"):
        write_history_figure(tmp_path / "file" / "f1.png", VERSIONS, [F1], "champion")


def test_matplotlib_is_imported_where_it_draws_and_no_platform_for_a_help() -> None:
    code = (
        "import sys, commands.main, commands.view, commands.runs, commands.history, stacks.history_figure;"
        "print(sorted({'matplotlib', 'mlflow', 'zenml', 'sqlalchemy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
