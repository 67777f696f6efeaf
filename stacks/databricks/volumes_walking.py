"""Whole trees of a volume: walk, match names, copy and delete. Written over the few methods of `VolumeFiles`."""

import fnmatch
import glob
import posixpath
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from stacks.databricks.volumes_port import VolumeFiles

REQUESTS_AT_A_TIME = 4
"""The Files API takes ten. Source: databricks/cli, `libs/filer/files_client.go`."""

Walked = tuple[str, list[str], list[str]]


def walk(files: VolumeFiles, path: str, top: str, *, topdown: bool, onerror: Callable[[OSError], object] | None) -> Iterator[Walked]:
    """Walk as `os.walk` does: who is told of the directories first may take some out. `top` is how the caller names `path`."""
    try:
        entries = files.entries(path)
    except OSError as error:
        if onerror is not None:
            onerror(error)
        return
    directories = [entry.name for entry in entries if entry.is_directory]
    here = (top, directories, [entry.name for entry in entries if not entry.is_directory])
    if topdown:
        yield here
    for name in directories:
        yield from walk(files, f"{path}/{name}", posixpath.join(top, name), topdown=topdown, onerror=onerror)
    if not topdown:
        yield here


def matching(files: VolumeFiles, root: str, pattern: str) -> list[str]:
    """Return the paths below `root` that match a relative pattern, as `glob.glob` does: `*` takes no name with a leading dot."""
    *parents, last = pattern.split("/")
    folders = [""]
    for part in parents:
        folders = [found for folder in folders for found in _in(files, root, folder, part, only_directories=True)]
    return [found for folder in folders for found in _in(files, root, folder, last, only_directories=False)]


def _in(files: VolumeFiles, root: str, folder: str, part: str, *, only_directories: bool) -> list[str]:
    """Return what `part` of a pattern stands for in one folder. Names without wildcards are only looked at where they end a pattern."""
    here = posixpath.join(root, folder).rstrip("/")
    if not glob.has_magic(part):
        found = posixpath.join(folder, part)
        at = posixpath.join(here, part)
        known = files.is_directory(here) if not part else only_directories or bool(files.status(at)) or files.is_directory(at)
        return [found] if known else []
    try:
        entries = files.entries(here)
    except OSError:
        return []
    names = [entry.name for entry in entries if entry.is_directory or not only_directories]
    shown = [name for name in names if part.startswith(".") or not name.startswith(".")]
    return [posixpath.join(folder, name) for name in fnmatch.filter(shown, part)]


def delete_tree(files: VolumeFiles, path: str, *, keep_top: bool) -> None:
    """Delete a directory with all that is in it, deepest first.

    Raises:
        FileNotFoundError: where there is nothing.
        NotADirectoryError: where there is a file.
    """
    with ThreadPoolExecutor(REQUESTS_AT_A_TIME) as pool:
        _empty(files, path, pool)
    if not keep_top:
        files.delete_directory(path)


def _empty(files: VolumeFiles, path: str, pool: ThreadPoolExecutor) -> None:
    entries = files.entries(path)
    list(pool.map(files.delete, [f"{path}/{entry.name}" for entry in entries if not entry.is_directory]))
    for folder in [f"{path}/{entry.name}" for entry in entries if entry.is_directory]:
        with suppress(FileNotFoundError):
            _empty(files, folder, pool)
        files.delete_directory(folder)


def copy_tree(files: VolumeFiles, source: str, target: str, copy: Callable[[str, str], None]) -> None:
    """Copy a directory with all that is in it."""
    for folder, _, names in walk(files, source, source, topdown=True, onerror=_raise):
        there = target + folder.removeprefix(source)
        files.make_directory(there)
        for name in names:
            copy(f"{folder}/{name}", f"{there}/{name}")


def _raise(error: OSError) -> None:
    raise error
