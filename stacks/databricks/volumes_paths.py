"""Paths in a volume: `uc://catalog/schema/volume/folder/file` and what the Files API calls it. Pure; no request is made here."""

import errno
import os
import posixpath
import unicodedata
from dataclasses import dataclass
from typing import NamedTuple, Self

SCHEME = "uc://"

NAME_BYTES = 255
"""Longest name of a file or directory."""

AnyPath = str | bytes | os.PathLike[str]
"""What a path may be given as. Wider than ZenML's own type on purpose: arguments of that one are checked by ZenML against its fixed
list of schemes, on which `uc://` is not."""


class Place(NamedTuple):
    """A path below the root of a store."""

    path: str
    """As the Files API takes it: `/Volumes/catalog/schema/volume/…`, without a slash at the end."""
    directory: bool
    """Whether it was written with a slash at the end, and so can only be a directory."""


@dataclass(frozen=True)
class StoreRoot:
    """The volume, or a folder in it, that a store must not leave."""

    names: tuple[str, ...]
    """Catalog, schema, volume, and the folders below it."""

    @classmethod
    def parse(cls, uri: str) -> Self:
        """Take `uc://catalog/schema/volume`, with or without a folder.

        Raises:
            ValueError: where it is not one.
        """
        names = uri.removeprefix(SCHEME).rstrip("/").split("/")
        if not uri.startswith(SCHEME) or len(names) < 3 or not all(map(_is_name, names)) or any(_is_no_object(name) for name in names[:3]):
            raise ValueError(f"'{uri}' is not a place in a volume: give uc://catalog/schema/volume, or a folder below it")
        return cls(tuple(names))

    @property
    def uri(self) -> str:
        """The root as ZenML knows it."""
        return SCHEME + "/".join(self.names)

    @property
    def path(self) -> str:
        """The root as the Files API knows it."""
        return "/".join(("/Volumes", *self.names))

    @property
    def volume(self) -> str:
        """The volume as the Files API knows it."""
        return "/".join(("/Volumes", *self.names[:3]))

    def place(self, given: AnyPath) -> Place:
        """Return where a path lies; `.`, `..` and doubled slashes are resolved as a file system does.

        Raises:
            FileNotFoundError: where it lies outside of the root.
            OSError: where a name is too long.
            ValueError: where it holds a control character.
        """
        uri = os.fsdecode(given)
        names = posixpath.normpath("/" + uri.removeprefix(SCHEME)).split("/")[1:]
        if not uri.startswith(SCHEME) or tuple(names[: len(self.names)]) != self.names or _climbs(uri):
            raise FileNotFoundError(errno.ENOENT, f"Outside of the artifact store {self.uri}", uri)
        for name in names:
            if any(unicodedata.category(character) == "Cc" for character in name):
                raise ValueError(f"A path in a volume must not hold a control character: {uri!r}")
            if len(name.encode()) > NAME_BYTES:
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), uri)
        return Place("/".join(("/Volumes", *names)), uri.endswith("/"))


def _climbs(uri: str) -> bool:
    """Whether `..` leads above the catalog, where `normpath` would stop in silence."""
    depth = 0
    for name in uri.removeprefix(SCHEME).split("/"):
        depth += -1 if name == ".." else name not in {"", "."}
        if depth < 0:
            return True
    return False


def _is_name(name: str) -> bool:
    return name not in {"", ".", ".."} and len(name.encode()) <= NAME_BYTES and all(unicodedata.category(c) != "Cc" for c in name)


def _is_no_object(name: str) -> bool:
    """Whether this cannot be a catalog, schema or volume. Source: Databricks SQL, names of objects in Unity Catalog."""
    return "." in name or " " in name
