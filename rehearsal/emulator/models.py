"""Registered models of Unity Catalog: what the registry holds, and its rules. Routes are in `model_routes`.

That a model exists, and who owns it, is `catalog`'s; versions, aliases and tags are kept here. Names are lower case.
Simplified: files lie with the workspace, never in a bucket of the customer, so that the credentials for one are not handed out; the
files of a version are looked at for an `MLmodel` alone; metrics and parameters of a logged model are not shown at its version.
Source: Databricks, "Manage model lifecycle in Unity Catalog", "Apply tags to Unity Catalog securable objects",
"Unity Catalog requirements and limitations" (names).
"""

import re
import shutil
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.emulator.workspace import Workspace

PENDING, READY = "PENDING_REGISTRATION", "READY"
TAGS, TAG_KEY, TAG_VALUE, NAME = 50, 255, 1000, 255
_NOT_IN_TAG_KEYS = ".,-=/:"
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)


@dataclass
class Version:
    """One version of a registered model."""

    number: int
    source: str
    run_id: str
    model_id: str
    description: str
    tags: dict[str, str] = field(default_factory=dict)
    user: str = ""
    created: int = 0
    updated: int = 0
    status: str = PENDING
    shown_pending: int = 0
    """How many more times a finalised version is shown as pending."""


@dataclass
class Registered:
    """A registered model."""

    created: int
    updated: int
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    newest: int = 0
    """The highest number given so far; a number of a deleted version is not given again."""


@dataclass
class Models:
    """Registered models, their versions, aliases and tags."""

    upload: Literal["sdk", "presigned"] = "sdk"
    """How the client is told to move files: by the SDK's Files API, or by signed addresses."""
    page: int = 100
    """How many entries a page of a search has at most."""
    slow_reads: int = 0
    """How many times a version that was finalised still reads as pending, as on a busy workspace."""
    registered: dict[str, Registered] = field(default_factory=dict)
    """By the id of the object in the catalog, so that a model created anew begins anew."""
    lineage: list[dict[str, object]] = field(default_factory=list)
    """What clients reported on who reads which version."""
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)


def registered(workspace: "Workspace", name: str) -> Registered:
    """Return a registered model.

    Raises:
        ApiError: where the name has not three levels, or the catalog, the schema or the model does not exist.
    """
    require_name(name)
    catalog = workspace.catalog
    catalog.get("schema", name.rpartition(".")[0])
    if ("model", name.lower()) not in catalog.objects:
        raise ApiError.missing(f"Registered model '{name.lower()}'")
    now = workspace.clock.milliseconds()
    with workspace.models.lock:
        return workspace.models.registered.setdefault(catalog.get("model", name).id, Registered(now, now))


def version(workspace: "Workspace", name: str, number: str) -> Version:
    """Return a version of a registered model.

    Raises:
        ApiError: where the model or the version does not exist.
    """
    found = registered(workspace, name)
    if not str(number).isdigit():
        raise ApiError.invalid(f"'{number}' is not the number of a model version.")
    if int(number) not in found.versions:
        raise ApiError.missing(f"Model version {number} of '{name.lower()}'")
    return found.versions[int(number)]


def folder(workspace: "Workspace", name: str, number: int | str) -> "Path":
    """Return the folder of this machine with the files of a version."""
    return workspace.files.local(workspace, f"/Models/{name.lower().replace('.', '/')}/{number}")


def create(workspace: "Workspace", name: str, description: str, tags: dict[str, str]) -> Registered:
    """Create a registered model; it belongs to the caller.

    Raises:
        ApiError: where the name is not allowed or taken, or the caller may not create models in the schema.
    """
    require_name(name)
    schema = name.rpartition(".")[0]
    require(workspace, "schema", schema, "CREATE_MODEL")
    require_tags(tags)
    with workspace.models.lock:
        if ("model", name.lower()) in workspace.catalog.objects:
            raise ApiError.exists(f"Registered model '{name.lower()}'")
        workspace.catalog.create_model(name, workspace.user_name)
        made = registered(workspace, name)
        made.description, made.tags = description, dict(tags)
        return made


def create_version(workspace: "Workspace", name: str, new: Version) -> Version:
    """Give the next number to a version, which is pending until its files are there and it is finalised.

    Raises:
        ApiError: where the model does not exist or belongs to somebody else.
    """
    found = registered(workspace, name)
    require_owner(workspace, name)
    require_tags(new.tags)
    now = workspace.clock.milliseconds()
    with workspace.models.lock:
        found.newest += 1
        found.versions[found.newest] = replace(new, number=found.newest, user=workspace.user_name, created=now, updated=now)
        found.updated = now
        return found.versions[found.newest]


