"""A file of a volume as a stream: piece by piece, from any place in it, and taken up again where the connection broke."""

import io
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from databricks.sdk import WorkspaceClient
from requests.exceptions import ChunkedEncodingError, RequestException

from stackhouse.errors import InfrastructureError
from stacks.databricks import volumes_retry
from stacks.databricks.client import asked


class Download(io.RawIOBase):
    """The bytes of a file, read as they are asked for. Opening it makes the first request.

    It has no `name`: pandas and others open a file by its name where it has one, and here no such file is on this machine.
    """

    def __init__(self, client: WorkspaceClient, path: str) -> None:
        """Ask for the file.

        Raises:
            NotFound: where there is none.
        """
        self._client, self._path = client, path
        self._position = 0
        self._begun = False
        self._stream: Any = None
        self._pieces: Iterator[bytes] = iter(())
        self._rest = memoryview(b"")
        self._size = 0
        self._modified: str | None = None
        self._request()

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from any place."""
        return True

    def tell(self) -> int:
        """Return where the next byte comes from."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; a request is made when something is read there."""
        place = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence] + offset
        if place < 0:
            raise ValueError(f"negative seek value {place}")
        if place != self._position:
            # Who asks from another place has seen the size, so that the file has to stay the same from now on.
            self._position, self._begun = place, True
            self._drop()
        return place

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one piece goes; 0 at the end."""
        piece = self._piece()
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(piece))
        target[:count] = piece[:count]
        self._take(count)
        return count

    def readall(self) -> bytes:
        """Return all that is left."""
        whole = io.BytesIO()
        while piece := self._piece():
            whole.write(piece)
            self._take(len(piece))
        return whole.getvalue()

    def close(self) -> None:
        """Give the connection back."""
        self._drop()
        super().close()

    def _take(self, count: int) -> None:
        self._rest = self._rest[count:]
        self._position += count
        self._begun = self._begun or count > 0

    def _piece(self) -> memoryview:
        """Return bytes from the position on; none at the end of the file.

        Raises:
            InfrastructureError: where they do not come after several tries, or the file was changed meanwhile.
        """
        waits = iter(volumes_retry.WAITS_SECONDS)
        with asked(f"{self._path} on {self._client.config.host} cannot be read from byte {self._position} on"):
            while not self._rest and self._position < self._size:
                try:
                    if self._stream is None:
                        self._request()
                    self._rest = memoryview(next(self._pieces, b""))
                    if not self._rest and self._position < self._size:
                        raise ChunkedEncodingError("the answer ended before the file")
                except (RequestException, *volumes_retry.TRANSIENT):
                    self._drop()
                    if (seconds := next(waits, None)) is None:
                        raise
                    time.sleep(seconds)
        return self._rest

    def _request(self) -> None:
        """Ask for the file from the position on. Once bytes were handed out it must be the same file."""
        headers = {"Accept": "application/octet-stream", "Accept-Encoding": "identity"}
        if self._position:
            headers["Range"] = f"bytes={self._position}-"
        if self._begun and self._modified:
            headers["If-Unmodified-Since"] = self._modified
        answer: Any = self._client.api_client.do(
            "GET",
            f"/api/2.0/fs/files{quote(self._path)}",
            headers=headers,
            response_headers=["content-length", "last-modified"],
            raw=True,
        )
        size = self._position + int(answer["content-length"] or 0)
        if self._begun and size != self._size:
            answer["contents"].close()
            raise InfrastructureError(f"{self._path} was changed while it was read. Read it again.")
        self._size, self._modified = size, answer["last-modified"]
        self._stream = answer["contents"]
        self._pieces = iter(self._stream.__enter__())

    def _drop(self) -> None:
        self._rest, self._pieces = memoryview(b""), iter(())
        if self._stream is not None:
            self._stream.close()
            self._stream = None
