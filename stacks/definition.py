"""Stacks as files: what `configs/stacks/NAME.yaml` says is registered with ZenML, and registered again without harm."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.exceptions import EntityExistsError, ZenKeyError

from stackhouse.errors import ConfigurationError
from stackhouse.passwords import gives_password, names_secret, without_userinfo
from stacks.home import PROJECT, create_home, home, require_writable

FLAVORS = {
    ("artifact_store", "unity_catalog_volumes"): "stacks.databricks.volumes_artifact_store.VolumesArtifactStoreFlavor",
    ("feature_store", "delta"): "stacks.delta_feature_store.DeltaFeatureStoreFlavor",
    ("feature_store", "unity_catalog"): "stacks.databricks.unity_catalog_feature_store.UnityCatalogFeatureStoreFlavor",
    ("orchestrator", "stackhouse_databricks"): "stacks.databricks.orchestrator_flavor.OrchestratorFlavor",
}
"""Flavors of our own, by component type and name."""

_PLACE = re.compile(r"(?<!\{)\{(home|[A-Z][A-Z0-9_]*)\}(?!\})")
"""A place to fill; two braces are ZenML's own references to secrets."""


class ComponentDefinition(BaseModel):
    """One component of a stack. `{home}` in a value stands for the project's own folder, `{NAME}` for a variable of the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    flavor: str
    configuration: Mapping[str, str] = Field(default_factory=dict)


class StackDefinition(BaseModel):
    """A stack: its name, its components by type, and the ZenML secrets that they refer to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    addresses: tuple[str, ...] = ()
    """Variables of the environment that have to hold an address, `http://…` or `https://…`."""
    secrets: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """Values of each ZenML secret, by its name: the variable of the environment that each is taken from where it is set."""
    components: Mapping[str, ComponentDefinition]


def read_definition(name: str, folder: Path = PROJECT / "configs" / "stacks") -> StackDefinition:
    """Read a stack's file.

    Raises:
        ConfigurationError: where there is no such file, or it is not valid.
    """
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        raise ConfigurationError(f"There is no stack '{name}' in {folder}; there are {known}. Name one of these.")
    try:
        return StackDefinition.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} is not a valid stack definition: {error}") from error


def bring_up(definition: StackDefinition) -> str:
    """Register flavors, components and stack where they are missing, and make the stack active.

    Components are named `stackhouse_…`; what a user registered under another name is never touched.

    Returns:
        The name of the stack.

    Raises:
        ConfigurationError: where a variable is not set or no address, a component of this name has another flavor or configuration, or the
            stack is the user's own.
        InfrastructureError: where the project's folder cannot be written to.
    """
    _require_addresses(definition)
    create_home()
    client = Client()
    components = {kind: filled(component, definition.name) for kind, component in definition.components.items()}
    for secret, values in definition.secrets.items():
        _keep_secret(client, secret, values)
    ids = {}
    for kind, component in components.items():
        kind_type = StackComponentType(kind)
        _register_flavor(client, kind, component.flavor)
        ids[kind_type] = _register_component(client, kind_type, component)
    try:
        stack = client.get_stack(definition.name, allow_name_prefix_match=False)
    except KeyError:
        client.create_stack(definition.name, ids)
    else:
        foreign = [item.name for items in stack.components.values() for item in items if item.id not in ids.values()]
        if foreign:
            raise ConfigurationError(
                f"ZenML has a stack '{definition.name}' already, with components of its own ({', '.join(sorted(foreign))}). "
                f"Rename it first: `zenml stack rename {definition.name} NEW_NAME`."
            )
        if set(stack.components) != set(ids):
            client.update_stack(stack.id, component_updates={kind: [identifier] for kind, identifier in ids.items()})
    client.activate_stack(definition.name)
    return definition.name


