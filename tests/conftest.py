"""Every test runs in a home of its own: neither the user's ZenML nor the project's folder is touched."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
TEMPORARY = Path(tempfile.mkdtemp(prefix="stackhouse-tests-"))
atexit.register(shutil.rmtree, TEMPORARY, ignore_errors=True)
CLUSTER_ENVIRONMENTS = Path(os.environ.setdefault("TESTS_CLUSTER_ENVIRONMENTS", str(TEMPORARY / "cluster_environments")))
"""Environments of emulated clusters, each made once for all workers, since the first of them hands its own down; it also removes them."""

os.environ["STACKHOUSE_HOME"] = str(TEMPORARY / "home")
os.environ["ZENML_CONFIG_PATH"] = str(TEMPORARY / "home" / "zenml")
ELSEWHERE = {"ZENML_ACTIVE_STACK_ID", "ZENML_ACTIVE_PROJECT_ID", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"}
for name in [*os.environ]:
    if name.startswith("ZENML_STORE_") or name in ELSEWHERE:
        del os.environ[name]

from commands import settings  # noqa: E402 - both variables have to be set before zenml is imported

settings.apply()

LONGEST = (
    "test_killed_runs.py",
    "test_guide_examples.py",
    "test_four_commands.py",
    "test_orchestrator_on_the_emulator.py",
    "test_rehearse_command.py",
    "test_spark_run.py",
    "test_commands.py",
    "test_readme.py",
    "test_mlflow_layer.py",
    "test_registration.py",
    "test_bundle_on_the_emulator.py",
    "test_smoke.py",
    "test_unity_catalog_feature_store.py",
    "test_runs.py",
)
"""Files that take minutes: they start first, so that no worker waits for one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A failure in a worker is shown when it happens, and not only at the end of a run that may be ended before."""
    if report.failed and hasattr(report, "node"):
        report.node.config.get_terminal_writer().line(f"\nFAILED {report.nodeid}\n{report.longreprtext}")


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow does not complete a model's name by the current catalog of a Spark session that another file has left."""
    monkeypatch.setattr("mlflow.store._unity_catalog.registry.rest_store.get_full_name_from_sc", lambda name, _spark: name)
