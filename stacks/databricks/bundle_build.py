"""What `databricks bundle deploy` builds: the wheel, and the pins of its libraries for the runtime's Python.

`python -m stacks.databricks.bundle_build 3.12` fills `build/bundle`; nothing is downloaded.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from stackhouse.errors import StackhouseError
from stacks.databricks.bundle_job import BUILT
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
        return Path(shutil.copy(build_wheel(Path(temporary)), folder))


def main() -> None:
    """Build for the Python that the command names."""
    try:
        print(build(sys.argv[1]))  # noqa: T201 - the CLI shows it
    except StackhouseError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
