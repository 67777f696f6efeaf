"""Grants of the caller in Unity Catalog: what a run needs, what is in effect, and what to ask for.

A privilege counts where it is granted to the caller, to a group of the caller or to all account users, on the object or on what it
lies in. An owner has every privilege on the object itself; the owner of a container may grant them, and is only warned.
Source: Unity Catalog, privileges and ownership; registered models are functions to the permissions API.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied

from stackhouse.findings import Finding

EVERYONE = "account users"
"""Group that every user of the account is in."""

SECURABLE = {"catalog": "catalog", "schema": "schema", "volume": "volume", "table": "table", "model": "function"}


@dataclass(frozen=True)
class Caller:
    """Who runs the jobs."""

    name: str
    groups: frozenset[str] = frozenset()

    @property
    def principals(self) -> frozenset[str]:
        """Under which names privileges reach the caller."""
        return self.groups | {self.name, EVERYONE}


@dataclass(frozen=True)
class Access:
    """What is in effect for the caller on one object."""

    kind: str
    name: str
    owner: str = ""
    held: frozenset[str] = frozenset()
    """Privileges of the caller, inherited ones too, as the API spells them."""
    container_owned: bool = False
    """Whether the caller owns the schema or catalog that it lies in."""


@dataclass(frozen=True)
class Wanted:
    """An object of the catalog and the privileges that a run needs there."""

    kind: str
    name: str
    privileges: tuple[str, ...]
    asked_by: str
    """What names it, for a person who wants to name another."""
    optional: bool = False
    """Whether a run makes it where it is missing."""

    @property
    def container(self) -> str:
        """Name of what it lies in; empty for a catalog."""
        return self.name.rpartition(".")[0]


def wanted(
    volume: tuple[str, str, str] | None, models: Mapping[str, str], tables: Mapping[str, str], *, tables_in_catalog: bool
) -> list[Wanted]:
    """List the objects that a run uses, containers first.

    Args:
        volume: catalog, schema and name of the artifact store's volume.
        models: three-level names of the models that are registered in the catalog, with the file that names each.
        tables: three-level names of the tables that are written, likewise.
        tables_in_catalog: whether the tables are written to the catalog.
    """
    asked: dict[tuple[str, str], tuple[list[str], str]] = {}

    def ask(kind: str, name: str, by: str, *privileges: str) -> None:
        needed = asked.setdefault((kind, name), ([], by))[0]
        needed += [privilege for privilege in privileges if privilege not in needed]

    def ask_containers(name: str, by: str, *privileges: str) -> None:
        schema = name.rpartition(".")[0]
        ask("catalog", schema.partition(".")[0], by, "USE_CATALOG")
        ask("schema", schema, by, "USE_SCHEMA", *privileges)

    if volume:
        ask_containers(".".join(volume), "the artifact store")
        ask("volume", ".".join(volume), "the artifact store", "READ_VOLUME", "WRITE_VOLUME")
    for name, file in models.items():
        ask_containers(name, file, "CREATE_MODEL")
        ask("model", name, file, "EXECUTE")
    for name, file in tables.items() if tables_in_catalog else ():
        ask_containers(name, file, "CREATE_TABLE")
        ask("table", name, file, "SELECT", "MODIFY")
    order = list(SECURABLE)
    made_by_a_run = {"model", "table"}
    listed = [Wanted(kind, name, tuple(needed), by, kind in made_by_a_run) for (kind, name), (needed, by) in asked.items()]
    return sorted(listed, key=lambda one: order.index(one.kind))


def decide(access: Access, privileges: Sequence[str], caller: Caller) -> Finding:
    """Judge what is in effect on an object by what is needed there."""
    what = f"{access.kind} {access.name}"
    if access.owner in caller.principals:
        return Finding.ok(f"{what}: {caller.name} owns it")
    missing = [privilege for privilege in privileges if privilege not in access.held and "ALL_PRIVILEGES" not in access.held]
    if not missing:
        return Finding.ok(f"{what}: {_spelled(privileges)}")
    found = f"{what}: {caller.name} lacks {_spelled(missing)}"
    grant = f"GRANT {_spelled(missing)} ON {access.kind.upper()} {access.name} TO `{caller.name}`"
    if access.kind == "model":
        grant = f"grant {_spelled(missing)} on the model {access.name} to {caller.name}"
    if access.container_owned:
        return Finding.warning(f"{found}, and owns what it lies in", f"Give it to yourself: {grant}.")
    return Finding.failed(found, f"Ask {access.owner or 'its owner'}: {grant}.")


def decide_alias(access: Access, caller: Caller) -> Finding:
    """Judge whether the caller may set an alias, which the owner of a model alone does. Source: Unity Catalog API, set alias."""
    if access.owner in caller.principals:
        return Finding.ok(f"model {access.name}: {caller.name} owns it and may set its aliases")
    return Finding.failed(
        f"model {access.name}: {access.owner or 'another'} owns it, so {caller.name} may not set its aliases",
        f"Ask {access.owner or 'its owner'} to make {caller.name}, or a group of both, its owner; or give the model another name.",
    )


def grants(client: WorkspaceClient, caller: Caller, objects: Sequence[Wanted]) -> Iterator[Finding]:
    """Ask for each object and judge it; what lies in a missing one is not asked for."""
    missing: set[str] = set()
    owned: set[str] = set()
    for one in objects:
        if one.container in missing:
            missing.add(one.name)
            if not one.optional:
                yield Finding.not_checked(f"{one.kind} {one.name}: what it lies in does not exist or cannot be seen")
            continue
        try:
            access = _access(client, caller, one, container_owned=bool({one.container, one.container.partition(".")[0]} & owned))
        except (NotFound, PermissionDenied) as error:
            missing.add(one.name)
            yield _unseen(one, error, caller)
            continue
        if access.owner in caller.principals:
            owned.add(one.name)
        yield decide(access, one.privileges, caller)
        if one.kind == "model":
            yield decide_alias(access, caller)


def _unseen(one: Wanted, error: NotFound | PermissionDenied, caller: Caller) -> Finding:
    what = f"{one.kind} {one.name}"
    if isinstance(error, PermissionDenied):
        needed = _spelled(one.privileges)
        return Finding.failed(f"{what}: {caller.name} may not see it", f"Ask its owner for {needed}, and for USE on what it lies in.")
    if one.optional:
        return Finding.ok(f"{what}: not there yet; whoever makes it owns it")
    name = "path of the artifact store" if one.kind == "volume" else f"{one.kind} in {one.asked_by}"
    return Finding.failed(
        f"{what} does not exist, or {caller.name} may not see it",
        f"Make it (CREATE {one.kind.upper()} {one.name}), ask its owner for {_spelled(one.privileges)}, or name another: {name}.",
    )


def _access(client: WorkspaceClient, caller: Caller, one: Wanted, *, container_owned: bool) -> Access:
    readers: dict[str, Any] = {
        "catalog": client.catalogs.get,
        "schema": client.schemas.get,
        "volume": client.volumes.read,
        "table": client.tables.get,
        "model": client.registered_models.get,
    }
    owner = readers[one.kind](one.name).owner or ""
    if owner in caller.principals:
        return Access(one.kind, one.name, owner)
    try:
        found = client.grants.get_effective(SECURABLE[one.kind], one.name).privilege_assignments
    except PermissionDenied:  # those of others may be hidden
        found = client.grants.get_effective(SECURABLE[one.kind], one.name, principal=caller.name).privilege_assignments
    mine = [item for assignment in found or [] if assignment.principal in caller.principals for item in assignment.privileges or []]
    held = frozenset(item.privilege.value for item in mine if item.privilege)
    return Access(one.kind, one.name, owner, held, container_owned)


def _spelled(privileges: Sequence[str]) -> str:
    """As SQL spells them."""
    return ", ".join(privilege.replace("_", " ") for privilege in privileges)
