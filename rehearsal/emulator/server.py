"""The emulator as a server on loopback, in a thread of this process."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from rehearsal.emulator.app import create_app
from rehearsal.emulator.workspace import Workspace

START_SECONDS = 20


@contextmanager
def serving(workspace: Workspace, port: int = 0) -> Iterator[str]:
    """Serve a workspace on 127.0.0.1 and give its address; a free port is taken where none is named.

    Raises:
        OSError: where the port is in use.
        TimeoutError: where the server does not start.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    workspace.host = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(create_app(workspace), log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True, name="emulator")
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if time.monotonic() > deadline or not thread.is_alive():
                raise TimeoutError(f"The emulator did not start on {workspace.host} within {START_SECONDS} s.")
            time.sleep(0.01)
        yield workspace.host
    finally:
        workspace.jobs.stop()
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()
