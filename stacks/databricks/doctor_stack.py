"""The stack that is examined, from its file or as ZenML has it, and what opens its workspace."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError
from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.utils.secret_utils import is_secret_reference, parse_secret_reference

from stackhouse.errors import ConfigurationError, InfrastructureError
from stacks.databricks.orchestrator_flavor import FLAVOR, OrchestratorConfig
from stacks.definition import ComponentDefinition, StackDefinition, filled

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Component:
    """One component: its flavor and its configuration, with references to secrets in place of them."""

    flavor: str
    configuration: Mapping[str, Any]


@dataclass(frozen=True)
class Credentials:
    """What opens the workspace; see `stacks.databricks.client.Credentials`."""

    host: str
    token: str | None = field(default=None, repr=False)
    client_id: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class ExaminedStack:
    """A stack, its components by type."""

    name: str
    components: Mapping[str, Component]
    problems: tuple[str, ...] = ()
    """What its file asks for and the environment does not have."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values that the environment holds, by the reference that stands for each."""

    @property
    def on_databricks(self) -> bool:
        """Whether pipelines run in a workspace."""
        return "orchestrator" in self.components and self.components["orchestrator"].flavor in {FLAVOR, "databricks"}

    @property
    def remote(self) -> bool:
        """Whether pipelines run on another machine."""
        return "orchestrator" in self.components and not self.components["orchestrator"].flavor.startswith("local")

    @property
    def host(self) -> str:
        """Address of the workspace, with https where it names no scheme, as the SDK takes it; empty where there is none."""
        host = str(self._setting("orchestrator", "host") or "").rstrip("/")
        return host if not host or "://" in host else f"https://{host}"

    @property
    def on_loopback(self) -> bool:
        """Whether the workspace is an emulated one on this machine."""
        return on_loopback(self.host)

    @property
    def volume(self) -> tuple[str, str, str] | None:
        """Catalog, schema and volume of the artifact store."""
        found = re.match(r"uc://([^/]+)/([^/]+)/([^/]+)", str(self._setting("artifact_store", "path") or ""))
        return (found[1], found[2], found[3]) if found else None

    @property
    def volume_path(self) -> str:
        """Path of the artifact store in the Files API."""
        return f"/Volumes/{str(self._setting('artifact_store', 'path')).removeprefix('uc://').rstrip('/')}"

    @property
    def tables_in_catalog(self) -> bool:
        """Whether feature tables are in Unity Catalog."""
        return "feature_store" in self.components and self.components["feature_store"].flavor == "unity_catalog"

    @property
    def models_in_catalog(self) -> bool:
        """Whether models are registered in Unity Catalog."""
        return str(self._setting("experiment_tracker", "enable_unity_catalog")).lower() == "true"

    def settings(self) -> OrchestratorConfig:
        """Return the configuration of the orchestrator with its defaults.

        Raises:
            ConfigurationError: where it is not valid; no value is repeated.
        """
        given = {key: value for key, value in self.components["orchestrator"].configuration.items() if value is not None}
        try:
            return OrchestratorConfig(**given)
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ConfigurationError(f"The configuration of the orchestrator is not valid: {problems}") from None

    def credentials(self) -> Credentials:
        """Return what opens the workspace, secrets looked up.

        Raises:
            ConfigurationError: where there is no such secret.
        """
        given = {name: self._secret(self._setting("orchestrator", name)) for name in ("token", "client_id", "client_secret")}
        return Credentials(self.host, **given)

    def _setting(self, kind: str, name: str) -> Any:
        return self.components[kind].configuration.get(name) if kind in self.components else None

    def _secret(self, value: Any) -> str | None:
        if not value or not is_secret_reference(value):
            return str(value) if value else None
        if value in self.secrets:
            return self.secrets[value]
        reference = parse_secret_reference(value)
        try:
            secret = Client().get_secret(reference.name, allow_partial_name_match=False, allow_partial_id_match=False)
            return str(secret.secret_values[reference.key])
        except Exception as error:  # noqa: BLE001 - a store may be broken in any way
            raise ConfigurationError(
                f"The stack '{self.name}' refers to the ZenML secret '{reference.name}' (key '{reference.key}'), "
                f"which cannot be read ({type(error).__name__})."
            ) from None


def on_loopback(address: str) -> bool:
    """Whether an address is one of this machine.

    >>> on_loopback("http://127.0.0.1:8080"), on_loopback("https://adb-1.2.azuredatabricks.net")
    (True, False)
    """
    return (urlsplit(address).hostname or "") in LOOPBACK


def of_definition(definition: StackDefinition) -> ExaminedStack:
    """Take a stack from its file, with what the environment holds."""
    components, problems = {}, []
    for kind, defined in definition.components.items():
        component: ComponentDefinition = defined
        try:
            component = filled(defined, definition.name)
        except ConfigurationError as error:
            problems.append(str(error))
        components[kind] = Component(component.flavor, component.configuration)
    secrets = {
        f"{{{{{secret}.{key}}}}}": os.environ[variable]
        for secret, values in definition.secrets.items()
        for key, variable in values.items()
        if os.environ.get(variable)
    }
    return ExaminedStack(definition.name, components, tuple(dict.fromkeys(problems)), secrets)


def of_active_stack() -> ExaminedStack:
    """Take the active stack as ZenML has it.

    Raises:
        InfrastructureError: where ZenML's store cannot be used.
    """
    try:
        stack = Client().active_stack_model
        components = {
            StackComponentType(kind).value: Component(items[0].flavor_name, items[0].configuration)
            for kind, items in stack.components.items()
            if items
        }
    except Exception as error:
        raise InfrastructureError(
            f"ZenML's store cannot be used: {type(error).__name__}. `zenml status` shows where it is. "
            "Name a stack to examine its file alone."
        ) from error
    return ExaminedStack(stack.name, components)
