"""The project's folder is checked before anything is written."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stackhouse.errors import InfrastructureError
from stacks.home import home, require_writable


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this machine does not let mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_writable_folder_is_created_and_left_empty(tmp_path: Path) -> None:
    require_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_full_disk_is_refused_naming_what_is_free_and_what_is_needed(small_disk: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"disk/home has 1 MB free, a run needs 200 MB\. Free some space there"):
        require_writable(small_disk / "home")


def test_a_disk_without_a_byte_left_is_refused(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space left"), (small_disk / "filler").open("wb") as filler:
        filler.write(b"0" * 2_000_000)
    with pytest.raises(InfrastructureError, match=r"No space left on device|has 0 MB free"):
        require_writable(small_disk)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(InfrastructureError, match=r"Cannot write to .*home: File exists\. Give a folder"):
        require_writable(tmp_path / "home")


def test_the_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STACKHOUSE_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.delenv("STACKHOUSE_HOME")
    assert home().name == ".stackhouse"
