"""TrainedModel: what `train_model` hands on, a fitted model with its record, or the reason why there is none."""

from dataclasses import dataclass

from stackhouse.evaluation.evaluation import Evaluation, evaluate
from stackhouse.evaluation.rule import EvaluationRule
from stackhouse.explanation.explanation import Explanation, explain
from stackhouse.fitted import FittedModel
from stackhouse.record import TrainingRecord
from stackhouse.table import Table


@dataclass(frozen=True)
class TrainedModel:
    """A fitted model and where it is on record; `fitted` is None where training was skipped."""

    fitted: FittedModel | None
    record: TrainingRecord

    def evaluate(self, train: Table, test: Table, seed: int, rule: EvaluationRule | None = None, metric: str | None = None) -> Evaluation:
        """Evaluate the fitted model, or carry the reason on why there is none; see `stackhouse.evaluation.evaluation.evaluate`."""
        if self.fitted is None:
            return Evaluation(skipped=self.record.skipped or "no model was trained")
        return evaluate(self.fitted, train, test, seed, rule, metric)

    def explain(self, test: Table, metric: str, seed: int) -> Explanation:
        """Explain the fitted model, or carry the reason on why there is none; see `stackhouse.explanation.explanation.explain`."""
        if self.fitted is None:
            return Explanation(skipped=self.record.skipped or "no model was trained")
        return explain(self.fitted, test, metric, seed)
