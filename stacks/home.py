"""Where the project keeps what it makes: one folder, ignored by git, with everything in it."""

import os
import shutil
import tempfile
from pathlib import Path
from uuid import uuid4

from stackhouse.errors import InfrastructureError

PROJECT = Path(__file__).resolve().parents[1]
"""Root of the repository."""

NEEDED_MB = 200
"""Room that a run of the example takes, with some to spare (measured: about 60 MB)."""


def home() -> Path:
    """Return the folder: `STACKHOUSE_HOME`, or `.stackhouse` in the repository."""
    return Path(os.environ.get("STACKHOUSE_HOME") or PROJECT / ".stackhouse").absolute()


def home_id() -> str:
    """Return what tells this folder from another, or from one that was deleted and made anew: its path and a number of its own.

    What ZenML has cached lies in the folder, so the cache must not outlive it.
    """
    file = home() / "id"
    return f"{home()} {file.read_text(encoding='utf-8') if file.is_file() else ''}"


def create_home() -> None:
    """Create the folder, writable and with its number.

    Raises:
        InfrastructureError: where it cannot be written to.
    """
    require_writable(home())
    file = home() / "id"
    if not file.exists():
        file.write_text(uuid4().hex, encoding="utf-8")


def require_writable(folder: Path, needed_mb: int = NEEDED_MB) -> None:
    """Create the folder and check that a file can be written and that there is room.

    Raises:
        InfrastructureError: where it cannot, naming the folder and the reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as probe:
            probe.write(b"x")
            probe.flush()
    except OSError as error:
        raise InfrastructureError.unwritable(str(folder), error.strerror or str(error)) from error
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < needed_mb:
        raise InfrastructureError.full(str(folder), free_mb, needed_mb)
