"""The model registry: versions and aliases, through `MlflowClient`, which answers for sqlite, HTTP and Unity Catalog alike.

Every method may be called again after a kill: a version is found by the run that it came from, and tags and aliases are
set to what they should be.

What differs in Unity Catalog: a version is pending until its files are there, and stays so where an upload was killed; a search finds
by name alone, page by page, and tells neither tags nor aliases; numbers are not given twice; a model may be read by many, and
created in its schema by few.
"""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    ALREADY_EXISTS,
    INVALID_PARAMETER_VALUE,
    NOT_FOUND,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)

from stackhouse.errors import RegistryError
from stackhouse.spec.sections import require_alias
from stacks.mlflow_failures import FAILURES, reason

_MISSING = {ErrorCode.Name(RESOURCE_DOES_NOT_EXIST), ErrorCode.Name(NOT_FOUND)}
_EXISTS = {ErrorCode.Name(RESOURCE_ALREADY_EXISTS), ErrorCode.Name(ALREADY_EXISTS)}
_INVALID = ErrorCode.Name(INVALID_PARAMETER_VALUE)
_READY, _PENDING = "READY", "PENDING_REGISTRATION"
_READY_SECONDS, _PAUSE_SECONDS = 300.0, 1.0
TRAINED_UNTIL = "trained_until"


class Registry:
    """Registered models of one MLflow."""

    def __init__(self, client: MlflowClient) -> None:
        """Take the client to work with."""
        self._client = client

    def next_version(self, name: str) -> int:
        """Return the number after the highest version; 1 for a model that is not registered yet.

        Raises:
            RegistryError: where the registry cannot be read.
        """
        try:
            return max((int(found.version) for found in self._versions(name)), default=0) + 1
        except FAILURES as error:
            raise RegistryError(f"The versions of {name} could not be read: {reason(error)}") from error

    def version_of_run(self, name: str, run_id: str) -> str | None:
        """Return the version that was registered from a run, or None. One whose upload was not finished is none."""
        return next((str(found.version) for found in self._of_run(name, run_id) if found.status == _READY), None)

    def register(self, name: str, model_uri: str, run_id: str, description: str, tags: Mapping[str, str]) -> tuple[str, bool]:
        """Register the model of a run, or finish a registration that was interrupted.

        Returns:
            The version, and whether it is new.

        Raises:
            RegistryError: where the registry refuses.
        """
        try:
            self._create_model(name)
            version = self.version_of_run(name, run_id)
            new = version is None
            if version is None:
                version = self._create_version(name, model_uri, run_id)
            existing = self._client.get_model_version(name, version).tags
            registered_at = existing.get("registered_at", datetime.now(UTC).isoformat())
            for key, value in {"registered_at": registered_at, **tags}.items():
                if existing.get(key) != value:
                    self._client.set_model_version_tag(name, version, key, value)
            self._client.update_model_version(name, version, description)
        except FAILURES as error:
            raise RegistryError(f"Registering {name} from run {run_id} failed: {reason(error)}") from error
        return version, new

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version.

        Raises:
            ConfigurationError: where MLflow reserves the alias or refuses its characters.
            RegistryError: where the registry refuses.
        """
        require_alias(alias)
        try:
            self._client.set_registered_model_alias(name, alias, version)
        except FAILURES as error:
            raise RegistryError(f"Alias '{alias}' of {name} could not be set to version {version}: {reason(error)}") from error

    def version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that an alias points at, or None where the model or the alias does not exist yet.

        Raises:
            RegistryError: where the registry fails for another reason; a failure must not look like a missing champion.
        """
        try:
            return self._client.get_model_version_by_alias(name, alias)
        except FAILURES as error:
            if _no_such_alias(error):
                return None
            raise RegistryError(f"Alias '{alias}' of {name} could not be read: {reason(error)}") from error

    def version(self, name: str, version: str) -> ModelVersion:
        """Return one version.

        Raises:
            RegistryError: where it does not exist, or the registry cannot be read.
        """
        try:
            return self._client.get_model_version(name, version)
        except FAILURES as error:
            missing = isinstance(error, MlflowException) and error.error_code in {*_MISSING, _INVALID}
            problem = f"{name} has no version {version}" if missing else f"Version {version} of {name} could not be read"
            raise RegistryError(f"{problem}: {reason(error)}") from error

    def _create_model(self, name: str) -> None:
        """Create the model where it is missing. It is looked for first: who adds versions need not be allowed to create models."""
        try:
            self._client.get_registered_model(name)
        except MlflowException as error:
            if error.error_code not in _MISSING:
                raise
            try:
                self._client.create_registered_model(name)
            except MlflowException as also:
                if also.error_code not in _EXISTS:
                    raise

    def _create_version(self, name: str, model_uri: str, run_id: str) -> str:
        """Create the one version of a run and return it when it is ready; what an earlier try left behind goes, or a second request.

        Raises:
            RegistryError: where the version does not become ready.
        """
        try:
            created = self._client.create_model_version(name, source=model_uri, run_id=run_id, model_id=model_uri.rpartition("/")[2])
            self._wait_until_ready(name, created)
        except (MlflowException, RegistryError):
            with suppress(*FAILURES):
                self._delete(name, [found for found in self._of_run(name, run_id) if found.status != _READY])
            raise
        kept = self.version_of_run(name, run_id) or str(created.version)
        self._delete(name, [found for found in self._of_run(name, run_id) if str(found.version) != kept])
        return kept

    def _wait_until_ready(self, name: str, created: ModelVersion) -> None:
        """Wait for a version: Unity Catalog may show it as pending for a while after all its files are there.

        Source: https://github.com/mlflow/mlflow/issues/20232; the client itself does not wait there.
        """
        found, deadline = created, time.monotonic() + _READY_SECONDS
        while found.status == _PENDING and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            found = self._client.get_model_version(name, str(created.version))
        if found.status != _READY:
            raise RegistryError(
                f"Version {found.version} of {name} is {found.status} instead of {_READY}{': ' if found.status_message else ''}"
                f"{found.status_message or ''}. It was removed; register the run again."
            )

    def _delete(self, name: str, versions: list[ModelVersion]) -> None:
        for found in versions:
            self._client.delete_model_version(name, str(found.version))

    def _of_run(self, name: str, run_id: str) -> list[ModelVersion]:
        """Return the versions of a run, the first that can be used before all others."""
        found = [version for version in self._versions(name) if version.run_id == run_id]
        return sorted(found, key=lambda version: (version.status != _READY, int(version.version)))

    def _versions(self, name: str) -> list[ModelVersion]:
        page = self._client.search_model_versions(f"name = '{name}'")
        found = [*page]
        while page.token:
            page = self._client.search_model_versions(f"name = '{name}'", page_token=page.token)
            found += page
        return found


def _no_such_alias(error: Exception) -> bool:
    """Whether the model or the alias does not exist. SQL stores call an alias that they do not find an invalid parameter."""
    if not isinstance(error, MlflowException):
        return False
    text = str(error.message).lower()
    return error.error_code in _MISSING or (error.error_code == _INVALID and "alias" in text and "not found" in text)
