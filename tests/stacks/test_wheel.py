"""The wheel of a job: the project's packages alone, built offline, named after its content."""

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from stackhouse.errors import InfrastructureError
from stacks.databricks.wheel import build_wheel, packages
from stacks.home import PROJECT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_python_files_of_what_steps_need_and_nothing_else(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in names} == {"materializers", "pipelines", "stackhouse", "stacks", "steps"}
    assert {Path(name).suffix for name in names} == {".py"}
    assert {"steps/train_model.py", "stacks/databricks/task.py", "stackhouse/features/route_day.py"} <= set(names)


def test_entry_points_of_tasks_are_in_its_metadata(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    entry_points = next(archive.read(name).decode() for name in archive.namelist() if name.endswith("entry_points.txt"))
    assert entry_points.splitlines() == [
        "[console_scripts]",
        "stackhouse-step = stacks.databricks.task:main",
        "stackhouse-task = stacks.databricks.gate_tasks:main",
    ]


def test_version_and_bytes_change_with_the_code_and_only_then(wheel: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for package in packages():
        target = copy.joinpath(*package.split("."))
        shutil.copytree(PROJECT.joinpath(*package.split(".")), target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    shutil.copyfile(PROJECT / "pyproject.toml", copy / "pyproject.toml")
    (copy / "steps" / "tune.py").touch()
    same = build_wheel(tmp_path / "same", copy)
    assert (same.name, same.read_bytes()) == (wheel.name, wheel.read_bytes())
    assert re.fullmatch(r"stackhouse-0\.1\.0\+[0-9a-f]{12}-py3-none-any\.whl", wheel.name)
    (copy / "steps" / "tune.py").write_text('"""Another."""\n', encoding="utf-8")
    assert build_wheel(tmp_path / "other", copy).name != wheel.name


def test_wheel_that_cannot_be_built_says_what_pip_said(tmp_path: Path) -> None:
    (tmp_path / "project" / "steps").mkdir(parents=True)
    (tmp_path / "project" / "pyproject.toml").write_text(
        '[project]\nname = "not a name"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n'
        '[tool.setuptools]\npackages = ["steps"]\n',
        encoding="utf-8",
    )
    with pytest.raises(InfrastructureError, match=r"(?s)cannot be built: `pip wheel` left with 1.*pip and setuptools.*name"):
        build_wheel(tmp_path / "wheel", tmp_path / "project")
