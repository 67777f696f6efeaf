"""What runs a Python wheel task inside its environment. The emulator passes this file's text to the environment's own Python.

Standard library alone, and Python 3.10 or later, since it runs on the runtime's Python and beside the job's libraries.

As on a cluster, the entry point is looked up in the metadata of the package, else taken as `package.entry.point`, called without
arguments, and what it returns is ignored. `databricks.sdk.runtime.dbutils` is there with `jobs.taskValues` alone.

Source: Jobs API, PythonWheelTask; `databricks.sdk.runtime`.
"""

import importlib
import importlib.metadata
import json
import sys
import traceback
import types
from pathlib import Path
from typing import Any

VALUE_BYTES = 48 * 1024
"""Largest task value as JSON. Source: dbutils.jobs.taskValues."""


class TaskValues:
    """`dbutils.jobs.taskValues`."""

    def __init__(self, earlier: dict[str, dict[str, Any]], file: Path) -> None:
        """Take the values of the tasks before, and where those of this one are left for the emulator."""
        self._earlier, self._file = earlier, file
        self._own: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        """Set a value that later tasks can read."""
        if len(json.dumps(value).encode()) > VALUE_BYTES:
            raise ValueError(f"The task value {key} is larger than {VALUE_BYTES} bytes.")
        self._own[key] = value
        write(self._file, self._own)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """Return the value of an earlier task."""
        values = self._earlier.get(taskKey, {})
        if key in values:
            return values[key]
        if default is not None:
            return default
        raise ValueError(f"Task {taskKey} has no value {key}.")


def offer(values: TaskValues) -> None:
    """Put `dbutils` where the SDK looks for it on a cluster."""
    dbutils = types.SimpleNamespace(jobs=types.SimpleNamespace(taskValues=values))
    namespace = types.SimpleNamespace(get_namespace_globals=lambda: {"dbutils": dbutils})
    module = types.ModuleType("dbruntime")
    module.UserNamespaceInitializer = types.SimpleNamespace(getOrCreate=lambda: namespace)  # type: ignore[attr-defined]
    sys.modules["dbruntime"] = module


def entry_point(package: str, name: str) -> Any:
    """Return the function of an entry point."""
    try:
        declared = importlib.metadata.distribution(package).entry_points
    except importlib.metadata.PackageNotFoundError:
        declared = ()  # type: ignore[assignment]
    for point in declared:
        if point.name == name:
            return point.load()
    found: Any = importlib.import_module(package)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def write(file: Path, content: dict[str, Any]) -> None:
    """Write a file as a whole, so that a process which is killed leaves none in part."""
    part = file.with_suffix(".part")
    part.write_text(json.dumps(content))
    part.replace(file)


def main() -> None:
    """Run the task that the first argument describes, and leave the error for the emulator where it fails."""
    given = json.loads(sys.argv[1])
    sys.argv = [given["entry_point"], *given["parameters"]]
    if sys.path and not sys.path[0]:
        del sys.path[0]  # the empty folder in which this runs
    end_with_parent()
    offer(TaskValues(given["earlier"], Path(given["values"])))
    try:
        entry_point(given["package_name"], given["entry_point"])()
    except BaseException as error:
        if not isinstance(error, SystemExit) or error.code not in {None, 0}:
            said = "".join(traceback.format_exception_only(type(error), error)).strip()
            write(Path(given["report"]), {"error": said, "error_trace": traceback.format_exc()})
        raise


def end_with_parent() -> None:
    """Ask the system to end this process with the one that started it (Linux), so that none outlives a killed emulator."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


if __name__ == "__main__":
    main()
