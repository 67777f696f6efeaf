"""Task values: what a task of a job says to the tasks after it, and to the condition tasks that decide whether they run.

Reading needs no code: a job refers to `{{tasks.<task>.values.<key>}}` in parameters and conditions.
"""

import importlib
from collections.abc import Mapping

from stackhouse.errors import InfrastructureError


def publish(values: Mapping[str, str | bool]) -> None:
    """Set values of the task that runs, and print them into its log. A condition reads a truth value as "true" or "false".

    Raises:
        InfrastructureError: outside a task of a job, where a value would be lost.

    Source: `databricks.sdk.runtime`, which looks for `dbruntime`; without it, its `dbutils` takes values and forgets them.
    """
    try:
        importlib.import_module("dbruntime")
        from databricks.sdk import runtime
    except ImportError as error:
        raise _nowhere() from error
    if runtime.is_local_implementation:
        raise _nowhere()
    for key, value in values.items():
        runtime.dbutils.jobs.taskValues.set(key=key, value=value)
        print(f"{key} = {value}")  # noqa: T201 - the log of a task


def _nowhere() -> InfrastructureError:
    return InfrastructureError(
        "Task values can be set on the cluster of a Databricks job alone (access mode SINGLE_USER); here they would be lost. "
        "Run the task by `databricks bundle run ml_training_pipeline`."
    )
