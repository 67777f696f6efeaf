"""Addresses that are signed themselves and take no token (`/presigned/…`), and uploads by parts, which go through them.

An address names one operation on one path and the time until which it holds; the signature covers all of it.
"""

import asyncio
import hashlib
import hmac
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from rehearsal.emulator import file_storage
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.file_storage import FilesError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

PREFIX = "/presigned/storage"
LONGEST = timedelta(hours=1)
PARTS = 10_000
"""Most parts of an upload."""


@dataclass
class Upload:
    """A file that arrives in parts."""

    path: str
    overwrite: bool
    parts: dict[int, tuple[Path, str]] = field(default_factory=dict)
    """The file on disk and the digest of each part, by number."""
    completed: bool = False


def router(workspace: "Workspace") -> APIRouter:
    """Routes that sign addresses, and those of the addresses."""
    routes = APIRouter()
    _add_signing(routes, workspace)
    _add_signed(routes, workspace)
    return routes


def initiate(workspace: "Workspace", path: str, *, overwrite: bool) -> dict[str, Any]:
    """Begin an upload by parts.

    Raises:
        ApiError: where the path is not valid or something is in the way.
    """
    file_storage.require_free(path, file_storage.place(workspace, path), overwrite=overwrite)
    session = secrets.token_urlsafe(24)
    workspace.files.uploads[session] = Upload(path, overwrite)
    return {"multipart_upload": {"session_token": session}}


async def complete(workspace: "Workspace", path: str, request: Request) -> dict[str, Any]:
    """Put the parts together; asked a second time, say so again.

    Raises:
        ApiError: where there is no such upload, or the client names other parts than have arrived.
    """
    upload = _upload(workspace, path, request.query_params.get("session_token", ""))
    if upload.completed:
        return {}
    asked = {int(part["part_number"]): str(part["etag"]) for part in (await request.json()).get("parts", [])}
    if not asked or asked != {number: etag for number, (_, etag) in upload.parts.items()}:
        raise ApiError.invalid(f"The parts of the upload of {path} are not those that have arrived.")
    await asyncio.to_thread(_put_together, workspace, upload)
    upload.completed = True
    return {}


def _put_together(workspace: "Workspace", upload: Upload) -> None:
    files = [file for _, (file, _) in sorted(upload.parts.items())]
    whole = files[0]
    with whole.open("ab") as target:
        for file in files[1:]:
            with file.open("rb") as part:
                shutil.copyfileobj(part, target, 1 << 20)
            file.unlink()
    file_storage.publish(whole, upload.path, file_storage.place(workspace, upload.path), overwrite=upload.overwrite)


def _upload(workspace: "Workspace", path: str, session: str) -> Upload:
    upload = workspace.files.uploads.get(session)
    if upload is None or upload.path != path:
        raise FilesError(404, "NOT_FOUND", "FILES_API_UPLOAD_NOT_FOUND", f"There is no upload of {path} with this session token.")
    return upload


def _add_signing(routes: APIRouter, workspace: "Workspace") -> None:
    def signed(asked: Mapping[str, Any], operation: str, **more: str) -> dict[str, Any]:
        return {"url": sign(workspace, str(asked["path"]), operation, _until(workspace, asked.get("expire_time")), **more), "headers": []}

    @routes.post("/api/2.0/fs/create-download-url")
    async def download_url(request: Request) -> dict[str, Any]:
        asked = await _asked(request)
        if not file_storage.place(workspace, asked["path"]).is_file():
            raise FilesError.no_file(asked["path"])
        return signed(asked, "download")

    @routes.post("/api/2.0/fs/create-upload-url")
    async def upload_url(request: Request) -> dict[str, Any]:
        asked = await _asked(request)
        file_storage.place(workspace, asked["path"])
        return signed(asked, "upload")

    @routes.post("/api/2.0/fs/create-upload-part-urls")
    async def part_urls(request: Request) -> dict[str, Any]:
        asked = await _asked(request)
        session = str(asked.get("session_token", ""))
        _upload(workspace, asked["path"], session)
        first, count = int(asked.get("start_part_number", 1)), int(asked.get("count", 1))
        if first < 1 or count < 1 or first + count - 1 > PARTS:
            raise ApiError.invalid(f"Parts are numbered from 1 to {PARTS}; {count} from {first} are asked for.")
        numbers = range(first, first + count)
        return {"upload_part_urls": [signed(asked, "part", session=session, part=str(n)) | {"part_number": n} for n in numbers]}

    @routes.post("/api/2.0/fs/create-abort-upload-url")
    async def abort_url(request: Request) -> dict[str, Any]:
        asked = await _asked(request)
        session = str(asked.get("session_token", ""))
        _upload(workspace, asked["path"], session)
        return {"abort_upload_url": signed(asked, "abort", session=session)}


