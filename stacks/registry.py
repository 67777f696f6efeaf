"""The model registry: versions and aliases, through `MlflowClient`, which answers for sqlite, HTTP and Unity Catalog alike.

Every method may be called again after a kill: a version is found by the run that it came from, and tags and aliases are
set to what they should be.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode

from stackhouse.errors import RegistryError
from stackhouse.spec import require_alias

_MISSING = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
_EXISTS = ErrorCode.Name(RESOURCE_ALREADY_EXISTS)
TRAINED_UNTIL = "trained_until"


class Registry:
    """Registered models of one MLflow."""

    def __init__(self, client: MlflowClient) -> None:
        """Take the client to work with."""
        self._client = client

    def next_version(self, name: str) -> int:
        """Return the number that the next version will get; 1 for a model that is not registered yet."""
        return max((int(found.version) for found in self._versions(name)), default=0) + 1

    def version_of_run(self, name: str, run_id: str) -> str | None:
        """Return the version that was registered from a run, or None."""
        return next((str(found.version) for found in self._versions(name) if found.run_id == run_id), None)

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
                created = self._client.create_model_version(name, source=model_uri, run_id=run_id, model_id=model_uri.rpartition("/")[2])
                version = str(created.version)
            existing = self._client.get_model_version(name, version).tags
            registered_at = existing.get("registered_at", datetime.now(UTC).isoformat())
            for key, value in {"registered_at": registered_at, **tags}.items():
                if existing.get(key) != value:
                    self._client.set_model_version_tag(name, version, key, value)
            self._client.update_model_version(name, version, description)
        except MlflowException as error:
            raise RegistryError(f"Registering {name} from run {run_id} failed: {error.message}") from error
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
        except MlflowException as error:
            raise RegistryError(f"Alias '{alias}' of {name} could not be set to version {version}: {error.message}") from error

    def version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that an alias points at, or None where the model or the alias does not exist yet.

        Raises:
            RegistryError: where the registry fails for another reason; a failure must not look like a missing champion.
        """
        try:
            return self._client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code == _MISSING or ("alias" in str(error.message).lower() and "not found" in str(error.message).lower()):
                return None
            raise RegistryError(f"Alias '{alias}' of {name} could not be read: {error.message}") from error

    def version(self, name: str, version: str) -> ModelVersion:
        """Return one version.

        Raises:
            RegistryError: where it does not exist.
        """
        try:
            return self._client.get_model_version(name, version)
        except MlflowException as error:
            raise RegistryError(f"{name} has no version {version}: {error.message}") from error

    def _create_model(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != _EXISTS:
                raise

    def _versions(self, name: str) -> list[ModelVersion]:
        return list(self._client.search_model_versions(f"name = '{name}'"))
