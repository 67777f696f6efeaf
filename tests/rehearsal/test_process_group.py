"""Commands in groups of their own: what they see, what is passed on, and that nothing of them stays."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.emulator import process_group
from tests.rehearsal.job_material import wait_for

VARIABLES = {"PATH": os.environ["PATH"], "MARK": "process-group-test"}


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def run(script: str, tmp_path: Path, seconds: float = 30) -> tuple[int | None, str]:
    output: list[bytes] = []
    end = time.monotonic() + seconds
    ended = process_group.run(["sh", "-c", script], VARIABLES, tmp_path, output.append, lambda: time.monotonic() > end)
    return ended.status, b"".join(output).decode()


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    yield
    process_group.sweep("MARK", "process-group-test")


def test_output_of_both_streams_comes_in_order(tmp_path: Path) -> None:
    assert run("echo one; echo two >&2; printf three", tmp_path) == (0, "one\ntwo\nthree")


def test_large_output_is_passed_on_whole(tmp_path: Path) -> None:
    status, said = run("seq 1 200000", tmp_path)
    assert status == 0
    assert said.splitlines() == [str(number) for number in range(1, 200001)]


@pytest.mark.parametrize(("script", "status"), [("exit 3", 3), ("kill -9 $$", -9), ("true", 0)])
def test_status_is_that_of_the_command(tmp_path: Path, script: str, status: int) -> None:
    assert run(script, tmp_path)[0] == status


def test_command_runs_in_the_folder_with_the_variables_and_no_input(tmp_path: Path) -> None:
    status, said = run("pwd; cat; env | grep -c HOME", tmp_path)
    assert (status, said) == (1, f"{tmp_path}\n0\n")


def test_stop_ends_the_command_and_its_children(tmp_path: Path) -> None:
    status, said = run("sleep 1000 & echo $! $$; wait", tmp_path, 0.5)
    assert status is None
    assert len(said.split()) == 2
    wait_for(lambda: not any(alive(int(process)) for process in said.split()), 5)


def test_command_that_ignores_a_polite_end_is_killed(tmp_path: Path) -> None:
    begun = time.monotonic()
    status, said = run("trap '' TERM; echo $$; while true; do sleep 0.1; done", tmp_path, 0.5)
    assert status is None
    wait_for(lambda: not alive(int(said.split()[0])), 5)
    assert time.monotonic() - begun < 10


def test_child_that_outlives_the_command_is_ended_and_not_waited_for(tmp_path: Path) -> None:
    begun = time.monotonic()
    status, said = run("sleep 1000 & echo $!", tmp_path)
    assert status == 0
    assert time.monotonic() - begun < 10
    wait_for(lambda: not alive(int(said)), 5)


def test_command_that_closes_its_output_is_still_waited_for(tmp_path: Path) -> None:
    assert run("exec >/dev/null 2>&1; sleep 0.5; exit 4", tmp_path)[0] == 4


def test_command_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nothing-of-this-name"):
        process_group.run(["/nothing-of-this-name"], {}, tmp_path, lambda _: None, lambda: False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the variables of a process")
def test_sweep_ends_what_carries_the_mark_and_nothing_else() -> None:
    marked = subprocess.Popen(["sleep", "1000"], env={"MARK": "one"}, start_new_session=True)
    others = [subprocess.Popen(["sleep", "1000"], env={"MARK": value}) for value in ("one-more", "")]
    try:
        process_group.sweep("MARK", "one")
        assert marked.wait(5) == -signal.SIGKILL
        assert [other.poll() for other in others] == [None, None]
    finally:
        for process in (marked, *others):
            process.kill()
            process.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with the one that started it")
def test_task_ends_with_an_emulator_that_is_killed(tmp_path: Path) -> None:
    """The launcher of a wheel task asks the system for it."""
    launcher = Path(process_group.__file__).with_name("wheel_task.py").read_text().partition("if __name__")[0]
    task = f"{launcher}\nimport time\nend_with_parent()\nprint('ready', flush=True)\ntime.sleep(1000)\n"
    parent = textwrap.dedent(f"""
        import subprocess, sys, time
        child = subprocess.Popen([sys.executable, "-c", {task!r}], stdout=subprocess.PIPE)
        child.stdout.readline()
        print(child.pid, flush=True)
        time.sleep(1000)
    """)
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    assert alive(child)
    process.kill()
    process.wait()
    process.stdout.close()
    wait_for(lambda: not alive(child), 5)