def _add_signed(routes: APIRouter, workspace: "Workspace") -> None:
    address = PREFIX + "{_:anything}"

    @routes.get(address)
    def download(request: Request) -> Response:
        path, refused = _checked(workspace, request, "download")
        return refused or file_storage.content(request, workspace, path)

    @routes.put(address)
    async def upload(request: Request) -> Response:
        operation = "part" if "part" in request.query_params else "upload"
        path, refused = _checked(workspace, request, operation)
        if refused:
            return refused
        if operation == "upload":
            etag = await file_storage.store(request, workspace, path, overwrite=True)
        else:
            parts = _upload(workspace, path, request.query_params["session"]).parts
            number = int(request.query_params["part"])
            part, etag = await file_storage.receive(request, workspace.files.incoming(workspace))
            if number in parts:
                parts[number][0].unlink(missing_ok=True)
            parts[number] = (part, etag)
        return Response(status_code=200, headers={"etag": etag})

    @routes.delete(address)
    def abort(request: Request) -> Response:
        path, refused = _checked(workspace, request, "abort")
        if refused:
            return refused
        session = request.query_params["session"]
        for part, _ in _upload(workspace, path, session).parts.values():
            part.unlink(missing_ok=True)
        del workspace.files.uploads[session]
        return Response(status_code=200)


async def _asked(request: Request) -> dict[str, Any]:
    """Return what is asked for. The SDK says it in the query or the body, the MLflow client in the body."""
    try:
        asked = dict(request.query_params) | (await request.json() if await request.body() else {})
    except (ValueError, TypeError) as error:
        raise ApiError.invalid("The body is not a JSON object.") from error
    if not isinstance(asked.get("path"), str):
        raise ApiError.invalid("path is missing.")
    return asked


def _until(workspace: "Workspace", expire_time: str | None) -> datetime:
    """Return when an address ends: how long the client asks for by its own clock, at most an hour, from now by ours."""
    if expire_time is None:
        return workspace.clock.now() + LONGEST
    try:
        lifetime = datetime.fromisoformat(expire_time) - datetime.now(UTC)
    except (ValueError, TypeError) as error:
        raise ApiError.invalid(f"expire_time is not a time: {expire_time}") from error
    if lifetime <= timedelta():
        raise ApiError.invalid("expire_time is in the past. Compare the clocks of client and workspace.")
    return workspace.clock.now() + min(lifetime, LONGEST)


def sign(workspace: "Workspace", path: str, operation: str, until: datetime, **more: str) -> str:
    """Return an address that opens a file for one operation until a time, without a token."""
    query = {"operation": operation, "expires": str(int(until.timestamp()))} | more
    signature = _signature(workspace, path, query)
    return f"{workspace.host}{PREFIX}{quote(path)}?{urlencode(query | {'signature': signature})}"


def _signature(workspace: "Workspace", path: str, query: Mapping[str, str]) -> str:
    return hmac.new(workspace.files.key, f"{path}\n{urlencode(sorted(query.items()))}".encode(), hashlib.sha256).hexdigest()


def _checked(workspace: "Workspace", request: Request, operation: str) -> tuple[str, Response | None]:
    """Return the path of a signed address, and the refusal where it does not hold: in XML, as object storage answers."""
    path = file_storage.api_path(request, PREFIX)
    query = dict(request.query_params)
    signature = query.pop("signature", "")
    if not hmac.compare_digest(signature.encode(), _signature(workspace, path, query).encode()) or query["operation"] != operation:
        return path, _refused("SignatureDoesNotMatch", "The signature does not match this request")
    if workspace.clock.now().timestamp() > int(query["expires"]):
        return path, _refused("AccessDenied", "Request has expired")
    return path, None


def _refused(code: str, message: str) -> Response:
    return Response(f"<Error><Code>{code}</Code><Message>{message}</Message></Error>", 403, media_type="application/xml")
