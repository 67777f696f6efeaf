"""Every test runs in a home of its own: neither the user's ZenML nor the project's folder is touched."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[1]
TEMPORARY = Path(tempfile.mkdtemp(prefix="stackhouse-tests-"))
atexit.register(shutil.rmtree, TEMPORARY, ignore_errors=True)

os.environ["STACKHOUSE_HOME"] = str(TEMPORARY / "home")
os.environ["ZENML_CONFIG_PATH"] = str(TEMPORARY / "home" / "zenml")
os.environ.pop("MLFLOW_TRACKING_URI", None)

from commands import settings  # noqa: E402 - both variables have to be set before zenml is imported

settings.apply()
