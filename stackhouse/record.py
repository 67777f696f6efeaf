"""What goes on record with a training run: who the model is, from which data, under which names."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from stackhouse.evaluation.evaluation import Evaluation, Period
from stackhouse.fitted import ScoringRules
from stackhouse.lookups import FeatureLookup
from stackhouse.placeholder import require_no_placeholder
from stackhouse.report import Report

Domain = Literal["cost", "security", "performance", "reliability", "quality"]

FEATURES_SHOWN = 20


class ModelIdentity(BaseModel):
    """What names a model in runs and in the registry."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    registered_name: str
    project: str
    domain: Domain
    task: str
    use_case: str
    environment: str = "dev"


class TableVersion(Report):
    """One version of a table in the feature store."""

    name: str
    version: int = Field(ge=0)
    uri: str
    rows: int
    primary_keys: tuple[str, ...]
    written: bool = True
    """Whether this call wrote the version; False where the table held the same rows already."""


class FeatureTable(Report):
    """What a feature table says of itself at its newest version."""

    name: str
    uri: str
    description: str
    tags: Mapping[str, str]
    primary_keys: tuple[str, ...]
    timestamp: str | None
    label: str | None
    features: tuple[str, ...]
    columns: Mapping[str, str]
    """Arrow type of each column, those without a role included."""
    version: int = Field(ge=0)
    rows: int
    retention_days: int
    """For how many days the files of earlier versions are kept, at least."""
    created: datetime


class TrainingData(Report):
    """What a training set was made of: the lookups, the versions of their tables in the same order, and the labels."""

    lookups: tuple[FeatureLookup, ...]
    tables: tuple[TableVersion, ...] = Field(min_length=1)
    """Each feature table once, in the order in which the lookups name them first."""
    labels: TableVersion
    test: TableVersion | None = None
    """The table of the test rows, where they have one of their own."""

    @property
    def every_table(self) -> tuple[TableVersion, ...]:
        """All tables that were read: of features, of labels, of test rows."""
        return (*self.tables, self.labels, *((self.test,) if self.test else ()))

    @property
    def features(self) -> TableVersion:
        """The first feature table, which runs and datasets are named after."""
        return self.tables[0]

    @property
    def versions(self) -> dict[str, int]:
        """Version of each feature table by its name."""
        return {table.name: table.version for table in self.tables}


class RunTags(BaseModel):
    """The eight tags that every run carries. Source: MLflow best-practices guide.

    Raises:
        ValueError: where a value is empty or still a placeholder such as `a|b|c` or `<name>`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str
    domain: Domain
    model_name: str
    model_type: str
    algorithm: str
    use_case: str
    feature_engineering: str
    training_data: str

    @field_validator("*")
    @classmethod
    def _no_placeholder(cls, value: str) -> str:
        return require_no_placeholder(value)


class TrainingRecord(Report):
    """Where a fitted model is on record. `skipped` says why none was fitted; run and URI are then those of the empty run."""

    run_id: str | None
    model_uri: str | None = None
    algorithm: str
    train_period: Period
    git_sha: str = "unknown"
    """Commit of the code that trained the model."""
    skipped: str | None = None


class Registration(Report):
    """What the registry holds of this run. `version` is None where nothing was registered, and `reason` says why."""

    name: str
    version: str | None
    run_id: str | None
    new: bool
    reason: str
    aliases: Mapping[str, str] = {}
    """Version that each alias which was asked for points at."""


class ModelCheck(Report):
    """One check of a registered version."""

    name: str
    passed: bool
    detail: str


class ValidationReport(Report):
    """The checks of a registered version; none where nothing was registered."""

    name: str
    version: str | None
    checks: tuple[ModelCheck, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether there was something to check, and every check passed."""
        return bool(self.checks) and all(check.passed for check in self.checks)


class ModelCard(Report):
    """What a reader has to know before relying on a model."""

    identity: ModelIdentity
    registration: Registration
    rules: ScoringRules | None
    """None where training was skipped."""
    data: TrainingData
    evaluation: Evaluation
    outcome: str
    reasons: tuple[str, ...]


def run_name(model: str, algorithm: str, version: int, at: datetime) -> str:
    """Name a training run; the time is given in UTC.

    >>> run_name("flight_delay", "xgboost", 3, datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    'flight_delay_xgboost_v3_20261120_093000'
    """
    return f"{model}_{algorithm}_v{version}_{at.astimezone(UTC):%Y%m%d_%H%M%S}"


def features_sample(names: tuple[str, ...]) -> str:
    """List the first features, and say how many more there are, so that the parameter stays short.

    >>> features_sample(("a", "b"))
    'a, b'
    """
    shown = ", ".join(names[:FEATURES_SHOWN])
    return shown if len(names) <= FEATURES_SHOWN else f"{shown}, ...and {len(names) - FEATURES_SHOWN} more"
