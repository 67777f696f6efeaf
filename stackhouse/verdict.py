"""The verdict on a trained model: gates with numbers, never an exception.

Gates fail closed: a metric that is missing or not finite fails. A gate that could never fire is refused in the model file.
"""

from collections.abc import Iterator, Mapping
from math import inf, isfinite
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.evaluation.metrics import METRICS, Metric, better, canonical, describe_metric, lower_is_better, require_comparable
from stackhouse.evaluation.slices import Slice
from stackhouse.leaks.report import LeakReport
from stackhouse.report import Report
from stackhouse.tasks import TASKS, Task

PROFILES: Mapping[str, Mapping[str, float]] = {
    "churn_guide": {"accuracy": 0.75, "precision": 0.70, "recall": 0.65, "f1": 0.70, "roc_auc": 0.75},
}
"""Named minima (>=) of the training guides."""


class SliceGate(BaseModel):
    """What every slice that is judged has to reach. Fails where no slice has, and where one lacks the metric."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: str = Field(description="Metric that is judged in each slice.")
    minimum: FiniteFloat | None = Field(None, description="Smallest allowed value (>=).")
    maximum: FiniteFloat | None = Field(None, description="Largest allowed value (<=), e.g. of an error.")

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if (self.minimum is None) == (self.maximum is None):
            raise ValueError(f"slices: give either minimum or maximum of '{self.metric}'")
        if self.minimum is not None:
            _require_minimum(self.metric, self.minimum)
        if self.maximum is not None:
            _require_maximum(self.metric, self.maximum)
        return self


class Gates(BaseModel):
    """What a model has to reach on the test rows before it may be registered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str | None = Field(None, description="Named minima, under those that are given here: churn_guide.")
    minimum: Mapping[str, FiniteFloat] = Field(default_factory=dict, description="Smallest allowed value by metric (>=).")
    maximum: Mapping[str, FiniteFloat] = Field(default_factory=dict, description="Largest allowed value by metric (<=), e.g. of an error.")
    baseline_f1: float = Field(
        0.0, ge=0, lt=1, description="F1 has to be strictly above this: f1, macro_f1 where there are several classes or labels."
    )
    beats_reference: str | None = Field(
        None, description="Metric that has to be strictly better than that of a guess; the one that decides between models where absent."
    )
    against_guess: bool = Field(True, description="Whether the model has to beat a guess; the four commands ask for the baseline alone.")
    slices: SliceGate | None = Field(None, description="What every slice of evaluation.slices has to reach.")

    @model_validator(mode="before")
    @classmethod
    def _under_those_given(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("profile") is None:
            return given
        if given["profile"] not in PROFILES:
            raise ValueError(f"unknown profile '{given['profile']}'; known are {sorted(PROFILES)}")
        minimum = given.get("minimum") or {}
        if not isinstance(minimum, Mapping):
            return given
        return {**given, "minimum": {**PROFILES[given["profile"]], **{canonical(str(name)): limit for name, limit in minimum.items()}}}

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        if self.beats_reference is not None:
            require_comparable(self.beats_reference)
        for name, value in self.minimum.items():
            _require_minimum(name, value)
        for name, value in self.maximum.items():
            _require_maximum(name, value)
        return self

    def require_for(self, task: Task, labels: tuple[str, ...]) -> None:
        """Check that a model of this task has every metric that is judged.

        Raises:
            ValueError: naming the one that it does not have.
        """
        known = known_metrics(task, labels)
        of_slices = (self.slices.metric,) if self.slices else ()
        for name in (*self.minimum, *self.maximum, *((self.beats_reference,) if self.beats_reference else ()), *of_slices):
            if canonical(name) not in known:
                raise ValueError(f"gates: a model of {task.name} has no metric '{name}'; it has {list(known)}")
        if not (self.against_guess or task.baseline or self.minimum or self.maximum or self.slices):
            raise ValueError(f"gates: against_guess is false, and nothing else is asked of a model of {task.name}. Give minimum or maximum")
        if self.baseline_f1 and not task.baseline:
            raise ValueError(f"gates: baseline_f1 is {self.baseline_f1:g}, and a model of {task.name} has no F1. Give minimum or maximum")


def known_metrics(task: Task, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the metrics that a model of this task has, those of each label too where it has several."""
    return (*task.metrics, *(f"{metric}_{label}" for metric in ("f1", "roc_auc") for label in labels if len(labels) > 1))


class Gate(Report):
    """One rule, the number that it judged (None where the metric is missing), and whether it passed."""

    name: str
    rule: str
    value: float | None
    passed: bool


class Verdict(Report):
    """APPROVED, REJECTED or SKIPPED, with the reasons in words and all gates."""

    outcome: Literal["APPROVED", "REJECTED", "SKIPPED"]
    reasons: tuple[str, ...]
    gates: tuple[Gate, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether the model may be registered."""
        return self.outcome == "APPROVED"


def judge(evaluation: Evaluation, gates: Gates, leaks: LeakReport | None = None) -> Verdict:
    """Judge a model by its test metrics; where leaks were found that no model may be trained with, they are the reasons.

    >>> gates = Gates(minimum={"roc_auc": 0.6}, baseline_f1=0.4)
    >>> judge(Evaluation(test={"f1": 0.4, "roc_auc": 0.7}, reference={"roc_auc": 0.5}), gates).reasons
    ('f1 is 0.4000, has to be > 0.4000 (baseline), and is equal to it',)
    """
    if leaks and leaks.rejected:
        return Verdict(outcome="REJECTED", reasons=tuple(f"{finding.check}: {finding.message}" for finding in leaks.rejected))
    if evaluation.skipped:
        return Verdict(outcome="SKIPPED", reasons=(evaluation.skipped,))
    test, task = {name: value for name, value in evaluation.test.items() if isfinite(value)}, TASKS[evaluation.task]
    judged = (
        *(_minimum(canonical(name), limit, test) for name, limit in gates.minimum.items()),
        *(_maximum(canonical(name), limit, test) for name, limit in gates.maximum.items()),
        *_baseline(task, gates, test),
        *(_reference(task, gates, test, evaluation.reference) if gates.against_guess else ()),
        *_slices(gates.slices, evaluation.slices),
    )
    failed = tuple(_reason(gate) for gate in judged if not gate.passed)
    if failed:
        return Verdict(outcome="REJECTED", reasons=failed, gates=judged)
    return Verdict(outcome="APPROVED", reasons=(f"all {len(judged)} gates passed",), gates=judged)


def _minimum(metric: str, limit: float, test: Mapping[str, float]) -> Gate:
    value = test.get(metric)
    return Gate(name=metric, rule=f">= {limit:.4f}", value=value, passed=value is not None and value >= limit)


def _maximum(metric: str, limit: float, test: Mapping[str, float]) -> Gate:
    value = test.get(metric)
    return Gate(name=metric, rule=f"<= {limit:.4f}", value=value, passed=value is not None and value <= limit)


def _baseline(task: Task, gates: Gates, test: Mapping[str, float]) -> Iterator[Gate]:
    """F1 against the baseline; anomalies of which none are known have no F1, so that only a baseline that is given fails them."""
    if task.baseline and (task.has_reference or gates.baseline_f1):
        yield _above(task.baseline, gates.baseline_f1, "baseline", test)


def _reference(task: Task, gates: Gates, test: Mapping[str, float], reference: Mapping[str, float]) -> Iterator[Gate]:
    if task.has_reference:
        metric = canonical(gates.beats_reference or task.deciding)
        yield _above(metric, reference.get(metric), "guess by class share" if task.baseline else "guess of the mean", test)


def _slices(gate: SliceGate | None, slices: tuple[Slice, ...]) -> Iterator[Gate]:
    """Judge the slice that is furthest from what is asked for; one that lacks the metric is further than any."""
    if gate is None:
        return
    metric, limit = canonical(gate.metric), gate.maximum if gate.minimum is None else gate.minimum
    of_slice, sign = (_maximum, -1) if gate.minimum is None else (_minimum, 1)
    judged = [(part, part.metrics.get(metric)) for part in slices if part.judged]
    if not judged or limit is None:
        yield Gate(name=metric, rule="judged in every slice, and none has enough rows", value=None, passed=False)
        return
    part, value = min(judged, key=lambda one: -inf if one[1] is None or not isfinite(one[1]) else sign * one[1])
    found = of_slice(metric, limit, {} if value is None or not isfinite(value) else {metric: value})
    yield found.model_copy(update={"name": f"{metric} of {part.column} {part.value}", "rule": f"{found.rule} (every slice)"})


def _require_minimum(name: str, value: float) -> None:
    metric = _known(name)
    if metric.lower_is_better:
        raise ValueError(f"'{name}' is better when smaller; a minimum for it would reward bad models. Give a maximum")
    if not metric.low < value <= metric.high:
        never = "fail" if value <= metric.low else "pass"
        raise ValueError(f"minimum '{name}: {value:g}' can never {never}; the metric lies in [{metric.low:g}, {metric.high:g}]")


def _require_maximum(name: str, value: float) -> None:
    metric = _known(name)
    if metric.comparable and not metric.lower_is_better:
        raise ValueError(f"'{name}' is better when larger; a maximum for it would reward bad models. Give a minimum")
    if not metric.low <= value < metric.high:
        never = "pass" if value < metric.low else "fail"
        raise ValueError(f"maximum '{name}: {value:g}' can never {never}; the metric lies in [{metric.low:g}, {metric.high:g}]")


def _known(name: str) -> Metric:
    metric = describe_metric(canonical(name))
    if metric is None:
        raise ValueError(f"unknown metric '{name}'; known are {list(METRICS)}")
    return metric


def _above(metric: str, limit: float | None, what: str, test: Mapping[str, float]) -> Gate:
    """A strict comparison: a tie does not pass."""
    value = test.get(metric)
    sign = "<" if lower_is_better(metric) else ">"
    if limit is None or not isfinite(limit):
        return Gate(name=metric, rule=f"{sign} the {what}, which is missing", value=value, passed=False)
    passed = value is not None and better(metric, value, limit)
    near = "" if passed or value is None or f"{value:.4f}" != f"{limit:.4f}" else f", and {_from(value, limit)}"
    return Gate(name=metric, rule=f"{sign} {limit:.4f} ({what}){near}", value=value, passed=passed)


def _from(value: float, limit: float) -> str:
    """Say how far a value is from a limit that is the same to four digits."""
    return "is equal to it" if value == limit else f"is {abs(value - limit):.1g} from it"


def _reason(gate: Gate) -> str:
    value = "missing or not finite" if gate.value is None else f"{gate.value:.4f}"
    return f"{gate.name} is {value}, has to be {gate.rule}"
