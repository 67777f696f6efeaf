"""What the artifact store needs of the files of a volume. There are two ways to them: the Files API, and the volume as it is mounted.

Paths are those of the Files API (`/Volumes/…`), checked and without a slash at the end. Errors about a file are the built-in ones
(FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError); all others are InfrastructureError.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class FileStatus:
    """What is known of a file."""

    size_bytes: int
    modified: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Entry:
    """One file or directory of a directory."""

    name: str
    is_directory: bool


class VolumeFiles(Protocol):
    """The files of one volume."""

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file; None where there is none, a directory included."""

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory."""

    def entries(self, path: str) -> list[Entry]:
        """Return what a directory holds, by name."""

    def read(self, path: str) -> BinaryIO:
        """Open a file; it is buffered, and can be sought in."""

    def write(self, source: Path, path: str, *, overwrite: bool) -> None:
        """Write a local file to `path`, with the directories above it; others see all of it or nothing."""

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it; one that is there is left as it is."""

    def delete(self, path: str) -> None:
        """Delete a file; one that is gone is no error."""

    def delete_directory(self, path: str) -> None:
        """Delete an empty directory; one that is gone is no error."""
