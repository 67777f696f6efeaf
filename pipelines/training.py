"""From feature tables to a registered, validated model."""

from typing import Any, NamedTuple

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.spec import ModelSpec
from steps.binarize_label import binarize_label
from steps.clean_features import clean_features
from steps.detect_leaks import detect_leaks
from steps.evaluate_model import evaluate_model
from steps.explain_model import explain_model
from steps.load_features import load_features
from steps.promote_model import promote_model
from steps.register_model import register_model
from steps.split_dataset import split_dataset
from steps.train_model import train_model
from steps.tune import tune
from steps.validate_model import validate_model


class Judged(NamedTuple):
    """What the steps as far as the verdict have made: the artifacts that those after it take."""

    model: Any
    evaluation: Any
    verdict: Any
    data: Any
    test: Any


def train_and_judge(model: ModelSpec) -> Judged:
    """Compose the steps as far as the verdict: join in time, refuse what is not clean, label, split, choose, train, judge, explain."""
    features, _, data = load_features(list(model.feature_lookups), model.label_table, model.label.rule, list(model.exclude_columns))
    features, _ = clean_features(features, model.scoring_cleaning.refusing())
    labelled, _ = binarize_label(features, model.label.rule)
    train, validation, test = split_dataset(labelled, model.split)
    leaks = detect_leaks(train, validation, test, model.label.rule, model.split, model.leaks)
    rules, tuning = tune(
        train, validation, list(model.candidates), model.deciding_metric, model.tuning.search, model.split, model.registered_name, leaks
    )
    tracked = train_model.with_options(settings={"experiment_tracker": {"experiment_name": model.experiment}})
    trained = tracked(train, validation, rules, tuning, data, model.identity, model.split)
    evaluation, verdict = evaluate_model(
        trained, train, validation, test, data, model.gates, model.seed, model.evaluation, model.deciding_metric, leaks
    )
    explain_model(trained, test, model.deciding_metric, model.seed)
    return Judged(trained, evaluation, verdict, data, test)


@pipeline(name="training", execution_mode=ExecutionMode.FAIL_FAST)
def training(model: ModelSpec) -> None:
    """Train and judge, register, validate, promote."""
    trained, evaluation, verdict, data, test = train_and_judge(model)
    registration, _ = register_model(trained, evaluation, verdict, data, model.identity, model.registry.alias, model.environment)
    checks = validate_model(trained, registration, test)
    promote_model(trained, registration, checks, test, model.promotion_rule, model.registry.champion_alias)
