"""How hyperparameters are searched: `tuning.search` of a model file, and the spaces that come of it."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stackhouse.algorithms import Estimating, Range, Space

FIXED = ("kind", "profile", "random_state", "threads")
"""Fields of an algorithm that are no hyperparameters to choose."""


class SearchRule(BaseModel):
    """A search by Optuna: TPE draws, a median pruner over folds ends what is worse than most."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trials: int = Field(50, ge=1, le=10_000, description="Trials in all, the listed algorithms included; pruned ones count.")
    timeout_minutes: float | None = Field(
        None, gt=0, description="No trial begins after so many minutes; how many there are then depends on the machine."
    )
    folds: int = Field(5, ge=2, le=20, description="Folds of the training rows that each trial is judged on.")
    parallel_folds: int = Field(
        1, ge=1, le=20, description="Folds of a trial that are fitted at once, in threads; what is found does not depend on it."
    )
    pruning: bool = Field(True, description="End a trial whose mean over its folds so far is worse than the median of the others'.")
    seed: int = Field(42, ge=0, description="Seed of what is drawn: folds at random and hyperparameters.")
    early_stopping_rounds: int = Field(
        20, ge=0, description="XGBoost and LightGBM stop where the loss of the fold's held-out rows has not fallen for so long; 0: never."
    )
    space: Mapping[str, Mapping[str, Space | None]] = Field(
        default_factory=dict,
        description="By kind and field: {low, high, log} or {choices} in place of the algorithm's own; null takes a field out.",
    )

    def spaces(self, listed: Sequence[Estimating]) -> dict[str, dict[str, Space]]:
        """Return what is searched for each kind among the listed algorithms: its own space with the fields that are named here replaced.

        Fields outside the space stay as in the first listed algorithm of the kind.

        Raises:
            ValueError: naming kind and field, where a kind is not listed, a field does not exist or is none to search, or holds
                values that the algorithm does not accept.
        """
        first = {algorithm.kind: algorithm for algorithm in reversed(listed)}
        if unknown := [kind for kind in self.space if kind not in first]:
            raise ValueError(f"tuning.search.space: {unknown} is not among the algorithms; they are {sorted(first)}")
        found: dict[str, dict[str, Space]] = {}
        for kind in dict.fromkeys(algorithm.kind for algorithm in listed):
            merged = {**first[kind].space, **self.space.get(kind, {})}
            found[kind] = {field: space for field, space in merged.items() if space is not None}
            _require_accepted(first[kind], found[kind])
        return found


def is_whole(algorithm: type[Estimating], field: str) -> bool:
    """Say whether a field takes whole numbers only.

    >>> from stackhouse.algorithms import XGBoost
    >>> is_whole(XGBoost, "max_depth"), is_whole(XGBoost, "learning_rate")
    (True, False)
    """
    return float not in _types(algorithm.model_fields[field].annotation)


def _types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _types(part)


def _require_accepted(algorithm: Estimating, space: Mapping[str, Space]) -> None:
    """Check the ends of each range and every choice, alone and every two together: limits of fields are intervals."""
    searchable = [name for name in type(algorithm).model_fields if name not in FIXED]
    where = f"tuning.search.space.{algorithm.kind}"
    for field, found in space.items():
        if field not in searchable:
            raise ValueError(f"{where}: '{field}' is no hyperparameter to search; they are {searchable}")
        if isinstance(found, Range) and is_whole(type(algorithm), field) and (found.low, found.high) != (int(found.low), int(found.high)):
            raise ValueError(f"{where}.{field}: {found.low} to {found.high} are not whole numbers")
    values = [(field, value) for field, found in space.items() for value in found.ends]
    for field, value in values:
        if problem := _problem(algorithm, {field: value}):
            raise ValueError(f"{where}.{field}: {value!r} is outside what {algorithm.kind} accepts: {problem}")
    for (field, value), (other, beside) in combinations(values, 2):
        if field != other and (problem := _problem(algorithm, {field: value, other: beside})):
            raise ValueError(f"{where}: {field} {value!r} does not go with {other} {beside!r}: {problem}")


def _problem(algorithm: Estimating, values: Mapping[str, Any]) -> str | None:
    try:
        with_values(algorithm, values)
    except ValidationError as error:
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return None


def with_values(algorithm: Estimating, values: Mapping[str, Any]) -> Estimating:
    """Return the algorithm with other hyperparameters, checked; it is no longer a named profile."""
    return type(algorithm).model_validate({**algorithm.model_dump(), "profile": None, **values})
