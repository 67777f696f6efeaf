"""Training history, read from an MLflow: training runs of its experiments, and the versions of a registered model.

Runs are paged through newest first, the filters of the user done by MLflow itself; trials of a search are runs under another run and are
left out here, since not every MLflow can be asked for runs that have no parent.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import isfinite
from typing import TypeVar

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Experiment, Run
from mlflow.entities.model_registry import ModelVersion as Registered
from mlflow.exceptions import MlflowException
from mlflow.store.entities import PagedList
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from stackhouse.errors import ConfigurationError, RegistryError
from stackhouse.evaluation.intervals import Interval
from stackhouse.evaluation.metrics import canonical, describe_metric
from stackhouse.evaluation.recorded import metrics_of_test_rows
from stackhouse.history import ModelVersion, TrainingRun, newest_first
from stacks.mlflow_failures import FAILURES, reading
from stacks.mlflow_model import FEATURE_LOOKUPS
from stacks.provenance import PROVENANCE

TABLE_VERSION = "delta.version."
"""Tag of a run before the name of each table that it was trained on; its value is the table's version."""
_PLAIN = re.compile(r"[\w.\- ]+")
_EXPERIMENTS_AT_ONCE, _NAMED = 100, 20

Found = TypeVar("Found")


@dataclass(frozen=True)
class RunFilter:
    """Which runs are asked for; what is None does not matter."""

    model: str | None = None
    """As the tag `model_name` says, without catalog and schema."""
    verdict: str | None = None
    experiment: str | None = None
    stage: str | None = None
    """Last word of the experiment's name: development, evaluation or deployment."""
    trials: bool = False
    """Whether the trials of a search are given as well."""

    @property
    def text(self) -> str:
        """The filter as MLflow reads it."""
        asked = {"model_name": self.model, "verdict": self.verdict}
        return " and ".join(f"tags.{tag} = '{value}'" for tag, value in asked.items() if value is not None)


def training_runs(client: MlflowClient, asked: RunFilter, limit: int | None = None) -> tuple[TrainingRun, ...]:
    """Return the runs that are asked for, newest first, `limit` of them at most.

    Raises:
        ConfigurationError: where no run is of the model, or there is no such experiment; those that there are, are named.
        InfrastructureError: where MLflow does not answer.
        RegistryError: where it refuses.
    """
    if asked.model is not None and not _PLAIN.fullmatch(asked.model):
        raise ConfigurationError(f"'{asked.model}' is no name of a model. Give one such as flight_delay.")
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


def model_versions(client: MlflowClient, name: str, limit: int | None = None) -> tuple[ModelVersion, ...]:
    """Return the versions of a registered model, oldest first; the `limit` newest of them at most.

    Metrics are those of the version's run; where the run is gone, those of the version's tags.

    Raises:
        InfrastructureError: where MLflow does not answer.
        RegistryError: where there is no such model, it has no version, or the registry refuses.
    """
    if not _PLAIN.fullmatch(name):
        raise RegistryError(f"'{name}' is no name of a registered model. Give one such as dev.flights.flight_delay.")
    with reading(f"the versions of {name}"):
        numbers = sorted(int(version.version) for version in _versions(client, name))
        if not numbers:
            raise RegistryError(f"{name} has no registered version. {_there_are(_registered_names(client))}")
        shown = numbers[-limit:] if limit else numbers
        found = [client.get_model_version(name, str(number)) for number in shown]  # a search in Unity Catalog gives no tags
        return tuple(_model_version(version, _run_of(client, version)) for version in found)


def _experiments(client: MlflowClient, asked: RunFilter) -> list[Experiment]:
    if asked.experiment is not None:
        found = client.get_experiment_by_name(asked.experiment)
        if found is None or found.lifecycle_stage != "active":
            names = sorted(known.name for known in _all_experiments(client))
            raise ConfigurationError(f"There is no experiment '{asked.experiment}'. {_there_are(names)}")
        return [found]
    return [found for found in _all_experiments(client) if asked.stage is None or found.name.endswith(f"_{asked.stage}")]


def _all_experiments(client: MlflowClient) -> Iterator[Experiment]:
    return _pages(lambda token: client.search_experiments(page_token=token))


def _search(client: MlflowClient, experiments: Sequence[str], text: str) -> Iterator[Run]:
    order = ["attributes.start_time DESC"]
    return _pages(lambda token: client.search_runs([*experiments], text, order_by=order, page_token=token))


