"""Who is told where a job fails: the address of the environment's file, as a setting of the job that the active stack submits.

Only Databricks sends: on a stack that runs elsewhere nothing is told by e-mail, and nothing is set.
"""

from collections.abc import Mapping
from typing import Any

from commands.environments import read_environment

_ORCHESTRATOR = "orchestrator"


def with_alerts(settings: Mapping[str, Any], environment: str) -> dict[str, Any]:
    """Return the settings of a run, with the address of its environment where there is one and the active stack runs on Databricks.

    Raises:
        ConfigurationError: where there is no such environment, or its file cannot be used.
    """
    address = read_environment(environment).alert_address
    if not address or not _on_databricks():
        return dict(settings)
    from stacks.databricks.orchestrator_flavor import FLAVOR

    key = f"{_ORCHESTRATOR}.{FLAVOR}" if f"{_ORCHESTRATOR}.{FLAVOR}" in settings else _ORCHESTRATOR
    return {**settings, key: {**settings.get(key, {}), "alert_address": address}}


def _on_databricks() -> bool:
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from stacks.databricks.orchestrator_flavor import FLAVOR

    orchestrators = Client().active_stack_model.components[StackComponentType.ORCHESTRATOR]
    return any(orchestrator.flavor_name == FLAVOR for orchestrator in orchestrators)
