"""LeakRule: the section `model.leaks` of a model file. How much a leak detector lets pass, and which of its findings are accepted.

What belongs here: limits and acceptances. How leaks are looked for does not; see `detector.py`.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stackhouse.placeholder import require_reason

Check = Literal["single_feature", "derived_name", "outcome_column", "repeated_keys", "repeated_rows", "shared_entities"]
"""What is looked for.

single_feature: a feature alone tells the label too well. derived_name: it tells the label rather well, and is called like it.
outcome_column: it holds the values of a column that is only known with the label. repeated_keys: a test row has the key and time of
a row that the model learns from. repeated_rows: it has the features and the label of one. shared_entities: the split put rows
of one entity on both sides.
"""

TEST = "test"
"""What findings about rows are named after; findings about features have the feature's name."""


class AcceptedLeak(BaseModel):
    """A finding that somebody has looked into and holds for no leak."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: Check = Field(description="The check that found it.")
    name: str = Field(min_length=1, description="The feature, or `test` for a finding about rows.")
    reason: str = Field(description="Why it is no leak, in a sentence.")

    @field_validator("reason")
    @classmethod
    def _says_something(cls, reason: str) -> str:
        return require_reason(reason)


class LeakRule(BaseModel):
    """Limits of the leak detector: a finding above its limit rejects the model before it is trained, unless it is accepted.

    An AUC limit of 0.85 lies between what shipped models' best features reach (0.78) and the departure delay of a flight whose late
    arrival is to be told (0.90); an R² limit of 0.8 below that same delay for the minutes of late arrival (0.84).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_auc: float = Field(0.85, gt=0.5, lt=1, description="Largest area under the ROC curve of one feature alone, for classes.")
    max_r2: float = Field(0.8, gt=0, lt=1, description="Largest R² of one feature alone, for a number.")
    max_auc_of_named: float = Field(0.8, gt=0.5, lt=1, description="The same of a feature that is called like the label.")
    max_r2_of_named: float = Field(0.7, gt=0, lt=1, description="The same of a feature that is called like the label.")
    max_agreement: float = Field(
        0.95, gt=0, lt=1, description="Largest agreement (Cohen's kappa) of a feature with a column that is only known with the label."
    )
    max_repeated_keys: float = Field(0.0, ge=0, lt=1, description="Largest share of test rows whose key and time is learned from.")
    max_repeated_rows: float = Field(0.01, ge=0, lt=1, description="Largest share of test rows whose features and label are learned from.")
    max_shared_entities: float = Field(0.05, ge=0, lt=1, description="Largest share of test entities that are learned from; random split.")
    entity: tuple[str, ...] | None = Field(
        None, min_length=1, description="Columns that name an entity; the primary keys where absent. Time is none of them."
    )
    sample_rows: int = Field(
        100_000, ge=100, le=10_000_000, description="Rows of each part that are looked at, at most; all of a smaller part."
    )
    seed: int = Field(42, ge=0, description="Seed of the sample and of the folds.")
    accepted: tuple[AcceptedLeak, ...] = Field((), description="Findings that are no leak, each with the reason.")

    @model_validator(mode="after")
    def _consistent(self) -> "LeakRule":
        for name in ("max_auc", "max_r2"):
            if getattr(self, f"{name}_of_named") > getattr(self, name):
                raise ValueError(f"{name}_of_named is above {name}; a name can only count against a feature. Lower it")
        named = [(found.check, found.name) for found in self.accepted]
        if repeated := sorted({found for found in named if named.count(found) > 1}):
            raise ValueError(f"accepted: {repeated} stands more than once; give one reason for each")
        return self
