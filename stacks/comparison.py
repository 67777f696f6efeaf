"""Comparison of two registered versions on rows that neither was trained on, from the feature store; nothing is written.

Each version looks its features up by the lookups that it carries, so that models of different features, tables or windows are compared
as they would serve. Rows come from the label table that both learned from, as it is now; those of models that were trained on rows of
a table (`train_model`) from the test table that judged both.
"""

from dataclasses import dataclass
from datetime import datetime

from stackhouse.cleaning import clean
from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError, RegistryError
from stackhouse.evaluation.metrics import METRICS
from stackhouse.labels.labelling import label_rows
from stackhouse.labels.report import describe
from stackhouse.promotion.comparison import compare_apart
from stackhouse.promotion.decision import unseen
from stackhouse.promotion.evidence import Evidence
from stackhouse.promotion.rule import PromotionRule
from stackhouse.table import Table
from stackhouse.tasks import Task
from stackhouse.training_tables import known_beyond
from stacks.feature_store import FeatureStore
from stacks.registered_model import RegisteredModel, labelled_rows, read_rows, trained_rows
from stacks.registry import TRAINED_UNTIL


@dataclass(frozen=True)
class Comparison:
    """The evidence, and which rows it is made of."""

    evidence: Evidence
    label_table: str
    later_than: datetime | None
    """Rows are later than this; None where rows have no time, and those that either model was trained on were left out one by one."""
    rows: Table
    """The rows, with the features and the label of the challenger."""


def require_comparable_models(first: RegisteredModel, second: RegisteredModel, label_table: str | None) -> str:
    """Return the table whose rows judge both: the label table that is named, else the one that both learned from; or their test table.

    Raises:
        ConfigurationError: where they learned different labels, in different ways, or from different tables and none is named.
    """
    ours, theirs = first.model.fitted.rules.label, second.model.fitted.rules.label
    if ours != theirs:
        raise ConfigurationError(
            f"{first.said} learned {describe(ours)}, {second.said} {describe(theirs)}. They answer different questions, and no metric "
            "compares them; name two versions of one label."
        )
    if (first.test_table is None) != (second.test_table is None):
        of_rows, of_keys = (first, second) if first.test_table else (second, first)
        raise ConfigurationError(
            f"{of_rows.said} reads rows of a table, {of_keys.said} looks its features up by key, so no rows are there for both. Train both "
            "by train_model, or both by a model file."
        )
    if first.test_table:
        return _common_test_table(first, second, label_table)
    tables = [str(one.made["labels"]["table_name"]) for one in (first, second)]
    if label_table is None and tables[0] != tables[1]:
        raise ConfigurationError(
            f"{first.said} learned from {tables[0]}, {second.said} from {tables[1]}. Say which rows judge them: --model-file."
        )
    return label_table or tables[0]


def _common_test_table(first: RegisteredModel, second: RegisteredModel, label_table: str | None) -> str:
    if label_table:
        raise ConfigurationError(
            f"{first.said} and {second.said} were trained by train_model, without a model file. Leave --model-file out; the rows are those "
            "of their test table."
        )
    if first.test_table != second.test_table:
        raise ConfigurationError(
            f"{first.said} was judged on {first.test_table}, {second.said} on {second.test_table}. Train both with the same --test-table."
        )
    return str(first.test_table)


def require_metric(task: Task, metric: str) -> str:
    """Return the metric if models of the task are compared by it.

    Raises:
        ConfigurationError: where they are not.
    """
    known = [name for name in task.metrics if METRICS[name].comparable]
    if metric not in known:
        raise ConfigurationError(f"{task.name} is not compared by '{metric}'. Give one of {', '.join(known)} as --metric.")
    return metric


