"""Files that are being written: a draft on this machine, which goes to the volume when it is closed without an error.

Neither the Files API nor a mounted volume takes what is not written from start to end; a draft may be sought in, appended to and
read again. What is interrupted, or dropped without being closed, leaves the volume as it was.
"""

import errno
import io
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from stacks.databricks.volumes_port import VolumeFiles
from stacks.temporary import temporary_file

COPY_BYTES = 1 << 20


def open_draft(files: VolumeFiles, path: str, uri: str, mode: str) -> Any:
    """Open a file for writing, as the built-in `open` does it: `w`, `a`, `x` and what `+` adds, in text (UTF-8) or bytes.

    To append is to read what is there and to write all of it again; of two who append at the same time the later one wins.

    Raises:
        FileExistsError: where a file is to be new and is not.
        FileNotFoundError: where a file is to be changed and is not there.
        ValueError: where there is no such mode.
    """
    kind = _kind(mode)
    if kind == "x" and (files.status(path) or files.is_directory(path)):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), uri)
    local = temporary_file(".draft")
    try:
        if kind in {"a", "r"}:
            with suppress(*([FileNotFoundError] if kind == "a" else [])), files.read(path) as content, local.open("wb") as copy:
                shutil.copyfileobj(content, copy, COPY_BYTES)
        raw = io.FileIO(local, kind + ("+" if "+" in mode else ""))
    except BaseException:
        local.unlink(missing_ok=True)
        raise
    draft: Any = (_ChangingBytes if "+" in mode else _Bytes)(raw) if "b" in mode else _text(raw, changing="+" in mode)
    draft.prepare(files, path, local, overwrite=kind != "x")
    return draft


def is_reading(mode: str) -> bool:
    """Whether a mode only reads.

    Raises:
        ValueError: where there is no such mode.
    """
    return _kind(mode) == "r" and "+" not in mode


def _kind(mode: str) -> str:
    """Return the letter of r, w, a and x that a mode holds."""
    if len(set(mode)) != len(mode) or not re.fullmatch(r"[rwaxbt+]+", mode) or {"b", "t"} <= set(mode):
        raise ValueError(f"invalid mode: '{mode}'")
    kinds = [letter for letter in mode if letter in "rwax"]
    if len(kinds) != 1:
        raise ValueError("must have exactly one of create/read/write/append mode")
    return kinds[0]


class _Draft(io.IOBase):
    """What a file becomes that is written to the volume when it is closed."""

    _files: VolumeFiles | None = None
    """None where nothing is to be written any more."""
    _path: str
    _local: Path
    _overwrite: bool

    def prepare(self, files: VolumeFiles, path: str, local: Path, *, overwrite: bool) -> None:
        """Say where it goes."""
        self._files, self._path, self._local, self._overwrite = files, path, local, overwrite

    def close(self) -> None:
        """Write it to the volume, unless it was given up."""
        if self.closed:
            return
        files, self._files = self._files, None
        try:
            super().close()
            if files is not None:
                files.write(self._local, self._path, overwrite=self._overwrite)
        finally:
            self._local.unlink(missing_ok=True)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Give it up where the body failed."""
        if kind is not None:
            self._files = None
        self.close()

    def __del__(self) -> None:
        """Give it up where nobody closed it."""
        self._files = None
        with suppress(Exception):
            self.close()


class _Bytes(_Draft, io.BufferedWriter):
    """Written as bytes."""


class _ChangingBytes(_Draft, io.BufferedRandom):
    """Written and read as bytes."""


class _Text(_Draft, io.TextIOWrapper):
    """Written as text."""


def _text(raw: io.FileIO, *, changing: bool) -> _Text:
    return _Text(io.BufferedRandom(raw) if changing else io.BufferedWriter(raw), encoding="utf-8")
