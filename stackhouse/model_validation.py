"""Validation of a registered version before it is deployed: four checks, what it costs to serve it, and what comes of both.

Three of four checks are enough, with a warning, as the training pipeline guide says; a strict validation needs all four. Limits that were
asked for are not checks of the four: one that is not kept fails the validation.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from stackhouse.record import ModelCheck
from stackhouse.report import Report

ENOUGH = 3
"""Checks that have to pass. Source: the training pipeline guide, exit codes of its validation script."""

Outcome = Literal["PASSED", "WARNING", "FAILED"]


class Limits(BaseModel):
    """What a version may cost at most, and how right it has to be at least; None is not asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_size_mb: float | None = Field(None, gt=0)
    max_row_ms: float | None = Field(None, gt=0)
    max_batch_ms: float | None = Field(None, gt=0)
    max_memory_mb: float | None = Field(None, gt=0)
    min_accuracy: float | None = Field(None, ge=0, le=1)

    def over(self, below: Self) -> Self:
        """Return these limits, and those of another layer where these ask for nothing.

        >>> Limits(max_row_ms=5.0).over(Limits(max_row_ms=9.0, max_size_mb=20.0)).max_size_mb
        20.0
        """
        return self.model_copy(update={name: value for name, value in below if getattr(self, name) is None})


class ValidationRequest(BaseModel):
    """What `validate_model` is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Three-level name of the registered model.")
    version: str | None = Field(None, description="A version; it goes before the alias.")
    alias: str
    test_table: str = Field(description="Three-level name of the table with rows to score.")
    sample_size: int = Field(5, ge=1, description="Rows that the inference check scores.")
    strict: bool = False
    limits: Limits = Limits()


class Readiness(Report):
    """What it takes to serve a version; None where it could not be measured, because the version does not load or score."""

    size_bytes: int | None = None
    """All files of the version."""
    row_ms: float | None = None
    """Median time of a call with one row, in milliseconds."""
    batch_ms: float | None = None
    """Median time of a call with `batch_rows` rows, in milliseconds."""
    batch_rows: int = 0
    memory_bytes: int | None = None
    """By how much the process grew while it loaded the version and scored with it, libraries that it had to import included."""
    probability_low: float | None = None
    probability_high: float | None = None
    """Ends of the probabilities that were served; None for a model that gives none."""


class Accuracy(Report):
    """Share of rows that a version answers rightly, and where that was measured; no value where it was measured nowhere."""

    value: float | None = None
    where: str


class ModelValidation(Report):
    """The validation of one version."""

    name: str
    version: str
    test_table: str
    sample_rows: int
    checks: tuple[ModelCheck, ...]
    readiness: Readiness
    accuracy: Accuracy | None = None
    """None where no accuracy was asked for."""
    exceeded: tuple[str, ...] = ()
    """Limits that are not kept, in words."""
    strict: bool = False
    outcome: Outcome

    @classmethod
    def judged(
        cls,
        request: ValidationRequest,
        version: str,
        sample_rows: int,
        checks: Sequence[ModelCheck],
        readiness: Readiness,
        accuracy: Accuracy | None = None,
    ) -> Self:
        """Put together what was found, and say what comes of it."""
        exceeded = limits_exceeded(request.limits, readiness, accuracy)
        return cls(
            name=request.name,
            version=version,
            test_table=request.test_table,
            sample_rows=sample_rows,
            checks=tuple(checks),
            readiness=readiness,
            accuracy=accuracy,
            exceeded=exceeded,
            strict=request.strict,
            outcome=outcome([check.passed for check in checks], limits_kept=not exceeded, strict=request.strict),
        )

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(check.passed for check in self.checks)


def outcome(checks: Sequence[bool], *, limits_kept: bool, strict: bool) -> Outcome:
    """Say what comes of the checks and the limits.

    >>> outcome([True, True, True, False], limits_kept=True, strict=False)
    'WARNING'
    """
    if not limits_kept or sum(checks) < (len(checks) if strict else ENOUGH):
        return "FAILED"
    return "PASSED" if all(checks) else "WARNING"


def limits_exceeded(limits: Limits, readiness: Readiness, accuracy: Accuracy | None) -> tuple[str, ...]:
    """Say which limits are not kept. What could not be measured keeps no limit; the ends of a limit are inside.

    >>> limits_exceeded(Limits(max_row_ms=5.0), Readiness(row_ms=5.1), None)
    ('one row takes 5.1 ms, and may take 5 ms',)
    """
    size, memory = ((None if found is None else found / 1e6) for found in (readiness.size_bytes, readiness.memory_bytes))
    measured: Mapping[str, tuple[float | None, float | None, str]] = {
        "its files": (size, limits.max_size_mb, "MB"),
        "its memory": (memory, limits.max_memory_mb, "MB"),
        "one row": (readiness.row_ms, limits.max_row_ms, "ms"),
        f"a batch of {readiness.batch_rows:,} rows": (readiness.batch_ms, limits.max_batch_ms, "ms"),
    }
    found = [
        f"{what} could not be measured, and may take {limit:g} {unit}"
        if value is None
        else f"{what} {'take' if what == 'its files' else 'takes'} {value:,.4g} {unit}, and may take {limit:g} {unit}"
        for what, (value, limit, unit) in measured.items()
        if limit is not None and (value is None or value > limit)
    ]
    least = limits.min_accuracy
    if least is not None and (accuracy is None or accuracy.value is None or accuracy.value < least):
        told = "unknown" if accuracy is None or accuracy.value is None else f"{accuracy.value:.4f}"
        found.append(f"its accuracy is {told} ({accuracy.where if accuracy else 'not measured'}), and has to be {least:g} at least")
    return tuple(found)