def compare_versions(
    store: FeatureStore, champion: RegisteredModel, challenger: RegisteredModel, label_table: str, rule: PromotionRule
) -> Comparison:
    """Compare two versions on the rows of a label table, or of their test table, that neither was trained on.

    Raises:
        ColumnNotFoundError: where the test table lacks what one reads.
        DataError: where too few rows are left, these leave the metric undefined, or they are not what a model can be judged on.
        InfrastructureError: where a table is gone, or the version of it that a model was trained on.
        RegistryError: where a version does not say until when it was trained.
    """
    both = (champion, challenger)
    spine = store.read_table(label_table) if champion.test_table is None else _test_rows(store, champion, challenger)
    later_than = None if spine.roles.timestamp is None else _last_seen(both)
    fair: Table | None = spine
    for one in both:
        fair = unseen(fair, later_than, None if later_than else trained_rows(store, one)) if fair else None
    if fair is None:
        raise DataError(
            f"The rows of {label_table} that a model was trained on cannot be told from others: that takes a time, or keys, of the same "
            "name and type in the rows of both trainings."
        )
    _require_rows(fair.count(), rule.min_rows, label_table, later_than)
    theirs, ours = (_judged_rows(store, one, fair) for one in both)
    evidence = compare_apart(challenger.model.fitted, ours, champion.model.fitted, theirs, rule)
    if evidence is None:
        raise DataError(
            f"{rule.metric} cannot be computed on the rows of {label_table} that neither model was trained on: none has the features of "
            "both, they are of one class, or no anomaly among them is known. Choose another --metric, or wait for further rows."
        )
    _require_rows(evidence.rows, rule.min_rows, label_table, later_than)
    return Comparison(evidence, label_table, later_than, ours)


def _test_rows(store: FeatureStore, champion: RegisteredModel, challenger: RegisteredModel) -> Table:
    """The rows of the common test table, as it is now.

    Rows that have no time, and no keys or keys that need their number beside them, can be told from others only where both tables of both
    models are the same: after another preparation the number is of another row.
    """
    rows = read_rows(store, challenger, str(challenger.test_table))
    if rows.roles.timestamp is None and not known_beyond(rows.roles):
        tables = [{**one.made["labels"], "test": one.made["test"]} for one in (champion, challenger)]
        if tables[0] != tables[1]:
            raise DataError(
                f"Rows of {challenger.test_table} have neither a time nor keys that name one row each, and {champion.said} and "
                f"{challenger.said} were not trained on the same versions of their tables, so rows that one was trained on cannot be told "
                "from others. Train both after the same prepare_data, or prepare rows with --time-column or --key-columns."
            )
        return read_rows(store, challenger, str(challenger.test_table), challenger.made["test"]["table_version"])
    return rows


def _judged_rows(store: FeatureStore, one: RegisteredModel, rows: Table) -> Table:
    """The rows with the features and the label of one version."""
    if one.test_table is None:
        return labelled_rows(store, one.model, rows)
    rules = one.model.fitted.rules
    if missing := [feature for feature in rules.features if feature not in rows.columns]:
        raise ColumnNotFoundError.missing(rows.name, missing, rows.columns, f"{one.said} reads them; write the table with them.")
    own = Table(rows.frame, rows.roles.model_copy(update={"features": rules.features}), rows.name)
    return label_rows(clean(own, rules.cleaning.refusing()).table, rules.label).table


def _last_seen(both: tuple[RegisteredModel, ...]) -> datetime:
    """The time after which neither knows anything of a label: of the last training row, and as far as labels reach ahead of it."""
    ends = []
    if len({one.trained_until.tzinfo is None for one in both if one.trained_until}) > 1:
        raise RegistryError(
            f"{' and '.join(one.said for one in both)} were trained until times of which one has no zone. Train them again."
        )
    for one in both:
        if one.knows_until is None:
            raise RegistryError(f"{one.said} does not say until when it was trained (tag {TRAINED_UNTIL}). Train it again.")
        ends.append(one.knows_until)
    return max(ends)


def _require_rows(rows: int, needed: int, label_table: str, later_than: datetime | None) -> None:
    if rows < needed:
        which = f"later than {moment(later_than)}" if later_than else "beside those of its training"
        raise DataError(
            f"{label_table} has {rows:,} rows with features that neither model knows ({which}), and {needed:,} are needed for a fair "
            "comparison. Run feature_engineering (or prepare_data) for newer rows, or ask for fewer: --min-rows."
        )


def moment(time: datetime) -> str:
    """Write a time to the minute, with its zone where it has one."""
    return f"{time:%Y-%m-%d %H:%M %Z}".strip()
