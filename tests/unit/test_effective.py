"""Values in effect: flag, environment variable, environment's file, model file, default, in this order; and who said it."""

from typing import Any

import pytest

from stackhouse.effective import DEFAULTS, Effective, Layer, applied, in_effect, measurable, of_environment, of_model_file
from stackhouse.environments import Environment
from stackhouse.labels.rules import AnomalyLabel, AnyLabel, BinaryLabel, ClassLabel, MultiLabel, ValueLabel

FLAG: Layer = {"catalog": Effective("of_flag", "--catalog")}
VARIABLE: Layer = {name: Effective("of_variable", f"STACKHOUSE_{name.upper()}") for name in ("catalog", "schema")}
MODEL = {"name": "m", "catalog": "of_file", "schema": "of_file", "gates": {"baseline_f1": 0.1, "minimum": {"test_auc_roc": 0.7, "f1": 0.3}}}


def environment(**gates: Any) -> Environment:
    said = {"environment": "prod", "catalog": "of_environment", "schema": "of_environment", "baseline_f1": 0.85}
    return Environment.model_validate(said | {"gates": gates})


def test_the_first_layer_that_says_a_field_decides_it_and_is_named() -> None:
    layers = [FLAG, VARIABLE, of_environment(environment(), "prod.yaml"), of_model_file(MODEL), DEFAULTS]
    assert in_effect(layers) == {
        "catalog": ("of_flag", "--catalog"),
        "environment": ("prod", "prod.yaml"),
        "schema": ("of_variable", "STACKHOUSE_SCHEMA"),
        "gates.baseline_f1": (0.85, "prod.yaml"),
        "gates.minimum.f1": (0.3, "model file"),
        "gates.minimum.roc_auc": (0.7, "model file"),
    }


@pytest.mark.parametrize(
    ("layers", "catalog"),
    [
        (4, "of_flag"),
        (3, "of_variable"),
        (2, "of_environment"),
        (1, "of_file"),
    ],
)
def test_each_layer_goes_before_those_below_it(layers: int, catalog: str) -> None:
    every = [FLAG, VARIABLE, of_environment(environment(), "prod.yaml"), of_model_file(MODEL), DEFAULTS]
    assert in_effect(every[4 - layers :])["catalog"].value == catalog


def test_a_default_counts_where_nobody_says_anything() -> None:
    assert in_effect([of_model_file({"catalog": "c"}), DEFAULTS]) == {
        "catalog": ("c", "model file"),
        "environment": ("dev", "default"),
        "gates.baseline_f1": (0.0, "default"),
    }


def test_limits_are_overridden_one_by_one_whatever_a_metric_is_called() -> None:
    values = in_effect([of_environment(environment(minimum={"auc_roc": 0.6}), "prod.yaml"), of_model_file(MODEL)])
    assert applied(MODEL, values) == {
        "name": "m",
        "environment": "prod",
        "catalog": "of_environment",
        "schema": "of_environment",
        "gates": {"baseline_f1": 0.85, "minimum": {"roc_auc": 0.6, "f1": 0.3}},
    }
    assert MODEL["gates"] == {"baseline_f1": 0.1, "minimum": {"test_auc_roc": 0.7, "f1": 0.3}}


def test_what_an_environment_does_not_say_is_left_to_the_model_file() -> None:
    told = of_environment(environment(against_guess=False), "prod.yaml")
    assert set(told) == {"environment", "catalog", "schema", "gates.baseline_f1", "gates.against_guess"}


def test_minima_of_a_profile_stand_one_by_one() -> None:
    told = of_environment(environment(profile="churn_guide", minimum={"f1": 0.2}), "prod.yaml")
    limits = {field: value for field, (value, _) in told.items() if field.startswith("gates.")}
    assert limits.pop("gates.baseline_f1") == 0.85
    assert limits == {
        "gates.minimum.accuracy": 0.75,
        "gates.minimum.precision": 0.70,
        "gates.minimum.recall": 0.65,
        "gates.minimum.f1": 0.2,
        "gates.minimum.roc_auc": 0.75,
    }


@pytest.mark.parametrize(
    ("rule", "judged"),
    [
        (BinaryLabel(source="y"), {"baseline_f1", "minimum.roc_auc", "maximum.log_loss", "beats_reference", "slices"}),
        (ClassLabel(name="c", source="y", classes=("a", "b", "c")), {"baseline_f1", "maximum.log_loss"}),
        (ValueLabel(source="y"), set()),
        (AnomalyLabel(), {"maximum.anomaly_rate"}),
        (AnomalyLabel(source="y"), {"baseline_f1", "minimum.roc_auc", "maximum.anomaly_rate", "beats_reference", "slices"}),
    ],
    ids=["two classes", "several classes", "a number", "unknown anomalies", "known anomalies"],
)
def test_gates_on_metrics_that_a_model_does_not_have_are_left_out(rule: AnyLabel, judged: set[str]) -> None:
    gates = {
        "minimum": {"roc_auc": 0.6},
        "maximum": {"log_loss": 0.5, "anomaly_rate": 0.1},
        "beats_reference": "roc_auc",
        "slices": {"metric": "auc_roc", "minimum": 0.5},
    }
    kept = measurable(of_environment(environment(**gates), "prod.yaml"), rule)
    assert {field.removeprefix("gates.") for field in kept if field.startswith("gates.")} == judged
    assert {"environment", "catalog", "schema"} <= set(kept)


def test_gates_of_each_of_several_labels_are_its_own() -> None:
    rule = MultiLabel(labels=(BinaryLabel(source="late"), BinaryLabel(source="cancelled")))
    kept = measurable(of_environment(environment(minimum={"f1_late": 0.2, "macro_f1": 0.2}), "prod.yaml"), rule)
    assert {"gates.minimum.f1_late", "gates.minimum.macro_f1"} <= set(kept)
