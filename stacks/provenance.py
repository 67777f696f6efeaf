"""Provenance: what a registered model was made of, inside the model, so that it can be made again."""

import hashlib
import os
import platform
from collections.abc import Mapping
from typing import Any

from stackhouse.record import TrainingData
from stackhouse.splits import RandomSplit, TimeSplit
from stacks.home import PROJECT
from stacks.libraries import installed_version
from stacks.version_control import git_sha

PROVENANCE = "provenance"
"""Key of the provenance in the model's metadata."""

LOCK = "STACKHOUSE_LOCK"
"""Where the code runs without its repository, this variable says the hash of the lock that it was installed from."""

LIBRARIES = ("lightgbm", "mlflow", "narwhals", "numpy", "pandas", "polars", "scikit-learn", "xgboost", "zenml")
"""Libraries by which rows, fits and metrics are computed."""


def provenance(data: TrainingData, split: TimeSplit | RandomSplit) -> dict[str, Any]:
    """Return the version of the label table, the split, the code, the lock and the libraries.

    The versions of the feature tables stand with the lookups, and every seed with the rule that draws by it.
    """
    return {
        "labels": {"table_name": data.labels.name, "table_version": data.labels.version},
        "split": split.model_dump(mode="json"),
        **({"test": {"table_name": data.test.name, "table_version": data.test.version}} if data.test else {}),
        **made_with(),
    }


def made_with() -> dict[str, Any]:
    """Return what computes in this process: commit, hash of the lock, Python, libraries."""
    return {
        "git_sha": git_sha(),
        "lock": lock_hash(),
        "python": platform.python_version(),
        "libraries": {library: installed_version(library) for library in LIBRARIES},
    }


def lock_hash() -> str:
    """Return the SHA-256 of requirements.lock; `unknown` where the file is not there."""
    if told := os.environ.get(LOCK):
        return told
    file = PROJECT / "requirements.lock"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else "unknown"


def differences(recorded: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what computes otherwise now than when the model was made.

    >>> differences({"python": "3.11.7", "libraries": {"numpy": "2.1"}}, {"python": "3.11.7", "libraries": {"numpy": "2.2"}})
    ('numpy was 2.1, is 2.2',)
    """
    flat = [{**{key: value for key, value in one.items() if key != "libraries"}, **one["libraries"]} for one in (recorded, now)]
    before, after = flat
    return tuple(f"{name} was {before[name]}, is {after[name]}" for name in before if name in after and before[name] != after[name])
