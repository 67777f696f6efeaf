"""Clean environments: a Python of the runtime's version with exactly a list of libraries, and pip and setuptools as a runtime has them.

An environment is kept and used again by all tasks with the same list; what counts is content, so that a wheel of the same name with
other code gets one of its own. Not emulated: the packages that a runtime brings along, so that a list has to be complete by itself.
Stricter than Databricks, which installs one library after the other: here the whole list has to agree.
"""

import fcntl
import hashlib
import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.emulator import installer, process_group
from rehearsal.emulator.installer import Command, Installer
from rehearsal.emulator.libraries import Library, LibraryError

log = logging.getLogger(__name__)

SERVERLESS_PYTHONS = {"1": "3.10", "2": "3.11", "3": "3.12", "4": "3.12", "5": "3.12"}
"""Python of each version of the serverless environment. Source: release notes of serverless environment versions."""

SEEDS = ("pip", "setuptools")
SAID = 2000
"""How many characters of an installer's error a message repeats."""

WAIT_SECONDS = 0.1


class StoppedError(Exception):
    """The run was stopped while its environment was made."""


@dataclass
class Environments:
    """Environments below one folder. A folder without its `complete` file is what a killed build left, and is built anew."""

    folder: Path
    online: bool = True
    """Whether packages that no cache of this machine has may be downloaded."""
    uv: Command | None = field(default_factory=installer.find_uv)

    def python(self, version: str, libraries: Sequence[Library], stopped: Callable[[], bool] = lambda: False) -> Path:
        """Return the interpreter of the environment that holds these libraries, made now where there is none yet.

        Raises:
            PythonMissingError: where this machine has no such Python.
            LibraryError: where a library cannot be installed.
            StoppedError: as soon as `stopped` says so.
        """
        base = installer.find_python(version, self.uv)
        key = _key(base, version, libraries)
        home = self.folder.resolve() / key
        self.folder.mkdir(parents=True, exist_ok=True)
        with _locked(self.folder / f"{key}.lock", stopped):
            if not (home / "complete").is_file():
                shutil.rmtree(home, ignore_errors=True)
                try:
                    _Build(home, Installer(base, self.uv), libraries, self.online, stopped).make()
                except (LibraryError, StoppedError):
                    shutil.rmtree(home, ignore_errors=True)
                    raise
        return home / "venv" / "bin" / "python"


@dataclass
class _Build:
    """One environment in the making."""

    home: Path
    installer: Installer
    libraries: Sequence[Library]
    online: bool
    stopped: Callable[[], bool]

    def make(self) -> None:
        self.home.mkdir()
        status, said = self._run(self.installer.create(self.home / "venv"))
        if status != 0:
            raise LibraryError.of("the environment itself", said)
        files = [self._written(position, library) for position, library in enumerate(self.libraries)]
        for library, lines in zip(self.libraries, files, strict=True):
            if library.hashed:
                self._install([library], self._requirements("hashed", lines), hashed=True)
        # All at once, so that libraries which contradict each other show. What was installed by hash above stays as it is.
        lines = [re.sub(r"\s--hash[= ]\S+", "", line) for lines in files for line in lines]
        self._install(self.libraries, self._requirements("all", lines))
        self._seed()
        (self.home / "complete").touch()

    def _written(self, position: int, library: Library) -> list[str]:
        """Return the lines of a library with its wheels as files beside the environment."""
        lines = list(library.lines)
        for name, content in library.wheels:
            wheel = self.home / "wheels" / str(position) / name
            wheel.parent.mkdir(parents=True, exist_ok=True)
            wheel.write_bytes(content)
            lines.append(str(wheel))
        return lines

    def _requirements(self, name: str, lines: Sequence[str]) -> Path:
        file = self.home / f"{name}.txt"
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def _install(self, libraries: Sequence[Library], requirements: Path, *, hashed: bool = False) -> None:
        if not requirements.read_text():
            return
        status, said = self._run(self.installer.install(self.home / "venv", requirements, offline=True, hashed=hashed))
        if status != 0 and self._install_closed_list(requirements, hashed=hashed):
            return
        if status != 0 and self.online:
            status, said = self._run(self.installer.install(self.home / "venv", requirements, offline=False, hashed=hashed))
        if status == 0:
            return
        error = re.search(r"^error.*\Z", said, re.IGNORECASE | re.MULTILINE | re.DOTALL)
        said = error[0] if error else said
        culprits = [library.name for library in libraries if _is_named(library, said)] or [library.name for library in libraries]
        raise LibraryError.of(", ".join(culprits), f"Error messages: {said[:SAID]}")

    def _install_closed_list(self, requirements: Path, *, hashed: bool) -> bool:
        """Install exactly what the list names, and say whether nothing is missing then.

        A cache that was filled by an installation without resolving holds the files of a lock, but not what resolving asks for.
        """
        exactly = self.installer.install(self.home / "venv", requirements, offline=True, hashed=hashed, exactly=True)
        return bool(exactly) and self._run(exactly)[0] == 0 and self._run(self.installer.check(self.home / "venv"))[0] == 0

    def _seed(self) -> None:
        """Add what every runtime has; a list that brings its own keeps it."""
        file = self._requirements("seeds", [self.installer.bundled(), *SEEDS])
        for offline in (True, False) if self.online else (True,):
            if self._run(self.installer.install(self.home / "venv", file, offline=offline))[0] == 0:
                return
        log.warning("%s could not be added to %s: neither a cache nor the network had them.", " and ".join(SEEDS), self.home)

    def _run(self, command: Command) -> tuple[int, str]:
        output: list[bytes] = []
        # From the root folder, so that no configuration of a project around the workspace takes part
        ended = process_group.run(command, installer.variables(), Path("/"), output.append, self.stopped)
        if ended.status is None:
            raise StoppedError
        return ended.status, b"".join(output).decode(errors="replace").strip()


def _is_named(library: Library, said: str) -> bool:
    """Whether an installer's words are about a library: one of its wheels, or a package that it names by itself."""
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in library.lines if not line.startswith("-")]
    # Of a long list each package is mentioned sooner or later, so only the first words count
    packages = names if len(names) == 1 else [name for name in names if f"{name}==" in said or f"{name} was" in said]
    return any(name in said for name, _content in library.wheels) or any(
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", said, re.IGNORECASE) for name in packages
    )


def _key(base: Path, version: str, libraries: Sequence[Library]) -> str:
    content = [[library.lines, [[name, hashlib.sha256(wheel).hexdigest()] for name, wheel in library.wheels]] for library in libraries]
    return hashlib.sha256(json.dumps([str(base.resolve()), version, content, SEEDS]).encode()).hexdigest()[:24]


@contextmanager
def _locked(file: Path, stopped: Callable[[], bool]) -> Iterator[None]:
    """Hold a lock file, also against other processes that share the folder.

    Raises:
        StoppedError: as soon as `stopped` says so.
    """
    with file.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if stopped():
                    raise StoppedError from None
                time.sleep(WAIT_SECONDS)
        yield
