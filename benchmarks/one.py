"""One comparison in a process of its own: what another one has left in memory would be in its numbers."""

from importlib import import_module
from pathlib import Path

IN_MEMORY = ("features", "joins")
"""Those that write nothing; the others are given a new folder."""


def compare(name: str, folder: Path) -> None:
    """Make the comparison `benchmarks/NAME.py`, and print it."""
    comparison = import_module(f"benchmarks.{name}")
    comparison.compare(*([] if name in IN_MEMORY else [folder]))
