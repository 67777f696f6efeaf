"""The model registry: versions and aliases, through `MlflowClient`, which answers for sqlite, HTTP and Unity Catalog alike.

Every method may be called again after a kill: a version is found by the run that it came from, and tags and aliases are
set to what they should be.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, ErrorCode

from stackhouse.errors import RegistryError
from stackhouse.spec.sections import require_alias
from stacks.mlflow_failures import FAILURES, few_retries
from stacks.model_versions import MISSING, READY, ModelVersions
from stacks.registry_failures import asking, insert_or_update, registry_error

_INVALID = ErrorCode.Name(INVALID_PARAMETER_VALUE)
_SHOWN = 20
TRAINED_UNTIL = "trained_until"


class Registry:
    """Registered models of one MLflow. What is read is given up within 20 seconds where nobody answers; writes have MLflow's own patience.

    Every method raises an InfrastructureError where the registry does not answer, and a RegistryError where it refuses.
    """

    def __init__(self, client: MlflowClient) -> None:
        """Take the client to work with."""
        self._client = client

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the numbers of the versions that can be used, ascending; none for a model that is not registered.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        return tuple(sorted(int(found.version) for found in ModelVersions(self._client, name).listed() if found.status == READY))

    def next_version(self, name: str) -> int:
        """Return the number after the highest version; 1 for a model that is not registered yet.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        return max((int(found.version) for found in ModelVersions(self._client, name).listed()), default=0) + 1

    def version_of_run(self, name: str, run_id: str) -> str | None:
        """Return the version that was registered from a run, or None. One whose upload was not finished is none."""
        return ModelVersions(self._client, name).of_run(run_id)

    def register(self, name: str, model_uri: str, run_id: str, description: str, tags: Mapping[str, str]) -> tuple[str, bool]:
        """Register the model of a run, or finish a registration that was interrupted.

        Returns:
            The version, and whether it is new.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        with asking(f"Registering {name} from run {run_id} failed", name):
            version, new = self.version_of_run(name, run_id), False
            if version is None:
                version, new = ModelVersions(self._client, name).create(model_uri, run_id)
            existing = self._client.get_model_version(name, version)
            registered_at = existing.tags.get("registered_at", datetime.now(UTC).isoformat())
            for key, value in {"registered_at": registered_at, **tags}.items():
                if existing.tags.get(key) != value:
                    insert_or_update(self._client.set_model_version_tag, name, version, key, value)
            if existing.description != description:
                self._client.update_model_version(name, version, description)
        return version, new

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version, wherever it points now. Moves that are on record are made by `stacks.alias_moves`.

        Raises:
            ConfigurationError: where MLflow reserves the alias or refuses its characters.
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        require_alias(alias)
        with asking(f"Alias '{alias}' of {name} could not be set to version {version}", name):
            insert_or_update(self._client.set_registered_model_alias, name, alias, version)

    def version_by_alias(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version that an alias points at, or None where the model or the alias does not exist yet.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses for another reason; a failure must not look like a missing champion.
        """
        try:
            with few_retries():
                return self._client.get_model_version_by_alias(name, alias)
        except FAILURES as error:
            if _no_such_alias(error):
                return None
            raise registry_error(f"Alias '{alias}' of {name} could not be read", name, error) from error

    def aliases(self, name: str) -> dict[str, str]:
        """Return the version that each alias of a model points at; none for a model that is not registered.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        try:
            with few_retries():
                found = self._client.get_registered_model(name).aliases
        except FAILURES as error:
            if isinstance(error, MlflowException) and error.error_code in MISSING:
                return {}
            raise registry_error(f"The aliases of {name} could not be read", name, error) from error
        return {str(alias): str(version) for alias, version in found.items()}

    def find_version(self, name: str, version: str) -> ModelVersion | None:
        """Return one version, or None where it does not exist.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        try:
            with few_retries():
                return self._client.get_model_version(name, version)
        except FAILURES as error:
            if isinstance(error, MlflowException) and error.error_code in {*MISSING, _INVALID}:
                return None
            raise registry_error(f"Version {version} of {name} could not be read", name, error) from error

    def version(self, name: str, version: str) -> ModelVersion:
        """Return one version.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it does not exist, naming those that do, or the registry refuses.
        """
        found = self.find_version(name, version)
        if found is None:
            raise RegistryError(f"{name} has no version {version}. {self.there_are(name)}")
        return found

    def there_are(self, name: str) -> str:
        """Say which versions and aliases a model has.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        known = self.versions(name)
        if not known:
            return "Nothing is registered under this name: train a model and register it first."
        shown = ", ".join(map(str, known)) if len(known) <= _SHOWN else f"{known[0]} to {known[-1]}"
        pointing = ", ".join(f"{alias} ({version})" for alias, version in sorted(self.aliases(name).items()))
        return f"There {'are versions' if len(known) > 1 else 'is version'} {shown}{pointing and f' and the aliases {pointing}'}."

    def set_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Set a tag of a version.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        with asking(f"Tag '{key}' of {name} version {version} could not be set", name):
            insert_or_update(self._client.set_model_version_tag, name, version, key, value)

    def delete_tag(self, name: str, version: str, key: str) -> None:
        """Remove a tag of a version.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where it refuses.
        """
        with asking(f"Tag '{key}' of {name} version {version} could not be removed", name):
            self._client.delete_model_version_tag(name, version, key)


def _no_such_alias(error: Exception) -> bool:
    """Whether the model or the alias does not exist. SQL stores call an alias that they do not find an invalid parameter."""
    if not isinstance(error, MlflowException):
        return False
    text = str(error.message).lower()
    return error.error_code in MISSING or (error.error_code == _INVALID and "alias" in text and "not found" in text)
