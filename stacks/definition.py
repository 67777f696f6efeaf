"""Stacks as files: what `configs/stacks/NAME.yaml` says is registered with ZenML, and registered again without harm."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from zenml.client import Client
from zenml.enums import StackComponentType
from zenml.exceptions import EntityExistsError, ZenKeyError

from stackhouse.errors import ConfigurationError
from stacks.home import PROJECT, create_home, home, require_writable

FLAVORS = {("feature_store", "delta"): "stacks.delta_feature_store.DeltaFeatureStoreFlavor"}
"""Flavors of our own, by component type and name."""


class ComponentDefinition(BaseModel):
    """One component of a stack. `{home}` in a value stands for the project's own folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    flavor: str
    configuration: Mapping[str, str] = Field(default_factory=dict)


class StackDefinition(BaseModel):
    """A stack: its name and its components by type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
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
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} is not a valid stack definition: {error}") from error


def bring_up(definition: StackDefinition) -> str:
    """Register flavors, components and stack where they are missing, and make the stack active.

    Components are named `stackhouse_…`; what a user registered under another name is never touched.

    Returns:
        The name of the stack.

    Raises:
        ConfigurationError: where a component of this name has another flavor or configuration, or the stack is the user's own.
        InfrastructureError: where the project's folder cannot be written to.
    """
    create_home()
    client = Client()
    ids = {}
    for kind, component in definition.components.items():
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


def _register_flavor(client: Client, kind: str, flavor: str) -> None:
    source = FLAVORS.get((kind, flavor))
    if source is None:
        return
    try:
        client.create_flavor(source, StackComponentType(kind))
    except EntityExistsError:
        return


def _register_component(client: Client, kind: StackComponentType, component: ComponentDefinition) -> Any:
    configuration = {key: value.replace("{home}", str(home())) for key, value in component.configuration.items()}
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
    if different := [key for key, value in configuration.items() if existing.configuration.get(key) != value]:
        found = ", ".join(f"{key} is {existing.configuration.get(key)}, not {configuration[key]}" for key in different)
        raise ConfigurationError(
            f"ZenML has a {kind.value} '{component.name}' of another clone or folder: {found}. "
            f"Rename it if it is in use, delete it if not: `zenml {kind.value.replace('_', '-')} rename {component.name} NEW_NAME`."
        )
    return existing.id