def _pages(search: Callable[[str | None], PagedList[Found]]) -> Iterator[Found]:
    """Give what a search finds, asking for a page when it is needed."""
    page = search(None)
    yield from page
    while page.token:
        page = search(page.token)
        yield from page


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Ids in portions that Databricks takes at once."""
    for start in range(0, len(ids), _EXPERIMENTS_AT_ONCE):
        yield ids[start : start + _EXPERIMENTS_AT_ONCE]


def _require_model(client: MlflowClient, model: str) -> None:
    """Refuse a model that has no run in any experiment; one that has none among those asked for is in order."""
    ids = [found.experiment_id for found in _all_experiments(client)]
    known = {str(run.data.tags.get("model_name", "")) for part in _chunks(ids) for run in client.search_runs([*part])}
    if model not in known:
        raise ConfigurationError(f"There is no run of a model '{model}'. {_there_are(sorted(known - {''}))}")


def _there_are(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"There are {', '.join(names[:_NAMED])}{more}. Name one of these." if names else "There is none yet: train a model first."


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
        start_time=_time(run.info.start_time),
        seconds=(ended - run.info.start_time) / 1000 if ended else None,
        params=run.data.params,
        metrics=run.data.metrics,
    )


def _versions(client: MlflowClient, name: str) -> Iterator[Registered]:
    return _pages(lambda token: client.search_model_versions(f"name = '{name}'", page_token=token))


def _registered_names(client: MlflowClient) -> list[str]:
    """Names of what is registered; none where the registry does not list them, as where one may read single models alone."""
    try:
        return sorted(model.name for model in client.search_registered_models())
    except FAILURES:
        return []


def _run_of(client: MlflowClient, version: Registered) -> Run | None:
    """Return the run of a version; None where it is gone or was never named."""
    try:
        return client.get_run(version.run_id) if version.run_id else None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise


def _model_version(version: Registered, run: Run | None) -> ModelVersion:
    tags, of_run = version.tags, dict(run.data.tags) if run else {}
    metrics = metrics_of_test_rows(run.data.metrics) if run else {}
    return ModelVersion(
        name=version.name,
        version=int(version.version),
        registered_at=_registered_at(version),
        task=of_run.get("model_type", ""),
        algorithm=tags.get("algorithm") or of_run.get("algorithm", ""),
        environment=tags.get("environment", ""),
        git_sha=tags.get("git_sha", ""),
        run_id=version.run_id or "",
        aliases=tuple(sorted(version.aliases)),
        tables=_tables(of_run) or _tables_of_model(version),
        metrics=metrics or _metrics_of_tags(tags),
        intervals=_intervals(run.data.metrics, metrics) if run else {},
        exact=bool(metrics),
    )


def _registered_at(version: Registered) -> datetime:
    """Return the time of the tag; of a version without one, when the registry made it."""
    try:
        said = datetime.fromisoformat(version.tags["registered_at"])
    except (KeyError, ValueError):
        return _time(version.creation_timestamp)
    return said if said.tzinfo else said.replace(tzinfo=UTC)


def _tables(tags: dict[str, str]) -> dict[str, int]:
    versions = {name.removeprefix(TABLE_VERSION): text for name, text in tags.items() if name.startswith(TABLE_VERSION)}
    return {name: int(text) for name, text in sorted(versions.items()) if text.isdigit()}


def _tables_of_model(version: Registered) -> dict[str, int]:
    """Read the tables from the model itself; none where its files are gone, or it was not made by Stackhouse."""
    try:
        metadata = mlflow.models.get_model_info(f"models:/{version.name}/{version.version}").metadata or {}
    except FAILURES:
        return {}
    made = [*metadata.get(FEATURE_LOOKUPS, ()), metadata.get(PROVENANCE, {}).get("labels", {})]
    return {table["table_name"]: int(table["table_version"]) for table in made if "table_version" in table}


def _metrics_of_tags(tags: dict[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, text in tags.items():
        if describe_metric(canonical(name)) is not None:
            try:
                value = float(text)
            except ValueError:
                continue
            if isfinite(value):
                found[canonical(name)] = value
    return found


def _intervals(logged: dict[str, float], metrics: dict[str, float]) -> dict[str, Interval]:
    ends = {name: (logged.get(f"test_{name}_low"), logged.get(f"test_{name}_high")) for name in metrics}
    return {name: Interval(low=low, high=high) for name, (low, high) in ends.items() if low is not None and high is not None}


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