def filled(component: ComponentDefinition, stack: str) -> ComponentDefinition:
    """Put the project's folder and variables of the environment into a component's configuration.

    Raises:
        ConfigurationError: where a variable is not set.
    """

    def value(found: re.Match[str]) -> str:
        if found[1] == "home":
            return str(home())
        if not os.environ.get(found[1]):
            raise ConfigurationError(
                f"The stack '{stack}' takes {found[1]} from the environment, and it is not set. Set it: export {found[1]}=…"
            )
        return os.environ[found[1]]

    configuration = {key: _PLACE.sub(value, text) for key, text in component.configuration.items()}
    return component.model_copy(update={"configuration": configuration})


def _require_addresses(definition: StackDefinition) -> None:
    for variable in definition.addresses:
        given = os.environ.get(variable)
        if given and not given.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"The stack '{definition.name}' takes the address of a server from {variable}, and that starts with neither http:// nor "
                f"https://. Set it: export {variable}=http://…"
            )
        if given and without_userinfo(given) != given:
            raise ConfigurationError(
                f"The address in {variable} has a user or a password in it, which errors and records would repeat. Take them out; MLflow "
                "reads MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or a token."
            )


def _keep_secret(client: Client, name: str, values: Mapping[str, str]) -> None:
    """Keep what the environment holds as a ZenML secret, which components refer to; one that is there is brought up to date."""
    given = {key: os.environ[variable] for key, variable in values.items() if os.environ.get(variable)}
    try:
        existing = client.get_secret(name, allow_partial_name_match=False, allow_partial_id_match=False)
    except KeyError:
        if missing := sorted(set(values) - set(given)):
            variables = " and ".join(values[key] for key in missing)
            raise ConfigurationError(
                f"ZenML has no secret '{name}' yet. Set {variables} once, so that it can be made, or make it: "
                f"`zenml secret create {name} {' '.join(f'--{key}=…' for key in missing)}`."
            ) from None
        client.create_secret(name, given)
        return
    if any(existing.secret_values.get(key) != value for key, value in given.items()):
        client.update_secret(existing.id, add_or_update_values=given)


def _register_flavor(client: Client, kind: str, flavor: str) -> None:
    source = FLAVORS.get((kind, flavor))
    if source is None:
        return
    try:
        client.create_flavor(source, StackComponentType(kind))
    except EntityExistsError:
        return


def _register_component(client: Client, kind: StackComponentType, component: ComponentDefinition) -> Any:
    configuration = dict(component.configuration)
    if "path" in configuration and "://" not in configuration["path"]:
        require_writable(Path(configuration["path"]))
    try:
        existing = client.get_stack_component(kind, component.name, allow_name_prefix_match=False)
    except (KeyError, ZenKeyError):
        return client.create_stack_component(component.name, component.flavor, kind, configuration).id
    if existing.flavor_name != component.flavor:
        raise ConfigurationError(
            f"ZenML has a {kind.value} '{component.name}' of flavor {existing.flavor_name}, not {component.flavor}. "
            f"Rename it: `zenml {kind.value.replace('_', '-')} rename {component.name} NEW_NAME`."
        )
    if different := [key for key, value in configuration.items() if not _same(existing.configuration.get(key), value)]:
        found = ", ".join(_difference(key, str(existing.configuration.get(key)), configuration[key]) for key in different)
        raise ConfigurationError(
            f"ZenML has a {kind.value} '{component.name}' of another clone or folder: {found}. "
            f"Rename it if it is in use, delete it if not: `zenml {kind.value.replace('_', '-')} rename {component.name} NEW_NAME`."
        )
    return existing.id


def _same(kept: Any, written: str) -> bool:
    """Whether ZenML keeps what the file says: it turns words into numbers and truth values."""
    return str(kept).lower() == written.lower()


def _difference(key: str, kept: str, written: str) -> str:
    """Say how a value differs from the one of the file; of what is secret, or differs in user and password alone, only that it does."""
    shown = [without_userinfo(value) for value in (kept, written)]
    if names_secret(key) or shown[0] == shown[1] or any(gives_password(value) for value in shown):
        return f"{key} is another one"
    return f"{key} is {shown[0]}, not {shown[1]}"
