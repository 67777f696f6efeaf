"""EvaluationRule: what is measured beside the metrics of all test rows."""

from pydantic import BaseModel, ConfigDict, Field


class EvaluationRule(BaseModel):
    """By what the test rows are sliced, and how intervals are drawn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slices: tuple[str, ...] = Field((), description="Columns by whose values the test rows are sliced: features or keys.")
    min_slice_rows: int = Field(100, ge=10, description="Rows below which a slice is measured and not judged.")
    resamples: int = Field(500, ge=100, le=10_000, description="Resamples of the bootstrap, from which intervals are made.")
    confidence: float = Field(0.95, ge=0.5, lt=1, description="Share of the intervals that hold the true value.")
