"""Data quality monitors (`/api/data-quality/v1/…`): definitions and refreshes, kept and shown; nothing is computed.

Not emulated: metric tables and dashboards, anomaly detection, schedules, updates and pages of results. The table and the output
schema have to exist. A refresh succeeds two seconds of the workspace's clock after it was asked for.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

from databricks.sdk.service.dataquality import Monitor
from fastapi import APIRouter, Body

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Annotated[dict[str, Any], Body()]

REFRESH = timedelta(seconds=2)
"""How long a refresh takes."""

ACTIVE = "DATA_PROFILING_STATUS_ACTIVE"


@dataclass
class Quality:
    """Monitors of tables, and their refreshes, by type and id of the object."""

    monitors: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    refreshes: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def get(self, object_type: str, object_id: str) -> dict[str, Any]:
        """Return a monitor.

        Raises:
            ApiError: where the object has none.
        """
        if (object_type, object_id) not in self.monitors:
            raise ApiError.missing(f"Monitor of {object_type} {object_id}")
        return self.monitors[object_type, object_id]


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter(prefix="/api/data-quality/v1/monitors")
    quality = workspace.quality

    @routes.get("")
    def list_monitors() -> dict[str, Any]:
        return {"monitors": list(quality.monitors.values())}

    @routes.post("")
    def create_monitor(body: Json) -> dict[str, Any]:
        monitor = _definition(workspace, body)
        key = monitor["object_type"], monitor["object_id"]
        if key in quality.monitors:
            raise ApiError(409, "ALREADY_EXISTS", f"Monitor of {key[0]} {key[1]} already exists.")
        quality.monitors[key] = monitor
        quality.refreshes[key] = []
        return monitor

    @routes.get("/{object_type}/{object_id}")
    def get_monitor(object_type: str, object_id: str) -> dict[str, Any]:
        return quality.get(object_type, object_id)

    @routes.delete("/{object_type}/{object_id}")
    def delete_monitor(object_type: str, object_id: str) -> dict[str, Any]:
        quality.get(object_type, object_id)
        del quality.monitors[object_type, object_id], quality.refreshes[object_type, object_id]
        return {}

    _add_refreshes(routes, workspace)
    return routes


def _add_refreshes(routes: APIRouter, workspace: "Workspace") -> None:
    quality = workspace.quality

    @routes.post("/{object_type}/{object_id}/refreshes")
    def create_refresh(object_type: str, object_id: str) -> dict[str, Any]:
        quality.get(object_type, object_id)
        earlier = quality.refreshes[object_type, object_id]
        earlier.append({"refresh_id": len(earlier) + 1, "start_time_ms": workspace.clock.milliseconds()})
        return _refresh(workspace, object_type, object_id, earlier[-1])

    @routes.get("/{object_type}/{object_id}/refreshes")
    def list_refreshes(object_type: str, object_id: str) -> dict[str, Any]:
        quality.get(object_type, object_id)
        return {"refreshes": [_refresh(workspace, object_type, object_id, one) for one in quality.refreshes[object_type, object_id]]}

    @routes.get("/{object_type}/{object_id}/refreshes/{refresh_id}")
    def get_refresh(object_type: str, object_id: str, refresh_id: int) -> dict[str, Any]:
        quality.get(object_type, object_id)
        for one in quality.refreshes[object_type, object_id]:
            if one["refresh_id"] == refresh_id:
                return _refresh(workspace, object_type, object_id, one)
        raise ApiError.missing(f"Refresh {refresh_id}")


def _definition(workspace: "Workspace", given: dict[str, Any]) -> dict[str, Any]:
    """The monitor as it is kept, if the SDK knows each of its keys and what it names exists.

    Raises:
        ApiError: where it does not.
    """
    try:
        understood = Monitor.from_dict(given).as_dict()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ApiError.invalid(f"The monitor cannot be read: {error}") from error
    if understood != given:
        raise ApiError.invalid("The monitor has a field or value that is not known.")
    profiling = given.get("data_profiling_config")
    if given.get("object_type") != "table" or not profiling:
        raise ApiError.invalid("Here a monitor has the object_type 'table' and a data_profiling_config.")
    if sum(kind in profiling for kind in ("inference_log", "time_series", "snapshot")) != 1:
        raise ApiError.invalid("Give one of inference_log, time_series and snapshot.")
    ids = {(one.kind, one.id): one.full_name for one in workspace.catalog.objects.values()}
    table, schema = ids.get(("table", given["object_id"])), ids.get(("schema", profiling["output_schema_id"]))
    if table is None:
        raise ApiError.missing(f"Table with id {given['object_id']}")
    if schema is None:
        raise ApiError.missing(f"Schema with id {profiling['output_schema_id']}")
    name = table.rpartition(".")[2]
    made = {
        "monitored_table_name": table,
        "profile_metrics_table_name": f"{schema}.{name}_profile_metrics",
        "drift_metrics_table_name": f"{schema}.{name}_drift_metrics",
        "status": ACTIVE,
        "monitor_version": 0,
    }
    return given | {"data_profiling_config": profiling | made}


def _refresh(workspace: "Workspace", object_type: str, object_id: str, refresh: dict[str, Any]) -> dict[str, Any]:
    end = refresh["start_time_ms"] + int(REFRESH.total_seconds() * 1000)
    over = workspace.clock.milliseconds() >= end
    state = {"state": "MONITOR_REFRESH_STATE_SUCCESS", "end_time_ms": end} if over else {"state": "MONITOR_REFRESH_STATE_RUNNING"}
    return {"object_type": object_type, "object_id": object_id, "trigger": "MONITOR_REFRESH_TRIGGER_MANUAL"} | refresh | state
