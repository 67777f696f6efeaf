"""The `unity_catalog_volumes` artifact store: artifacts in a volume of Unity Catalog, with the semantics of ZenML's local store.

Every ZenML process imports flavors, so the SDK is imported where it is first used.
"""

import errno
import io
import os
import shutil
import stat
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from zenml.artifact_stores import BaseArtifactStore, BaseArtifactStoreFlavor

from stacks.databricks import volumes_walking as walking
from stacks.databricks.volumes_configuration import VolumesArtifactStoreConfig
from stacks.databricks.volumes_drafts import COPY_BYTES, is_reading, open_draft
from stacks.databricks.volumes_mount import MountedVolume
from stacks.databricks.volumes_paths import AnyPath, Place, StoreRoot
from stacks.databricks.volumes_port import VolumeFiles

__all__ = ["VolumesArtifactStore", "VolumesArtifactStoreConfig", "VolumesArtifactStoreFlavor"]

FLAVOR = "unity_catalog_volumes"


class VolumesArtifactStore(BaseArtifactStore):
    """Artifacts in a volume of Unity Catalog."""

    @property
    def config(self) -> VolumesArtifactStoreConfig:
        """The typed configuration."""
        return cast(VolumesArtifactStoreConfig, self._config)

    @cached_property
    def root(self) -> StoreRoot:
        """What the store must not leave."""
        return StoreRoot.parse(self.config.path)

    @cached_property
    def files(self) -> VolumeFiles:
        """The files of the volume: as they are mounted where they are, otherwise through the Files API."""
        if Path(self.config.mount, *self.root.names[:3]).is_dir():
            return MountedVolume(Path(self.config.mount))
        from stacks.databricks.volumes_files import ApiVolume

        return ApiVolume(self.config, self.root.volume)

    def __repr__(self) -> str:
        """Show where it is. ZenML's own shows the whole configuration, a token included."""
        return f"VolumesArtifactStore(name={self.name!r}, path={self.config.path!r}, host={self.config.host!r})"

    def __str__(self) -> str:
        """Show where it is."""
        return repr(self)

    def __getstate__(self) -> dict[str, Any]:
        """Leave connections behind: another process opens its own."""
        return {name: value for name, value in super().__getstate__().items() if name != "files"}

    def open(self, path: AnyPath, mode: str = "r") -> Any:
        """Open a file. What is written shows when it is closed without an error; the directory need not be there.

        Raises:
            FileNotFoundError: where it is outside of the store, or not there.
            IsADirectoryError: where it is a directory; of one that is written to this shows when it is closed.
        """
        place = self._place(path)
        if place.directory:
            raise _error(IsADirectoryError, errno.EISDIR, path)
        if not is_reading(mode):
            return open_draft(self.files, place.path, os.fsdecode(path), mode)
        content = self.files.read(place.path)
        return content if "b" in mode else io.TextIOWrapper(content, encoding="utf-8")

    def copyfile(self, src: AnyPath, dst: AnyPath, overwrite: bool = False) -> None:  # noqa: FBT001, FBT002 - as ZenML calls it
        """Copy a file.

        Raises:
            FileExistsError: where the destination is there and is not to be overwritten.
            shutil.SameFileError: where both are one.
        """
        source, target = self._place(src), self._place(dst)
        if not overwrite and self._exists(target):
            raise _error(FileExistsError, errno.EEXIST, dst)
        if source.path == target.path:
            raise shutil.SameFileError(f"{src!r} and {dst!r} are the same file")
        if target.directory or self.files.is_directory(target.path):
            raise _error(IsADirectoryError, errno.EISDIR, dst)
        self._copy(source.path, target.path)

    def exists(self, path: AnyPath) -> bool:
        """Whether there is a file or directory."""
        place = self._possible(path)
        return place is not None and self._exists(place)

    def glob(self, pattern: AnyPath) -> list[bytes | str]:
        """Return the paths that match a pattern of `*`, `?` and `[…]`."""
        place = self._place(pattern)
        below = place.path.removeprefix(self.root.path).lstrip("/") + "/" * place.directory
        if not below.strip("/"):
            return [os.fsdecode(pattern)] if self._exists(place) else []
        return [f"{self.root.uri}/{found}" for found in walking.matching(self.files, self.root.path, below)]

    def isdir(self, path: AnyPath) -> bool:
        """Whether there is a directory."""
        place = self._possible(path)
        return place is not None and self.files.is_directory(place.path)

    def listdir(self, path: AnyPath) -> list[bytes | str]:
        """Return the names in a directory.

        Raises:
            FileNotFoundError: where there is nothing.
            NotADirectoryError: where there is a file.
        """
        return [entry.name for entry in self.files.entries(self._place(path).path)]

    def makedirs(self, path: AnyPath) -> None:
        """Make a directory and those above it; one that is there is left as it is."""
        self.files.make_directory(self._place(path).path)

    def mkdir(self, path: AnyPath) -> None:
        """Make a directory in one that is there.

        Raises:
            FileExistsError: where something is there.
            FileNotFoundError: where the directory above is not there.
        """
        place = self._place(path)
        if self._exists(Place(place.path, directory=False)):
            raise _error(FileExistsError, errno.EEXIST, path)
        above = place.path.rpartition("/")[0]
        if not self.files.is_directory(above):
            if self.files.status(above):
                raise _error(NotADirectoryError, errno.ENOTDIR, path)
            raise _error(FileNotFoundError, errno.ENOENT, path)
        self.files.make_directory(place.path)

    def remove(self, path: AnyPath) -> None:
        """Delete a file. It is looked at first: a delete that was repeated cannot tell a file that is gone from one that never was.

        Raises:
            FileNotFoundError: where there is none.
            IsADirectoryError: where there is a directory.
        """
        place = self._place(path)
        if place.directory or self.files.status(place.path) is None:
            is_directory = self.files.is_directory(place.path)
            raise _error(IsADirectoryError, errno.EISDIR, path) if is_directory else _error(FileNotFoundError, errno.ENOENT, path)
        self.files.delete(place.path)

    def rename(self, src: AnyPath, dst: AnyPath, overwrite: bool = False) -> None:  # noqa: FBT001, FBT002 - as ZenML calls it
        """Move a file or directory: copy it, then delete it, since the Files API has no rename. Interrupted, it leaves both.

        Raises:
            FileExistsError: where the destination is there and is not to be overwritten.
            FileNotFoundError: where there is nothing to move.
            OSError: where a directory is to be moved into itself, or onto one that is not empty.
        """
        source, target = self._place(src), self._place(dst)
        if not overwrite and self._exists(target):
            raise _error(FileExistsError, errno.EEXIST, dst)
        if source.path == target.path:
            self._status(source, src)
            return
        if not source.directory and self.files.status(source.path):
            if target.directory or self.files.is_directory(target.path):
                raise _error(IsADirectoryError, errno.EISDIR, dst)
            self._copy(source.path, target.path)
            self.files.delete(source.path)
        elif self.files.is_directory(source.path):
            self._rename_directory(source.path, target.path, dst)
        else:
            raise _error(FileNotFoundError, errno.ENOENT, src)

    def rmtree(self, path: AnyPath) -> None:
        """Delete a directory with all that is in it; of a volume its root remains.

        Raises:
            FileNotFoundError: where there is nothing.
            NotADirectoryError: where there is a file.
        """
        place = self._place(path).path
        walking.delete_tree(self.files, place, keep_top=place == self.root.volume)

    def stat(self, path: AnyPath) -> os.stat_result:
        """Return kind, size and time of change; the rest is 0.

        Raises:
            FileNotFoundError: where there is nothing.
        """
        return self._status(self._place(path), path)

    def size(self, path: AnyPath) -> int:
        """Return the bytes of a file, 0 of a directory.

        Raises:
            FileNotFoundError: where there is nothing.
        """
        return self.stat(path).st_size

    def walk(
        self,
        top: AnyPath,
        topdown: bool = True,  # noqa: FBT001, FBT002 - as ZenML calls it
        onerror: Callable[..., None] | None = None,
    ) -> Iterable[tuple[bytes | str, list[bytes | str], list[bytes | str]]]:
        """Walk a directory as `os.walk` does."""
        place = self._place(top)
        walked: Any = walking.walk(self.files, place.path, os.fsdecode(top), topdown=topdown, onerror=onerror)
        return cast(Iterable[tuple[bytes | str, list[bytes | str], list[bytes | str]]], walked)

    def _place(self, path: AnyPath) -> Place:
        return self.root.place(path)

    def _possible(self, path: AnyPath) -> Place | None:
        """Return where a path lies; None where a name in it is too long for a file to have it."""
        try:
            return self._place(path)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return None
            raise

    def _exists(self, place: Place) -> bool:
        return (not place.directory and self.files.status(place.path) is not None) or self.files.is_directory(place.path)

    def _status(self, place: Place, path: AnyPath) -> os.stat_result:
        found = None if place.directory else self.files.status(place.path)
        if found is None and not self.files.is_directory(place.path):
            raise _error(FileNotFoundError, errno.ENOENT, path)
        mode = stat.S_IFREG | 0o644 if found else stat.S_IFDIR | 0o755
        size, changed = (found.size_bytes, found.modified) if found else (0, 0.0)
        seconds, nanoseconds = int(changed), int(changed * 1e9)
        times = {f"st_{kind}time{unit}": value for kind in "amc" for unit, value in (("", changed), ("_ns", nanoseconds))}
        return os.stat_result((mode, 0, 0, 1, 0, 0, size, seconds, seconds, seconds), times)

    def _copy(self, source: str, target: str) -> None:
        with self.files.read(source) as content, open_draft(self.files, target, target, "wb") as draft:
            shutil.copyfileobj(content, draft, COPY_BYTES)

    def _rename_directory(self, source: str, target: str, dst: AnyPath) -> None:
        if target.startswith(f"{source}/"):
            raise _error(OSError, errno.EINVAL, dst)
        if self.files.status(target):
            raise _error(NotADirectoryError, errno.ENOTDIR, dst)
        if self.files.is_directory(target) and self.files.entries(target):
            raise _error(OSError, errno.ENOTEMPTY, dst)
        walking.copy_tree(self.files, source, target, self._copy)
        walking.delete_tree(self.files, source, keep_top=False)


def _error(kind: type[OSError], number: int, path: AnyPath) -> OSError:
    return kind(number, os.strerror(number), os.fsdecode(path))


class VolumesArtifactStoreFlavor(BaseArtifactStoreFlavor):
    """Registers the store with ZenML as flavor `unity_catalog_volumes`."""

    @property
    def name(self) -> str:
        """Name of the flavor."""
        return FLAVOR

    @property
    def config_class(self) -> type[VolumesArtifactStoreConfig]:
        """Class of the configuration."""
        return VolumesArtifactStoreConfig

    @property
    def implementation_class(self) -> type[VolumesArtifactStore]:
        """Class of the store."""
        return VolumesArtifactStore
