"""One attempt of a Python wheel task: its parameters, variables and environment, its process, its log, what it leaves.

As on a cluster, the process sees the cluster's variables, a home of its own and an empty folder, and nothing of ours. What a runtime
gives its code by other means, the identity of the caller, stands here in DATABRICKS_HOST and DATABRICKS_TOKEN.
Not emulated: Spark, `/Volumes` as a folder, DATABRICKS_RUNTIME_VERSION, and any package that a runtime brings along.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.emulator import libraries, process_group, references, run_states
from rehearsal.emulator.environments import SERVERLESS_PYTHONS, StoppedError
from rehearsal.emulator.errors import ApiError
from rehearsal.emulator.installer import Command, PythonMissingError
from rehearsal.emulator.libraries import LibraryError
from rehearsal.emulator.redaction import Redaction
from rehearsal.emulator.run_states import State
from rehearsal.emulator.runs import JobRun, TaskRun

if TYPE_CHECKING:
    from rehearsal.emulator.workspace import Workspace

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOG_LIMIT = 64 * 1024**2
"""Where a log ends, so that a task in a loop does not fill the disk."""


class TaskProcess:
    """An attempt that is under way."""

    def __init__(self, workspace: "Workspace", run: JobRun, attempt: TaskRun, stop: Callable[[], State | None]) -> None:
        """Take the attempt, and what tells that it has to end, and how."""
        self._workspace, self._run, self._attempt, self._stop = workspace, run, attempt, stop
        self._redaction = Redaction([workspace.token])
        self._work = run.folder / "work" / f"{attempt.key}.{attempt.attempt}"

    def to_end(self) -> State:
        """Prepare and run it; return the state in which it ends."""
        begun = time.monotonic()
        try:
            parameters = self._parameters()
            variables = self._variables()
            python = self._python()
        except StoppedError:
            return self._stop() or run_states.STOPPED
        except KeyError as error:
            return self._broken("INVALID_RUN_CONFIGURATION", f"{error.args[0]} has no value in this run.")
        except ApiError as error:
            return self._broken("CLUSTER_ERROR", f"The cluster could not start: {error.message}")
        except PythonMissingError as error:
            return self._broken("CLUSTER_ERROR", str(error))
        except LibraryError as error:
            return self._broken("LIBRARY_INSTALLATION_ERROR", str(error))
        with self._workspace.jobs.changed:
            self._attempt.setup_duration = _milliseconds(begun)
            self._attempt.parameters = parameters
            self._attempt.state = run_states.RUNNING
            self._workspace.jobs.changed.notify_all()
        begun = time.monotonic()
        try:
            return self._process(python, variables, parameters)
        finally:
            self._attempt.execution_duration = _milliseconds(begun)

    def _process(self, python: Path, variables: dict[str, str], parameters: list[str]) -> State:
        empty, report, values = self._work / "empty", self._work / "report.json", self._work / "values.json"
        empty.mkdir(parents=True)
        task = self._attempt.task["python_wheel_task"]
        given = {
            "package_name": task["package_name"],
            "entry_point": task["entry_point"],
            "parameters": parameters,
            "earlier": self._run.values,
            "report": str(report),
            "values": str(values),
        }
        program = Path(__file__).with_name("wheel_task.py").read_text()
        path = {"PATH": f"{python.parent}:{SYSTEM_PATH}"}
        command: Command = [python, "-u", "-c", program, json.dumps(given)]
        with self._attempt.log.open("ab") as file:

            def received(piece: bytes) -> None:
                if file.tell() < LOG_LIMIT:
                    file.write(self._redaction.feed(piece))
                    file.flush()

            ended = process_group.run(command, path | variables, empty, received, lambda: self._stop() is not None)
            file.write(self._redaction.rest())
        if values.is_file():
            with self._workspace.jobs.changed:
                self._run.values = self._run.values | {self._attempt.key: json.loads(values.read_text())}
        if ended.status == 0:
            return run_states.SUCCESS
        if ended.status is None:
            return self._stop() or run_states.STOPPED
        return self._failed(ended.status, report)

    def _failed(self, status: int, report: Path) -> State:
        if report.is_file():
            said = json.loads(report.read_text())
            self._attempt.error, self._attempt.error_trace = (self._redaction.text(said[name]) for name in ("error", "error_trace"))
            return run_states.FAILED
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        self._attempt.error = f"The Python process ended {how}, without an exception."
        return run_states.FAILED

    def _broken(self, code: str, message: str) -> State:
        said = self._redaction.text(message)
        self._attempt.error = said
        self._attempt.log.write_text(f"{said}\n")
        return run_states.broken(code, said)

    def _parameters(self) -> list[str]:
        """Return the parameters with references resolved; what run-now gave takes the place of those of the task."""
        task = self._attempt.task["python_wheel_task"]
        values = reference_values(self._workspace, self._run, self._attempt)
        given: list[str] = self._run.overriding.get("python_params") or task.get("parameters") or []
        named: dict[str, str] = self._run.overriding.get("python_named_params") or task.get("named_parameters") or {}
        if named:
            # The job's parameters are handed down to tasks with named ones
            given = [f"--{name}={value}" for name, value in (named | self._run.parameters).items()]
        return [references.resolve(text, values) for text in given]

    def _variables(self) -> dict[str, str]:
        """Return the cluster's variables, with secrets in place of references to them."""
        task, secrets = self._attempt.task, self._workspace.secrets
        defined = (_cluster(self._run.settings, task) or {}).get("spark_env_vars") or {}
        self._redaction = Redaction([self._workspace.token, *(value for text in defined.values() for value in secrets.values(text))])
        home = self._run.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        native = {"DATABRICKS_HOST": self._workspace.host, "DATABRICKS_TOKEN": self._workspace.token}
        return {"HOME": str(home), **native, **{name: secrets.resolve(text) for name, text in defined.items()}}

    def _python(self) -> Path:
        """Return the interpreter of the task's environment, made now where there is none yet."""
        task = self._attempt.task
        if cluster := _cluster(self._run.settings, task):
            version = self._workspace.compute.python_of(cluster["spark_version"])
            listed = libraries.of_cluster(self._workspace, task.get("libraries") or [])
        else:
            spec = _entry(self._run.settings, "environments", "environment_key", task["environment_key"]).get("spec") or {}
            version = SERVERLESS_PYTHONS[spec.get("environment_version") or spec["client"]]
            listed = libraries.of_environment(self._workspace, spec.get("dependencies") or [])
        return self._workspace.jobs.environments_of(self._workspace).python(version, listed, lambda: self._stop() is not None)


