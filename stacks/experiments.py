"""MLflow experiments of the four commands, made with the tags that the training guide gives them."""

from collections.abc import Mapping

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from stackhouse.errors import InfrastructureError
from stacks.mlflow_failures import recording


def training_tags(environment: str) -> dict[str, str]:
    """Return the tags of an experiment of training."""
    return {"purpose": "training", "environment": environment}


@recording("the experiment")
def open_experiment(client: MlflowClient, name: str, tags: Mapping[str, str], artifacts: str | None) -> str:
    """Return the id of an experiment; one that is not there is made with the tags, one that is there keeps its own.

    Args:
        client: the MLflow that keeps it.
        name: its name.
        tags: of a new one.
        artifacts: where a new one keeps files; where None, its server says where, and without a server it is the current folder.

    Raises:
        InfrastructureError: where it was deleted, or MLflow refuses.
    """
    if (found := client.get_experiment_by_name(name)) is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifacts, tags=dict(tags)))
        except MlflowException:  # another process was faster, or MLflow refuses: then the search below finds nothing
            if (found := client.get_experiment_by_name(name)) is None:
                raise
    if found.lifecycle_stage != "active":
        raise InfrastructureError(
            f"The MLflow experiment {name} was deleted. Restore it (`mlflow experiments restore --experiment-id {found.experiment_id}`), "
            "or name another one as --experiment-name."
        )
    return str(found.experiment_id)
