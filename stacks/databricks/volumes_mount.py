"""The files of a volume where it is mounted, as on a cluster: the fast way, without requests of our own."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from stacks.databricks.volumes_port import Entry, FileStatus


@dataclass(frozen=True)
class MountedVolume:
    """A volume below a folder of this machine, `/Volumes` on a cluster. See `volumes_port.VolumeFiles`."""

    mount: Path

    def _local(self, path: str) -> Path:
        return self.mount / path.removeprefix("/Volumes/")

    def status(self, path: str) -> FileStatus | None:
        """Return what is known of a file; None where there is none."""
        local = self._local(path)
        if not local.is_file():
            return None
        found = local.stat()
        return FileStatus(found.st_size, found.st_mtime)

    def is_directory(self, path: str) -> bool:
        """Whether there is a directory."""
        return self._local(path).is_dir()

    def entries(self, path: str) -> list[Entry]:
        """Return what a directory holds, by name."""
        return [Entry(local.name, local.is_dir()) for local in sorted(self._local(path).iterdir())]

    def read(self, path: str) -> BinaryIO:
        """Open a file."""
        return self._local(path).open("rb")

    def write(self, source: Path, path: str, *, overwrite: bool) -> None:
        """Copy a local file beside its place and rename it. A mount only takes what is written from start to end.

        Source: https://docs.databricks.com/aws/en/volumes/volume-files, limitations of volumes as mounted.
        """
        target = self._local(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(f"A file is in the way of {path}.") from error
        if not overwrite and target.exists():
            raise FileExistsError(f"{path} is there already.")
        if target.is_dir():
            raise IsADirectoryError(f"{path} is a directory.")
        beside = target.with_name(f".{uuid4().hex}")
        try:
            shutil.copyfile(source, beside)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def make_directory(self, path: str) -> None:
        """Make a directory and those above it."""
        local = self._local(path)
        try:
            local.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            if local.exists():
                raise
            raise NotADirectoryError(f"A file is in the way of {path}.") from error

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._local(path).unlink(missing_ok=True)

    def delete_directory(self, path: str) -> None:
        """Delete an empty directory."""
        local = self._local(path)
        if local.exists():
            local.rmdir()
