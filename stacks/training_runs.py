"""Training runs, read from the experiments of an MLflow.

They are paged through newest first, the filters of the user done by MLflow itself; trials of a search are runs under another run and are
left out here, since not every MLflow can be asked for runs that have no parent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mlflow import MlflowClient
from mlflow.entities import Experiment, Run
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from stackhouse.errors import ConfigurationError
from stackhouse.history import TrainingRun, newest_first
from stacks.mlflow_failures import reading
from stacks.mlflow_search import pages, require_plain, there_are, time_of

_EXPERIMENTS_AT_ONCE = 100


@dataclass(frozen=True)
class RunFilter:
    """Which runs are asked for; what is None does not matter."""

    model: str | None = None
    """As the tag `model_name` says, without catalog and schema; or all three levels, as the tag `registered_name` says."""
    verdict: str | None = None
    experiment: str | None = None
    stage: str | None = None
    """Last word of the experiment's name: development, evaluation or deployment."""
    trials: bool = False
    """Whether the trials of a search are given as well."""

    @property
    def text(self) -> str:
        """The filter as MLflow reads it."""
        asked = {"registered_name" if "." in (self.model or "") else "model_name": self.model, "verdict": self.verdict}
        return " and ".join(f"tags.{tag} = '{value}'" for tag, value in asked.items() if value is not None)


def training_runs(client: MlflowClient, asked: RunFilter, limit: int | None = None) -> tuple[TrainingRun, ...]:
    """Return the runs that are asked for, newest first, `limit` of them at most.

    Raises:
        ConfigurationError: where no run is of the model, or there is no such experiment; those that there are, are named.
        InfrastructureError: where MLflow does not answer.
        RegistryError: where it refuses.
    """
    if asked.model is not None:
        require_plain(asked.model, "flight_delay")
    with reading("the training runs"):
        experiments = {found.experiment_id: found.name for found in _experiments(client, asked)}
        runs: list[TrainingRun] = []
        for ids in _chunks([*experiments]):
            found: Iterator[Run] = _search(client, ids, asked.text)
            wanted = (run for run in found if asked.trials or MLFLOW_PARENT_RUN_ID not in run.data.tags)
            runs += [_training_run(run, experiments[run.info.experiment_id]) for run in islice(wanted, limit)]
        if asked.model and not runs:
            _require_model(client, asked.model)
    return newest_first(runs)[:limit]


def _experiments(client: MlflowClient, asked: RunFilter) -> list[Experiment]:
    if asked.experiment is not None:
        found = client.get_experiment_by_name(asked.experiment)
        if found is None or found.lifecycle_stage != "active":
            names = sorted(known.name for known in _all_experiments(client))
            raise ConfigurationError(f"There is no experiment '{asked.experiment}'. {there_are(names)}")
        return [found]
    return [found for found in _all_experiments(client) if asked.stage is None or found.name.endswith(f"_{asked.stage}")]


def _all_experiments(client: MlflowClient) -> Iterator[Experiment]:
    return pages(lambda token: client.search_experiments(page_token=token))


def _search(client: MlflowClient, experiments: Sequence[str], text: str) -> Iterator[Run]:
    order = ["attributes.start_time DESC"]
    return pages(lambda token: client.search_runs([*experiments], text, order_by=order, page_token=token))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in portions that Databricks takes at once."""
    for start in range(0, len(ids), _EXPERIMENTS_AT_ONCE):
        yield ids[start : start + _EXPERIMENTS_AT_ONCE]


def _require_model(client: MlflowClient, model: str) -> None:
    """Refuse a model that has no run in any experiment; one that has none among those asked for is in order."""
    ids = [found.experiment_id for found in _all_experiments(client)]
    tag = "registered_name" if "." in model else "model_name"
    known = {str(run.data.tags.get(tag, "")) for part in _chunks(ids) for run in client.search_runs([*part])}
    if model not in known:
        raise ConfigurationError(f"There is no run of a model '{model}'. {there_are(sorted(known - {''}))}")


def _training_run(run: Run, experiment: str) -> TrainingRun:
    tags, ended = run.data.tags, run.info.end_time
    return TrainingRun(
        run_id=run.info.run_id,
        run_name=run.info.run_name or "",
        experiment=experiment,
        model=tags.get("model_name", ""),
        task=tags.get("model_type", ""),
        algorithm=tags.get("algorithm", ""),
        verdict=tags.get("verdict"),
        status=run.info.status,
        start_time=time_of(run.info.start_time),
        seconds=(ended - run.info.start_time) / 1000 if ended else None,
        params=run.data.params,
        metrics=run.data.metrics,
    )
