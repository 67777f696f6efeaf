"""Memory: what a process held at its largest, and what the machine has, in GiB."""

import os
import resource
import sys
from pathlib import Path

GIB = 2**30


def peak_gib() -> float:
    """Return the largest resident memory of this process.

    Source: proc(5), VmHWM. Where there is none, `ru_maxrss` of the process or a child, which begins with what the parent held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / GIB
    unit = 1 if sys.platform == "darwin" else 1024
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * unit / GIB


def forget_peak() -> None:
    """Let the largest resident memory begin anew. Source: proc(5), /proc/PID/clear_refs, 5."""
    place = Path("/proc/self/clear_refs")
    if place.exists():
        place.write_text("5", encoding="ascii")


def memory_gib() -> float:
    """Return the memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
