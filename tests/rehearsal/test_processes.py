"""Servers of the rehearsal: nothing of them stays where the process that started them is told to end."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

from rehearsal.processes import free_port
from tests.conftest import PROJECT

SERVING = """
import sys, threading
from pathlib import Path
from rehearsal.processes import left_on_sigterm, server

port, log = sys.argv[1], Path(sys.argv[2])
command = [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1"]
with left_on_sigterm(), server("The server", command, {}, f"http://127.0.0.1:{port}", log):
    print("up", flush=True)
    threading.Event().wait()
"""


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_process_that_is_told_to_end_ends_its_servers(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-c", SERVING, str(port), str(tmp_path / "server.log")]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        assert listening(port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
    assert not listening(port)
