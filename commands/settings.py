"""Settings of our commands: ZenML and MLflow are quiet and never phone home. A variable that the user set is left alone."""

import atexit
import gc
import logging
import os

from stacks.home import PROJECT

_QUIET = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "ZENML_AUTO_OPEN_DASHBOARD": "false",
    "ZENML_DISABLE_INTERACTIVE_INPUT": "true",
    "ZENML_ENABLE_REPO_INIT_WARNINGS": "false",
    "ZENML_ENABLE_RICH_TRACEBACK": "false",
    "ZENML_LOGGING_COLORS_DISABLED": "true",
    "ZENML_CUSTOM_SOURCE_ROOT": str(PROJECT),
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # with a server it would stand before the document of --json
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "DO_NOT_TRACK": "true",
}


def apply() -> None:
    """Set the variables; has to run before zenml or mlflow is imported, since both read them at import."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    atexit.register(_end_quietly)
    atexit.register(gc.freeze)  # the last collection walks millions of objects of a process that ends: 2 s of a run


def _end_quietly() -> None:
    """Keep ZenML's log handler from failing aloud: at exit it starts a thread, which Python 3.12 refuses. Its logs are stored by then."""
    logging.raiseExceptions = False
