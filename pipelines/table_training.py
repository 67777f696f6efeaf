"""From a training and a test table to a model that is judged: what train_model runs."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.leaks.rule import LeakRule
from stackhouse.table_training import TableTraining
from steps.accept_leaks import accept_leaks
from steps.detect_leaks import detect_leaks
from steps.evaluate_model import evaluate_model
from steps.explain_model import explain_model
from steps.follow_losses import follow_losses
from steps.label_tables import label_tables
from steps.load_tables import load_tables
from steps.train_model import train_model


@pipeline(name="table_training", enable_cache=False, execution_mode=ExecutionMode.FAIL_FAST)
def table_training(training: TableTraining) -> None:
    """Load, label, look for leaks, fit, explain, judge. Every call is an MLflow run of its own, and the verdict is the last thing on it."""
    train_table, test_table, data = load_tables(training)
    train, validation, test, rules, label, split, identity, metric, _ = label_tables(train_table, test_table, training)
    found = detect_leaks(train, validation, test, label, split, LeakRule())
    leaks = accept_leaks(found, list(training.accepted_leaks))
    tuning = follow_losses(train, validation, rules, metric, leaks)
    tracked = train_model.with_options(settings={"experiment_tracker": {"experiment_name": training.experiment}})
    model = tracked(train, validation, rules, tuning, data, identity, split)
    explain_model(model, test, metric, training.seed)
    evaluate_model(
        model,
        train,
        validation,
        test,
        data,
        training.gates,
        training.seed,
        EvaluationRule(),
        metric,
        leaks,
        after=["explain_model"],
    )
