"""The verdict: each gate on both sides of its boundary, failing closed, and refused where it could never fire."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.evaluation.slices import Slice
from stackhouse.tasks import TASKS
from stackhouse.verdict import Gates, SliceGate, judge


def evaluation(reference: float = 0.5, **test: float) -> Evaluation:
    return Evaluation(test={"f1": 0.5, "roc_auc": 0.7, **test}, reference={"roc_auc": reference})


@pytest.mark.parametrize(("auc", "outcome"), [(0.6999, "REJECTED"), (0.7, "APPROVED"), (0.7001, "APPROVED")])
def test_minimum_is_inclusive(auc: float, outcome: str) -> None:
    assert judge(evaluation(roc_auc=auc), Gates(minimum={"roc_auc": 0.7})).outcome == outcome


@pytest.mark.parametrize(("f1", "outcome"), [(0.3999, "REJECTED"), (0.4, "REJECTED"), (0.4001, "APPROVED")])
def test_baseline_is_exclusive_so_that_a_tie_fails(f1: float, outcome: str) -> None:
    assert judge(evaluation(f1=f1), Gates(baseline_f1=0.4)).outcome == outcome


@pytest.mark.parametrize(("reference", "outcome"), [(0.7001, "REJECTED"), (0.7, "REJECTED"), (0.6999, "APPROVED")])
def test_reference_is_exclusive_so_that_a_tie_fails(reference: float, outcome: str) -> None:
    assert judge(evaluation(reference, roc_auc=0.7), Gates()).outcome == outcome


@pytest.mark.parametrize(("loss", "outcome"), [(0.6, "APPROVED"), (0.69, "REJECTED"), (0.7, "REJECTED")])
def test_reference_by_log_loss_has_to_be_undercut(loss: float, outcome: str) -> None:
    judged = Evaluation(test={"f1": 0.5, "log_loss": loss}, reference={"log_loss": 0.69})
    assert judge(judged, Gates(beats_reference="log_loss")).outcome == outcome


@pytest.mark.parametrize(("against_guess", "outcome"), [(True, "REJECTED"), (False, "APPROVED")])
def test_the_guess_is_left_out_only_where_the_gates_say_so(against_guess: bool, outcome: str) -> None:
    assert judge(evaluation(0.9, f1=0.5), Gates(baseline_f1=0.4, against_guess=against_guess)).outcome == outcome


def test_gates_that_would_ask_nothing_are_refused() -> None:
    Gates(against_guess=False).require_for(TASKS["binary_classification"], ("y",))
    Gates(against_guess=False, maximum={"rmse": 1.0}).require_for(TASKS["regression"], ("y",))
    with pytest.raises(ValueError, match="against_guess is false, and nothing else is asked of a model of regression"):
        Gates(against_guess=False).require_for(TASKS["regression"], ("y",))


def test_several_classes_are_held_against_macro_f1() -> None:
    judged = Evaluation(task="multiclass_classification", test={"macro_f1": 0.4, "weighted_f1": 0.9}, reference={"macro_f1": 0.1})
    assert judge(judged, Gates(baseline_f1=0.4)).reasons == ("macro_f1 is 0.4000, has to be > 0.4000 (baseline), and is equal to it",)


def test_f1_of_zero_fails_the_gates_that_are_shipped() -> None:
    assert judge(evaluation(f1=0.0), Gates()).reasons == ("f1 is 0.0000, has to be > 0.0000 (baseline), and is equal to it",)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", ["accuracy", "f1", "roc_auc"])
def test_metric_that_is_not_finite_fails(metric: str, value: float) -> None:
    verdict = judge(evaluation(**{"accuracy": 0.9, metric: value}), Gates(minimum={"accuracy": 0.5}))
    assert verdict.outcome == "REJECTED"
    assert verdict.reasons[0].startswith(f"{metric} is missing or not finite")


def test_missing_metric_fails() -> None:
    assert judge(evaluation(), Gates(minimum={"recall": 0.1})).reasons == ("recall is missing or not finite, has to be >= 0.1000",)


@pytest.mark.parametrize("reference", [{}, {"f1": 0.1}, {"roc_auc": math.nan}])
def test_missing_reference_fails(reference: dict[str, float]) -> None:
    verdict = judge(Evaluation(test={"f1": 0.5, "roc_auc": 0.7}, reference=reference), Gates())
    assert verdict.reasons == ("roc_auc is 0.7000, has to be > the guess by class share, which is missing",)


def test_evaluation_without_metrics_fails_every_gate() -> None:
    verdict = judge(Evaluation(), Gates(minimum={"roc_auc": 0.6}))
    assert verdict.outcome == "REJECTED"
    assert [gate.passed for gate in verdict.gates] == [False, False, False]


def test_one_failed_gate_of_several_rejects_and_only_it_is_a_reason() -> None:
    verdict = judge(evaluation(precision=0.2), Gates(minimum={"roc_auc": 0.6, "precision": 0.3}, baseline_f1=0.4))
    assert verdict.outcome == "REJECTED"
    assert verdict.reasons == ("precision is 0.2000, has to be >= 0.3000",)
    assert [(gate.name, gate.passed) for gate in verdict.gates] == [
        ("roc_auc", True),
        ("precision", False),
        ("f1", True),
        ("roc_auc", True),
    ]
    assert not verdict.approved


def test_all_gates_passed_approves_with_the_numbers() -> None:
    verdict = judge(evaluation(), Gates(minimum={"roc_auc": 0.6}))
    assert verdict.approved
    assert verdict.reasons == ("all 3 gates passed",)
    assert [gate.value for gate in verdict.gates] == [0.7, 0.5, 0.7]


def test_skipped_evaluation_is_skipped_and_not_approved() -> None:
    verdict = judge(Evaluation(skipped="all training rows are of class 0"), Gates())
    assert (verdict.outcome, verdict.reasons, verdict.approved) == ("SKIPPED", ("all training rows are of class 0",), False)


def test_guide_spelling_names_the_same_gate() -> None:
    assert judge(evaluation(roc_auc=0.6), Gates(minimum={"test_auc_roc": 0.65})).reasons == ("roc_auc is 0.6000, has to be >= 0.6500",)


@pytest.mark.parametrize("limit", [0, -0.5])
def test_minimum_that_can_never_fail_is_refused(limit: float) -> None:
    with pytest.raises(ValidationError, match=f"minimum 'roc_auc: {limit:g}' can never fail"):
        Gates(minimum={"roc_auc": limit})


def test_minimum_that_can_never_pass_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"minimum 'roc_auc: 1.01' can never pass"):
        Gates(minimum={"roc_auc": 1.01})


@pytest.mark.parametrize("limit", [0.0001, 1.0])
def test_minimum_that_can_fail_and_pass_is_accepted(limit: float) -> None:
    assert Gates(minimum={"roc_auc": limit}).minimum == {"roc_auc": limit}


@pytest.mark.parametrize("limit", [math.nan, math.inf, "high"])
def test_minimum_that_is_not_a_number_is_refused(limit: object) -> None:
    with pytest.raises(ValidationError, match="minimum"):
        Gates(minimum={"roc_auc": limit})


def test_minimum_for_log_loss_is_refused() -> None:
    with pytest.raises(ValidationError, match="'log_loss' is better when smaller"):
        Gates(minimum={"log_loss": 0.5})


@pytest.mark.parametrize("gates", [{"minimum": {"gini": 0.5}}, {"beats_reference": "gini"}])
def test_unknown_metric_is_refused(gates: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"unknown metric.*gini"):
        Gates(**gates)


@pytest.mark.parametrize("baseline", [-0.1, 1.0, 1.5])
def test_baseline_that_can_never_fail_or_never_pass_is_refused(baseline: float) -> None:
    with pytest.raises(ValidationError, match="baseline_f1"):
        Gates(baseline_f1=baseline)


def test_reference_by_the_share_of_the_label_which_always_ties_is_refused() -> None:
    with pytest.raises(ValidationError, match="positive_class_ratio"):
        Gates(beats_reference="positive_class_ratio")


GUIDE = {"accuracy": 0.75, "precision": 0.70, "recall": 0.65, "f1": 0.70, "roc_auc": 0.75}


def test_profile_of_the_churn_guide_has_its_minima() -> None:
    assert dict(Gates(profile="churn_guide").minimum) == GUIDE


def test_minima_that_are_given_stand_over_those_of_the_profile_whatever_their_spelling() -> None:
    gates = Gates(profile="churn_guide", minimum={"auc_roc": 0.8, "pr_auc": 0.5})
    assert dict(gates.minimum) == {**GUIDE, "roc_auc": 0.8, "pr_auc": 0.5}


def test_profile_survives_json_and_what_was_set_alone() -> None:
    gates = Gates(profile="churn_guide", minimum={"f1": 0.9})
    assert Gates.model_validate_json(gates.model_dump_json()) == gates
    assert Gates.model_validate(gates.model_dump(exclude_unset=True)) == gates


@pytest.mark.parametrize("metric", GUIDE)
@pytest.mark.parametrize(("difference", "outcome"), [(0.0, "APPROVED"), (-1e-6, "REJECTED")])
def test_each_minimum_of_the_profile_is_inclusive(metric: str, difference: float, outcome: str) -> None:
    judged = Evaluation(test={**GUIDE, metric: GUIDE[metric] + difference}, reference={"roc_auc": 0.5})
    assert judge(judged, Gates(profile="churn_guide")).outcome == outcome


@pytest.mark.parametrize("metric", GUIDE)
def test_metric_of_the_profile_that_is_missing_fails(metric: str) -> None:
    measured = {name: value for name, value in GUIDE.items() if name != metric}
    reasons = judge(Evaluation(test=measured, reference={"roc_auc": 0.5}), Gates(profile="churn_guide")).reasons
    assert f"{metric} is missing or not finite, has to be >= {GUIDE[metric]:.4f}" in reasons


def test_unknown_profile_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ValidationError, match=r"unknown profile 'churn'; known are \['churn_guide'\]"):
        Gates(profile="churn")


def test_profile_does_not_fit_a_task_that_lacks_its_metrics() -> None:
    with pytest.raises(ValueError, match=r"multiclass_classification has no metric 'precision'"):
        Gates(profile="churn_guide").require_for(TASKS["multiclass_classification"], ("y",))


def sliced(**values: float | None) -> Evaluation:
    """An evaluation that passes, with a judged slice for each value of roc_auc; None leaves it out."""
    parts = (Slice(column="origin", value=name, rows=500, judged=True, metrics=_known(value)) for name, value in values.items())
    return evaluation().model_copy(update={"slices": tuple(parts)})


def _known(value: float | None) -> dict[str, float]:
    return {} if value is None else {"roc_auc": value, "log_loss": 1 - value}


@pytest.mark.parametrize(("auc", "outcome"), [(0.6, "APPROVED"), (0.5999, "REJECTED"), (math.nan, "REJECTED"), (None, "REJECTED")])
def test_every_slice_has_to_reach_the_minimum(auc: float | None, outcome: str) -> None:
    verdict = judge(sliced(EWR=0.9, JFK=auc, LGA=0.7), Gates(slices=SliceGate(metric="auc_roc", minimum=0.6)))
    assert verdict.outcome == outcome
    assert verdict.gates[-1].name == "roc_auc of origin JFK"


@pytest.mark.parametrize(("loss", "outcome"), [(0.4, "APPROVED"), (0.4001, "REJECTED")])
def test_every_slice_has_to_stay_below_the_maximum(loss: float, outcome: str) -> None:
    verdict = judge(sliced(EWR=0.9, JFK=1 - loss), Gates(slices=SliceGate(metric="log_loss", maximum=0.4)))
    assert verdict.outcome == outcome
    assert verdict.gates[-1].name == "log_loss of origin JFK"


def test_failed_slice_is_named_with_its_number() -> None:
    verdict = judge(sliced(EWR=0.9, JFK=0.55), Gates(slices=SliceGate(metric="roc_auc", minimum=0.6)))
    assert verdict.reasons == ("roc_auc of origin JFK is 0.5500, has to be >= 0.6000 (every slice)",)


def test_slices_without_a_judged_one_fail() -> None:
    small = Slice(column="origin", value="EWR", rows=10, metrics={"roc_auc": 0.9})
    for parts in ((), (small,)):
        verdict = judge(evaluation().model_copy(update={"slices": parts}), Gates(slices=SliceGate(metric="roc_auc", minimum=0.6)))
        assert verdict.outcome == "REJECTED"
        assert "none has enough rows" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ({"metric": "roc_auc"}, "give either minimum or maximum"),
        ({"metric": "roc_auc", "minimum": 0.6, "maximum": 0.9}, "give either minimum or maximum"),
        ({"metric": "roc_auc", "minimum": 0}, "can never fail"),
        ({"metric": "roc_auc", "maximum": 0.9}, "better when larger"),
        ({"metric": "rmse", "minimum": 1}, "better when smaller"),
        ({"metric": "gini", "minimum": 0.5}, "unknown metric 'gini'"),
    ],
)
def test_gate_of_slices_that_cannot_fire_is_refused(gate: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        SliceGate(**gate)


def test_gate_of_slices_on_a_metric_that_the_task_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"regression has no metric 'roc_auc'"):
        Gates(slices=SliceGate(metric="roc_auc", minimum=0.6)).require_for(TASKS["regression"], ("y",))


def regression(y: list[float], answers: list[float]) -> Evaluation:
    measured = TASKS["regression"].measure(np.array(y), np.array(answers), np.array(answers), ("y",))
    return Evaluation(task="regression", test=measured, reference={"rmse": 100.0})


def test_mape_is_judged_on_the_rows_that_are_not_zero() -> None:
    judged = judge(regression([0.0, 10.0, 20.0], [5.0, 11.0, 22.0]), Gates(maximum={"mape": 0.1}))
    assert judged.approved
    assert judged.gates[0].value == pytest.approx(0.1)


def test_mape_of_zeros_alone_is_missing_and_fails() -> None:
    verdict = judge(regression([0.0, 0.0], [1.0, 2.0]), Gates(maximum={"mape": 0.1}))
    assert verdict.reasons == ("mape is missing or not finite, has to be <= 0.1000",)


def test_masked_rows_of_mape_can_be_limited() -> None:
    gates = Gates(maximum={"mape_masked": 1})
    assert judge(regression([0.0, 10.0], [0.0, 10.0]), gates).approved
    assert not judge(regression([0.0, 0.0, 10.0], [0.0, 0.0, 10.0]), gates).approved
