"""A version as a user names it: `catalog.schema.model/3`, `catalog.schema.model@alias`, or the model alone for its champion."""

from dataclasses import dataclass
from typing import Self

from mlflow import MlflowClient

from stackhouse.errors import ConfigurationError, RegistryError
from stackhouse.names import require_three_levels
from stacks.mlflow_failures import FAILURES
from stacks.registry import Registry

CHAMPION = "champion"
_SHOWN = 10


@dataclass(frozen=True)
class NamedVersion:
    """A model with the number or the alias of one of its versions."""

    name: str
    number: str | None
    alias: str | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what a user has typed; nothing is asked yet.

        >>> NamedVersion.parse("dev.flights.flight_delay@challenger")
        NamedVersion(name='dev.flights.flight_delay', number=None, alias='challenger')

        Raises:
            ConfigurationError: where it names no version.
        """
        bare = text.removeprefix("models:/")
        if bare.count("@") + bare.count("/") > 1 or bare.endswith(("@", "/")):
            raise _unreadable(text)
        name, at, alias = bare.partition("@")
        name, slash, number = name.partition("/")
        if slash and not (number.isascii() and number.isdigit() and int(number) > 0):
            raise _unreadable(text)
        try:
            require_three_levels("The model", name)
        except ConfigurationError as error:
            raise _unreadable(text) from error
        return cls(name, str(int(number)) if slash else None, alias if at else None if slash else CHAMPION)

    def resolve(self, client: MlflowClient) -> str:
        """Return the number of the version.

        Raises:
            InfrastructureError: where the registry does not answer.
            RegistryError: where there is none, naming what there is, or the registry refuses.
        """
        registry = Registry(client)
        if not registry.versions(self.name):
            raise RegistryError(f"There is no model {self.name}. {_models(client)}")
        if self.alias is None:
            return str(registry.version(self.name, self.number or "").version)
        found = registry.version_by_alias(self.name, self.alias)
        if found is None:
            raise RegistryError(f"{self.name} has no version with the alias '{self.alias}'. {registry.there_are(self.name)}")
        return str(found.version)


def _unreadable(text: str) -> ConfigurationError:
    return ConfigurationError(
        f"'{text}' names no version. Give name and version, name and alias, or the name alone for its champion: "
        "dev.flights.flight_delay/3, dev.flights.flight_delay@challenger, dev.flights.flight_delay."
    )


def _models(client: MlflowClient) -> str:
    """Say which models there are; nothing of them where the registry does not tell, since the missing one is what is wrong."""
    try:
        found = sorted(str(model.name) for model in client.search_registered_models(max_results=100))
    except FAILURES:
        return "Train it and register it first, or correct its name."
    if not found:
        return "Nothing is registered yet; run the training pipeline first."
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return f"There are {', '.join(found[:_SHOWN])}{more}."
