"""FeatureLookup: which features of a table a training set takes, by which columns, as of when."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, field_validator, model_validator


class FeatureLookup(BaseModel):
    """Look features of one table up for each row of a spine; the fields are those of Databricks' FeatureLookup.

    A table with a timestamp gives the latest row that was known at the spine's time, one without gives the row of the key.
    `default_values` goes by the name of the output, after renaming. Its values stand in where no row matches; a null that a
    matching row holds stays. They keep a row only when every output of the lookup has one.

    >>> FeatureLookup(table_name="dev.shop.users", lookup_key="user", feature_names="age", rename_outputs={"age": "user_age"}).lookup_key
    ('user',)

    Raises:
        ValueError: where outputs or keys stand twice, a rename or default names no feature of the lookup, or a lookback window
            is not positive or has no time to look back from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table_name: str = Field(min_length=1, description="The feature table, as catalog.schema.table.")
    lookup_key: tuple[str, ...] = Field(
        min_length=1, description="Columns of the spine in the order of the table's primary keys, its timestamp left out."
    )
    feature_names: tuple[str, ...] | None = Field(None, min_length=1, description="Features to take; all of the table where none is given.")
    rename_outputs: Mapping[str, str] = Field(default_factory=dict, description="New name by feature.")
    timestamp_lookup_key: str | None = Field(None, description="Column of the spine with the time as of which to look.")
    lookback_window: timedelta | None = Field(
        None, gt=timedelta(0), description="An older feature row counts as no match; one that is exactly as old still matches."
    )
    default_values: Mapping[str, FiniteFloat] = Field(default_factory=dict, description="Value by output where no row matches.")

    @field_validator("lookup_key", "feature_names", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _keys_stand_once(self) -> Self:
        times = (self.timestamp_lookup_key,) if self.timestamp_lookup_key else ()
        if repeated := _repeated((*self.lookup_key, *times)):
            raise ValueError(f"{repeated} is named more than once among lookup_key and timestamp_lookup_key")
        return self

    @model_validator(mode="after")
    def _a_window_has_a_time(self) -> Self:
        if self.lookback_window is not None and self.timestamp_lookup_key is None:
            raise ValueError("lookback_window looks back from timestamp_lookup_key, which is not given")
        return self

    @model_validator(mode="after")
    def _outputs_fit(self) -> Self:
        if self.feature_names is not None:
            self.outputs(self.feature_names)
        elif repeated := _repeated(tuple(self.rename_outputs.values())):
            raise ValueError(f"two outputs would be called {repeated}; give each feature a name of its own under rename_outputs")
        return self

    def outputs(self, existing: tuple[str, ...]) -> dict[str, str]:
        """Return the name of the output by feature, in the order asked for; `existing` are the features where none was named.

        Raises:
            ValueError: where a rename or default names what the lookup does not take, or two outputs have one name.
        """
        names = existing if self.feature_names is None else self.feature_names
        if unknown := [name for name in self.rename_outputs if name not in names]:
            raise ValueError(f"rename_outputs names {unknown}, which the lookup does not take; it takes {list(names)}")
        outputs = [self.rename_outputs.get(name, name) for name in names]
        if repeated := _repeated(tuple(outputs)):
            raise ValueError(f"two outputs would be called {repeated}; give each feature a name of its own under rename_outputs")
        if unknown := [name for name in self.default_values if name not in outputs]:
            raise ValueError(f"default_values names {unknown}, no output of the lookup (after renaming); these are {outputs}")
        return dict(zip(names, outputs, strict=True))


def _repeated(names: tuple[str, ...]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})
