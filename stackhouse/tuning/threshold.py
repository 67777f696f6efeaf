"""Choose the decision threshold of a candidate on the validation rows; the test rows are never seen here."""

from stackhouse.evaluation.decision import FixedThreshold, choose_threshold
from stackhouse.fitted import FittedModel, ScoringRules, to_arrays
from stackhouse.table import Table


def with_threshold(train: Table, validation: Table, rules: ScoringRules) -> ScoringRules:
    """Return the rules with the decision threshold that serves their goal best.

    The candidate is fitted to the training rows alone. A threshold that is given needs no fit and is taken as it is.

    Raises:
        DataError: where the validation rows are of one class, or no threshold reaches the recall that is asked for.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    if isinstance(rules.decision, FixedThreshold):
        return rules.model_copy(update={"decision_threshold": rules.decision.threshold})
    model = FittedModel.fit(train, rules)
    X, y = to_arrays(validation, model.encoding, rules)
    return rules.model_copy(update={"decision_threshold": choose_threshold(y, model.scores_of_matrix(X), rules.decision)})
