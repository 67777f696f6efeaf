"""Comparison of two fitted models on the same rows, whether one table has the features of both or each has a table of its own."""

import narwhals as nw
import polars as pl

from stackhouse.errors import ColumnNotFoundError
from stackhouse.evaluation.intervals import Days
from stackhouse.evaluation.predicted import Predicted
from stackhouse.evaluation.rows import days_of, in_order, predict
from stackhouse.fitted import FittedModel
from stackhouse.promotion.evidence import Evidence, gather
from stackhouse.promotion.rule import PromotionRule
from stackhouse.table import Roles, Table


def compare(challenger: FittedModel, champion: FittedModel, rows: Table, rule: PromotionRule) -> Evidence | None:
    """Compare two models on rows that hold the features of both and the label; None where these leave the metric undefined.

    Raises:
        ColumnNotFoundError: where the rows lack a column to slice by.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    read = (*challenger.rules.features, *champion.rules.features)
    beside, days = _ordered(rows, read, rule.slices)
    ours, theirs = (_predict(model, beside, rows) for model in (challenger, champion))
    return gather(ours, theirs, {name: beside[name] for name in rule.slices}, days, rule)


def compare_apart(
    challenger: FittedModel, its_rows: Table, champion: FittedModel, champions_rows: Table, rule: PromotionRule
) -> Evidence | None:
    """Compare two models that look up their features each in its own way, on the rows that stand in both tables.

    Args:
        challenger: the one model.
        its_rows: keys, time, the label, and the features of the challenger; keys and time name each row once.
        champion: the other.
        champions_rows: keys, time and label of the same rows, and the features of the champion.
        rule: how they are compared; a column to slice by may stand in either table.

    Returns:
        The evidence; None where no row stands in both tables, or these rows leave the metric undefined.

    Raises:
        ColumnNotFoundError: where neither table has a column to slice by.
        DirtyFeaturesError: where a feature holds NaN, ±Inf or null.
    """
    ours, theirs = _in_both(its_rows, champions_rows), _in_both(champions_rows, its_rows)
    here = tuple(name for name in rule.slices if name in ours.columns)
    there = tuple(name for name in rule.slices if name not in here)
    if missing := [name for name in there if name not in theirs.columns]:
        there_are = [*dict.fromkeys((*ours.columns, *theirs.columns))]
        raise ColumnNotFoundError.missing(ours.name, missing, there_are, "Slice by features or keys.")
    our_frame, days = _ordered(ours, challenger.rules.features, here)
    their_frame, _ = _ordered(theirs, champion.rules.features, there)
    if not our_frame.height:
        return None
    columns = {name: (our_frame if name in here else their_frame)[name] for name in rule.slices}
    return gather(_predict(challenger, our_frame, ours), _predict(champion, their_frame, theirs), columns, days, rule)


def _ordered(rows: Table, read: tuple[str, ...], sliced_by: tuple[str, ...]) -> tuple[pl.DataFrame, Days | None]:
    ordered, beside = in_order(rows, (*read, *rows.roles.labels), sliced_by)
    return beside, days_of(ordered)


def _predict(model: FittedModel, frame: pl.DataFrame, rows: Table) -> Predicted:
    """Predict without keys and time, so that the rows keep their order: by its features alone each model would order equal keys anew."""
    roles = Roles(features=model.rules.features, label=rows.roles.label, further_labels=rows.roles.further_labels)
    return predict(model, Table.of(frame, roles, rows.name))


def _in_both(rows: Table, other: Table) -> Table:
    keys = list(rows.roles.identity)
    return rows.with_frame(rows.frame.join(other.frame.select(*(nw.col(key) for key in keys)), on=keys, how="semi"))
