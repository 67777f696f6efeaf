"""Versions of one registered model: found by the run that they came from, created once for it, waited for, and removed where a try failed.

In Unity Catalog a version is pending until its files are there, and stays so where an upload was killed; a search finds by name alone, page
by page, and tells neither tags nor aliases; numbers are not given twice; a model may be read by many, and created in its schema by few.
"""

import time
from contextlib import suppress

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import ALREADY_EXISTS, NOT_FOUND, RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode

from stackhouse.errors import InfrastructureError, RegistryError
from stacks.mlflow_failures import FAILURES, few_retries
from stacks.mlflow_search import pages
from stacks.registry_failures import asking

MISSING = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(NOT_FOUND)}
_EXISTS = {ErrorCode.Name(RESOURCE_ALREADY_EXISTS), ErrorCode.Name(ALREADY_EXISTS)}
READY, _PENDING = "READY", "PENDING_REGISTRATION"
_READY_SECONDS, _PAUSE_SECONDS = 300.0, 1.0


class ModelVersions:
    """The versions of one registered model."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        """Take the client to work with, and the name of the model."""
        self._client, self._name = client, name

    def listed(self) -> list[ModelVersion]:
        """Return all versions as a search tells them, those that are not ready included; none where the model does not exist.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        with asking(f"The versions of {self._name} could not be read", self._name), few_retries():
            return list(pages(lambda token: self._client.search_model_versions(f"name = '{self._name}'", page_token=token)))

    def of_run(self, run_id: str) -> str | None:
        """Return the version that was registered from a run, or None. One whose upload was not finished is none."""
        return next((str(found.version) for found in self._all_of_run(run_id) if found.status == READY), None)

    def create(self, model_uri: str, run_id: str) -> tuple[str, bool]:
        """Create the one version of a run, and the model where it is missing; return the version when it is ready, and whether it is new.

        What an earlier try left behind goes, and so does what a second request or another process has made of the same run.

        Raises:
            InfrastructureError: where the registry does not answer.
            MlflowException: what else the registry refuses with.
            RegistryError: where the version does not become ready.
        """
        self._create_model()
        try:
            created = self._client.create_model_version(self._name, source=model_uri, run_id=run_id, model_id=model_uri.rpartition("/")[2])
            self._wait_until_ready(created)
        except (*FAILURES, RegistryError, InfrastructureError):
            with suppress(*FAILURES, RegistryError, InfrastructureError):
                self._delete([found for found in self._all_of_run(run_id) if found.status != READY])
                other = self.of_run(run_id)  # of another process, which took ours away as the second of this run
                if other is not None:
                    return other, False
            raise
        kept = self.of_run(run_id) or str(created.version)
        self._delete([found for found in self._all_of_run(run_id) if str(found.version) != kept])
        return kept, True

    def _create_model(self) -> None:
        """Create the model where it is missing. It is looked for first: who adds versions need not be allowed to create models."""
        try:
            self._client.get_registered_model(self._name)
        except MlflowException as error:
            if error.error_code not in MISSING:
                raise
            try:
                self._client.create_registered_model(self._name)
            except MlflowException as also:
                if also.error_code not in _EXISTS:
                    raise

    def _wait_until_ready(self, created: ModelVersion) -> None:
        """Wait for a version: Unity Catalog may show it as pending for a while after all its files are there.

        Source: https://github.com/mlflow/mlflow/issues/20232; the client itself does not wait there.
        """
        found, deadline = created, time.monotonic() + _READY_SECONDS
        while found.status == _PENDING and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            found = self._client.get_model_version(self._name, str(created.version))
        if found.status != READY:
            raise RegistryError(
                f"Version {found.version} of {self._name} is {found.status} instead of {READY}{': ' if found.status_message else ''}"
                f"{found.status_message or ''}. It was removed; register the run again."
            )

    def _delete(self, versions: list[ModelVersion]) -> None:
        """Remove versions; one that another process has removed is gone as well."""
        for found in versions:
            try:
                self._client.delete_model_version(self._name, str(found.version))
            except MlflowException as error:
                if error.error_code not in MISSING:
                    raise

    def _all_of_run(self, run_id: str) -> list[ModelVersion]:
        """Return the versions of a run, the first that can be used before all others."""
        found = [version for version in self.listed() if version.run_id == run_id]
        return sorted(found, key=lambda version: (version.status != READY, int(version.version)))
