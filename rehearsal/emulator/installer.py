"""Programs of this machine that make environments: Python interpreters, uv, or pip where there is no uv."""

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PASSED_ON = ("UV_", "PIP_", "SSL_", "XDG_")
PASSED_ON_WHOLE = {"PATH", "HOME", "TMPDIR", "LANG", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
ASK_SECONDS = 30

Command = list[str | Path]


class PythonMissingError(Exception):
    """This machine has no Python of the version that a runtime has."""


def variables() -> dict[str, str]:
    """Return what an installer needs of our own variables: where caches, indexes, certificates and proxies are."""
    return {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON_WHOLE or name.startswith(PASSED_ON) or name.lower().endswith("_proxy")
    }


def find_uv() -> Command | None:
    """Return how uv is called: the one beside our Python, on the path, or as a module; None where there is none."""
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return [beside]
    if found := shutil.which("uv"):
        return [found]
    return [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") else None


def find_python(version: str, uv: Command | None) -> Path:
    """Return an interpreter of a version, e.g. "3.11"; nothing is downloaded.

    Raises:
        PythonMissingError: where there is none.
    """
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return Path(sys.executable)
    candidates = [shutil.which(f"python{version}")]
    if uv:
        candidates.append(_answer([*uv, "python", "find", "--no-python-downloads", "--no-project", version]))
    for candidate in filter(None, candidates):
        if _answer([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]) == version:
            return Path(candidate)
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    raise PythonMissingError(
        f"The runtime has Python {version}, and this machine has {here} alone. Install it (`uv python install {version}`), "
        f"or rehearse on a runtime with Python {here}."
    )


def _answer(command: Command) -> str | None:
    try:
        asked = subprocess.run(command, env=variables(), cwd="/", capture_output=True, text=True, timeout=ASK_SECONDS, check=True)  # noqa: S603 - programs found above
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip()


@dataclass(frozen=True)
class Installer:
    """How an environment is made and filled."""

    python: Path
    uv: Command | None
    """None for pip."""

    def create(self, home: Path) -> Command:
        """Command that makes an empty environment."""
        if self.uv:
            return [*self.uv, "venv", "--no-project", "--no-python-downloads", "--python", self.python, home]
        return [self.python, "-m", "venv", home]

    def install(self, home: Path, requirements: Path, *, offline: bool, hashed: bool = False, exactly: bool = False) -> Command:
        """Command that installs what a requirements file names into an environment, with `exactly` nothing that it does not name.

        Empty where the installer cannot check afterwards that nothing is missing.
        """
        if exactly and not self.uv:
            return []
        if self.uv:
            flags: Command = ["--offline" if offline else "--system-certs", *(["--require-hashes"] if hashed else [])]
            flags += ["--no-deps"] if exactly else []
            return [*self.uv, "pip", "install", "--python", home / "bin" / "python", *flags, "-r", requirements]
        flags = [*(["--no-index"] if offline else []), *(["--require-hashes"] if hashed else [])]
        pip: Command = [home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
        return [*pip, *flags, "-r", requirements]

    def check(self, home: Path) -> Command:
        """Command that fails where a library lacks another that it needs."""
        return [*(self.uv or []), "pip", "check", "--python", home / "bin" / "python"]

    def bundled(self) -> str:
        """Line of a requirements file that offers the pip and setuptools that came with Python, for machines without a network."""
        folder = _answer([self.python, "-c", "import ensurepip, os; print(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled'))"])
        return f"--find-links {folder}" if folder and Path(folder).is_dir() else ""
