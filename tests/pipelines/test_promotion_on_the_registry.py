"""The champion's alias on a real registry."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from mlflow import MlflowClient

from stackhouse.promotion.rule import PromotionRule
from stackhouse.record import ModelCheck, ValidationReport
from stacks.champion import promote
from stacks.mlflow_model import load_model
from stacks.model_checks import check_version
from tests.pipelines.conftest import Runs

WORSE = [{"kind": "xgboost", "n_estimators": 2, "max_depth": 1, "learning_rate": 1.0}]
SEVERAL_ROWS = {"metric": "roc_auc", "min_rows": 10}


@pytest.fixture(scope="module")
def challenged(run_small: Callable[..., Runs]) -> Runs:
    """A worse second version after a first champion."""
    run_small("duel", promotion=SEVERAL_ROWS)
    return run_small("duel", promotion=SEVERAL_ROWS, algorithms=WORSE)


def champion(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias("dev.duel.duel", "champion").version)


def test_a_worse_version_is_registered_but_does_not_become_champion(challenged: Runs, mlflow_client: MlflowClient) -> None:
    promotion = challenged.report("promote_model", "promotion")
    assert challenged.report("register_model", "registration").version == "2"
    assert promotion.promoted is False
    assert "is worse than the champion's" in promotion.reason
    assert champion(mlflow_client) == "1"


def test_a_surely_better_version_becomes_champion(run_small: Callable[..., Runs], mlflow_client: MlflowClient) -> None:
    run_small("rise", promotion=SEVERAL_ROWS, algorithms=WORSE)
    promotion = run_small("rise", promotion=SEVERAL_ROWS, evaluation={"slices": ["origin"]}).report("promote_model", "promotion")
    assert promotion.promoted
    assert promotion.evidence.interval.low > 0
    assert promotion.evidence.delong.p_value < 0.05
    assert [part.value for part in promotion.evidence.slices] == ["EWR", "JFK", "LGA"]
    assert str(mlflow_client.get_model_version_by_alias("dev.rise.rise", "champion").version) == "2"


def test_a_version_that_is_better_by_less_than_is_asked_for_is_not_promoted(
    challenged: Runs, mlflow_client: MlflowClient, run_small: Callable[..., Runs]
) -> None:
    """The same pair, were the better one to come second, with half of the scale asked for."""
    model, registration = challenged.report("train_model", "model"), challenged.report("register_model", "registration")
    test, checks = challenged.report("split_dataset", "test"), challenged.report("validate_model", "model_checks")
    mlflow_client.set_registered_model_alias("dev.duel.duel", "weakest", "2")
    asked = PromotionRule(min_rows=10, min_effect=0.5)
    better = replace(model, fitted=load_model("models:/dev.duel.duel/1"))
    found = promote(better, registration.model_copy(update={"version": "1"}), checks, test, asked, "weakest")
    assert found.evidence.improvement > 0
    assert not found.promoted
    assert "not surely by more than 0.5" in found.reason
    assert str(mlflow_client.get_model_version_by_alias("dev.duel.duel", "weakest").version) == "2"


@pytest.mark.slow
def test_a_tie_does_not_promote(challenged: Runs, mlflow_client: MlflowClient, run_small: Callable[..., Runs]) -> None:
    """The champion's own model, trained once more with a parameter changed too little to matter, scores exactly the same."""
    twin = [{"kind": "xgboost", "n_estimators": 20, "max_depth": 3, "random_state": 42, "min_child_weight": 1.0000001}]
    promotion = run_small("duel", promotion=SEVERAL_ROWS, algorithms=twin).report("promote_model", "promotion")
    assert promotion.evidence.challenger == promotion.evidence.champion
    assert promotion.evidence.improvement == 0
    assert promotion.promoted is False
    assert "is equal to the champion's" in promotion.reason
    assert champion(mlflow_client) == "1"


def test_a_champion_that_saw_the_test_rows_is_not_judged_on_them(challenged: Runs, mlflow_client: MlflowClient) -> None:
    """The champion claims to be trained until the end of the year: no row is left on which both can be compared."""
    model, registration = challenged.report("train_model", "model"), challenged.report("register_model", "registration")
    test = challenged.report("split_dataset", "test")
    honest = mlflow_client.get_model_version("dev.duel.duel", "1").tags["trained_until"]
    mlflow_client.set_model_version_tag("dev.duel.duel", "1", "trained_until", "2013-12-31T09:00:00+00:00")
    try:
        checks = challenged.report("validate_model", "model_checks")
        promotion = promote(model, registration, checks, test, PromotionRule(min_rows=1), "champion")
    finally:
        mlflow_client.set_model_version_tag("dev.duel.duel", "1", "trained_until", honest)
    assert promotion.promoted is False
    assert promotion.reason.startswith("only 0 test rows are later than the champion's training rows")


def test_a_version_that_is_not_the_trained_model_fails_its_inference_check(challenged: Runs, mlflow_client: MlflowClient) -> None:
    """The first version is registered, the second was trained: what is served has to be what was trained."""
    model, test = challenged.report("train_model", "model"), challenged.report("split_dataset", "test")
    stale = challenged.report("register_model", "registration").model_copy(update={"version": "1"})
    checks = check_version(mlflow_client, stale, model, test).checks
    assert [check.name for check in checks if not check.passed] == ["inference"]


def test_a_champion_that_cannot_be_loaded_is_kept_and_named(
    challenged: Runs, mlflow_client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: str) -> None:
        raise ValueError("unknown format")

    monkeypatch.setattr("stacks.scoring_model.load_model", broken)
    model, registration = challenged.report("train_model", "model"), challenged.report("register_model", "registration")
    checks, test = challenged.report("validate_model", "model_checks"), challenged.report("split_dataset", "test")
    promotion = promote(model, registration, checks, test, PromotionRule(), "champion")
    assert not promotion.promoted
    assert promotion.reason.startswith(
        "the champion, version 1, cannot be compared with: dev.duel.duel version 1 cannot be loaded: unknown"
    )


def test_a_version_that_fails_its_checks_is_not_promoted(challenged: Runs, mlflow_client: MlflowClient) -> None:
    failed = ValidationReport(name="dev.duel.duel", version="2", checks=(ModelCheck(name="inference", passed=False, detail="shape"),))
    model, registration = challenged.report("train_model", "model"), challenged.report("register_model", "registration")
    promotion = promote(model, registration, failed, challenged.report("split_dataset", "test"), PromotionRule(), "unheard-of")
    assert (promotion.promoted, promotion.reason) == (False, "validation failed: inference")
