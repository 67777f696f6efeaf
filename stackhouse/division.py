"""Division of prepared rows into a training and a test part, with the distribution of the label in each."""

import narwhals as nw

from stackhouse.errors import LabelError
from stackhouse.held_out import VALIDATION_SHARE, HeldOut, hold_out
from stackhouse.labels.inferred import infer_label
from stackhouse.preparation import Division
from stackhouse.table import Table


def divide(rows: Table, label: str, test_size: float, seed: int) -> tuple[Table, Table, Division]:
    """Hold rows out, see `stackhouse.held_out`, and count the values of the label in both parts.

    Raises:
        DataError: where the label has one class or too many values, or there are too few rows or times.
        LabelError: where no row of a class would be left to learn from once validation rows are held out of the training part too.
    """
    infer_label(rows, label)
    parts = hold_out(rows, label, test_size, seed)
    _require_every_class(parts, label, test_size, seed)
    division = Division(
        label=label,
        by=parts.rule.kind,
        time=rows.roles.timestamp,
        test_size=test_size,
        seed=seed,
        train=_by_value(parts.kept, label),
        test=_by_value(parts.held, label),
    )
    return parts.kept, parts.held, division


def _require_every_class(parts: HeldOut, label: str, test_size: float, seed: int) -> None:
    """Hold validation rows out as train_model does, and look for classes that are not among the others."""
    named = parts.kept.select([*parts.kept.roles.identity, label])
    learned = _by_value(hold_out(named, label, VALIDATION_SHARE, seed).kept, label)
    kept, held = _by_value(parts.kept, label), _by_value(parts.held, label)
    counts = {value: kept.get(value, 0) + held.get(value, 0) for value in sorted({*kept, *held})}
    if missing := {value: rows for value, rows in counts.items() if value not in learned}:
        raise LabelError.all_held_out(label, missing, test_size, "times" if parts.rule.kind == "time" else "rows")


def _by_value(table: Table, label: str) -> dict[str, int]:
    counted = table.frame.group_by(label).agg(nw.len().alias("__rows")).sort(label).collect(backend="polars")
    return {str(value): int(rows) for value, rows in counted.select(label, "__rows").rows()}
