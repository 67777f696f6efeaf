"""The training run that a registration takes: the one that is named, or the newest of an experiment whose gate has passed."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Experiment, LoggedModelStatus, Run
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from stackhouse.errors import RegistryError
from stackhouse.registrable import GATE, PASSED, RegistrationRequest, not_registrable, of_model
from stacks.mlflow_failures import few_retries
from stacks.mlflow_search import pages
from stacks.model_versions import MISSING
from stacks.registry_failures import asking

_SHOWN = 5


@dataclass(frozen=True)
class Candidate:
    """A run that may be registered, and the model that it logged."""

    run: Run
    model_uri: str
    """`models:/m-…`"""

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return str(self.run.info.run_id)


def find_candidate(client: MlflowClient, request: RegistrationRequest) -> Candidate:
    """Find the run that a request means.

    Raises:
        InfrastructureError: where MLflow does not answer.
        RegistryError: where there is no such run or experiment, no run has passed, the run may not be registered, or MLflow refuses.
    """
    with asking(f"The runs of {request.name} could not be read", request.name), few_retries():
        run = _named(client, request) if request.run_id else _newest_passed(client, request)
        return Candidate(run, _model_of(client, run))


def _named(client: MlflowClient, request: RegistrationRequest) -> Run:
    try:
        run = client.get_run(str(request.run_id))
    except MlflowException as error:
        if error.error_code not in {*MISSING, "INVALID_PARAMETER_VALUE"}:
            raise
        raise RegistryError(f"There is no run '{request.run_id}'. {_passed_runs(client, request)}") from error
    if run.info.lifecycle_stage != "active":
        raise RegistryError(f"Run {request.run_id} was deleted. {_passed_runs(client, request)}")
    if request.only_in_experiment and run.info.experiment_id != _experiment(client, request).experiment_id:
        raise RegistryError(f"Run {request.run_id} is not in the experiment '{request.experiment}'. {_passed_runs(client, request)}")
    if why := not_registrable(request.name, run.info.status, run.data.tags):
        raise RegistryError(f"Run {request.run_id} cannot be registered as {request.name}: {why}. {_passed_runs(client, request)}")
    return run


def _newest_passed(client: MlflowClient, request: RegistrationRequest) -> Run:
    experiment = _experiment(client, request)
    found = next(_passed(client, experiment, request.name), None)
    if found is None:
        raise RegistryError(
            f"No run of {request.name} in '{experiment.name}' has passed its gate. {_others(client, experiment, request.name)}"
        )
    return found


def _experiment(client: MlflowClient, request: RegistrationRequest) -> Experiment:
    found = client.get_experiment_by_name(request.experiment)
    if found is None or found.lifecycle_stage != "active":
        every: Iterator[Experiment] = pages(lambda token: client.search_experiments(page_token=token))
        known = sorted(one.name for one in every)
        raise RegistryError(
            f"Experiment '{request.experiment}' not found. Train a model first (train_model), or name the experiment of its runs with "
            f"--experiment-name; there are {', '.join(known)}."
        )
    return found


def _passed(client: MlflowClient, experiment: Experiment, name: str) -> Iterator[Run]:
    """Runs that may be registered, the newest first."""
    runs = _runs(client, experiment, f"tags.`{GATE}` = '{PASSED}'")
    return (run for run in runs if not_registrable(name, run.info.status, run.data.tags) is None)


def _runs(client: MlflowClient, experiment: Experiment, asked: str = "") -> Iterator[Run]:
    order = ["attributes.start_time DESC"]
    found: Iterator[Run] = pages(lambda token: client.search_runs([experiment.experiment_id], asked, order_by=order, page_token=token))
    return (run for run in found if MLFLOW_PARENT_RUN_ID not in run.data.tags)


def _passed_runs(client: MlflowClient, request: RegistrationRequest) -> str:
    """Say which runs could be registered instead."""
    experiment = client.get_experiment_by_name(request.experiment)
    passed = _first(_passed(client, experiment, request.name)) if experiment else []
    if not passed:
        return f"No run of {request.name} in '{request.experiment}' has passed its gate."
    return f"In '{request.experiment}' these have passed, the newest first: {', '.join(run.info.run_id for run in passed)}."


def _others(client: MlflowClient, experiment: Experiment, name: str) -> str:
    """Say what there is where no run has passed."""
    found = _first(run for run in _runs(client, experiment) if of_model(name, run.data.tags))
    if not found:
        models = {run.data.tags.get("registered_name") or run.data.tags.get("model_name") for run in _runs(client, experiment)} - {None}
        return (
            f"There are runs of {', '.join(sorted(map(str, models)))}."
            if models
            else "There is none at all: train a model first (train_model)."
        )
    told = "; ".join(f"{run.info.run_id}, {not_registrable(name, run.info.status, run.data.tags)}" for run in found)
    return f"Its newest runs: {told}."


def _first(runs: Iterator[Run]) -> list[Run]:
    return [run for run, _ in zip(runs, range(_SHOWN), strict=False)]


def _model_of(client: MlflowClient, run: Run) -> str:
    """Return the URI of the model that a run logged; the newest where it logged several."""
    logged = [client.get_logged_model(output.model_id) for output in (run.outputs.model_outputs if run.outputs else ())]
    ready = [model for model in logged if model.status == LoggedModelStatus.READY]
    if not ready:
        raise RegistryError(f"Run {run.info.run_id} has logged no model, so there is nothing to register. Train again (train_model).")
    return f"models:/{max(ready, key=lambda model: (model.creation_timestamp, model.model_id)).model_id}"
