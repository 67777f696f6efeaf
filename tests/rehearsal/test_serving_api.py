"""Serving endpoints through the real client: definitions are checked, kept, and come into effect after a moment."""

from datetime import timedelta
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, ResourceAlreadyExists, ResourceConflict
from databricks.sdk.service.serving import (
    AiGatewayConfig,
    AiGatewayInferenceTableConfig,
    EndpointCoreConfigInput,
    EndpointStateConfigUpdate,
    EndpointStateReady,
    Route,
    ServedEntityInput,
    TrafficConfig,
)

from rehearsal.emulator.workspace import Workspace

MODEL = "main.default.flight_delay"


def entity(version: str) -> ServedEntityInput:
    return ServedEntityInput(entity_name=MODEL, entity_version=version, workload_size="Small", scale_to_zero_enabled=True)


def create(client: WorkspaceClient, name: str = "delay", **further: Any) -> None:
    client.serving_endpoints.create(name, config=EndpointCoreConfigInput(name=name, served_entities=[entity("1")]), **further)


def test_endpoint_is_ready_after_a_moment(workspace: Workspace, client: WorkspaceClient) -> None:
    create(client)
    before = client.serving_endpoints.get("delay")
    workspace.clock.move(timedelta(seconds=3))
    after = client.serving_endpoints.get("delay")
    assert before.state
    assert after.state
    assert after.config
    assert after.config.served_entities
    assert (before.state.ready, before.state.config_update) == (EndpointStateReady.NOT_READY, EndpointStateConfigUpdate.IN_PROGRESS)
    assert (after.state.ready, after.state.config_update) == (EndpointStateReady.READY, EndpointStateConfigUpdate.NOT_UPDATING)
    assert (before.config, after.pending_config) == (None, None)
    assert [(one.name, one.entity_version) for one in after.config.served_entities] == [("flight_delay-1", "1")]
    assert [endpoint.name for endpoint in client.serving_endpoints.list()] == ["delay"]


def test_inference_table_is_kept_with_the_endpoint(client: WorkspaceClient) -> None:
    table = AiGatewayInferenceTableConfig(catalog_name="main", enabled=True, schema_name="default", table_name_prefix="delay")
    create(client, ai_gateway=AiGatewayConfig(inference_table_config=table))
    found = client.serving_endpoints.get("delay").ai_gateway
    assert found
    assert found.inference_table_config == table


def test_traffic_moves_to_another_version(workspace: Workspace, client: WorkspaceClient) -> None:
    create(client)
    workspace.clock.move(timedelta(seconds=3))
    routes = [Route(90, served_model_name="flight_delay-1"), Route(10, served_model_name="flight_delay-2")]
    client.serving_endpoints.update_config("delay", served_entities=[entity("1"), entity("2")], traffic_config=TrafficConfig(routes))
    workspace.clock.move(timedelta(seconds=3))
    config = client.serving_endpoints.get("delay").config
    assert config
    assert config.traffic_config
    assert config.config_version == 2
    assert config.traffic_config.routes == routes


def test_update_during_an_update_is_refused(client: WorkspaceClient) -> None:
    create(client)
    with pytest.raises(ResourceConflict, match="is being updated"):
        client.serving_endpoints.update_config("delay", served_entities=[entity("2")])


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (EndpointCoreConfigInput(name="x"), "At least one served entity"),
        (EndpointCoreConfigInput(name="x", served_entities=[ServedEntityInput(entity_name=MODEL)]), "entity_version"),
        (EndpointCoreConfigInput(name="x", served_entities=[entity("1"), entity("2")]), "add up to 100"),
        (
            EndpointCoreConfigInput(
                name="x", served_entities=[entity("1")], traffic_config=TrafficConfig([Route(100, served_model_name="other")])
            ),
            "other, which is not served",
        ),
        (
            EndpointCoreConfigInput(
                name="x", served_entities=[entity("1")], traffic_config=TrafficConfig([Route(99, served_model_name="flight_delay-1")])
            ),
            "add up to 100",
        ),
    ],
)
def test_configuration_that_cannot_be_served_is_refused(client: WorkspaceClient, config: EndpointCoreConfigInput, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        client.serving_endpoints.create("x", config=config)
    assert list(client.serving_endpoints.list()) == []


def test_unknown_field_is_refused(client: WorkspaceClient) -> None:
    body = {"name": "x", "config": {"served_entities": [{"entity_name": MODEL, "entity_version": "1", "size": "Small"}]}}
    with pytest.raises(BadRequest, match="not known"):
        client.api_client.do("POST", "/api/2.0/serving-endpoints", body=body)
    with pytest.raises(BadRequest, match="Unknown fields: auto_capture_config"):
        client.api_client.do("POST", "/api/2.0/serving-endpoints", body={"name": "x", "auto_capture_config": {}})


@pytest.mark.parametrize("name", ["two words", "", "x" * 64])
def test_name_that_is_none_is_refused(client: WorkspaceClient, name: str) -> None:
    with pytest.raises(BadRequest, match="must be 1 to 63"):
        create(client, name)


def test_name_twice_is_refused_and_a_deleted_one_is_gone(client: WorkspaceClient) -> None:
    create(client)
    with pytest.raises(ResourceAlreadyExists, match="already exists"):
        create(client)
    client.serving_endpoints.delete("delay")
    with pytest.raises(NotFound, match="Endpoint with name 'delay' does not exist"):
        client.serving_endpoints.get("delay")
