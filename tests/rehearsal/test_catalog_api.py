"""Objects of Unity Catalog and who may do what with them, through the real client."""

from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound
from databricks.sdk.service.catalog import ColumnInfo, DataSourceFormat, PermissionsChange, Privilege, TableType, VolumeType

from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.workspace import Workspace

ANN = "ann@example.com"


def effective(client: WorkspaceClient, kind: str, full_name: str, principal: str | None = None) -> dict[str | None, list[Any]]:
    """By principal: privilege and where it comes from."""
    found = client.grants.get_effective(kind, full_name, principal=principal).privilege_assignments or []
    return {
        one.principal: [(item.privilege.value if item.privilege else None, item.inherited_from_name) for item in one.privileges or []]
        for one in found
    }


def test_objects_are_created_read_and_listed(client: WorkspaceClient) -> None:
    client.catalogs.create("dev", comment="for trying out")
    client.schemas.create("reliability", "dev")
    client.volumes.create("dev", "reliability", "artifacts", VolumeType.MANAGED)
    client.registered_models.create(catalog_name="dev", schema_name="reliability", name="flight_delay")
    assert client.catalogs.get("dev").comment == "for trying out"
    assert client.schemas.get("dev.reliability").catalog_name == "dev"
    assert client.volumes.read("dev.reliability.artifacts").volume_type == VolumeType.MANAGED
    assert client.registered_models.get("dev.reliability.flight_delay").owner == "rehearsal@localhost"
    assert [one.name for one in client.catalogs.list()] == ["main", "dev"]
    assert [one.full_name for one in client.schemas.list("dev")] == ["dev.reliability"]
    assert [one.name for one in client.volumes.list("dev", "reliability")] == ["artifacts"]
    assert [one.name for one in client.registered_models.list(catalog_name="dev", schema_name="reliability")] == ["flight_delay"]


def test_table_has_columns_and_an_id(client: WorkspaceClient) -> None:
    column = ColumnInfo(name="origin", type_text="string", position=0)
    client.tables.create("route_day", "main", "default", TableType.MANAGED, DataSourceFormat.DELTA, "", columns=[column])
    found = client.tables.get("main.default.route_day")
    assert [one.name for one in found.columns or []] == ["origin"]
    assert found.table_id
    assert client.tables.exists("main.default.route_day").table_exists
    assert not client.tables.exists("main.default.other").table_exists


@pytest.mark.parametrize(
    ("kind", "full_name", "message"),
    [
        ("catalogs", "nowhere", "Catalog 'nowhere' does not exist"),
        ("schemas", "main.nowhere", "Schema 'main.nowhere' does not exist"),
        ("schemas", "nowhere.default", "Catalog 'nowhere' does not exist"),
        ("tables", "main.default.nothing", "Table 'main.default.nothing' does not exist"),
        ("registered_models", "main.nowhere.m", "Schema 'main.nowhere' does not exist"),
    ],
)
def test_missing_object_names_the_first_that_is_missing(client: WorkspaceClient, kind: str, full_name: str, message: str) -> None:
    with pytest.raises(NotFound, match=message):
        getattr(client, kind).get(full_name)


def test_same_name_twice_is_refused_whatever_its_case(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="Catalog 'main' already exists"):
        client.catalogs.create("MAIN")


def test_catalog_that_holds_something_is_deleted_by_force_only(client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="not empty"):
        client.catalogs.delete("main")
    client.catalogs.delete("main", force=True)
    assert list(client.catalogs.list()) == []


def test_volume_is_required_by_its_three_names(workspace: Workspace) -> None:
    workspace.catalog.create_volume("main", "default", "artifacts")
    workspace.catalog.require_volume("main", "default", "artifacts")
    with pytest.raises(ApiError, match=r"Volume 'main\.default\.other' does not exist") as missing:
        workspace.catalog.require_volume("main", "default", "other")
    assert missing.value.status == 404


@pytest.mark.parametrize("name", ["", "two words", "a.b", "a/b"])
def test_name_that_is_none_is_refused(workspace: Workspace, name: str) -> None:
    with pytest.raises(ApiError, match="not a valid name"):
        workspace.catalog.create_volume("main", "default", name)


def test_grants_are_changed_by_principal(client: WorkspaceClient) -> None:
    changes = [PermissionsChange(principal=ANN, add=[Privilege.USE_CATALOG, Privilege.CREATE_SCHEMA])]
    client.grants.update("catalog", "main", changes=changes)
    client.grants.update("catalog", "main", changes=[PermissionsChange(principal=ANN, remove=[Privilege.CREATE_SCHEMA])])
    found = client.grants.get("catalog", "main").privilege_assignments or []
    assert [(one.principal, [item.value for item in one.privileges or []]) for one in found] == [(ANN, ["USE_CATALOG"])]


def test_grants_on_a_container_are_in_effect_on_what_it_holds(workspace: Workspace, client: WorkspaceClient) -> None:
    workspace.catalog.create_model("main.default.delay", owner="bob@example.com")
    workspace.catalog.grant("catalog", "main", ANN, "USE CATALOG")
    workspace.catalog.grant("schema", "main.default", ANN, "ALL PRIVILEGES")
    workspace.catalog.grant("model", "main.default.delay", ANN, "EXECUTE")
    workspace.catalog.grant("schema", "main.default", "readers", "USE SCHEMA")
    assert effective(client, "function", "main.default.delay") == {
        ANN: [("EXECUTE", None), ("ALL_PRIVILEGES", "main.default"), ("USE_CATALOG", "main")],
        "readers": [("USE_SCHEMA", "main.default")],
    }
    assert effective(client, "schema", "main.default", principal="readers") == {"readers": [("USE_SCHEMA", None)]}
    assert effective(client, "catalog", "main") == {ANN: [("USE_CATALOG", None)]}


@pytest.mark.parametrize(("kind", "full_name"), [("catalog", "nowhere"), ("function", "main.default.nothing")])
def test_permissions_of_what_is_missing_are_not_found(client: WorkspaceClient, kind: str, full_name: str) -> None:
    with pytest.raises(NotFound):
        client.grants.get_effective(kind, full_name)


def test_unknown_kind_or_privilege_is_refused(workspace: Workspace, client: WorkspaceClient) -> None:
    with pytest.raises(BadRequest, match="'share' is not a type"):
        client.grants.get_effective("share", "x")
    with pytest.raises(ApiError, match="Privilege 'FLY' is not valid"):
        workspace.catalog.grant("catalog", "main", ANN, "FLY")


def test_ownership_is_handed_over(client: WorkspaceClient) -> None:
    client.schemas.update("main.default", owner=ANN)
    assert client.schemas.get("main.default").owner == ANN


def test_client_finds_the_metastore(client: WorkspaceClient) -> None:
    assert client.metastores.summary().metastore_id == "rehearsal"
