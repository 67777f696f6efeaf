"""Leakage by name: columns that must not be features, whatever their values are (rule ML-06)."""

from collections.abc import Iterable

from stackhouse.errors import LeakageError
from stackhouse.labels.rules import AnyLabel
from stackhouse.table import Table


def require_no_leak(features: Iterable[str], spine: Table, rule: AnyLabel) -> None:
    """Check that no feature is a key, the timestamp, the label, its source, or another column of the label table.

    All columns of the label table are only known once the outcome is.

    Raises:
        LeakageError: naming each such feature and the role it has.
    """
    roles = dict.fromkeys(spine.columns, "column of the label table, known only afterwards")
    roles |= dict.fromkeys(spine.roles.primary_keys, "primary key")
    if spine.roles.timestamp:
        roles[spine.roles.timestamp] = "timestamp"
    roles |= dict.fromkeys(rule.sources, "source of the label") | dict.fromkeys(rule.names, "label")
    if leaks := {name: roles[name] for name in features if name in roles}:
        raise LeakageError.not_a_feature(leaks)
