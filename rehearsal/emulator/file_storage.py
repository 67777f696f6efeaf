"""Where files of the Files API lie on this machine: from a path to a place on disk, a body to a file, a file to an answer.

No routes here; `files.py` has those with a token and `signed_urls.py` those without.
"""

import hashlib
import unicodedata
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

NAME_BYTES = 255
PATH_BYTES = 3000
"""Longest name and longest path. The first is what cloud storage takes; the second leaves room for this machine's own folder."""

ROOTS = {"Volumes": 4, "Models": 5, "WorkspaceInternal": 6}
"""Trees that the Files API serves, and how many names lead to the root of a volume or of a version of a model."""


class FilesError(ApiError):
    """An answer of the Files API, with the reason that clients look at."""

    def __init__(self, status: int, error_code: str, reason: str, message: str) -> None:
        """Take what every error has, and the reason."""
        super().__init__(status, error_code, message)
        self.reason = reason

    @classmethod
    def no_file(cls, path: str) -> Self:
        """There is no file at the path."""
        return cls(404, "NOT_FOUND", "FILES_API_FILE_NOT_FOUND", f"The file {path} does not exist.")

    @classmethod
    def no_directory(cls, path: str) -> Self:
        """There is no directory at the path."""
        return cls(404, "NOT_FOUND", "FILES_API_DIRECTORY_IS_NOT_FOUND", f"The directory {path} does not exist.")

    @classmethod
    def in_the_way(cls, path: str) -> Self:
        """Something else stands at the path or above it."""
        return cls(409, "ALREADY_EXISTS", "FILES_API_ALREADY_EXISTS", f"{path} cannot be created: something is there already.")

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return super().body | {"details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason}]}


def api_path(request: Request, route: str) -> str:
    """Return the path after `route` as the client meant it; the framework would take an encoded slash for a slash.

    Raises:
        ApiError: where a slash is encoded, or the bytes are not UTF-8.
    """
    raw: bytes = request.scope["raw_path"].partition(route.encode())[2]
    if b"%2f" in raw.lower():
        raise ApiError.invalid("A path must not hold an encoded slash.")
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeDecodeError as error:
        raise ApiError.invalid("A path must be UTF-8.") from error


def local(folder: Path, path: str) -> Path:
    """Return where an absolute path lies under `folder`; any tree will do. Names in Unity Catalog are the same in any case.

    Raises:
        ApiError: where the path leads elsewhere, or holds a name that storage does not take.
    """
    first, *names = path.rstrip("/").split("/")
    if first or not names:
        raise ApiError.invalid(f"'{path}' is not an absolute path.")
    for name in names:
        _require_name(name)
    if len(path.encode()) > PATH_BYTES:
        raise ApiError.invalid(f"The path is longer than {PATH_BYTES} bytes.")
    if names[0] in ROOTS:
        names[1:4] = [name.lower() for name in names[1:4]]
    place = folder.joinpath(*names)
    if not place.resolve().is_relative_to(folder.resolve()):
        raise ApiError.invalid(f"'{path}' leads out of its tree.")
    return place


def _require_name(name: str) -> None:
    if name in {"", ".", ".."} or any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise ApiError.invalid(f"{name!r} is not a name of a file or directory.")
    if len(name.encode()) > NAME_BYTES:
        raise ApiError.invalid(f"The name '{name[:20]}…' is longer than {NAME_BYTES} bytes.")


def place(workspace: "Workspace", path: str) -> Path:
    """Return where a path that the Files API serves lies on disk. The volume has to exist; of a model's version this is not asked.

    Raises:
        ApiError: where the path is not one of a volume or a model, or the volume does not exist.
    """
    found = local(workspace.files.folder(workspace), path)
    tree, *names = path.strip("/").split("/")
    if len(names) + 1 < ROOTS.get(tree, PATH_BYTES):
        raise ApiError.invalid(
            f"'{path}' is not below /Volumes/<catalog>/<schema>/<volume> or /Models/<catalog>/<schema>/<model>/<version>."
        )
    if tree == "Volumes":
        workspace.catalog.require_volume(*names[:3])
        local(workspace.files.folder(workspace), "/".join(("", tree, *names[:3]))).mkdir(parents=True, exist_ok=True)
    return found


def is_root(path: str) -> bool:
    """Whether this is the root of a volume or of a version."""
    names = path.strip("/").split("/")
    return len(names) == ROOTS.get(names[0])


def require_free(path: str, target: Path, *, overwrite: bool) -> None:
    """Check that a file may be written here, and make the directories above it, as the Files API does.

    Raises:
        FilesError: where a directory is there, a file is in the way, or one is there and must not be overwritten.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise FilesError.in_the_way(path) from error
    if target.is_dir() or (target.exists() and not overwrite):
        raise FilesError.in_the_way(path)


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid4().hex


async def receive(request: Request, folder: Path) -> tuple[Path, str]:
    """Write the body to a new file, piece by piece, and return it with its digest; of a body that breaks off nothing is left.

    Raises:
        ApiError: where the client goes away before the end.
    """
    incoming, digest = _new(folder), hashlib.md5(usedforsecurity=False)
    try:
        with incoming.open("wb") as file:
            async for chunk in request.stream():
                file.write(chunk)
                digest.update(chunk)
    except ClientDisconnect as error:
        incoming.unlink()
        raise ApiError.invalid("The body ended before its length.") from error
    return incoming, digest.hexdigest()


async def store(request: Request, workspace: "Workspace", path: str, *, overwrite: bool) -> str:
    """Write the body to the file at `path`, which shows only when all of it is there; return its digest.

    Raises:
        ApiError: where the path is not valid, or something is in the way.
    """
    target = place(workspace, path)
    require_free(path, target, overwrite=overwrite)
    incoming, digest = await receive(request, workspace.files.incoming(workspace))
    publish(incoming, path, target, overwrite=overwrite)
    return digest


def publish(incoming: Path, path: str, target: Path, *, overwrite: bool) -> None:
    """Move a complete file to its place.

    Raises:
        FilesError: where something has come to stand there meanwhile.
    """
    try:
        require_free(path, target, overwrite=overwrite)
        incoming.replace(target)
    finally:
        incoming.unlink(missing_ok=True)


def content(request: Request, workspace: "Workspace", path: str) -> Response:
    """Answer with a file or a range of it, streamed; HEAD with its headers alone.

    Raises:
        ApiError: where there is no such file, or it changed since the time that the client names.
    """
    target = place(workspace, path)
    if not target.is_file():
        raise FilesError.no_file(path)
    if since := request.headers.get("if-unmodified-since"):
        try:
            changed = int(target.stat().st_mtime) > parsedate_to_datetime(since).timestamp()
        except ValueError as error:
            raise ApiError.invalid(f"If-Unmodified-Since is not a date: {since}") from error
        if changed:
            raise ApiError(412, "FAILED_PRECONDITION", f"The file {path} changed meanwhile.")
    return FileResponse(target, media_type="application/octet-stream")
