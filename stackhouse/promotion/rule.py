"""PromotionRule: by which metric, on how many rows, by how much and how surely a challenger has to be better."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from stackhouse.evaluation.metrics import require_comparable


class PromotionRule(BaseModel):
    """When a challenger is better: the interval of its improvement lies above `min_effect` as a whole.

    The interval is two-sided. Of challengers as good as the champion, half look better by chance, and of these one in twenty is
    promoted at a confidence of 0.95.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field("roc_auc", description="Metric of the comparison.")
    min_rows: int = Field(100, ge=1, description="Rows that neither model was trained on, below which nothing is promoted.")
    min_effect: float = Field(0.0, ge=0, allow_inf_nan=False, description="Improvement that has to be exceeded, in the metric's unit.")
    confidence: float = Field(0.95, ge=0.5, lt=1, description="Share of the intervals that hold the true improvement.")
    resamples: int = Field(500, ge=100, le=10_000, description="Resamples of the paired bootstrap.")
    slices: tuple[str, ...] = Field((), description="Columns by whose values the difference is shown as well.")
    min_slice_rows: int = Field(100, ge=10, description="Rows below which a slice is measured and not judged.")
    seed: int = Field(42, ge=0, description="Seed of the resamples.")

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        return require_comparable(metric)
