"""The verdict on a trained model: gates with numbers, never an exception.

Gates fail closed: a metric that is missing or not finite fails. A gate that could never fire is refused in the model file.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from stackhouse.evaluation import Evaluation
from stackhouse.metrics import LOWER_IS_BETTER, NAMES, better, canonical, require_comparable
from stackhouse.report import Report


class Gates(BaseModel):
    """What a model has to reach on the test rows before it may be registered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum: Mapping[str, FiniteFloat] = Field(default_factory=dict, description="Smallest allowed value by metric (>=).")
    baseline_f1: float = Field(0.0, ge=0, lt=1, description="F1 has to be strictly above this.")
    beats_reference: str = Field("roc_auc", description="Metric that has to be strictly better than that of a guess by class share.")

    @model_validator(mode="after")
    def _can_fire(self) -> Self:
        require_comparable(self.beats_reference)
        if unknown := [name for name in self.minimum if canonical(name) not in NAMES]:
            raise ValueError(f"unknown metric {unknown}; known are {list(NAMES)}")
        for name, value in self.minimum.items():
            if canonical(name) in LOWER_IS_BETTER:
                raise ValueError(f"'{name}' is better when smaller; a minimum for it would reward bad models")
            if not 0 < value <= 1:
                raise ValueError(f"minimum '{name}: {value:g}' can never {'fail' if value <= 0 else 'pass'}; the metric lies in [0, 1]")
        return self


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


def judge(evaluation: Evaluation, gates: Gates) -> Verdict:
    """Judge a model by its test metrics.

    >>> gates = Gates(minimum={"roc_auc": 0.6}, baseline_f1=0.4)
    >>> judge(Evaluation(test={"f1": 0.4, "roc_auc": 0.7}, reference={"roc_auc": 0.5}), gates).reasons
    ('f1 is 0.4000, has to be > 0.4000 (baseline)',)
    """
    if evaluation.skipped:
        return Verdict(outcome="SKIPPED", reasons=(evaluation.skipped,))
    test = {name: value for name, value in evaluation.test.items() if isfinite(value)}
    reference = evaluation.reference.get(canonical(gates.beats_reference))
    judged = (
        *(_minimum(canonical(name), limit, test) for name, limit in gates.minimum.items()),
        _above("f1", gates.baseline_f1, "baseline", test),
        _above(canonical(gates.beats_reference), reference, "guess by class share", test),
    )
    failed = tuple(_reason(gate) for gate in judged if not gate.passed)
    if failed:
        return Verdict(outcome="REJECTED", reasons=failed, gates=judged)
    return Verdict(outcome="APPROVED", reasons=(f"all {len(judged)} gates passed",), gates=judged)


def _minimum(metric: str, limit: float, test: Mapping[str, float]) -> Gate:
    value = test.get(metric)
    return Gate(name=metric, rule=f">= {limit:.4f}", value=value, passed=value is not None and value >= limit)


def _above(metric: str, limit: float | None, what: str, test: Mapping[str, float]) -> Gate:
    """A strict comparison: a tie does not pass."""
    value = test.get(metric)
    sign = "<" if metric in LOWER_IS_BETTER else ">"
    if limit is None or not isfinite(limit):
        return Gate(name=metric, rule=f"{sign} the {what}, which is missing", value=value, passed=False)
    return Gate(name=metric, rule=f"{sign} {limit:.4f} ({what})", value=value, passed=value is not None and better(metric, value, limit))


def _reason(gate: Gate) -> str:
    value = "missing or not finite" if gate.value is None else f"{gate.value:.4f}"
    return f"{gate.name} is {value}, has to be {gate.rule}"
