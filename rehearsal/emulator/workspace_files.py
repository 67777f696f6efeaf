"""Workspace files: mkdirs, import, export, list, get-status, delete (`/api/2.0/workspace/…`).

Simplified: files and directories alone. What Databricks would take for a notebook is refused, since nothing here could run one.
`/Workspace/Shared` and `/Shared` are the same directory, as they are there.

Source: https://docs.databricks.com/api/workspace/workspace
"""

import base64
import binascii
import shutil
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Body, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import UploadFile

from rehearsal.emulator import file_storage
from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

Json = Annotated[dict[str, Any], Body()]

CONTENT_BYTES, FILE_BYTES = 10 * 1024**2, 500 * 1024**2
"""Largest content within JSON, and largest file. Source: Workspace API, import; workspace files, limits."""

NOTEBOOK_NAMES = (".ipynb", ".dbc")
NOTEBOOK_HEADS = (b"# Databricks notebook source", b"-- Databricks notebook source", b"// Databricks notebook source")


@dataclass
class WorkspaceFiles:
    """Files of the workspace tree, kept under one folder of this machine."""

    def local(self, workspace: "Workspace", path: str) -> Path:
        """Return where a path of the tree lies on this machine, with or without `/Workspace` before it.

        Raises:
            ApiError: where it is not a path of the tree.
        """
        root = workspace.folder / "workspace"
        for home in ("Shared", "Users", f"Users/{workspace.user_name}"):
            (root / home).mkdir(parents=True, exist_ok=True)
        name = canonical(path)
        return root if name == "/" else file_storage.local(root, name)

    def read(self, workspace: "Workspace", path: str) -> bytes:
        """Return a file.

        Raises:
            ApiError: where there is none at the path.
        """
        place = self.local(workspace, path)
        if not place.is_file():
            raise ApiError.missing(f"Path ({canonical(path)})")
        return place.read_bytes()

    def write(self, workspace: "Workspace", path: str, content: bytes, *, overwrite: bool) -> None:
        """Write a file, which shows only when all of it is there.

        Raises:
            ApiError: where its directory does not exist, something is there already, or it is too large.
        """
        place, name = self.local(workspace, path), canonical(path)
        if len(content) > FILE_BYTES:
            raise ApiError(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", f"File size imported is ({len(content)} bytes), exceeded max size.")
        if not place.parent.is_dir():
            raise ApiError.missing(f"The parent folder ({PurePosixPath(name).parent})")
        if place.is_dir() or (place.exists() and not overwrite):
            raise ApiError.exists(f"Path ({name})")
        incoming = workspace.folder / "incoming" / uuid4().hex
        incoming.parent.mkdir(exist_ok=True)
        incoming.write_bytes(content)
        incoming.replace(place)

    def make_directories(self, workspace: "Workspace", path: str) -> None:
        """Make a directory and those above it.

        Raises:
            ApiError: where a file is in the way.
        """
        try:
            self.local(workspace, path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise ApiError.exists(f"An object at a prefix of ({canonical(path)})") from error

    def delete(self, workspace: "Workspace", path: str, *, recursive: bool) -> None:
        """Delete a file or a directory.

        Raises:
            ApiError: where there is nothing, the directory is not empty, or it is one that every workspace has.
        """
        place, name = self.local(workspace, path), canonical(path)
        if name in {"/", "/Shared", "/Users", f"/Users/{workspace.user_name}"}:
            raise ApiError.denied(f"The directory ({name}) is protected.")
        if not place.exists():
            raise ApiError.missing(f"Path ({name})")
        if place.is_file():
            place.unlink()
        elif recursive:
            shutil.rmtree(place)
        else:
            try:
                place.rmdir()
            except OSError as error:
                raise ApiError(400, "DIRECTORY_NOT_EMPTY", f"Folder ({name}) is not empty.") from error


def canonical(path: str) -> str:
    """Return a path as the workspace names it.

    >>> canonical("/Workspace/Shared/wheels/"), canonical("/Workspace")
    ('/Shared/wheels', '/')
    """
    plain = path.rstrip("/") or "/"
    inner = plain.removeprefix("/Workspace") if plain == "/Workspace" or plain.startswith("/Workspace/") else plain
    return inner or "/"


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter(prefix="/api/2.0/workspace")
    _add_changes(routes, workspace)
    _add_views(routes, workspace)
    return routes


def _add_changes(routes: APIRouter, workspace: "Workspace") -> None:
    files = workspace.workspace_files

    @routes.post("/mkdirs")
    def mkdirs(body: Json) -> dict[str, Any]:
        files.make_directories(workspace, _path(body))
        return {}

    @routes.post("/import")
    async def import_file(request: Request) -> dict[str, Any]:
        given, content = await _received(request)
        path = _path(given)
        _require_plain_file(given, path, content)
        files.write(workspace, path, content, overwrite=given.get("overwrite") in {True, "true"})
        return {}

    @routes.post("/delete")
    def delete(body: Json) -> dict[str, Any]:
        files.delete(workspace, _path(body), recursive=body.get("recursive") is True)
        return {}


def _add_views(routes: APIRouter, workspace: "Workspace") -> None:
    files = workspace.workspace_files

    @routes.get("/export")
    def export(path: str, format: str = "SOURCE", direct_download: bool = False) -> Response:  # noqa: A002, FBT001, FBT002 - names of the API
        if format not in {"SOURCE", "AUTO", "RAW"}:
            raise ApiError.invalid(f"A file cannot be exported as {format}.")
        content = files.read(workspace, path)
        if direct_download:
            return Response(content, media_type="application/octet-stream")
        encoded = base64.b64encode(content).decode()
        return JSONResponse({"content": encoded, "file_type": PurePosixPath(path).suffix.removeprefix(".")})

    @routes.get("/list")
    def list_directory(path: str) -> dict[str, Any]:
        place, name = files.local(workspace, path), canonical(path)
        if not place.exists():
            raise ApiError.missing(f"Path ({name})")
        found = {f"{name.rstrip('/')}/{child.name}": child for child in sorted(place.iterdir())} if place.is_dir() else {name: place}
        return {"objects": [_object(path, child) for path, child in found.items()]}

    @routes.get("/get-status")
    def get_status(path: str) -> dict[str, Any]:
        place = files.local(workspace, path)
        if not place.exists():
            raise ApiError.missing(f"Path ({canonical(path)})")
        return _object(canonical(path), place)


async def _received(request: Request) -> tuple[Mapping[str, Any], bytes]:
    """Read what is imported: fields and a file of a form, or JSON with the content in base64."""
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form() as form:
            posted = form.get("content")
            if not isinstance(posted, UploadFile):
                raise ApiError.invalid("Missing required field: content")
            return {name: value for name, value in form.items() if isinstance(value, str)}, await posted.read()
    try:
        body = await request.json()
        encoded = body["content"]
        content = base64.b64decode(encoded, validate=True)
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise ApiError.invalid("The body must be JSON with the content in base64, or a form with a file.") from error
    if len(encoded) > CONTENT_BYTES:
        raise ApiError(400, "MAX_NOTEBOOK_SIZE_EXCEEDED", f"The content is larger than {CONTENT_BYTES} bytes.")
    return body, content


def _require_plain_file(given: Mapping[str, Any], path: str, content: bytes) -> None:
    file_format = given.get("format", "SOURCE")
    if file_format not in {"AUTO", "RAW"}:
        raise ApiError.invalid(f"The emulator holds files, not notebooks: import {path} with the format AUTO, not {file_format}.")
    if file_format == "AUTO" and (path.endswith(NOTEBOOK_NAMES) or content.startswith(NOTEBOOK_HEADS)):
        raise ApiError.invalid(f"{path} is a notebook, and the emulator holds none.")


def _path(given: Mapping[str, Any]) -> str:
    path = given.get("path")
    if not isinstance(path, str) or not path:
        raise ApiError.invalid("Missing required field: path")
    return path


def _object(path: str, place: Path) -> dict[str, Any]:
    found = {"path": path, "object_id": zlib.crc32(path.encode()) + 1}
    if place.is_dir():
        return found | {"object_type": "DIRECTORY"}
    changed = place.stat()
    modified = int(changed.st_mtime * 1000)
    return found | {"object_type": "FILE", "size": changed.st_size, "created_at": modified, "modified_at": modified}
