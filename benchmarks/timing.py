"""Clocks: the median of several repetitions, and where the seconds of a process go."""

import statistics
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any


def seconds(action: Callable[[], Any]) -> float:
    """Return the wall-clock seconds of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def alternating(repetitions: int, **actions: Callable[[], Any]) -> dict[str, list[float]]:
    """Time the actions in turn, so that a slow moment of the machine meets all of them; one unmeasured call of each comes first."""
    for action in actions.values():
        action()
    measured: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(repetitions):
        for name, action in actions.items():
            measured[name].append(seconds(action))
    return measured


def medians(measured: dict[str, list[float]]) -> dict[str, float]:
    """Return the median of each action."""
    return {name: statistics.median(values) for name, values in measured.items()}


class Phases:
    """Exclusive seconds by phase: time inside an inner phase does not count for the outer one. The main thread alone counts."""

    def __init__(self, first: str, started: float) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open, self._since = [first], started

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Count what happens inside for `name`."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._close_lap()
        self._open.append(name)
        try:
            yield
        finally:
            self._close_lap()
            self._open.pop()

    def wrap(self, owner: Any, attribute: str, name: str) -> None:
        """Count every call of a function or method for `name`."""
        original = getattr(owner, attribute)

        @wraps(original)
        def counted(*args: Any, **options: Any) -> Any:
            with self(name):
                return original(*args, **options)

        setattr(owner, attribute, counted)

    def finish(self) -> dict[str, float]:
        """Return the seconds of each phase until now."""
        self._close_lap()
        return dict(self.seconds)

    def _close_lap(self) -> None:
        now = time.time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now
