"""What the flags of prepare_data, train_model, register_model and validate_model share: their types, and the place that they name.

Everything here is refused with exit code 2, before a store or a stack is touched.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from commands.environments import named_environment, read_environment, variable
from stackhouse.errors import ConfigurationError
from stackhouse.names import require_level, require_three_levels

if TYPE_CHECKING:
    from cyclopts import Token

    from stackhouse.environments import Environment, EnvironmentName
    from stackhouse.verdict import Gates

__all__ = [
    "Catalog",
    "EnvironmentFlag",
    "ExperimentName",
    "Json",
    "ModelName",
    "Place",
    "Schema",
    "StackName",
    "column",
    "experiment_of",
    "number",
    "place_of",
    "require_level",
    "require_three_levels",
    "whole",
]

DEFAULT_ENVIRONMENT = "dev"

Catalog = Annotated[str | None, Parameter(help="Catalog; that of the environment where none is named.")]
Schema = Annotated[str | None, Parameter(help="Schema; that of the environment where none is named.")]
EnvironmentFlag = Parameter(help="dev, aut or prod; development, staging and production are the same.")
"""To be used as `Annotated[str, EnvironmentFlag]` where it is required, `Annotated[str | None, EnvironmentFlag]` where not."""
ModelName = Annotated[str, Parameter(help="Name of the model; it is registered as catalog.schema.name.")]
ExperimentName = Annotated[str | None, Parameter(help="MLflow experiment; /Shared/{catalog}/{schema}/training where none is named.")]
StackName = Annotated[
    str | None,
    Parameter(name="--stack", help="Stack to run on; the active one where its feature store is ours, else local."),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print one JSON document, and nothing else, to the standard output.")]


def whole(low: int, high: int | None = None) -> Parameter:
    """Return the parameter of a whole number from `low` to `high`, both included. Cyclopts itself would round 5.7."""
    allowed = f"a whole number from {low} to {high}" if high is not None else f"a whole number of {low} at least"

    def convert(_type: Any, tokens: "Sequence[Token]") -> int:
        try:
            value = int(tokens[0].value)
        except ValueError:
            raise ValueError(f"{tokens[0].value!r} is not {allowed}") from None
        if value < low or (high is not None and value > high):
            raise ValueError(f"{value} is not {allowed}")
        return value

    return Parameter(converter=convert, n_tokens=1)


def number(low: float, high: float = inf, *, included: bool = False) -> Parameter:
    """Return the parameter of a finite number between `low` and `high`; `included` says whether `high` itself is one."""
    up_to = "" if high == inf else f" and at most {high:g}" if included else f" and below {high:g}"
    allowed = f"a number above {low:g}{up_to}"

    def convert(_type: Any, tokens: "Sequence[Token]") -> float:
        try:
            value = float(tokens[0].value)
        except ValueError:
            raise ValueError(f"{tokens[0].value!r} is not {allowed}") from None
        if not isfinite(value) or value <= low or value > high or (value == high and not included):
            raise ValueError(f"{tokens[0].value} is not {allowed}")
        return value

    return Parameter(converter=convert, n_tokens=1)


@dataclass(frozen=True)
class Place:
    """Where a command works: catalog and schema, and the environment that says the rest."""

    catalog: str
    schema: str
    profile: "Environment"

    @property
    def environment(self) -> "EnvironmentName":
        """Name of the environment: dev, aut or prod."""
        return self.profile.environment

    @property
    def baseline_f1(self) -> float:
        """F1 that the environment asks for."""
        return self.profile.baseline_f1

    @property
    def gates(self) -> "Gates":
        """What else the environment asks for."""
        return self.profile.gates

    @property
    def experiment(self) -> str:
        """MLflow experiment of the four commands. Source: the training pipeline guide."""
        return f"/Shared/{self.catalog}/{self.schema}/training"

    def named(self, flag: str, name: str) -> str:
        """Return `catalog.schema.name` for the name that a flag gives.

        Raises:
            ConfigurationError: where it cannot be a name.
        """
        return f"{self.catalog}.{self.schema}.{require_level(flag, name)}"


def experiment_of(name: str | None, place: Place) -> str:
    """Return the MLflow experiment that a flag names, or that of the place.

    Raises:
        ConfigurationError: where the name is empty.
    """
    if name is not None and not name.strip():
        raise ConfigurationError("--experiment-name is empty. Leave it out, or name an experiment; nothing was read.")
    return name or place.experiment


def column(flag: str, name: str) -> str:
    """Return the column that a flag names.

    Raises:
        ConfigurationError: where the name is empty.
    """
    if not name.strip():
        raise ConfigurationError(f"{flag} is empty. Name a column; nothing was read.")
    return name


def place_of(catalog: str | None, schema: str | None, environment: str | None) -> Place:
    """Resolve the place: a flag goes before its environment variable, that before the environment's file.

    Where no environment is named, STACKHOUSE_ENVIRONMENT says which one it is, else it is dev.

    Raises:
        ConfigurationError: where there is no such environment, or a name cannot be one.
    """
    from stackhouse.environments import first_given

    profile = named_environment(environment) or read_environment(DEFAULT_ENVIRONMENT)

    def level(flag: str, given: str | None, of_environment: str) -> str:
        told = variable(flag)
        what = flag if given is not None or told is None else f"STACKHOUSE_{flag[2:].upper()}"
        return require_level(what, first_given([given, told, of_environment], of_environment))

    return Place(level("--catalog", catalog, profile.catalog), level("--schema", schema, profile.schema_name), profile)
