"""Clean environments: what is in them, when one is made anew, and what cannot be installed."""

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient

from rehearsal.emulator import installer, libraries
from rehearsal.emulator.environments import Environments, StoppedError
from rehearsal.emulator.installer import PythonMissingError
from rehearsal.emulator.libraries import Library, LibraryError
from rehearsal.emulator.workspace import Workspace
from tests.rehearsal.job_material import Desk, wheel

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"
LIST = "import importlib.metadata as m, json; print(json.dumps(sorted(d.name + '==' + d.version for d in m.distributions())))"
INSTALLERS = [
    pytest.param(installer.find_uv(), id="uv", marks=pytest.mark.skipif(not installer.find_uv(), reason="uv is not installed")),
    pytest.param(None, id="pip"),
]


def library(name: str = "demo", code: str = "x = 1", requires: tuple[str, ...] = ()) -> Library:
    return Library(
        f'whl: "/Workspace/Shared/{name}-1.0-py3-none-any.whl"',
        (),
        ((f"{name}-1.0-py3-none-any.whl", wheel(code, name, requires=requires)),),
    )


def installed(python: Path) -> list[str]:
    found: list[str] = json.loads(subprocess.run([python, "-c", LIST], check=True, capture_output=True, text=True).stdout)
    return [name for name in found if name.split("==")[0] not in {"pip", "setuptools"}]


def modified(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in folder.rglob("site-packages/demo*/*.py")}


@pytest.fixture(params=INSTALLERS)
def environments(request: pytest.FixtureRequest, tmp_path: Path) -> Environments:
    return Environments(tmp_path / "environments", online=False, uv=request.param)


@pytest.fixture
def quick(tmp_path: Path) -> Environments:
    return Environments(tmp_path / "environments", online=False)


def test_environment_holds_the_list_and_what_it_needs_and_nothing_of_ours(environments: Environments) -> None:
    other = library("other")
    python = environments.python(HERE, [library(requires=["other"]), other])
    assert installed(python) == ["demo==1.0", "other==1.0"]
    answer = subprocess.run([python, "-m", "pip", "--version"], check=True, capture_output=True, text=True).stdout
    assert str(environments.folder.resolve()) in answer
    subprocess.run([python, "-c", "import setuptools"], check=True)
    assert subprocess.run([python, "-c", "import zenml"], check=False, capture_output=True).returncode == 1


def test_library_that_does_not_exist_is_named_and_leaves_nothing(environments: Environments) -> None:
    missing = Library('pypi: "stackhouse-no-such-package==1.0"', ("stackhouse-no-such-package==1.0",))
    with pytest.raises(LibraryError, match=r'^Library installation failed for pypi: "stackhouse-no-such-package==1.0"\. Error messages: .'):
        environments.python(HERE, [library(), missing])
    assert [path for path in environments.folder.iterdir() if path.is_dir()] == []


def test_file_that_is_no_wheel_is_named(environments: Environments) -> None:
    bad = Library('whl: "/x/bad-1.0-py3-none-any.whl"', (), (("bad-1.0-py3-none-any.whl", b"nonsense"),))
    with pytest.raises(LibraryError, match=r'failed for whl: "/x/bad-1.0-py3-none-any.whl"\.'):
        environments.python(HERE, [library(), bad])


def test_empty_list_is_an_environment_too(quick: Environments) -> None:
    assert installed(quick.python(HERE, [])) == []


def test_libraries_that_contradict_each_other_are_refused(quick: Environments) -> None:
    with pytest.raises(LibraryError, match="demo"):
        quick.python(HERE, [library(), library("other", requires=["demo==2.0"])])


def test_same_content_is_installed_once(quick: Environments) -> None:
    first = quick.python(HERE, [library()])
    before = modified(quick.folder)
    assert quick.python(HERE, [library()]) == first
    assert modified(quick.folder) == before != {}


@pytest.mark.parametrize("other", [[], [library(code="x = 2")], [library(), library("other")]])
def test_other_content_gets_an_environment_of_its_own(quick: Environments, other: list[Library]) -> None:
    assert quick.python(HERE, [library()]) != quick.python(HERE, other)


