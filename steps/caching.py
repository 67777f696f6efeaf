"""When a step's cached result may be used again: same inputs and parameters, same code, libraries, tracker, engine, folder.

ZenML's own key covers a step's function and its inputs. The steps here are thin, so the key has to hold the code that
they call: all modules of the core, of the platform and of the materializers. A changed line anywhere runs everything
again, which takes half a minute; a stale model would cost more. Steps that read or write what lies outside ZenML are
never cached.
"""

import hashlib
import sys
from importlib.util import find_spec
from pathlib import Path

from zenml.client import Client
from zenml.config import CachePolicy

import materializers
import stackhouse
import stacks
from stacks.active_engine import active_engine
from stacks.home import home_id
from stacks.libraries import installed_version

_PACKAGES = (materializers, stackhouse, stacks)
_OPTIONAL = ("duckdb", "pyspark")
_LIBRARIES = (
    "deltalake",
    "great-expectations",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "narwhals",
    "numpy",
    "optuna",
    "pandas",
    "polars",
    "pyarrow",
    "pydantic",
    "scikit-learn",
    "skops",
    "xgboost",
    "zenml",
)


def surroundings() -> str:
    """Return a digest of what a result depends on beside inputs and parameters: code, libraries, tracker, engine, the project's folder."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library}=={installed_version(library)}\n".encode())
    for name, file in source_files().items():
        digest.update(name.encode())
        digest.update(file.read_bytes())
    stack = Client().active_stack
    tracker = stack.experiment_tracker
    kept_in = home_id() if stack.artifact_store.config.is_local else ""
    optional = [library for library in _OPTIONAL if find_spec(library)]
    digest.update(f"{tracker and tracker.id} {kept_in} {active_engine().name} {sys.version_info[:2]}".encode())
    digest.update(" ".join(f"{library}=={installed_version(library)}" for library in optional).encode())
    return digest.hexdigest()


def source_files() -> dict[str, Path]:
    """Return the Python files that a step's result can depend on, in a fixed order, by names that are the same on every machine."""
    folders = [Path(folder) for package in _PACKAGES for folder in package.__path__]
    return {file.relative_to(folder.parent).as_posix(): file for folder in folders for file in sorted(folder.rglob("*.py"))}


CODE = CachePolicy(cache_func=surroundings)
"""The cache policy of every cached step."""
