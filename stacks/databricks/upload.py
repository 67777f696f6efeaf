"""What a job leaves in the workspace beside its definition: a folder with wheel and pins, and secrets. All of it has one key."""

import base64
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.workspace import ImportFormat

from stackhouse.passwords import gives_password, names_secret
from stacks.databricks.client import asked
from stacks.databricks.job import Packages
from stacks.databricks.pins import requirements
from stacks.databricks.wheel import build_wheel

_SWITCHES = {"", "true", "false", "0", "1"}
"""Values that are no secret under any name, such as that of ZENML_DISABLE_CREDENTIALS_DISK_CACHING."""


@dataclass(frozen=True)
class Baggage:
    """Folder and secrets of one job, by its key."""

    client: WorkspaceClient
    folder: str
    scope: str
    key: str

    @property
    def path(self) -> str:
        """Workspace folder of this job."""
        return f"{self.folder}/{self.key}"

    def upload(self, python: str, further: list[str]) -> Packages:
        """Build the wheel, and upload it with the pins for this Python.

        Raises:
            InfrastructureError: where the wheel cannot be built, or the workspace refuses it.
            ConfigurationError: where there are no pins for this Python.
        """
        pins = requirements(python)
        with tempfile.TemporaryDirectory() as folder:
            wheel = build_wheel(Path(folder))
            content = wheel.read_bytes()
        with asked(f"The wheel of the project cannot be uploaded to {self.path}"):
            self.client.workspace.mkdirs(self.path)
        self._put(wheel.name, content)
        self._put("requirements.txt", pins.encode())
        return Packages(f"{self.path}/{wheel.name}", f"{self.path}/requirements.txt", further)

    def upload_environment(self, variables: Mapping[str, str]) -> str:
        """Upload variables for compute that has none of its own; secrets stand in it as references."""
        self._put("environment.json", json.dumps(dict(variables), indent=1).encode())
        return f"{self.path}/environment.json"

    def hide_secrets(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Put the values of secret variables into the scope, and return all variables with references in their place.

        A variable is secret where its name says so, or its value holds a password.

        Raises:
            InfrastructureError: where the scope does not exist or may not be written to.
        """
        hidden = {}
        for name, value in variables.items():
            if _is_secret(name, value):
                with asked(
                    f"The secret scope '{self.scope}' cannot be written to (`databricks secrets create-scope {self.scope}` makes it)"
                ):
                    self.client.secrets.put_secret(self.scope, self._secret(name), string_value=value)
                value = f"{{{{secrets/{self.scope}/{self._secret(name)}}}}}"  # noqa: PLW2901 - the reference takes the place of the value
            hidden[name] = value
        return hidden

    def remove(self) -> None:
        """Remove folder and secrets; what is gone already is no error.

        Raises:
            InfrastructureError: where the workspace refuses.
        """
        with asked(f"{self.path} cannot be removed"):
            with suppress(NotFound):
                self.client.workspace.delete(self.path, recursive=True)
            try:
                mine = [
                    item.key for item in self.client.secrets.list_secrets(self.scope) if item.key and item.key.startswith(f"{self.key}-")
                ]
            except NotFound:
                mine = []
            for secret in mine:
                self.client.secrets.delete_secret(self.scope, secret)

    def _secret(self, name: str) -> str:
        return f"{self.key}-{name.lower().replace('_', '-')}"

    def _put(self, name: str, content: bytes) -> None:
        with asked(f"{name} cannot be uploaded to {self.path}"):
            # As JSON and not as a stream, since the SDK repeats no stream after 429 and 503; the API takes 10 MB so.
            encoded = base64.b64encode(content).decode()
            self.client.workspace.import_(f"{self.path}/{name}", content=encoded, format=ImportFormat.AUTO, overwrite=True)


def _is_secret(name: str, value: str) -> bool:
    if value.startswith("{{secrets/") or value.lower() in _SWITCHES:
        return False
    return names_secret(name) or gives_password(value)
