"""The libraries of a job: exact pins with their hashes, from the lock of the cluster, for the runtime's Python."""

import re
from pathlib import Path

from packaging.requirements import Requirement

from stackhouse.errors import ConfigurationError, InfrastructureError
from stacks.home import PROJECT

LOCK = PROJECT / "requirements-cluster.lock"
PYTHONS = ("3.11", "3.12")
"""Versions of Python that the lock was made for."""


def requirements(python: str, lock: Path = LOCK) -> str:
    """Return the text of a requirements.txt: every library of the lock that Linux needs at this version of Python, e.g. "3.11".

    Raises:
        ConfigurationError: where the lock was not made for this Python.
        InfrastructureError: where there is no lock.
    """
    if python not in PYTHONS:
        raise ConfigurationError(
            f"The lock of the cluster holds libraries for Python {' and '.join(PYTHONS)}, not {python}. "
            "Choose a runtime with one of these: spark_version 15.4 to 18."
        )
    if not lock.is_file():
        raise InfrastructureError(f"{lock} is missing, which says what a cluster installs. Make it with `make lock`.")
    surroundings = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "platform_machine": "x86_64",
    }
    kept = []
    for block in _blocks(lock.read_text(encoding="utf-8")):
        line, _, hashes = block.partition("\\\n")
        requirement = Requirement(line.strip())
        if requirement.marker is None or requirement.marker.evaluate(surroundings):
            pin = f"{requirement.name}{requirement.specifier}"
            kept.append(f"{pin} \\\n{hashes}" if hashes else f"{pin}\n")
    return "".join(kept)


def pins(text: str) -> dict[str, str]:
    """Return name and version of each pin in the text of a requirements.txt."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", text, flags=re.MULTILINE))


def require_pin(library: str) -> str:
    """Return the library as it was given, if it is an exact pin.

    Raises:
        ValueError: where it is not `name==version`.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*(\[[A-Za-z0-9_,.-]+\])?==[A-Za-z0-9_.+!-]+", library):
        raise ValueError(f"'{library}' is not an exact pin; write name==version")
    return library


def _blocks(text: str) -> list[str]:
    """Cut the text where a line begins a new requirement."""
    return [block for block in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE) if block.strip() and not block.startswith("#")]
