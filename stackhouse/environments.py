"""Environments: what dev, aut and prod say of a place and of what a model has to reach there.

Reading the files is the commands' affair, see `commands/environments.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from stackhouse.errors import ConfigurationError
from stackhouse.model_validation import Limits
from stackhouse.names import require_address, require_level
from stackhouse.verdict import Gates

EnvironmentName = Literal["dev", "aut", "prod"]

ALSO_CALLED: Mapping[str, EnvironmentName] = {
    "dev": "dev",
    "development": "dev",
    "aut": "aut",
    "staging": "aut",
    "prod": "prod",
    "production": "prod",
}
"""The environment by each of its names; acceptance is called aut or staging."""


def _an_address(address: str) -> str:
    try:
        return require_address("alert_address", address)
    except ConfigurationError as error:
        raise ValueError(str(error)) from error


AlertAddress = Annotated[str, AfterValidator(_an_address)]
"""Whom Databricks tells by e-mail: one address, or nobody where empty."""


class Environment(BaseModel):
    """One environment, as its file says it."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    environment: EnvironmentName = Field(description="Its name, which is the file's as well.")
    catalog: str = Field(description="Catalog of tables and models.")
    schema_name: str = Field(alias="schema", description="Schema of tables and models.")
    baseline_f1: float = Field(ge=0, lt=1, description="F1 that a model has to be strictly above, where it is asked for.")
    gates: Gates = Field(default_factory=Gates, description="What else a model has to reach, where it is asked for.")
    limits: Limits = Field(
        default_factory=Limits, description="What a version may cost to serve, and how right it has to be, where no flag says otherwise."
    )
    alert_address: AlertAddress = Field("", description="Whom Databricks tells by e-mail where a job fails; nobody where empty.")

    @field_validator("catalog", "schema_name")
    @classmethod
    def _a_name(cls, name: str) -> str:
        try:
            return require_level("the name", name)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error


def environment_name(name: str, what: str = "--environment") -> EnvironmentName:
    """Return the name of an environment by any of the names that it goes by.

    >>> environment_name("staging")
    'aut'

    Raises:
        ConfigurationError: where there is no such environment.
    """
    if name not in ALSO_CALLED:
        raise ConfigurationError(f"{what} is {name!r}. Give one of {', '.join(ALSO_CALLED)}; nothing was read or written.")
    return ALSO_CALLED[name]


Value = TypeVar("Value")


def first_given(layers: Sequence[Value | None], default: Value) -> Value:
    """Return the first value that is given: flag, environment variable, environment file, model file, in this order; else the default.

    >>> first_given([None, "of the variable", "of the file"], "of the code")
    'of the variable'
    """
    return next((value for value in layers if value is not None), default)
