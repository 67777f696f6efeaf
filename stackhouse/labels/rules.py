"""Label rules: how a measured column becomes what a model learns (rule ML-05). A rule's kind decides the task.

`labelling.py` applies the rules, `report.py` says what came of it.
"""

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from stackhouse.tasks import TASKS, Task, TaskName


class _Rule(BaseModel):
    """What all rules have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task_name: ClassVar[TaskName]

    @property
    def task(self) -> Task:
        """The task that a model with this label has."""
        return TASKS[self.task_name]

    @property
    @abstractmethod
    def sources(self) -> tuple[str, ...]:
        """The measured columns."""

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names of the labels."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """What a model's scores are of, one for each column: the labels, or the classes where one label has several."""
        return self.names


class _OneColumn(_Rule):
    """One label, made of one column. A label without a name of its own is called as its column."""

    source: str

    @property
    def sources(self) -> tuple[str, ...]:
        """The measured columns."""
        return (self.source,)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return (getattr(self, "name", self.source),)


class ThresholdLabel(_OneColumn):
    """Binarize a measured rate: class 1 above the threshold, class 0 below; `boundary` says where the threshold itself goes."""

    task_name: ClassVar[TaskName] = "binary_classification"

    kind: Literal["threshold"] = "threshold"
    source: str = Field(description="Column of the label table that is measured, e.g. late_rate.")
    name: str = Field(description="Name of the label, e.g. high_late_rate.")
    threshold: FiniteFloat = Field(description="Where class 1 begins, in the unit of the source.")
    boundary: Literal["exclusive", "inclusive"] = Field("exclusive", description="exclusive: class 1 is > threshold; inclusive: >=.")
    minimum: FiniteFloat = Field(0.0, description="Smallest value that the source can take.")
    maximum: FiniteFloat = Field(1.0, description="Largest value that the source can take.")

    @model_validator(mode="after")
    def _threshold_inside_range(self) -> Self:
        if not self.minimum <= self.threshold <= self.maximum:
            raise ValueError(
                f"threshold {self.threshold:g} lies outside the label's range [{self.minimum:g}, {self.maximum:g}]; every row would be of "
                "one class. Choose one inside, or correct minimum and maximum"
            )
        if self.threshold == (self.maximum if self.boundary == "exclusive" else self.minimum):
            raise ValueError(
                f"no value in [{self.minimum:g}, {self.maximum:g}] lies beyond the threshold {self.threshold:g} ({self.boundary}); "
                "every row would be of one class. Choose another threshold or boundary"
            )
        if self.name == self.source:
            raise ValueError(f"name and source are both '{self.name}'; give the binarized label a name of its own, e.g. high_{self.source}")
        return self


class BinaryLabel(_OneColumn):
    """A column that holds two classes already: 0 and 1, or the two texts that `negative` and `positive` name."""

    task_name: ClassVar[TaskName] = "binary_classification"

    kind: Literal["binary"] = "binary"
    source: str = Field(description="Column of the label table that holds the classes; it is the label's name as well.")
    positive: str | None = Field(None, description="Text of class 1, e.g. Yes; absent where the column holds 0 and 1.")
    negative: str | None = Field(None, description="Text of class 0, e.g. No.")

    @model_validator(mode="after")
    def _both_texts(self) -> Self:
        if (self.positive is None) != (self.negative is None):
            raise ValueError("positive and negative belong together; give the texts of both classes, or neither where they are 0 and 1")
        if self.positive is not None and self.positive == self.negative:
            raise ValueError(f"positive and negative are both '{self.positive}'; every row would be of one class")
        return self

    @property
    def name(self) -> str:
        """Name of the label."""
        return self.source


class ClassLabel(_OneColumn):
    """One of several classes, numbered from 0 in the order of `classes`: texts as they stand, or numbers cut at `edges`."""

    task_name: ClassVar[TaskName] = "multiclass_classification"

    kind: Literal["classes"] = "classes"
    source: str = Field(description="Column of the label table that is measured.")
    name: str = Field(description="Name of the label.")
    classes: tuple[str, ...] = Field(min_length=3, description="Names of the classes; without edges, the texts that the column holds.")
    edges: tuple[FiniteFloat, ...] | None = Field(
        None, description="Where each class but the first begins, in the unit of the source: class i holds edges[i-1] <= value < edges[i]."
    )

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        if len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes {list(self.classes)} names one twice; name each class once")
        if self.edges is not None and len(self.edges) != len(self.classes) - 1:
            raise ValueError(f"{len(self.classes)} classes need {len(self.classes) - 1} edges, and {len(self.edges)} are given")
        if self.edges is not None and any(right <= left for left, right in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError(f"edges {list(self.edges)} do not grow; a class between two of them would be empty")
        if self.edges is not None and self.name == self.source:
            raise ValueError(f"name and source are both '{self.name}'; give the label a name of its own, e.g. {self.source}_class")
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """The classes."""
        return self.classes


class MultiLabel(_Rule):
    """Several yes-or-no labels of the same rows."""

    task_name: ClassVar[TaskName] = "multilabel_classification"

    kind: Literal["multi_label"] = "multi_label"
    labels: tuple[Annotated[ThresholdLabel | BinaryLabel, Field(discriminator="kind")], ...] = Field(
        min_length=2, description="The labels, each by a rule of its own."
    )

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        if repeated := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ValueError(f"labels names {repeated} more than once; give each label a name of its own")
        if carried := sorted({name for name in self.names if name in {rule.source for rule in self.labels if rule.name != name}}):
            raise ValueError(f"labels: {carried} is the name of one label and the source of another; rename the label")
        return self

    @property
    def name(self) -> str:
        """All names in one text."""
        return ", ".join(self.names)

    @property
    def sources(self) -> tuple[str, ...]:
        """The measured columns, each once."""
        return tuple(dict.fromkeys(rule.source for rule in self.labels))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return tuple(rule.name for rule in self.labels)


class ValueLabel(_OneColumn):
    """A number, as measured."""

    task_name: ClassVar[TaskName] = "regression"

    kind: Literal["value"] = "value"
    source: str = Field(description="Column of the label table that is measured; it is the label's name as well.")
    minimum: FiniteFloat | None = Field(None, description="Smallest value that the source can take, where there is one.")
    maximum: FiniteFloat | None = Field(None, description="Largest value that the source can take, where there is one.")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum >= self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is not below maximum {self.maximum:g}")
        return self

    @property
    def name(self) -> str:
        """Name of the label."""
        return self.source


class AnomalyLabel(_Rule):
    """Nothing is learned from a label. Where `source` names a column of known anomalies, they judge the detector."""

    task_name: ClassVar[TaskName] = "anomaly_detection"

    kind: Literal["anomaly"] = "anomaly"
    source: str | None = Field(None, description="Column of the label table that holds 1 for known anomalies and 0 for other rows.")

    @property
    def name(self) -> str:
        """What the answer is called."""
        return self.source or "anomaly"

    @property
    def sources(self) -> tuple[str, ...]:
        """The column of known anomalies, where there is one."""
        return (self.source,) if self.source else ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the labels: none where no anomalies are known."""
        return self.sources


LabelRule = Annotated[ThresholdLabel | BinaryLabel | ClassLabel | MultiLabel | ValueLabel | AnomalyLabel, Field(discriminator="kind")]
"""How a column becomes a label; a model file chooses by `kind`."""

AnyLabel = ThresholdLabel | BinaryLabel | ClassLabel | MultiLabel | ValueLabel | AnomalyLabel
