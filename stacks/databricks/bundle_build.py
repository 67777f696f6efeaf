"""What `databricks bundle deploy` builds: the wheel, and the pins of its libraries for the runtime's Python.

`python -m stacks.databricks.bundle_build 3.12` fills `build/bundle`; nothing is downloaded.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from stackhouse.errors import InfrastructureError, StackhouseError
from stacks.databricks.bundle_job import BUILT
from stacks.databricks.gate_tasks import ENTRY_POINT
from stacks.databricks.pins import requirements
from stacks.databricks.wheel import build_wheel
from stacks.home import PROJECT


def build(python: str, folder: Path = PROJECT / BUILT) -> Path:
    """Fill the folder anew, and return the wheel.

    Raises:
        ConfigurationError: where there are no pins for this Python.
        InfrastructureError: where the wheel cannot be built.
    """
    pins = requirements(python)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "requirements.txt").write_text(pins, encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        _with_entry_point(build_wheel(Path(temporary)), folder)
    return next(folder.glob("*.whl"))


def _with_entry_point(wheel: Path, folder: Path) -> None:
    """Add the tasks' entry point to the wheel of a job, whose own starts steps."""
    unpacked = wheel.parent / "unpacked"
    _wheel("unpack", str(wheel), "--dest", str(unpacked))
    content = next(unpacked.iterdir())
    with next(content.glob("*.dist-info/entry_points.txt")).open("a", encoding="utf-8") as file:
        file.write(f"{ENTRY_POINT} = stacks.databricks.gate_tasks:main\n")
    _wheel("pack", str(content), "--dest-dir", str(folder))


def _wheel(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "wheel", *arguments], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise InfrastructureError(f"The wheel of the bundle cannot be made: `wheel {arguments[0]}` said: {done.stderr.strip()[-500:]}")


def main() -> None:
    """Build for the Python that the command names."""
    try:
        print(build(sys.argv[1]))  # noqa: T201 - the CLI shows it
    except StackhouseError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
