"""Unity Catalog: catalogs, schemas, volumes, tables, registered models' owners and grants (`/api/2.1/unity-catalog/…`).

Simplified: one metastore whose admin is nobody; whoever owns an object has every privilege on it and on what lies beneath;
Groups are not emulated: a grant names its principal; answers come in one page; a table is its name and columns, without rows.
Model versions are `emulator.models`; a registered model is kept here as an object with an owner.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from databricks.sdk.service.catalog import Privilege
from fastapi import APIRouter, Body

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Annotated[dict[str, Any], Body()]

OWNER = "rehearsal@localhost"
"""Owner of what is created without naming one: the user of the workspace."""

METASTORE = "rehearsal"

KINDS = {"catalog": 1, "schema": 2, "volume": 3, "table": 3, "model": 3}
"""Kinds of objects and how many names each has."""

SECURABLES = {"catalog": "catalog", "schema": "schema", "volume": "volume", "table": "table", "function": "model", "model": "model"}
"""How the permissions API calls each kind; a registered model is a function there."""


@dataclass
class Securable:
    """An object with an owner and grants."""

    kind: str
    full_name: str
    owner: str
    details: dict[str, Any] = field(default_factory=dict)
    """Further fields of its JSON."""
    grants: dict[str, set[str]] = field(default_factory=dict)
    """Privileges by principal, as the API spells them (USE_CATALOG)."""
    id: str = field(default_factory=lambda: str(uuid4()))


@dataclass
class Catalog:
    """The objects of Unity Catalog and who may do what with them. A fresh one holds `main` with the schema `default`."""

    objects: dict[tuple[str, str], Securable] = field(default_factory=dict)
    """By kind and full name."""

    def __post_init__(self) -> None:
        """Fill a fresh metastore."""
        if not self.objects:
            self.create_catalog("main")
            self.create_schema("main", "default")

    def create_catalog(self, name: str, owner: str = OWNER, **details: Any) -> Securable:
        """Create a catalog.

        Raises:
            ApiError: where it is there already.
        """
        return self.create("catalog", name, owner, details)

    def create_schema(self, catalog: str, name: str, owner: str = OWNER, **details: Any) -> Securable:
        """Create a schema.

        Raises:
            ApiError: where it is there already, or its catalog is not.
        """
        return self.create("schema", f"{catalog}.{name}", owner, details)

    def create_volume(self, catalog: str, schema: str, name: str, owner: str = OWNER, **details: Any) -> Securable:
        """Create a managed volume.

        Raises:
            ApiError: where it is there already, or its schema is not.
        """
        return self.create("volume", f"{catalog}.{schema}.{name}", owner, {"volume_type": "MANAGED"} | details)

    def create_model(self, full_name: str, owner: str = OWNER, **details: Any) -> Securable:
        """Create a registered model without versions.

        Raises:
            ApiError: where it is there already, or its schema is not.
        """
        return self.create("model", full_name, owner, details)

    def create(self, kind: str, full_name: str, owner: str, details: dict[str, Any]) -> Securable:
        """Create an object; names are kept in lower case.

        Raises:
            ApiError: where it is there already, what it lies in is not, or the name is not of this kind.
        """
        full_name = full_name.lower()
        names = full_name.split(".")
        if len(names) != KINDS[kind] or not all(names) or any(character in full_name for character in " /"):
            raise ApiError.invalid(f"'{full_name}' is not a valid name of a {kind}.")
        if (kind, full_name) in self.objects:
            raise ApiError(400, f"{_code(kind)}_ALREADY_EXISTS", f"{_word(kind)} '{full_name}' already exists")
        if parent := parent_of(kind, full_name):
            self.get(*parent)
        created = Securable(kind, full_name, owner, details)
        self.objects[kind, full_name] = created
        return created

    def get(self, kind: str, full_name: str) -> Securable:
        """Return an object.

        Raises:
            ApiError: where it does not exist, or a catalog or schema that it lies in does not.
        """
        full_name = full_name.lower()
        if parent := parent_of(kind, full_name):
            self.get(*parent)
        if (kind, full_name) not in self.objects:
            raise ApiError(404, f"{_code(kind)}_DOES_NOT_EXIST", f"{_word(kind)} '{full_name}' does not exist.")
        return self.objects[kind, full_name]

    def of(self, kind: str, within: str = "") -> list[Securable]:
        """Return all objects of a kind, or those that lie in a catalog or schema."""
        return [one for one in self.objects.values() if one.kind == kind and (not within or one.full_name.startswith(f"{within}."))]

    def delete(self, kind: str, full_name: str, *, force: bool = False) -> None:
        """Delete an object.

        Raises:
            ApiError: where it does not exist, or holds others and is not forced.
        """
        found = self.get(kind, full_name)
        inside = [key for key in self.objects if key[1].startswith(f"{found.full_name}.")] if KINDS[kind] < 3 else []
        if inside and not force:
            raise ApiError.invalid(f"{_word(kind)} '{found.full_name}' is not empty. Drop what it holds first, or use force.")
        for key in [*inside, (kind, found.full_name)]:
            del self.objects[key]

    def require_volume(self, catalog: str, schema: str, volume: str) -> None:
        """Check that a volume exists.

        Raises:
            ApiError: where it, its schema or its catalog does not.
        """
        self.get("volume", f"{catalog}.{schema}.{volume}")

    def grant(self, kind: str, full_name: str, principal: str, *privileges: str) -> None:
        """Grant privileges, spelled as in SQL (`USE CATALOG`) or as in the API (`USE_CATALOG`).

        Raises:
            ApiError: where the object does not exist, or there is no such privilege.
        """
        self.get(kind, full_name).grants.setdefault(principal, set()).update(_privilege(name) for name in privileges)

    def revoke(self, kind: str, full_name: str, principal: str, *privileges: str) -> None:
        """Take privileges back; one that was not granted is none to take.

        Raises:
            ApiError: where the object does not exist, or there is no such privilege.
        """
        self.get(kind, full_name).grants.get(principal, set()).difference_update(_privilege(name) for name in privileges)

    def chain(self, kind: str, full_name: str) -> list[Securable]:
        """Return an object and what it lies in, innermost first.

        Raises:
            ApiError: where one of them does not exist.
        """
        parent = parent_of(kind, full_name.lower())
        return [self.get(kind, full_name), *(self.chain(*parent) if parent else [])]


def parent_of(kind: str, full_name: str) -> tuple[str, str] | None:
    """Return kind and name of what an object lies in; none for a catalog."""
    return None if kind == "catalog" else ("schema" if KINDS[kind] == 3 else "catalog", full_name.rpartition(".")[0])


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter(prefix="/api/2.1/unity-catalog")
    catalog = workspace.catalog

    @routes.get("/metastore_summary")
    def metastore_summary() -> dict[str, Any]:
        return {"metastore_id": METASTORE, "name": METASTORE, "cloud": workspace.compute.cloud, "owner": "System user", "region": "local"}

    for kind, plural in (("catalog", "catalogs"), ("schema", "schemas"), ("volume", "volumes"), ("table", "tables"), ("model", "models")):
        _add_objects(routes, workspace, kind, plural)

    @routes.get("/tables/{full_name}/exists")
    def table_exists(full_name: str) -> dict[str, Any]:
        return {"table_exists": ("table", full_name.lower()) in catalog.objects}

    _add_permissions(routes, catalog)
    return routes


def _add_permissions(routes: APIRouter, catalog: Catalog) -> None:
    """Add grants: what was granted on an object itself, and what is in effect there."""

    @routes.get("/permissions/{securable_type}/{full_name}")
    def permissions(securable_type: str, full_name: str, principal: str | None = None) -> dict[str, Any]:
        return _assignments(catalog.get(_kind(securable_type), full_name), principal)

    @routes.patch("/permissions/{securable_type}/{full_name}")
    def change_permissions(securable_type: str, full_name: str, body: Json) -> dict[str, Any]:
        kind = _kind(securable_type)
        for change in body.get("changes", []):
            catalog.grant(kind, full_name, change["principal"], *change.get("add", []))
            catalog.revoke(kind, full_name, change["principal"], *change.get("remove", []))
        return _assignments(catalog.get(kind, full_name), None)

    @routes.get("/effective-permissions/{securable_type}/{full_name}")
    def effective_permissions(securable_type: str, full_name: str, principal: str | None = None) -> dict[str, Any]:
        kind = _kind(securable_type)
        found: dict[str, list[dict[str, Any]]] = {}
        for securable in catalog.chain(kind, full_name):
            origin = {"inherited_from_type": securable.kind.upper(), "inherited_from_name": securable.full_name}
            origin = {} if securable.kind == kind else origin
            for who, privileges in securable.grants.items():
                if principal in {None, who}:
                    found.setdefault(who, []).extend({"privilege": name} | origin for name in sorted(privileges))
        return {"privilege_assignments": [{"principal": who, "privileges": privileges} for who, privileges in found.items()]}


def _add_objects(routes: APIRouter, workspace: "Workspace", kind: str, plural: str) -> None:
    """Add list, create, get, update of owner and comment, and delete of one kind of object."""
    catalog = workspace.catalog

    @routes.get(f"/{plural}", name=f"list {plural}")
    def list_objects(catalog_name: str | None = None, schema_name: str | None = None) -> dict[str, Any]:
        within = ".".join(name for name in (catalog_name, schema_name) if name).lower()
        if within:
            catalog.get("schema" if schema_name else "catalog", within)
        return {"registered_models" if kind == "model" else plural: [_json(one) for one in catalog.of(kind, within)]}

    @routes.post(f"/{plural}", name=f"create {kind}")
    def create_object(body: Json) -> dict[str, Any]:
        names = [str(body[key]) for key in ("catalog_name", "schema_name", "name") if body.get(key)]
        details = {key: value for key, value in body.items() if key not in {"catalog_name", "schema_name", "name", "owner"}}
        created = catalog.create(kind, ".".join(names), workspace.user_name, details)
        created.details |= {"created_at": workspace.clock.milliseconds(), "created_by": workspace.user_name}
        return _json(created)

    @routes.get(f"/{plural}/{{full_name}}", name=f"get {kind}")
    def get_object(full_name: str) -> dict[str, Any]:
        return _json(catalog.get(kind, full_name))

    @routes.patch(f"/{plural}/{{full_name}}", name=f"update {kind}")
    def update_object(full_name: str, body: Json) -> dict[str, Any]:
        found = catalog.get(kind, full_name)
        found.owner = str(body.get("owner", found.owner))
        found.details |= {key: body[key] for key in ("comment", "properties") if key in body}
        return _json(found)

    @routes.delete(f"/{plural}/{{full_name}}", name=f"delete {kind}")
    def delete_object(full_name: str, force: str = "false") -> dict[str, Any]:
        catalog.delete(kind, full_name, force=force.lower() == "true")
        return {}


def _json(securable: Securable) -> dict[str, Any]:
    names = securable.full_name.split(".")
    levels = dict(zip(("catalog_name", "schema_name"), names[:-1], strict=False))
    identifier = {f"{securable.kind}_id": securable.id} if securable.kind in {"schema", "volume", "table"} else {}
    own = {"name": names[-1], "full_name": securable.full_name, "owner": securable.owner, "metastore_id": METASTORE}
    return levels | identifier | own | securable.details


def _assignments(securable: Securable, principal: str | None) -> dict[str, Any]:
    shown = {who: sorted(privileges) for who, privileges in securable.grants.items() if privileges and principal in {None, who}}
    return {"privilege_assignments": [{"principal": who, "privileges": privileges} for who, privileges in shown.items()]}


def _kind(securable_type: str) -> str:
    if securable_type.lower() not in SECURABLES:
        raise ApiError.invalid(f"'{securable_type}' is not a type of securable that is known here.")
    return SECURABLES[securable_type.lower()]


def _privilege(name: str) -> str:
    spelled = name.upper().replace(" ", "_")
    if spelled not in Privilege.__members__:
        raise ApiError.invalid(f"Privilege '{name}' is not valid.")
    return spelled


def _code(kind: str) -> str:
    return "REGISTERED_MODEL" if kind == "model" else kind.upper()


def _word(kind: str) -> str:
    return "Registered model" if kind == "model" else kind.capitalize()