def test_what_a_killed_build_left_is_built_anew(quick: Environments) -> None:
    python = quick.python(HERE, [library()])
    home = python.parents[2]
    (home / "complete").unlink()
    (home / "venv" / "lib" / f"python{HERE}" / "site-packages" / "demo" / "__init__.py").unlink()
    assert quick.python(HERE, [library()]) == python
    assert installed(python) == ["demo==1.0"]
    subprocess.run([python, "-c", "import demo; demo.x"], check=True)


def test_two_that_ask_at_once_share_one_build(quick: Environments) -> None:
    made: list[Path] = []
    threads = [threading.Thread(target=lambda: made.append(quick.python(HERE, [library()]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 4
    assert len(set(made)) == 1
    assert len([path for path in quick.folder.iterdir() if path.is_dir()]) == 1


def test_stop_ends_a_build_and_leaves_nothing(quick: Environments) -> None:
    with pytest.raises(StoppedError):
        quick.python(HERE, [library()], stopped=lambda: True)
    assert [path for path in quick.folder.iterdir() if path.is_dir()] == []
    assert quick.python(HERE, [library()]).exists()


def test_stop_ends_the_wait_for_somebody_elses_build(quick: Environments) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> bool:
        held.set()
        release.wait(30)
        return True

    def build() -> None:
        with pytest.raises(StoppedError):
            quick.python(HERE, [library()], stopped=hold)

    thread = threading.Thread(target=build)
    thread.start()
    assert held.wait(30)
    begun = time.monotonic()
    with pytest.raises(StoppedError):
        quick.python(HERE, [library()], stopped=lambda: time.monotonic() - begun > 0.3)
    release.set()
    thread.join(30)


def test_installer_sees_only_what_it_needs_of_our_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "DATABRICKS_TOKEN", "PYTHONPATH", "VIRTUAL_ENV", "ZENML_STORE_API_KEY"):
        monkeypatch.setenv(name, "planted")
    monkeypatch.setenv("UV_CACHE_DIR", "/tmp/cache")  # noqa: S108 - only passed on
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    passed = installer.variables()
    assert "planted" not in passed.values()
    assert (passed["UV_CACHE_DIR"], passed["https_proxy"], passed["PATH"]) == ("/tmp/cache", "http://127.0.0.1:1", os.environ["PATH"])  # noqa: S108


def test_python_that_this_machine_lacks_is_named(quick: Environments) -> None:
    with pytest.raises(PythonMissingError, match=rf"The runtime has Python 3\.99, and this machine has {HERE}.*uv python install 3\.99"):
        quick.python("3.99", [])


def test_program_of_another_version_is_not_taken_for_the_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python3.99").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PythonMissingError):
        installer.find_python("3.99", None)


# Libraries of a job


@pytest.fixture
def desk(workspace: Workspace, client: WorkspaceClient) -> Desk:
    return Desk(workspace, client)


def test_requirements_file_is_read_line_by_line(desk: Desk) -> None:
    content = wheel("x = 1")
    desk.upload("/Shared/demo-1.0-py3-none-any.whl", content)
    desk.upload("/Shared/more.txt", b"wheel==0.45.1 ; python_version < '4'\n")
    text = (
        "# pins\nsix==1.17.0 \\\n    --hash=sha256:abc \\\n    --hash=sha256:def  # two\n\n"
        "/Workspace/Shared/demo-1.0-py3-none-any.whl\n-r /Workspace/Shared/more.txt\npkg @ https://host/a#egg=b\n"
    )
    desk.upload("/Shared/pins.txt", text.encode())
    [found] = libraries.of_cluster(desk.workspace, [{"requirements": "/Workspace/Shared/pins.txt"}])
    assert found.name == 'requirements: "/Workspace/Shared/pins.txt"'
    assert found.lines == (
        "six==1.17.0 --hash=sha256:abc --hash=sha256:def",
        "wheel==0.45.1 ; python_version < '4'",
        "pkg @ https://host/a#egg=b",
    )
    assert found.wheels == (("demo-1.0-py3-none-any.whl", content),)
    assert found.hashed


def test_pypi_library_may_name_its_index(desk: Desk) -> None:
    [plain, other] = libraries.of_cluster(
        desk.workspace, [{"pypi": {"package": "six==1.17.0"}}, {"pypi": {"package": "a", "repo": "https://x"}}]
    )
    assert (plain.name, plain.lines, plain.hashed) == ('pypi: "six==1.17.0"', ("six==1.17.0",), False)
    assert other.lines == ("--extra-index-url https://x", "a")


def test_wheel_of_a_volume_is_read_from_there(desk: Desk) -> None:
    place = desk.workspace.files.local(desk.workspace, "/Volumes/dev/ml/files/demo-1.0-py3-none-any.whl")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"content")
    [found] = libraries.of_cluster(desk.workspace, [{"whl": "/Volumes/dev/ml/files/demo-1.0-py3-none-any.whl"}])
    assert found.wheels == (("demo-1.0-py3-none-any.whl", b"content"),)


def test_dependencies_of_serverless_are_lines(desk: Desk) -> None:
    desk.upload("/Shared/pins.txt", b"six==1.17.0\n")
    found = libraries.of_environment(desk.workspace, ["-r /Workspace/Shared/pins.txt", "wheel==0.45.1", "--index-url https://x"])
    assert [one.lines for one in found] == [("six==1.17.0",), ("wheel==0.45.1",), ("--index-url https://x",)]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"whl": "/Workspace/Shared/nothing.whl"}, r"Path \(/Shared/nothing.whl\) does not exist"),
        ({"whl": "/Volumes/a/b/c/nothing.whl"}, "The file /Volumes/a/b/c/nothing.whl does not exist"),
        ({"whl": "dbfs:/x.whl"}, "is not read by the emulator"),
        ({"whl": "/Workspace/Shared/pins.txt"}, "is not a wheel"),
        ({"requirements": "/Workspace/Shared/nothing.txt"}, "does not exist"),
        ({"requirements": "/Workspace/Shared/circle.txt"}, "name each other in a circle"),
        ({"requirements": "/Workspace/Shared/editable.txt"}, "'-e .' is not read"),
        ({"requirements": "relative.txt"}, "neither a path of the workspace nor of a volume"),
        ({"jar": "/x.jar"}, "installs whl, pypi and requirements"),
        ({}, "installs whl, pypi and requirements"),
    ],
)
def test_library_that_cannot_be_read_is_named(desk: Desk, entry: dict[str, str], reason: str) -> None:
    desk.upload("/Shared/pins.txt", b"six==1.17.0\n")
    desk.upload("/Shared/circle.txt", b"-r /Shared/circle.txt\n")
    desk.upload("/Shared/editable.txt", b"-e .\n")
    with pytest.raises(LibraryError, match=reason):
        libraries.of_cluster(desk.workspace, [entry])


@pytest.mark.skipif(not installer.find_uv(), reason="pip reads no index from a folder")
def test_hashes_are_demanded_of_every_line_and_checked(quick: Environments, tmp_path: Path) -> None:
    content = wheel("x = 1")
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    folder = f"--find-links {tmp_path}"
    right = Library("right", (folder, f"demo==1.0 --hash=sha256:{digest}"))
    assert installed(quick.python(HERE, [right, library("other")])) == ["demo==1.0", "other==1.0"]
    wrong = Library("wrong", (folder, f"demo==1.0 --hash=sha256:{'0' * 64}"))
    with pytest.raises(LibraryError, match=r"(?s)failed for wrong.*[Hh]ash"):
        quick.python(HERE, [wrong])
    partly = Library("partly", (folder, f"demo==1.0 --hash=sha256:{digest}", "pip"))
    with pytest.raises(LibraryError, match=r"(?s)failed for partly.*hash"):
        quick.python(HERE, [partly])
