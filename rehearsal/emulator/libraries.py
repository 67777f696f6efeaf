"""The libraries of a task: read from the workspace, in the form in which an installer of this machine takes them.

What a requirements file or a serverless environment names by a workspace path is read from there, also within another file.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Self

from rehearsal.emulator.errors import ApiError

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

DEEPEST = 5
"""How deep requirements files may name others."""


class LibraryError(Exception):
    """A library that cannot be installed. Databricks ends the task before any of its code runs."""

    @classmethod
    def of(cls, library: str, reason: str) -> Self:
        """Name the library and say why."""
        return cls(f"Library installation failed for {library}. {reason}")


@dataclass(frozen=True)
class Library:
    """What one entry of a list brings: lines for the installer, and wheels by file name."""

    name: str
    """As the job names it, e.g. `pypi: "numpy==2.4.6"`."""
    lines: tuple[str, ...] = ()
    wheels: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)

    @property
    def hashed(self) -> bool:
        """Whether its lines carry hashes, which an installer then demands of each."""
        return any("--hash" in line for line in self.lines)


def of_cluster(workspace: "Workspace", entries: Iterable[Mapping[str, Any]]) -> list[Library]:
    """Read the `libraries` of a task.

    Raises:
        LibraryError: where one is not in the workspace, or of a kind that is not installed here.
    """
    return [_of_cluster(workspace, entry) for entry in entries]


def of_environment(workspace: "Workspace", dependencies: Iterable[str]) -> list[Library]:
    """Read the `dependencies` of a serverless environment, each a line of a requirements file.

    Raises:
        LibraryError: where one is not in the workspace.
    """
    return [_library(workspace, f'dependency: "{line}"', [line]) for line in dependencies]


def _of_cluster(workspace: "Workspace", entry: Mapping[str, Any]) -> Library:
    kind, value = next(iter(entry.items()), ("none", None))
    name = f'{kind}: "{value["package"] if kind == "pypi" and isinstance(value, dict) else value}"'
    if kind == "whl":
        return _library(workspace, name, [str(value)])
    if kind == "requirements":
        return _library(workspace, name, [f"-r {value}"])
    if kind == "pypi" and isinstance(value, dict):
        repository = [f"--extra-index-url {value['repo']}"] if value.get("repo") else []
        return Library(name, (*repository, value["package"]))
    raise LibraryError.of(name, "The emulator installs whl, pypi and requirements.")


def _library(workspace: "Workspace", name: str, given: list[str]) -> Library:
    lines: list[str] = []
    wheels: list[tuple[str, bytes]] = []
    try:
        for line in _expanded(workspace, given, 0):
            if line.startswith("/"):
                wheels.append((_wheel_name(line), _read(workspace, line)))
            else:
                lines.append(line)
    except (ApiError, ValueError) as error:
        raise LibraryError.of(name, str(error)) from error
    return Library(name, tuple(lines), tuple(wheels))


def _expanded(workspace: "Workspace", lines: Iterable[str], depth: int) -> Iterator[str]:
    if depth > DEEPEST:
        raise ValueError("Requirements files name each other in a circle.")
    for line in lines:
        option, _, path = line.partition(" ")
        if line.startswith(("-r", "--requirement")):
            found = path.strip() if option in {"-r", "--requirement"} else line.removeprefix("-r").removeprefix("--requirement=")
            yield from _expanded(workspace, _lines(_read(workspace, found).decode()), depth + 1)
        elif line.startswith(("-e", "--editable", "-c", "--constraint", ".", "file:", "dbfs:")):
            raise ValueError(f"'{line}' is not read by the emulator.")
        else:
            yield line


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a requirements file: joined where they continue, without comments."""
    for line in text.replace("\\\n", " ").splitlines():
        plain = line.strip() if "#" not in line else (" " + line).split(" #", maxsplit=1)[0].strip()
        if plain:
            yield " ".join(plain.split())


def _wheel_name(path: str) -> str:
    name = PurePosixPath(path).name
    if not name.endswith(".whl"):
        raise ValueError(f"{path} is not a wheel.")
    return name


def _read(workspace: "Workspace", path: str) -> bytes:
    if path.startswith("/Volumes/"):
        place = workspace.files.local(workspace, path)
        if not place.is_file():
            raise ApiError.missing(f"The file {path}")
        return place.read_bytes()
    if not path.startswith("/"):
        raise ValueError(f"'{path}' is neither a path of the workspace nor of a volume.")
    return workspace.workspace_files.read(workspace, path)
