"""(g) What a task costs beside its step: the rehearsal's tasks, each a process of its own, against the local run's steps.

A task's time is the emulator's, from the start of its process to its end; a step's time is ZenML's own record of it. What lies between is
the fixed cost: the interpreter, imports, and what is asked of ZenML, of the workspace and of MLflow before and after.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import yaml

from rehearsal.session import Session, clean_environment, rehearsing

PROJECT = Path(__file__).resolve().parents[1]
DAYS = 70
TIMEOUT_SECONDS = 1800
IMPORTS = {
    "interpreter alone": "pass",
    "import zenml.client": "import zenml.client",
    "import mlflow": "import mlflow",
    "import databricks.sdk": "import databricks.sdk",
    "import steps.tune": "import steps.tune",
}


def compare(folder: Path) -> None:
    """Run the flights of some weeks on both stacks, and print tasks, steps and the difference; `folder` is a new temporary one."""
    folder.mkdir()
    model = folder / "flights.yaml"
    parameters = yaml.safe_load((PROJECT / "configs/models/flight_delay.yaml").read_text(encoding="utf-8"))
    parameters["parameters"]["model"]["source"]["days"] = DAYS
    parameters["parameters"]["model"]["gates"] = {"minimum": {"roc_auc": 0.5}, "baseline_f1": 0.01}
    model.write_text(yaml.safe_dump(parameters), encoding="utf-8")
    local = folder / "local"
    beside = clean_environment() | {"STACKHOUSE_HOME": str(local), "ZENML_CONFIG_PATH": str(local / "zenml")}
    here = _run(model, "local", beside, folder)
    with rehearsing(folder / "rehearsal", [("dev", "flights")], folder / "environments") as session:
        there = _run(model, "rehearsal", session.environment(), folder)
        tasks = _task_seconds(session)
    steps = {name: seconds for name, seconds in there.items() if name in tasks}
    fixed = {name: tasks[name] - steps[name] for name in steps}
    print(f"\n(g) tasks: {len(tasks)} tasks of the rehearsal against {len(steps)} steps of the local run, {DAYS} days of flights")
    print(f"    {'':<44}{'median':>10}{'least':>10}{'most':>10}")
    for title, seconds in (
        ("local: a step, s", [here[name] for name in steps]),
        ("rehearsal: the step inside its task, s", list(steps.values())),
        ("rehearsal: the task, s", list(tasks.values())),
        ("fixed cost of a task, s", list(fixed.values())),
    ):
        print(f"    {title:<44}{median(seconds):>10.2f}{min(seconds):>10.2f}{max(seconds):>10.2f}")
    between = [here[f"{pipeline} beside its steps"] for pipeline in ("feature_engineering", "training")]
    print(f"    {'local: between two steps, s':<44}{sum(between) / len(steps):>10.2f}")
    print("\n    in the environment of the emulated cluster, best of 3, s")
    python = next((folder / "environments").glob("*/venv/bin/python"))
    for title, code in IMPORTS.items():
        print(f"    {title:<44}{_seconds(python, code):>10.2f}")


def _run(model: Path, stack: str, environment: Mapping[str, str], folder: Path) -> dict[str, float]:
    output = folder / f"{stack}.json"
    command = [sys.executable, "-m", "commands.main", "run", str(model), "--stack", stack, "--no-cache", "--output-file", str(output)]
    subprocess.run(command, env=dict(environment), cwd=PROJECT, capture_output=True, timeout=TIMEOUT_SECONDS, check=True)
    seconds: dict[str, float] = json.loads(output.read_text(encoding="utf-8"))["seconds"]
    return seconds


def _task_seconds(session: Session) -> dict[str, float]:
    """Time of each task by `pipeline.step`, as the step is called in an outcome."""
    runs = session.workspace.jobs.runs.values()
    return {
        f"{run.settings['tags']['stackhouse_pipeline']}.{task.key}": (task.end_time - task.start_time) / 1000
        for run in runs
        for task in run.tasks
        if task.end_time and task.start_time
    }


def _seconds(python: Path, code: str) -> float:
    found = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run(
            [python, "-c", code], env={"PATH": "/usr/bin:/bin", "HOME": str(python.parents[2])}, cwd="/", timeout=120, check=True
        )
        found.append(time.perf_counter() - begun)
    return min(found)
