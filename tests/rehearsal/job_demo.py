"""Code of the wheel that the tests' jobs run; not imported by the tests."""
# ruff: noqa: T201

import json
import os
import subprocess
import sys
import time
from importlib.metadata import distributions
from pathlib import Path


def show() -> int:
    """Print what the process sees; the status is one that nobody looks at."""
    packages = sorted({f"{found.name}=={found.version}" for found in distributions()})
    here = {"arguments": sys.argv, "variables": dict(os.environ), "files": [str(path) for path in Path().iterdir()], "packages": packages}
    print("SEEN " + json.dumps(here))
    return 7


def fail() -> None:
    raise ValueError("the boiler is cold")


def leave() -> None:
    sys.exit(int(sys.argv[1]))


def die() -> None:
    os.kill(os.getpid(), 9)


def once() -> None:
    """Fail the first time in a home."""
    marker = Path.home() / "tried"
    tried = int(marker.read_text()) if marker.exists() else 0
    marker.write_text(str(tried + 1))
    if tried < int(sys.argv[1]):
        raise RuntimeError(f"attempt {tried + 1}")


def hang() -> None:
    """Never end, nor a child, nor one that leaves the group; their ids are in the log."""
    child = subprocess.Popen(["sleep", "1000"])
    daemon = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    print(f"PIDS {os.getpid()} {child.pid} {daemon.pid}")
    time.sleep(1000)


def brief() -> None:
    """Take some time, and tell when."""
    begun = time.time()
    time.sleep(float(sys.argv[1]))
    print(f"SPAN {begun} {time.time()}")


def tell() -> None:
    """Print a variable in two pieces, and at once."""
    value = os.environ["PASSWORD"]
    for piece in (value[:4], value[4:], "\n", value):
        sys.stdout.write(piece)
        sys.stdout.flush()
        time.sleep(0.1)
    raise ValueError(f"cannot log in with {value}")


def set_value() -> None:
    """Set task values as on a cluster: NAME=JSON."""
    from databricks.sdk.runtime import dbutils

    for argument in sys.argv[1:]:
        name, _, value = argument.partition("=")
        dbutils.jobs.taskValues.set(key=name, value=json.loads(value))


def get_value() -> None:
    from databricks.sdk.runtime import dbutils

    print("VALUE", dbutils.jobs.taskValues.get(taskKey=sys.argv[1], key=sys.argv[2], debugValue=0))


class inner:  # noqa: N801 - an entry point within another name
    @staticmethod
    def deep() -> None:
        print("DEEP")
