"""What it takes to serve a version: size, time of a row and of a batch, memory, and the range of its probabilities."""

import os
import time
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from mlflow.pyfunc import PyFuncModel

from stackhouse.model_validation import Readiness
from stacks.served_model import require_probabilities, served

BATCH_ROWS = 1_000
PROBABILITY = "predict_proba"
_CALLS = 20
_BATCHES = 5


def measure_serving(
    model: PyFuncModel, rows: pd.DataFrame, before_bytes: int | None, size_bytes: int, methods: tuple[str, ...]
) -> Readiness:
    """Measure a loaded model.

    Args:
        model: the model, ready to score.
        rows: rows in the types of its signature; they are repeated to a batch of 1,000.
        before_bytes: memory of the process before the model was loaded; None where the system does not tell.
        size_bytes: size of its files.
        methods: what it can be asked for.

    Raises:
        Exception: whatever the model raises.
    """
    batch = rows.take(np.arange(BATCH_ROWS) % len(rows)).reset_index(drop=True)
    row_ms = _median_ms(model, rows.head(1), _CALLS)
    batch_ms = _median_ms(model, batch, _BATCHES)
    after = memory_bytes()
    low, high = require_probabilities(served(model, rows, PROBABILITY)) if PROBABILITY in methods else (None, None)
    return Readiness(
        size_bytes=size_bytes,
        row_ms=row_ms,
        batch_ms=batch_ms,
        batch_rows=len(batch),
        memory_bytes=None if after is None or before_bytes is None else max(after - before_bytes, 0),
        probability_low=low,
        probability_high=high,
    )


def memory_bytes() -> int | None:
    """Return the resident memory of this process; None where the system does not tell (Linux alone does).

    Source: proc(5), /proc/pid/statm, second field, in pages.
    """
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - read in one go, and of the system
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def _median_ms(model: PyFuncModel, rows: pd.DataFrame, calls: int) -> float:
    """Median time of a call in milliseconds; the first, which warms up, does not count."""
    _served_once(model, rows)
    return median(_served_once(model, rows) for _ in range(calls))


def _served_once(model: PyFuncModel, rows: Any) -> float:
    began = time.perf_counter()
    model.predict(rows)
    return (time.perf_counter() - began) * 1000
