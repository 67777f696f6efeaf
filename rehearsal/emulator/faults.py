"""Faults on request: answers that a real workspace gives on a bad day, for as many requests as are planned."""

import re
import threading
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["429", "503", "drop_before", "drop_after"]
"""Too many requests; unavailable; the connection breaks before the request is handled; or after it, before the answer."""


@dataclass
class Fault:
    """One kind of fault for the next `times` requests whose method and path match."""

    kind: Kind
    method: str
    path: str
    """Regular expression that has to match somewhere in the path."""
    times: int = 1


@dataclass
class Faults:
    """The planned faults."""

    planned: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def plan(self, kind: Kind, method: str, path: str, times: int = 1) -> None:
        """Plan a fault for the next `times` requests that match."""
        with self._lock:
            self.planned.append(Fault(kind, method, path, times))

    def take(self, method: str, path: str) -> Kind | None:
        """Return the fault for this request, if one is planned, and count it."""
        with self._lock:
            for fault in self.planned:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault.kind
        return None