def reference_values(workspace: "Workspace", run: JobRun, attempt: TaskRun) -> dict[str, str]:
    """Return what references can name within a task of a run."""
    started, triggered = (datetime.fromtimestamp(time_ / 1000, UTC) for time_ in (run.start_time, run.trigger_time))
    found = {
        "job.id": str(run.job_id),
        "job.name": run.name,
        "job.run_id": str(run.run_id),
        "job.repair_count": "0",
        "job.trigger.type": "periodic" if run.trigger == "PERIODIC" else "one_time",
        "task.name": attempt.key,
        "task.run_id": str(attempt.run_id),
        "task.execution_count": str(attempt.attempt),
        "workspace.id": "0",
        "workspace.url": workspace.host,
        "job_id": str(run.job_id),
        "run_id": str(attempt.run_id),
        "parent_run_id": str(run.run_id),
        "task_key": attempt.key,
        "task_retry_count": str(attempt.attempt),
        "start_date": f"{started:%Y-%m-%d}",
        "start_time": str(run.start_time),
        **references.time_values("job.start_time", started),
        **references.time_values("job.trigger.time", triggered),
    }
    found |= {f"job.parameters.{name}": references.resolve(value, found) for name, value in run.parameters.items()}
    for key, other in run.latest.items():
        found[f"tasks.{key}.run_id"] = str(other.run_id)
        if other.state.finished:
            found[f"tasks.{key}.result_state"] = (other.state.result or "failed").lower()
    for key, values in run.values.items():
        found |= {f"tasks.{key}.values.{name}": references.spelt(value) for name, value in values.items()}
    return found


def _cluster(settings: dict[str, Any], task: dict[str, Any]) -> dict[str, Any] | None:
    if "job_cluster_key" in task:
        return dict(_entry(settings, "job_clusters", "job_cluster_key", task["job_cluster_key"])["new_cluster"])
    return task.get("new_cluster")


def _entry(settings: dict[str, Any], where: str, name: str, key: str) -> dict[str, Any]:
    return next(entry for entry in settings[where] if entry[name] == key)


def _milliseconds(begun: float) -> int:
    return int((time.monotonic() - begun) * 1000)
