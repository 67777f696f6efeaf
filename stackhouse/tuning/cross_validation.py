"""Cross-validation: an algorithm judged on the held-out rows of each fold. What is fitted is fitted on the fold's own training rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from stackhouse.algorithms import Estimating, Matrix
from stackhouse.encoding import Encoding
from stackhouse.errors import DataError, LabelError
from stackhouse.fitted import ScoringRules, fit_encoding, to_arrays
from stackhouse.tasks import Target
from stackhouse.tuning.comparison import unlearnable
from stackhouse.tuning.folds import Fold

REMEDY = "Lower model.tuning.search.folds, or use a longer period."


@dataclass(frozen=True)
class FoldRows:
    """The rows of a fold as one sort of algorithm reads them."""

    encoding: Encoding
    X: Matrix
    y: Target
    held_out: tuple[Matrix, Target]


@dataclass(frozen=True)
class Judge:
    """Judges algorithms on the folds, by one metric."""

    rules: ScoringRules
    metric: str
    folds: Mapping[bool, tuple[FoldRows, ...]]
    """By whether categories are read as codes; each fold encoded by what its own training rows hold."""

    @classmethod
    def of(cls, folds: tuple[Fold, ...], candidates: tuple[ScoringRules, ...], metric: str) -> "Judge":
        """Encode the rows, once for all trials: in memory are about as many times the training rows as there are folds.

        Raises:
            DataError: where a fold cannot be learned from or judged on.
            DirtyFeaturesError: where a numeric feature holds NaN, ±Inf or null.
        """
        for number, fold in enumerate(folds, 1):
            _require_learnable(fold, f"Fold {number} of {len(folds)}", candidates[0])
        ways = {rules.algorithm.reads_categories: rules for rules in candidates}
        return cls(candidates[0], metric, {way: tuple(_encode(fold, rules) for fold in folds) for way, rules in ways.items()})

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Of each fold, the rows to fit to and those held out."""
        return tuple((len(rows.X), len(rows.held_out[0])) for rows in next(iter(self.folds.values())))

    def value(self, algorithm: Estimating, fold: int, patience: int) -> tuple[float, int | None]:
        """Fit to a fold and return the metric on its held-out rows.

        Args:
            algorithm: what is judged.
            fold: position of the fold.
            patience: iterations without a smaller held-out loss after which a booster stops; 0 for all its iterations.

        Returns:
            The metric, and after how many iterations the smallest loss was; None where it was fitted with all of them.

        Raises:
            DataError: where the metric has no finite value.
        """
        rows, task, rounds = self.folds[algorithm.reads_categories][fold], self.rules.task, None
        if patience and algorithm.stops_early:
            estimator, rounds = algorithm.fit_stopped(rows.X, rows.y, rows.encoding.design, task.name, rows.held_out, patience)
        else:
            estimator = algorithm.fit(rows.X, rows.y, rows.encoding.design, task.name)
        X, y = rows.held_out
        scores = algorithm.scores(estimator, X, task.name)
        answers = task.answer(scores, self.rules.decision_threshold)
        value = task.value(self.metric, y, scores, answers, self.rules.label.names)
        if value is None or not isfinite(value):
            raise DataError(f"{algorithm.kind} has no finite '{self.metric}' on the held-out rows of fold {fold + 1}. {REMEDY}")
        return value, rounds


def _encode(fold: Fold, rules: ScoringRules) -> FoldRows:
    encoding = fit_encoding(fold.train, rules)
    X, y = to_arrays(fold.train, encoding, rules)
    return FoldRows(encoding, X, y, to_arrays(fold.held_out, encoding, rules))


def _require_learnable(fold: Fold, where: str, rules: ScoringRules) -> None:
    try:
        reason = unlearnable(fold.train, "training", rules) or unlearnable(fold.held_out, "held-out", rules)
    except LabelError as error:
        reason = str(error).rstrip(".")
    if reason:
        raise DataError(f"{where}: {reason}. {REMEDY}")
