"""The files of a volume through the SDK: streamed, tried again where that is safe, and errors in our words.

Files of 50 MiB and more are uploaded in parts through signed addresses; that is the SDK's doing. Downloads come through the Files API
itself, with one request a file instead of two; it gives files of up to 5 GiB. A mounted volume has no such limit.
"""

import io
import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, cast

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, ResourceConflict
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.files import FilesAPI
from requests.exceptions import JSONDecodeError

from stackhouse.errors import InfrastructureError
from stacks.databricks.client import Credentials, asked, workspace_client
from stacks.databricks.volumes_download import Download
from stacks.databricks.volumes_port import Entry, FileStatus
from stacks.databricks.volumes_retry import again

log = logging.getLogger(__name__)

BUFFER_BYTES = 256 << 10

PART_BYTES = 5 << 20
PARTS = 1000
PARALLEL_PARTS = 3
"""Size of a part (cloud storage takes none that are smaller), how many there are before they become larger, and how many go up at
a time. The SDK holds each twice while it turns to the next: 30 MiB in all for files of up to 5 GB."""


@dataclass(frozen=True)
class ApiVolume:
    """A volume through the Files API. See `volumes_port.VolumeFiles`."""

    credentials: Credentials = field(repr=False)
    volume: str
    """Its root, `/Volumes/catalog/schema/volume`."""

    @cached_property
    def _client(self) -> WorkspaceClient:
        """The client, after a look at the volume, so that a wrong host, token or name is told from a missing file.

        Raises:
            InfrastructureError: where the volume cannot be used.
        """
        what = f"The volume {self.volume} on {self.credentials.host} cannot be used"
        client = workspace_client(self.credentials)
        with asked(what):
            try:
                again(lambda: next(client.files.list_directory_contents(self.volume, page_size=1), None))
            except JSONDecodeError as error:
                raise InfrastructureError(f"{what}: {_NO_WORKSPACE}") from error
            except NotFound as error:
                raise InfrastructureError(f"{what}: {_missing(error)}") from error
        return client

    @contextmanager
    def _told(self, what: str, path: str) -> Iterator[WorkspaceClient]:
        client = self._client
        with asked(f"{path} on {self.credentials.host} cannot be {what}"):
            yield client

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file; None where there is none."""
        with self._told("looked at", path) as client:
            try:
                found = again(lambda: client.files.get_metadata(path))
            except NotFound:
                return None
            modified = parsedate_to_datetime(found.last_modified).timestamp() if found.last_modified else 0.0
            return FileStatus(found.content_length or 0, modified)

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory."""
        with self._told("looked at", path) as client:
            try:
                again(lambda: client.files.get_directory_metadata(path))
            except NotFound:
                return False
            return True

    def entries(self, path: str) -> list[Entry]:
        """Return what a directory holds, by name.

        Raises:
            FileNotFoundError: where there is nothing.
            NotADirectoryError: where there is a file.
        """
        with self._told("listed", path) as client:
            try:
                found = again(lambda: list(client.files.list_directory_contents(path)))
            except NotFound as error:
                if self.status(path):
                    raise NotADirectoryError(f"{path} is a file.") from error
                raise FileNotFoundError(f"{path} does not exist.") from error
            return sorted((Entry(_name(entry), bool(entry.is_directory)) for entry in found), key=lambda entry: entry.name)

    def read(self, path: str) -> BinaryIO:
        """Open a file.

        Raises:
            FileNotFoundError: where there is nothing.
            IsADirectoryError: where there is a directory.
        """
        with self._told("read", path) as client:
            try:
                download = again(lambda: Download(client, path))
            except NotFound as error:
                if self.is_directory(path):
                    raise IsADirectoryError(f"{path} is a directory.") from error
                raise FileNotFoundError(f"{path} does not exist.") from error
            return cast(BinaryIO, io.BufferedReader(download, BUFFER_BYTES))

    def write(self, source: Path, path: str, *, overwrite: bool) -> None:
        """Upload a local file.

        Raises:
            FileExistsError: where one is there and is not to be overwritten.
            IsADirectoryError: where a directory is there.
            NotADirectoryError: where a file stands above it.
        """
        with self._told("written", path) as client:
            try:
                again(lambda: _upload(client, source, path, overwrite=overwrite))
            except (ResourceConflict, BadRequest) as error:
                if self.is_directory(path):
                    raise IsADirectoryError(f"{path} is a directory.") from error
                if not overwrite and self.status(path):
                    raise FileExistsError(f"{path} is there already.") from error
                self._require_no_file_above(path, error)
                raise

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it.

        Raises:
            FileExistsError: where a file is there.
            NotADirectoryError: where a file stands above it.
        """
        with self._told("created", path) as client:
            try:
                again(lambda: client.files.create_directory(path))
            except (ResourceConflict, BadRequest) as error:
                if self.status(path):
                    raise FileExistsError(f"{path} is a file.") from error
                self._require_no_file_above(path, error)
                raise

    def delete(self, path: str) -> None:
        """Delete a file. One that is gone was deleted by a try whose answer was lost."""
        with self._told("deleted", path) as client:
            try:
                again(lambda: client.files.delete(path))
            except NotFound:
                return

    def delete_directory(self, path: str) -> None:
        """Delete an empty directory. On object storage it may have gone with its last file."""
        with self._told("deleted", path) as client:
            try:
                again(lambda: client.files.delete_directory(path))
            except NotFound:
                return

    def _require_no_file_above(self, path: str, cause: Exception) -> None:
        for above in [str(parent) for parent in PurePosixPath(path).parents if len(parent.parts) > 5]:
            if self.status(above):
                raise NotADirectoryError(f"{above} is a file.") from cause


def _upload(client: WorkspaceClient, source: Path, path: str, *, overwrite: bool) -> None:
    part_bytes = max(PART_BYTES, math.ceil(source.stat().st_size / PARTS))
    try:
        client.files.upload_from(path, str(source), overwrite=overwrite, part_size=part_bytes, parallelism=PARALLEL_PARTS)
    except RuntimeError as error:
        # What the SDK raises where a signed address did not work the third time, as in networks that let nothing through to the
        # cloud's storage. The workspace itself takes the file as well.
        log.info("%s is uploaded through the workspace, since its storage cannot be reached: %s", path, error)
        with source.open("rb") as content:
            FilesAPI.upload(client.files, path, content, overwrite=overwrite)


_NO_WORKSPACE = "it does not answer as a Databricks workspace. Correct `host` of the artifact store."

_CREATE = "Create it (`databricks volumes create CATALOG SCHEMA VOLUME MANAGED`), or correct `path` of the artifact store."


def _missing(error: DatabricksError) -> str:
    said = (str(error).splitlines() or [""])[0]
    if error.error_code in {None, "", "ENDPOINT_NOT_FOUND"} or "unable to parse response" in said:
        return _NO_WORKSPACE
    return f"{said.rstrip('.')}. {_CREATE}"


def _name(entry: Any) -> str:
    return str(entry.name or entry.path.rstrip("/").rpartition("/")[2])
