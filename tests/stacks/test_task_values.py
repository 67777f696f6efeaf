"""Task values: set on the cluster of a job, and refused where they would be lost."""

import subprocess
import sys
from pathlib import Path

import pytest

from stackhouse.errors import InfrastructureError
from stacks.databricks.task_values import publish
from tests.conftest import PROJECT

ON_A_CLUSTER = """
import sys, types
class TaskValues:
    def set(self, key, value):
        print("set", key, repr(value))
dbutils = types.SimpleNamespace(jobs=types.SimpleNamespace(taskValues=TaskValues()))
found = types.SimpleNamespace(get_namespace_globals=lambda: {"dbutils": dbutils})
module = types.ModuleType("dbruntime")
module.UserNamespaceInitializer = types.SimpleNamespace(getOrCreate=lambda: found)
sys.modules["dbruntime"] = module
from stacks.databricks.task_values import publish
publish({"verdict": "APPROVED", "registered": True})
"""


def test_values_are_set_and_printed_on_a_cluster() -> None:
    told = subprocess.run([sys.executable, "-c", ON_A_CLUSTER], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.splitlines() == ["set verdict 'APPROVED'", "verdict = APPROVED", "set registered True", "registered = True"]


@pytest.mark.parametrize(
    "credentials", [{}, {"DATABRICKS_HOST": "http://127.0.0.1:1", "DATABRICKS_TOKEN": "dapi0"}], ids=["none", "a client's"]
)
def test_values_are_refused_outside_a_cluster(credentials: dict[str, str], tmp_path: Path) -> None:
    code = "from stacks.databricks.task_values import publish\npublish({'verdict': 'APPROVED'})"
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **credentials}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 1
    assert "InfrastructureError: Task values can be set on the cluster of a Databricks job alone" in told.stderr
    assert "dapi0" not in told.stderr
    assert told.stdout == ""


def test_refusal_says_how_a_task_is_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("DATABRICKS_TOKEN", "dapi0")
    with pytest.raises(InfrastructureError, match="databricks bundle run ml_training_pipeline"):
        publish({"verdict": "APPROVED"})
