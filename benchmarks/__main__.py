"""`python -m benchmarks`: the comparisons of `USUAL`, or those that are named: `python -m benchmarks table features`."""

import os
import platform
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

from benchmarks.one import compare
from stacks.libraries import installed_version

LIBRARIES = (
    "zenml",
    "mlflow",
    "polars",
    "narwhals",
    "pandas",
    "duckdb",
    "pyarrow",
    "deltalake",
    "xgboost",
    "lightgbm",
    "optuna",
    "scikit-learn",
)
USUAL = ("training", "table", "features", "joins", "scoring")
"""In the order in which they run; each is a module with a function `compare`."""
NAMED = ("fit", "tuning", "logging", "tasks", "scale")
"""Those that run only where they are named, since they take minutes."""


def main(names: list[str]) -> None:
    """Print the machine and the versions, then each comparison; all that is written goes when it ends."""
    if unknown := sorted(set(names) - {*USUAL, *NAMED}):
        sys.exit(f"There is no benchmark {', '.join(unknown)}; there are {', '.join((*USUAL, *NAMED))}.")
    with tempfile.TemporaryDirectory(prefix="stackhouse-benchmarks-") as folder:
        _keep_to(Path(folder))
        _print_machine()
        for name in [known for known in (*USUAL, *NAMED) if known in (names or USUAL)]:
            process = get_context("spawn").Process(target=compare, args=(name, Path(folder) / name))
            process.start()
            process.join()
            if process.exitcode:
                sys.exit(process.exitcode)
    print("\nEverything was kept in a temporary folder, which is removed.")


def _keep_to(folder: Path) -> None:
    """Point ZenML and Stackhouse to the folder before either is imported; nothing of the user's own set-up is touched."""
    from commands import settings

    os.environ.update({"ZENML_CONFIG_PATH": str(folder / "zenml"), "STACKHOUSE_HOME": str(folder / "home")})
    settings.apply()


def _print_machine() -> None:
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores, load {load:.1f}")
    if load > cores / 2:
        print("The machine is busy with other work: the seconds below are too many.")
    print(", ".join(f"{library} {installed_version(library)}" for library in LIBRARIES))


if __name__ == "__main__":
    main(sys.argv[1:])
