"""The libraries of a job: exact pins from the lock of the cluster, for the runtime's Python."""

from pathlib import Path

import pytest

from stackhouse.errors import ConfigurationError, InfrastructureError
from stacks.databricks.pins import pins, require_pin, requirements

LOCK = r"""
aiohttp==3.14.5 ; python_full_version < '3.13' and sys_platform != 'win32' \
    --hash=sha256:aaaa \
    --hash=sha256:bbbb
older==1.0 ; python_full_version < '3.12' \
    --hash=sha256:cccc
newer==2.0 ; python_full_version >= '3.12' \
    --hash=sha256:dddd
colorama==0.4 ; sys_platform == 'win32' \
    --hash=sha256:eeee
xgboost==3.2.0 ; sys_platform == 'darwin' \
    --hash=sha256:ffff
plain==5.0
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "requirements-cluster.lock"
    path.write_text(LOCK, encoding="utf-8")
    return path


def test_pins_are_those_of_linux_and_this_python_with_their_hashes(lock: Path) -> None:
    assert requirements("3.11", lock) == (
        "aiohttp==3.14.5 \\\n    --hash=sha256:aaaa \\\n    --hash=sha256:bbbb\nolder==1.0 \\\n    --hash=sha256:cccc\nplain==5.0\n"
    )


@pytest.mark.parametrize(("python", "names"), [("3.11", {"aiohttp", "older", "plain"}), ("3.12", {"aiohttp", "newer", "plain"})])
def test_each_python_gets_its_own(lock: Path, python: str, names: set[str]) -> None:
    assert set(pins(requirements(python, lock))) == names


@pytest.mark.parametrize("python", ["3.11", "3.12"])
def test_shipped_lock_pins_what_steps_import_and_nothing_of_a_laptop_or_of_the_runtime(python: str) -> None:
    found = pins(requirements(python))
    assert found["zenml"] == "0.98.0"
    assert found["mlflow"] == "3.17.2"
    assert {"polars", "xgboost-cpu", "lightgbm", "scikit-learn", "databricks-sdk", "deltalake"} <= set(found)
    assert not {"pyspark", "uv", "cyclopts", "sqlmodel", "pytest", "databricks-feature-engineering", "xgboost"} & set(found)


def test_python_without_pins_is_refused(lock: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"holds libraries for Python 3\.11 and 3\.12, not 3\.10"):
        requirements("3.10", lock)


def test_missing_lock_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match="make lock"):
        requirements("3.11", tmp_path / "requirements-cluster.lock")


@pytest.mark.parametrize("library", ["prophet==1.1.5", "prophet[extra]==1.1.5", "torch==2.13.0+cpu"])
def test_exact_pin_is_taken(library: str) -> None:
    assert require_pin(library) == library


@pytest.mark.parametrize("library", ["prophet", "prophet>=1", "prophet==", "prophet==1.*", "git+https://x/y", "-r file", "a==1; b==2"])
def test_anything_but_an_exact_pin_is_refused(library: str) -> None:
    with pytest.raises(ValueError, match="is not an exact pin"):
        require_pin(library)
