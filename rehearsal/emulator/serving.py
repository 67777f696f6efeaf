"""Serving endpoints (`/api/2.0/serving-endpoints`): definitions, kept and shown; nothing is served.

Not emulated: the container that answers requests (`/invocations` is an unknown route), build logs, metrics, permissions, rate limits,
and whether the served version exists. A configuration is taken in two seconds of the workspace's clock after it was sent.
"""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from databricks.sdk.service.serving import AiGatewayConfig, EndpointCoreConfigInput
from fastapi import APIRouter, Body

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Annotated[dict[str, Any], Body()]

UPDATE = timedelta(seconds=2)
"""How long a configuration takes to come into effect."""

CREATE_KEYS = {"name", "config", "ai_gateway", "tags", "description", "budget_policy_id", "route_optimized", "email_notifications"}


@dataclass
class Endpoint:
    """A serving endpoint: what was asked for, and when it comes into effect."""

    name: str
    created_milliseconds: int
    ready_milliseconds: int
    pending: dict[str, Any]
    config: dict[str, Any] = field(default_factory=dict)
    """The configuration in effect; empty until the first one is."""
    ai_gateway: dict[str, Any] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    version: int = 1
    id: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Serving:
    """Serving endpoints by name."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)

    def get(self, name: str, now_milliseconds: int) -> Endpoint:
        """Return an endpoint as it is at a time.

        Raises:
            ApiError: where there is none of this name.
        """
        if name not in self.endpoints:
            raise ApiError.missing(f"Endpoint with name '{name}'")
        endpoint = self.endpoints[name]
        if endpoint.pending and now_milliseconds >= endpoint.ready_milliseconds:
            endpoint.config, endpoint.pending = endpoint.pending, {}
        return endpoint


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter(prefix="/api/2.0/serving-endpoints")
    serving = workspace.serving

    def found(name: str) -> Endpoint:
        return serving.get(name, workspace.clock.milliseconds())

    @routes.get("")
    def list_endpoints() -> dict[str, Any]:
        return {"endpoints": [_json(found(name), workspace.user_name) for name in serving.endpoints]}

    @routes.post("")
    def create(body: Json) -> dict[str, Any]:
        name = str(body.get("name", ""))
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
            raise ApiError.invalid(f"Endpoint name '{name}' must be 1 to 63 letters, digits, dashes and underscores.")
        if unknown := sorted(body.keys() - CREATE_KEYS):
            raise ApiError.invalid(f"Unknown fields: {', '.join(unknown)}")
        if name in serving.endpoints:
            raise ApiError.exists(f"Endpoint with name '{name}'")
        details = {key: value for key, value in body.items() if key not in {"name", "config", "ai_gateway"}}
        config, gateway = _config(body.get("config", {})), _gateway(body.get("ai_gateway", {}))
        endpoint = Endpoint(
            name, workspace.clock.milliseconds(), _ready(workspace), config | {"config_version": 1}, ai_gateway=gateway, details=details
        )
        serving.endpoints[name] = endpoint
        return _json(endpoint, workspace.user_name)

    @routes.get("/{name}")
    def get(name: str) -> dict[str, Any]:
        return _json(found(name), workspace.user_name)

    @routes.delete("/{name}")
    def delete(name: str) -> dict[str, Any]:
        del serving.endpoints[found(name).name]
        return {}

    _add_changes(routes, workspace)
    return routes


def _add_changes(routes: APIRouter, workspace: "Workspace") -> None:
    def found(name: str) -> Endpoint:
        return workspace.serving.get(name, workspace.clock.milliseconds())

    @routes.put("/{name}/config")
    def update_config(name: str, body: Json) -> dict[str, Any]:
        endpoint = found(name)
        if endpoint.pending:
            raise ApiError(409, "RESOURCE_CONFLICT", f"Endpoint '{name}' is being updated; wait until it is not.")
        config = _config(body)
        endpoint.version += 1
        endpoint.pending, endpoint.ready_milliseconds = config | {"config_version": endpoint.version}, _ready(workspace)
        return _json(endpoint, workspace.user_name)

    @routes.put("/{name}/ai-gateway")
    def put_ai_gateway(name: str, body: Json) -> dict[str, Any]:
        endpoint = found(name)
        endpoint.ai_gateway = _gateway(body)
        return endpoint.ai_gateway


def _ready(workspace: "Workspace") -> int:
    return workspace.clock.milliseconds() + int(UPDATE.total_seconds() * 1000)


def _config(given: dict[str, Any]) -> dict[str, Any]:
    """The configuration, if the SDK knows each of its keys and the traffic adds up.

    Raises:
        ApiError: where it does not.
    """
    try:
        understood = EndpointCoreConfigInput.from_dict({"name": ""} | given).as_dict()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ApiError.invalid(f"The configuration of the endpoint cannot be read: {error}") from error
    if understood | {"name": given.get("name", "")} != given | {"name": given.get("name", "")}:
        raise ApiError.invalid("The configuration of the endpoint has a field or value that is not known.")
    entities = given.get("served_entities", [])
    if not entities:
        raise ApiError.invalid("At least one served entity is needed.")
    names = []
    for entity in entities:
        if not entity.get("entity_name") or not entity.get("entity_version"):
            raise ApiError.invalid("A served entity needs entity_name and entity_version.")
        names.append(entity.get("name") or f"{entity['entity_name'].rpartition('.')[2]}-{entity['entity_version']}")
    routes = given.get("traffic_config", {}).get("routes", [])
    if not routes and len(names) == 1:
        routes = [{"served_model_name": names[0], "traffic_percentage": 100}]
    if sum(route["traffic_percentage"] for route in routes) != 100:
        raise ApiError.invalid("The traffic percentages of the routes must add up to 100.")
    if unknown := [name for route in routes if (name := route.get("served_entity_name") or route.get("served_model_name")) not in names]:
        raise ApiError.invalid(f"The traffic goes to {', '.join(map(str, unknown))}, which is not served; served are {', '.join(names)}.")
    served = [entity | {"name": name} for entity, name in zip(entities, names, strict=True)]
    return {"served_entities": served, "traffic_config": {"routes": routes}}


def _gateway(given: dict[str, Any]) -> dict[str, Any]:
    try:
        understood = AiGatewayConfig.from_dict(given).as_dict()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ApiError.invalid(f"ai_gateway cannot be read: {error}") from error
    if understood != given:
        raise ApiError.invalid("ai_gateway has a field or value that is not known.")
    return given


def _json(endpoint: Endpoint, creator: str) -> dict[str, Any]:
    def states(config: dict[str, Any], deployment: str) -> dict[str, Any]:
        return config | {"served_entities": [entity | {"state": {"deployment": deployment}} for entity in config["served_entities"]]}

    shown = {
        "id": endpoint.id,
        "name": endpoint.name,
        "creator": creator,
        "creation_timestamp": endpoint.created_milliseconds,
        "last_updated_timestamp": endpoint.ready_milliseconds,
        "state": {
            "ready": "READY" if endpoint.config else "NOT_READY",
            "config_update": "IN_PROGRESS" if endpoint.pending else "NOT_UPDATING",
        },
    }
    if endpoint.config:
        shown["config"] = states(endpoint.config, "DEPLOYMENT_READY")
    if endpoint.pending:
        shown["pending_config"] = states(endpoint.pending, "DEPLOYMENT_CREATING")
    if endpoint.ai_gateway:
        shown["ai_gateway"] = endpoint.ai_gateway
    return shown | endpoint.details