def finalize(workspace: "Workspace", name: str, number: str) -> Version:
    """Make a pending version ready; one that is ready stays so.

    Raises:
        ApiError: where its files have not arrived.
    """
    found = version(workspace, name, number)
    require_owner(workspace, name)
    if not (folder(workspace, name, number) / "MLmodel").is_file():
        raise ApiError.invalid(
            f"Model version {number} of '{name.lower()}' has no file 'MLmodel'. Upload its files before it is finalized."
        )
    if found.status == PENDING:
        found.status, found.updated, found.shown_pending = READY, workspace.clock.milliseconds(), workspace.models.slow_reads
    return found


def delete_version(workspace: "Workspace", name: str, number: str) -> None:
    """Delete a version with its aliases and its files.

    Raises:
        ApiError: where it does not exist, or belongs to somebody else.
    """
    gone, found = version(workspace, name, number), registered(workspace, name)
    require_owner(workspace, name)
    with workspace.models.lock:
        del found.versions[gone.number]
        found.aliases = {alias: at for alias, at in found.aliases.items() if at != gone.number}
    shutil.rmtree(folder(workspace, name, number), ignore_errors=True)


def delete(workspace: "Workspace", name: str) -> None:
    """Delete a registered model with all its versions.

    Raises:
        ApiError: where it does not exist, or belongs to somebody else.
    """
    found = registered(workspace, name)
    require_owner(workspace, name)
    for number in [*found.versions]:
        delete_version(workspace, name, str(number))
    workspace.catalog.delete("model", name)


def require_name(name: str) -> None:
    """Check the name of a registered model.

    Raises:
        ApiError: where it has not three levels, or a level is empty, too long or has characters that are not allowed.
    """
    levels = name.split(".")
    if len(levels) != 3 or not all(levels):
        raise ApiError.invalid(f"'{name}' is not a name of a registered model: specify all three levels, <catalog>.<schema>.<model>.")
    for level in levels:
        if len(level) > NAME or re.search(r"[ /\x00-\x1f\x7f]", level):
            raise ApiError.invalid(f"'{level[:40]}' is not a valid name: up to {NAME} characters; no space, '/' or control character.")


def require_alias(alias: str) -> None:
    """Check the name of an alias.

    Raises:
        ApiError: where it is reserved, too long, or has characters that are not allowed.
    """
    if not re.fullmatch(r"[\w\-]+", alias) or len(alias) > NAME or _RESERVED_ALIAS.fullmatch(alias):
        raise ApiError.invalid(
            f"'{alias}' is not a valid alias: letters, digits, '-' and '_'; 'latest' and 'v1' and its like are reserved."
        )


def require_tags(tags: dict[str, str]) -> None:
    """Check the tags of one object.

    Raises:
        ApiError: where they are too many, or one is too long or has a key with characters that are not allowed.
    """
    if len(tags) > TAGS:
        raise ApiError.invalid(f"{len(tags)} tags are too many: an object has at most {TAGS}.")
    for key, value in tags.items():
        if not key or len(key) > TAG_KEY or len(value) > TAG_VALUE:
            raise ApiError.invalid(f"Tag '{key[:40]}' is too long: keys have up to {TAG_KEY} characters, values up to {TAG_VALUE}.")
        if key != key.strip() or set(key) & set(_NOT_IN_TAG_KEYS):
            raise ApiError.invalid(f"'{key}' is not a valid tag key: {' '.join(_NOT_IN_TAG_KEYS)} and spaces around it are not allowed.")


def require(workspace: "Workspace", kind: str, full_name: str, privilege: str) -> None:
    """Check that the caller owns an object or what it lies in, or was granted a privilege there.

    Raises:
        ApiError: where neither holds, or the object does not exist.
    """
    user, wanted = workspace.user_name, {privilege, "ALL_PRIVILEGES", "MANAGE"}
    if not any(one.owner == user or wanted & one.grants.get(user, set()) for one in workspace.catalog.chain(kind, full_name)):
        raise ApiError.denied(f"User does not have {privilege.replace('_', ' ')} on {kind.capitalize()} '{full_name.lower()}'.")


def require_owner(workspace: "Workspace", name: str) -> None:
    """Check that the caller owns a registered model, or may manage it.

    Raises:
        ApiError: where neither holds.
    """
    found = workspace.catalog.get("model", name)
    if found.owner != workspace.user_name and "MANAGE" not in found.grants.get(workspace.user_name, set()):
        raise ApiError.denied(f"User is not an owner of Registered model '{name.lower()}'.")


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    from rehearsal.emulator import model_routes

    return model_routes.router(workspace)
