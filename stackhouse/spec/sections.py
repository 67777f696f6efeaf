"""The sections of a model file that are of no other module: features, label, tuning, promotion, registry and scoring."""

import re
from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.metrics import require_comparable
from stackhouse.features import FeatureDefinition, RouteDay
from stackhouse.labels.rules import LabelRule
from stackhouse.sources import SourceSpec
from stackhouse.tuning.search_rule import SearchRule
from stackhouse.writing import SchemaChange, WriteMode

NAME = r"^[a-z][a-z0-9_]*$"
"""What a name of a model, table, schema or catalog looks like."""


class Section(BaseModel):
    """A part of a model file: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FeaturesSpec(Section):
    """Which features are computed, and where they are kept."""

    definition: FeatureDefinition = Field(
        default_factory=lambda: RouteDay(kind="route_day"), description="The feature definition and its parameters."
    )
    table: str = Field(pattern=NAME, description="Feature table, inside the model's catalog and schema.")
    description: str = Field(min_length=1, description="What a row is, for business and technical readers (rule ML-01).")
    names: tuple[str, ...] | None = Field(None, description="Features that the model reads; all of the table where absent.", min_length=1)
    write_mode: WriteMode = Field(
        "overwrite",
        description="overwrite: the table holds what the source gives today; merge: rows of other keys stay, for sources that move on.",
    )
    schema_change: SchemaChange = Field(
        "refuse", description="What happens where columns are added, dropped or converted: evolve changes the table's schema."
    )
    tags: Mapping[str, str] = Field(default_factory=dict, description="Tags of the table, beside domain and model.")
    retention_days: int | None = Field(None, ge=1, description="How long earlier versions are kept; the store's default where absent.")


class LabelSpec(Section):
    """What is learned, and in which table it is kept."""

    table: str = Field(pattern=NAME, description="Label table, inside the model's catalog and schema.")
    rule: LabelRule = Field(description="How the measured column becomes the label.")


class ScoringSpec(Section):
    """Which keys a batch inference scores, with which version, and where the predictions are kept."""

    keys: SourceSpec | None = Field(None, description="Source of the keys (and times) to score; those of the label table where absent.")
    alias: str | None = Field(None, description="Alias of the version that scores; the champion's where absent.")
    table: str | None = Field(None, pattern=NAME, description="Predictions table; NAME_predictions where absent.")
    batch_size: int | None = Field(None, ge=1, description="Keys that are looked up and scored at once; 500,000 where absent.")


def _comparable_metric(metric: str | None) -> str | None:
    return None if metric is None else require_comparable(metric)


class TuningSpec(Section):
    """How the algorithm is chosen."""

    metric: str | None = Field(None, description="Metric that decides; that of the task where absent.")
    search: SearchRule | None = Field(
        None,
        description="Search of hyperparameters on folds of the training rows; the listed algorithms are compared on the validation rows "
        "where absent.",
    )

    _canonical = field_validator("metric")(_comparable_metric)


class PromotionSpec(Section):
    """What evidence a new version needs to take the champion's place."""

    metric: str | None = Field(None, description="Metric of the comparison; that of the task where absent.")
    min_rows: int = Field(100, ge=1, description="Rows that neither model was trained on, below which nothing is promoted.")
    min_effect: float = Field(0.0, ge=0, allow_inf_nan=False, description="Improvement that has to be exceeded, in the metric's unit.")
    confidence: float = Field(0.95, ge=0.5, lt=1, description="Share of the intervals that hold the true improvement.")
    resamples: int = Field(500, ge=100, le=10_000, description="Resamples of the paired bootstrap, from which the interval is made.")

    _canonical = field_validator("metric")(_comparable_metric)


class RegistrySpec(Section):
    """Under which aliases the model is registered."""

    alias: str = Field("latest-model", description="Alias of the newest registered version.")
    champion_alias: str = Field("champion", description="Alias of the version that serves.")

    @field_validator("alias", "champion_alias")
    @classmethod
    def _allowed(cls, alias: str) -> str:
        try:
            return require_alias(alias)
        except ConfigurationError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _champion_is_chosen(self) -> Self:
        if self.alias == self.champion_alias:
            raise ValueError(
                f"alias and champion_alias are both '{self.alias}'; every version would serve without a comparison. Give two names"
            )
        return self


def require_alias(alias: str) -> str:
    """Return the alias if MLflow accepts it.

    >>> require_alias("latest-model")
    'latest-model'

    Raises:
        ConfigurationError: where MLflow reserves it (`latest`, `v1`) or refuses its characters.

    Source: MLflow's model registry, validation of aliases.
    """
    if alias.lower() == "latest":
        raise ConfigurationError.reserved_alias(alias, "MLflow reserves it for the newest version")
    if re.fullmatch(r"[vV]\d+", alias):
        raise ConfigurationError.reserved_alias(alias, "MLflow reads it as a version number")
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", alias):
        raise ConfigurationError.reserved_alias(alias, "it has characters that MLflow refuses")
    return alias
