"""Evaluate the model and judge it."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.leaks.report import LeakReport
from stackhouse.record import TrainingData
from stackhouse.table import Table, concatenate
from stackhouse.trained import TrainedModel
from stackhouse.verdict import Gates, Verdict, judge
from stacks.tracking import log_evaluation
from steps.caching import CODE


@step(cache_policy=CODE)
def evaluate_model(
    model: TrainedModel,
    train: Table,
    validation: Table,
    test: Table,
    data: TrainingData,
    gates: Gates,
    seed: int,
    rule: EvaluationRule,
    metric: str,
    leaks: LeakReport,
) -> tuple[Annotated[Evaluation, "evaluation"], Annotated[Verdict, "verdict"]]:
    """Measure the model on rows that are later than all it was trained on, and judge it by the gates and by the leaks found before."""
    evaluation = model.evaluate(concatenate(train, validation), test, seed, rule, metric)
    verdict = judge(evaluation, gates, leaks)
    log_evaluation(model.record, evaluation, verdict, test, data)
    log_metadata({"verdict": verdict.outcome, "reasons": list(verdict.reasons)})
    return evaluation, verdict
