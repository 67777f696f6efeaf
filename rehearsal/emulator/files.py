"""The Files API for volumes and models (`/api/2.0/fs/…`), and the addresses that are signed.

Simplified: no rate limit and no limit of 5 GiB; directories are real ones, so that none vanishes with its last file as it may on
object storage; large uploads go by parts as on AWS and Azure, not resumably as on Google Cloud.

Source: https://docs.databricks.com/api/workspace/files and the calls of `databricks.sdk.WorkspaceClient.files`.
"""

import base64
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.convertors import Convertor, register_url_convertor

from rehearsal.emulator import file_storage, signed_urls
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.file_storage import FilesError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

PAGE = 1000
"""Most entries of a directory in one answer."""

FILES, DIRECTORIES = "/api/2.0/fs/files", "/api/2.0/fs/directories"


class _Anything(Convertor[str]):
    """Any rest of a path, line feeds included: such a name is refused by us and not taken for an unknown route."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """Return the text as it is."""
        return value

    def to_string(self, value: str) -> str:
        """Return the text as it is."""
        return value


register_url_convertor("anything", _Anything())


@dataclass
class Files:
    """Files of volumes and registered models, kept under one folder of this machine."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """What addresses are signed with."""
    uploads: dict[str, signed_urls.Upload] = field(default_factory=dict)
    """Uploads by parts, by their session token."""

    @staticmethod
    def folder(workspace: "Workspace") -> Path:
        """Return the folder under which all trees lie."""
        return workspace.folder / "files"

    @staticmethod
    def incoming(workspace: "Workspace") -> Path:
        """Return the folder of what has not arrived completely. It is on the same disk, so that a file moves at once."""
        return workspace.folder / "incoming"

    def local(self, workspace: "Workspace", path: str) -> Path:
        """Return where an absolute path, `/Volumes/…`, `/Models/…` or of another tree, lies on this machine.

        Raises:
            ApiError: where the path leads elsewhere, or holds a name that storage does not take.
        """
        return file_storage.local(self.folder(workspace), path)


def router(workspace: "Workspace") -> APIRouter:
    """Routes of the service."""
    routes = APIRouter()
    _add_files(routes, workspace)
    _add_directories(routes, workspace)
    _add_contents(routes, workspace)
    routes.include_router(signed_urls.router(workspace))
    return routes


def _add_files(routes: APIRouter, workspace: "Workspace") -> None:
    file = FILES + "{_:anything}"

    @routes.put(file)
    async def upload(request: Request, overwrite: bool = True) -> Response:  # noqa: FBT001, FBT002 - as it stands in the query
        await file_storage.store(request, workspace, file_storage.api_path(request, FILES), overwrite=overwrite)
        return Response(status_code=204)

    @routes.get(file)
    @routes.head(file)
    def download(request: Request) -> Response:
        return file_storage.content(request, workspace, file_storage.api_path(request, FILES))

    @routes.delete(file)
    def delete(request: Request) -> Response:
        path = file_storage.api_path(request, FILES)
        place = file_storage.place(workspace, path)
        if not place.is_file():
            raise FilesError.no_file(path)
        place.unlink()
        return Response(status_code=204)

    @routes.post(file)
    async def act(request: Request, action: str = "") -> Any:
        path = file_storage.api_path(request, FILES)
        if action == "initiate-upload":
            return signed_urls.initiate(workspace, path, overwrite=request.query_params.get("overwrite") != "false")
        if action == "complete-upload":
            return await signed_urls.complete(workspace, path, request)
        raise ApiError.invalid(f"There is no action '{action}' on files.")


def _add_directories(routes: APIRouter, workspace: "Workspace") -> None:
    directory = DIRECTORIES + "{_:anything}"

    @routes.put(directory)
    def create(request: Request) -> Response:
        path = file_storage.api_path(request, DIRECTORIES)
        try:
            file_storage.place(workspace, path).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise FilesError.in_the_way(path) from error
        return Response(status_code=204)

    @routes.head(directory)
    def metadata(request: Request) -> Response:
        _existing(workspace, request)
        return Response(status_code=200)

    @routes.delete(directory)
    def delete(request: Request) -> Response:
        path, place = _existing(workspace, request)
        if file_storage.is_root(path):
            raise ApiError.invalid(f"{path} is a root; it goes with its volume or model.")
        if any(place.iterdir()):
            reason = "FILES_API_DIRECTORY_IS_NOT_EMPTY"
            raise FilesError(400, "INVALID_PARAMETER_VALUE", reason, f"The directory {path} is not empty.")
        place.rmdir()
        return Response(status_code=204)


def _add_contents(routes: APIRouter, workspace: "Workspace") -> None:
    @routes.get(DIRECTORIES + "{_:anything}")
    def contents(request: Request, page_size: int = PAGE, page_token: str = "") -> dict[str, Any]:
        path, place = _existing(workspace, request)
        if page_size < 0:
            raise ApiError.invalid(f"page_size must not be negative; it is {page_size}.")
        after, size = _after(page_token), min(page_size or PAGE, PAGE)
        rest = sorted(entry for entry in place.iterdir() if entry.name > after)
        answer: dict[str, Any] = {"contents": [_entry(path, entry) for entry in rest[:size]]}
        if len(rest) > size:
            answer["next_page_token"] = base64.urlsafe_b64encode(rest[size - 1].name.encode()).decode()
        return answer


def _existing(workspace: "Workspace", request: Request) -> tuple[str, Path]:
    path = file_storage.api_path(request, DIRECTORIES).rstrip("/")
    place = file_storage.place(workspace, path)
    if not place.is_dir():
        raise FilesError.no_directory(path)
    return path, place


def _after(page_token: str) -> str:
    try:
        return base64.b64decode(page_token, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise ApiError.invalid("page_token is not one of ours.") from error


def _entry(parent: str, place: Path) -> dict[str, Any]:
    stat = place.stat()
    entry = {"path": f"{parent}/{place.name}", "name": place.name, "is_directory": place.is_dir()}
    return entry if place.is_dir() else entry | {"file_size": stat.st_size, "last_modified": int(stat.st_mtime * 1000)}
