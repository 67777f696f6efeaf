"""A folder for what is fetched from elsewhere: it goes with the process, and what a killed process left goes with the next one.

It stands in the project's folder and not in the system's, which is often held in memory. A lock that the operating system takes
back when its process ends tells what is left over from what is in use.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from uuid import uuid4

from stacks.home import home, require_writable

_LOCK = ".lock"


def temporary_file(ending: str) -> Path:
    """Return a new path in this process's folder.

    Raises:
        InfrastructureError: where the project's folder cannot be written to.
    """
    return _folder(home(), os.getpid()) / f"{uuid4().hex}{ending}"


@cache
def _folder(home_folder: Path, process: int) -> Path:
    root = home_folder / "sources"
    require_writable(root)
    with (root / _LOCK).open("w") as all_folders:
        fcntl.flock(all_folders, fcntl.LOCK_EX)
        _remove_left_over(root)
        folder = Path(tempfile.mkdtemp(prefix=f"{process}-", dir=root))
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR)
        fcntl.flock(lock, fcntl.LOCK_EX)
    atexit.register(_remove, folder, lock, process)
    return folder


def _remove_left_over(root: Path) -> None:
    for folder in [path for path in root.iterdir() if path.is_dir()]:
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)


def _remove(folder: Path, lock: int, process: int) -> None:
    """Remove the folder at the end of the process that made it; a process forked from it leaves it alone."""
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)
