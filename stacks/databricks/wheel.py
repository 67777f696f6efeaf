"""The wheel of a job: the project's packages that steps need, and nothing else of the repository."""

import hashlib
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from stackhouse.errors import InfrastructureError
from stacks.databricks.gate_tasks import ENTRY_POINT
from stacks.home import PROJECT

LEFT_OUT = ("commands", "rehearsal")
"""Packages that no step needs."""

BUILD_SECONDS = 300

FIRST_DAY_OF_ZIP = "315532800"
"""1980-01-01 in seconds: the time of every file in the wheel, so that it does not depend on the time at which it is built."""


def packages(project: Path = PROJECT) -> list[str]:
    """Return the packages that go into the wheel, as `pyproject.toml` lists them."""
    listed = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    return [name for name in listed if name.partition(".")[0] not in LEFT_OUT]


def build_wheel(folder: Path, project: Path = PROJECT) -> Path:
    """Build the wheel in a folder, offline; its version ends with a digest of the code, so that a cluster never keeps an old one.

    The same code gives the same bytes, so that an environment which was made for one wheel serves for the next.

    Raises:
        InfrastructureError: where it cannot be built, with the last lines of what pip said.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    digest = hashlib.sha256()
    for package in packages(project):
        target = source.joinpath(*package.split("."))
        target.mkdir(parents=True, exist_ok=True)
        for file in sorted(project.joinpath(*package.split(".")).glob("*.py")):
            shutil.copyfile(file, target / file.name)
            digest.update(f"{package}/{file.name}\0".encode() + file.read_bytes())
    settings = (project / "pyproject.toml").read_bytes()
    digest.update(settings)
    (source / "pyproject.toml").write_text(_settings(settings.decode(), digest.hexdigest()[:12], project), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), "."]
    variables = os.environ | {"SOURCE_DATE_EPOCH": FIRST_DAY_OF_ZIP}
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            command, cwd=source, env=variables, capture_output=True, text=True, timeout=BUILD_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InfrastructureError(f"The wheel of the project cannot be built: {error}") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        said = "\n".join(line.strip() for line in done.stderr.partition("[end of output]")[0].strip().splitlines()[-5:])
        raise InfrastructureError(
            f"The wheel of the project cannot be built: `pip wheel` left with {done.returncode}. It needs pip and setuptools in the "
            f"environment (`make install` puts them there). What pip said last:\n{said}"
        )
    shutil.rmtree(source)
    return wheels[0]


def _settings(text: str, digest: str, project: Path) -> str:
    """The project's settings without what the wheel does not hold: readme, licence files, commands and the packages left out."""
    read = tomllib.loads(text)
    about = read["project"]
    dependencies = "".join(f"    {dependency!r},\n" for dependency in about["dependencies"])
    listed = "".join(f"    {package!r},\n" for package in packages(project))
    return (
        f"[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n\n"
        f"[project]\nname = {about['name']!r}\nversion = '{about['version']}+{digest}'\n"
        f"requires-python = {about['requires-python']!r}\ndependencies = [\n{dependencies}]\n\n"
        f"[project.scripts]\nstackhouse-step = 'stacks.databricks.task:main'\n"
        f"{ENTRY_POINT} = 'stacks.databricks.gate_tasks:main'\n\n"
        f"[tool.setuptools]\npackages = [\n{listed}]\n"
    )
