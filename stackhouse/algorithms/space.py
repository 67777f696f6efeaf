"""What a search may choose for a hyperparameter: a range or some choices. Algorithms declare theirs, model files replace them.

Where a range lies inside what a field accepts is checked by the algorithm itself, see `stackhouse.tuning.search_rule`.
"""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Range(_Frozen):
    """Numbers from `low` to `high`, both in; whole numbers where the field takes no others."""

    low: int | float
    high: int | float
    log: bool = Field(False, description="Draw evenly over the logarithm: as many between 0.01 and 0.1 as between 0.1 and 1.")

    @model_validator(mode="after")
    def _holds_something(self) -> Self:
        if not self.low < self.high:
            raise ValueError(
                f"low {self.low} is not below high {self.high}; give a range with something in it, or take the field out (null)"
            )
        if self.log and self.low <= 0:
            raise ValueError(f"log: true needs low above 0, and it is {self.low}")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that have to be accepted for all of them to be."""
        return (self.low, self.high)


class Choices(_Frozen):
    """One of the listed values."""

    choices: tuple[bool | int | float | str | None, ...] = Field(min_length=1)

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that have to be accepted for all of them to be."""
        return self.choices


def _form(given: Any) -> str:
    return "choices" if isinstance(given, Choices) or (isinstance(given, dict) and "choices" in given) else "range"


Space = Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_form)]
"""`{low, high, log}` or `{choices}`."""


def between(low: float, high: float, *, log: bool = False) -> Range:
    """Build a range.

    >>> between(2, 8).ends
    (2, 8)
    """
    return Range(low=low, high=high, log=log)
