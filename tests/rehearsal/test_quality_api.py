"""Monitors of tables through the real client: definitions are checked and kept, a refresh ends after a moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound
from databricks.sdk.service.dataquality import (
    AggregationGranularity,
    DataProfilingConfig,
    DataProfilingStatus,
    InferenceLogConfig,
    InferenceProblemType,
    Monitor,
    Refresh,
    RefreshState,
    SnapshotConfig,
)

from rehearsal.emulator.workspace import Workspace


@pytest.fixture
def definition(workspace: Workspace) -> Monitor:
    table = workspace.catalog.create("table", "main.default.predictions", "rehearsal@localhost", {})
    log = InferenceLogConfig(
        problem_type=InferenceProblemType.INFERENCE_PROBLEM_TYPE_CLASSIFICATION,
        timestamp_column="scored_at",
        granularities=[AggregationGranularity.AGGREGATION_GRANULARITY_1_DAY],
        prediction_column="prediction",
        model_id_column="model_version",
    )
    schema = workspace.catalog.get("schema", "main.default").id
    return Monitor("table", table.id, data_profiling_config=DataProfilingConfig(output_schema_id=schema, inference_log=log))


def test_monitor_is_created_once(client: WorkspaceClient, definition: Monitor) -> None:
    client.data_quality.create_monitor(definition)
    found = client.data_quality.get_monitor("table", definition.object_id).data_profiling_config
    assert found
    assert definition.data_profiling_config
    assert found.inference_log == definition.data_profiling_config.inference_log
    assert found.status == DataProfilingStatus.DATA_PROFILING_STATUS_ACTIVE
    assert found.drift_metrics_table_name == "main.default.predictions_drift_metrics"
    assert [monitor.object_id for monitor in client.data_quality.list_monitor()] == [definition.object_id]
    with pytest.raises(AlreadyExists):
        client.data_quality.create_monitor(definition)


def test_refresh_succeeds_after_a_moment(workspace: Workspace, client: WorkspaceClient, definition: Monitor) -> None:
    client.data_quality.create_monitor(definition)
    begun = client.data_quality.create_refresh("table", definition.object_id, Refresh("table", definition.object_id))
    workspace.clock.move(timedelta(seconds=3))
    assert begun.refresh_id == 1
    ended = client.data_quality.get_refresh("table", definition.object_id, 1)
    assert (begun.state, ended.state) == (RefreshState.MONITOR_REFRESH_STATE_RUNNING, RefreshState.MONITOR_REFRESH_STATE_SUCCESS)
    assert len(list(client.data_quality.list_refresh("table", definition.object_id))) == 1


WRONG: dict[str, tuple[Callable[[Monitor], Monitor], type[Exception], str]] = {
    "table": (lambda monitor: replace(monitor, object_id="nothing"), NotFound, "Table with id nothing"),
    "type": (lambda monitor: replace(monitor, object_type="volume"), BadRequest, "object_type 'table'"),
    "profile": (lambda monitor: replace(monitor, data_profiling_config=None), BadRequest, "data_profiling_config"),
    "schema": (lambda monitor: changed(monitor, output_schema_id="nowhere"), NotFound, "Schema with id nowhere"),
    "two kinds": (lambda monitor: changed(monitor, snapshot=SnapshotConfig()), BadRequest, "Give one of"),
}


def changed(monitor: Monitor, **change: object) -> Monitor:
    assert monitor.data_profiling_config
    return replace(monitor, data_profiling_config=replace(monitor.data_profiling_config, **change))


@pytest.mark.parametrize("what", WRONG)
def test_monitor_that_cannot_be_is_refused(client: WorkspaceClient, definition: Monitor, what: str) -> None:
    change, error, message = WRONG[what]
    with pytest.raises(error, match=message):
        client.data_quality.create_monitor(change(definition))
    assert list(client.data_quality.list_monitor()) == []


def test_deleted_monitor_is_gone_with_its_refreshes(client: WorkspaceClient, definition: Monitor) -> None:
    client.data_quality.create_monitor(definition)
    client.data_quality.delete_monitor("table", definition.object_id)
    for call in (client.data_quality.get_monitor, client.data_quality.delete_monitor):
        with pytest.raises(NotFound, match="Monitor of table"):
            call("table", definition.object_id)
    with pytest.raises(NotFound):
        client.data_quality.get_refresh("table", definition.object_id, 1)
