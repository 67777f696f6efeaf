"""Findings about features: those that tell the label too well, and those that hold what is only known with it."""

from collections.abc import Iterable, Iterator, Sequence

import polars as pl

from stackhouse.leaks.feature_scores import agreement
from stackhouse.leaks.report import FeatureScore, LeakFinding, or_accept
from stackhouse.leaks.rule import Check, LeakRule


def features_that_tell(scores: Iterable[FeatureScore], rule: LeakRule) -> Iterator[LeakFinding]:
    """Give one finding for each feature that is above its limit: that of the label that it tells best.

    Where chance alone could have reached the score, since rows are few, the finding is for information.
    """
    worst: dict[str, FeatureScore] = {}
    for score in sorted(scores, key=lambda score: -score.value / score.limit):
        if score.value > score.limit:
            worst.setdefault(score.feature, score)
    for score in worst.values():
        limit_of_others = max(score.limit, rule.max_auc if score.measure == "AUC" else rule.max_r2)
        check: Check = "derived_name" if score.named_after and score.value <= limit_of_others else "single_feature"
        by_chance = score.value <= score.chance
        yield LeakFinding(
            check=check,
            name=score.feature,
            value=score.value,
            limit=score.limit,
            level="info" if by_chance else "reject",
            message=f"{_told(score)} {'Rows are too few to tell this from chance.' if by_chance else _remedy(check, score.feature)}",
        )


def features_that_hold_outcomes(
    rows: pl.DataFrame, features: Sequence[str], outcomes: Sequence[str], rule: LeakRule
) -> Iterator[LeakFinding]:
    """Give one finding for each feature that holds a column of the label table under another name. Times are known beforehand.

    Args:
        rows: features and outcomes, shape (n_rows, …).
        features: columns that the model reads.
        outcomes: columns that are only known with the label.
        rule: the limit.
    """
    compared = [outcome for outcome in outcomes if not rows[outcome].dtype.is_temporal()]
    for feature in features:
        found = {outcome: agreement(rows[feature], rows[outcome]) for outcome in compared}
        for outcome, value in sorted(found.items(), key=lambda item: -item[1])[:1]:
            if value > rule.max_agreement:
                told = f"'{feature}' holds the values of '{outcome}', which is only known with the label (kappa {value:.4f}"
                yield LeakFinding(
                    check="outcome_column",
                    name=feature,
                    value=value,
                    limit=rule.max_agreement,
                    level="reject",
                    message=f"{told}, limit {rule.max_agreement:g}). {_remedy('outcome_column', feature)}",
                )


def _told(score: FeatureScore) -> str:
    called = f" and is called like '{score.named_after}'" if score.named_after else ""
    return f"'{score.feature}' alone tells '{score.label}' with {score.measure} {score.value:.4f}{called} (limit {score.limit:.4g})."


def _remedy(check: Check, feature: str) -> str:
    return f"Remove it from the features if it is not known when the model scores{or_accept(check, feature)}"
