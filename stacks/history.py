"""Versions of a registered model over time: what each measured, which tables it was trained on, and which aliases it has."""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import isfinite

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion as Registered
from mlflow.exceptions import MlflowException

from stackhouse.errors import RegistryError
from stackhouse.evaluation.intervals import Interval
from stackhouse.evaluation.metrics import canonical, describe_metric
from stackhouse.evaluation.recorded import metrics_of_test_rows
from stackhouse.history import ModelVersion
from stacks.mlflow_failures import FAILURES, reading
from stacks.mlflow_model import FEATURE_LOOKUPS
from stacks.mlflow_search import pages, require_plain, there_are, time_of
from stacks.provenance import PROVENANCE

TABLE_VERSION = "delta.version."
"""Tag of a run before the name of each table that it was trained on; its value is the table's version."""
_READY = "READY"
"""Status of a version that can be used; in Unity Catalog one whose upload was killed stays pending."""


def model_versions(client: MlflowClient, name: str, limit: int | None = None) -> tuple[ModelVersion, ...]:
    """Return the versions of a registered model, oldest first; the `limit` newest of them at most.

    Metrics are those of the version's run; where the run is gone, those of the version's tags.

    Raises:
        ConfigurationError: where the name has characters that no model's name has.
        InfrastructureError: where MLflow does not answer.
        RegistryError: where there is no such model, it has no version, or the registry refuses.
    """
    require_plain(name, "dev.flights.flight_delay")
    with reading(f"the versions of {name}"):
        numbers = sorted(int(version.version) for version in _versions(client, name) if version.status == _READY)
        if not numbers:
            raise RegistryError(f"{name} has no registered version. {_registered(client)}")
        shown = numbers[-limit:] if limit else numbers
        found = [client.get_model_version(name, str(number)) for number in shown]  # a search in Unity Catalog gives no tags
        return tuple(_model_version(version, _run_of(client, version)) for version in found)


def _versions(client: MlflowClient, name: str) -> Iterator[Registered]:
    return pages(lambda token: client.search_model_versions(f"name = '{name}'", page_token=token))


def _registered(client: MlflowClient) -> str:
    """Say what is registered; where the registry does not list it, as where one may read single models alone, where to look."""
    try:
        return there_are(sorted(model.name for model in client.search_registered_models()))
    except FAILURES:
        return "Look at the registry for its name."


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
        return time_of(version.creation_timestamp)
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
        if describe_metric(canonical(name)) is not None and not (name == "f1_score" and "macro_f1" in tags):
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
