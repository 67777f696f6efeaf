"""The workspace's clock: real, or moved by hand, so that a schedule of weeks fires within a second."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """What time it is in the workspace, in UTC."""

    def __init__(self) -> None:
        """Start at the real time."""
        self._offset = timedelta()
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self._offset

    def milliseconds(self) -> int:
        """Return the time as Databricks' APIs give it: milliseconds since 1970."""
        return int(self.now().timestamp() * 1000)

    def move(self, by: timedelta) -> None:
        """Move the clock forward and tell those who wait for a time."""
        with self._lock:
            self._offset += by
        for listener in self._listeners:
            listener()

    def on_move(self, listener: Callable[[], None]) -> None:
        """Call `listener` after each move."""
        self._listeners.append(listener)
