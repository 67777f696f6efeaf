"""`python -m benchmarks`: all three comparisons, or those that are named: `python -m benchmarks table features`."""

import os
import platform
import sys
import tempfile
from pathlib import Path

from stacks.libraries import installed_version

LIBRARIES = ("zenml", "mlflow", "polars", "narwhals", "pandas", "pyarrow", "deltalake", "xgboost", "lightgbm", "scikit-learn")


def main(names: list[str]) -> None:
    """Print the machine and the versions, then each comparison; all that is written goes when it ends."""
    chosen = names or ["table", "features", "training"]
    if unknown := sorted(set(chosen) - {"table", "features", "training"}):
        sys.exit(f"There is no benchmark {unknown}; there are table, features and training.")
    with tempfile.TemporaryDirectory(prefix="stackhouse-benchmarks-") as folder:
        _keep_to(Path(folder))
        _print_machine()
        if "training" in chosen:
            from benchmarks import training

            training.compare(Path(folder) / "training")
        if "table" in chosen:
            from benchmarks import table

            table.compare(Path(folder) / "table")
        if "features" in chosen:
            from benchmarks import features

            features.compare()
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
