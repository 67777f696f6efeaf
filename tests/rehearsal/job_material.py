"""What tests of jobs are made of: a wheel with small functions, a client's calls in short, and waiting that ends."""

import io
import time
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.compute import ClusterSpec, Environment, Library
from databricks.sdk.service.jobs import JobCluster, JobEnvironment, PythonWheelTask, Run, RunTask, Task, TaskDependency
from databricks.sdk.service.workspace import ImportFormat

from rehearsal.emulator.workspace import Workspace

WAIT_SECONDS = 60
RUNTIME = "15.4.x-scala2.12"
WHEEL = "/Workspace/Shared/demo-1.0-py3-none-any.whl"
CODE = Path(__file__).with_name("job_demo.py")


def wheel(code: str, name: str = "demo", version: str = "1.0", requires: Sequence[str] = ()) -> bytes:
    """Build a wheel of one module, the same bytes for the same code."""
    info = f"{name}-{version}.dist-info"
    needed = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files = {
        f"{name}/__init__.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needed}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\ndeclared = {name}:show\n",
        f"{info}/RECORD": "",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return buffer.getvalue()


@dataclass
class Desk:
    """A client at work."""

    workspace: Workspace
    client: WorkspaceClient

    def upload(self, path: str, content: bytes) -> None:
        self.client.workspace.upload(path, content, format=ImportFormat.AUTO, overwrite=True)

    def task(self, key: str, function: str = "show", *parameters: str, after: Sequence[str] = (), **more: Any) -> Task:
        more = {"libraries": [Library(whl=WHEEL)], "job_cluster_key": "main"} | more
        return Task(
            task_key=key,
            python_wheel_task=PythonWheelTask(package_name="demo", entry_point=function, parameters=list(parameters)),
            depends_on=[TaskDependency(task_key=name) for name in after] or None,
            **more,
        )

    def job(self, *tasks: Task, variables: dict[str, str] | None = None, **more: Any) -> int:
        self.upload(WHEEL, wheel(CODE.read_text()))
        cluster = ClusterSpec(spark_version=RUNTIME, node_type_id="m6i.xlarge", num_workers=0, spark_env_vars=variables)
        more = {"name": "demo", "job_clusters": [JobCluster(job_cluster_key="main", new_cluster=cluster)]} | more
        job_id = self.client.jobs.create(tasks=list(tasks), **more).job_id
        assert job_id is not None
        return job_id

    def serverless(self, *tasks: Task, version: str = "2", dependencies: Sequence[str] = (WHEEL,)) -> int:
        environment = Environment(environment_version=version, dependencies=list(dependencies))
        return self.job(*tasks, job_clusters=None, environments=[JobEnvironment(environment_key="main", spec=environment)])

    def start(self, job_id: int, **more: Any) -> int:
        run_id = self.client.jobs.run_now(job_id, **more).run_id
        assert isinstance(run_id, int)
        return run_id

    def run(self, job_id: int, **more: Any) -> Run:
        return self.ended(self.start(job_id, **more))

    def ended(self, run_id: int) -> Run:
        return self.until(run_id, lambda run: bool(run.end_time))

    def until(self, run_id: int, holds: Any) -> Run:
        deadline = time.monotonic() + WAIT_SECONDS
        while not holds(run := self.client.jobs.get_run(run_id)):
            assert time.monotonic() < deadline, f"Still {[(task.task_key, state(task)) for task in run.tasks or []]}"
            time.sleep(0.05)
        return run

    def logs(self, task: RunTask) -> str:
        assert task.run_id is not None
        return self.client.jobs.get_run_output(task.run_id).logs or ""


def state(of: Run | RunTask) -> str:
    """Return the result, or the life cycle state where there is none yet."""
    assert of.state is not None
    assert of.state.life_cycle_state is not None
    return of.state.result_state.value if of.state.result_state else of.state.life_cycle_state.value


def life_cycle(of: Run | RunTask) -> str:
    assert of.state is not None
    assert of.state.life_cycle_state is not None
    return of.state.life_cycle_state.value


def message(of: Run | RunTask) -> str:
    assert of.state is not None
    return of.state.state_message or ""


def code(of: Run | RunTask) -> str:
    """Return the code by which a run says why it ended."""
    assert of.status is not None
    assert of.status.termination_details is not None
    assert of.status.termination_details.code is not None
    return of.status.termination_details.code.value


def states(run: Run) -> dict[str, str]:
    """Return the state of each task's last attempt."""
    return {task.task_key: state(task) for task in run.tasks or []}


def wait_for(holds: Any, seconds: float = WAIT_SECONDS) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
