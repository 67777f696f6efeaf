"""Rows to prepare: read from the active stack's feature store, or made."""

from collections.abc import Sequence
from dataclasses import replace

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, MissingTableError
from stackhouse.lookups import FeatureLookup
from stackhouse.preparation import LookedUpRows, Preparation, SourceRecord, SyntheticRows, TableRows
from stackhouse.record import TableVersion
from stackhouse.synthetic.rows import generate_rows
from stackhouse.table import Roles, Table
from stackhouse.training_tables import numbered, repeats, require_one_role, with_label_and_keys, with_roles
from stacks.feature_store import FeatureStore, missing_told


def read_rows(store: FeatureStore, preparation: Preparation) -> tuple[Table, SourceRecord]:
    """Read the rows that a preparation names, with the roles of their columns and numbered; what they lack is counted.

    Raises:
        ColumnNotFoundError: where a column is not there.
        ConfigurationError: where what is named does not fit the tables.
        DataError: where no row is left, keys are wrong, or the tables cannot be joined.
        InfrastructureError: where a table is not there.
    """
    match preparation.source:
        case TableRows():
            return _of_table(store, preparation.source, preparation.label, preparation.time)
        case LookedUpRows():
            return _looked_up(store, preparation.source, preparation.label, preparation.time)
        case SyntheticRows():
            made = Table.of(generate_rows(preparation.source.rows), name="the made rows")
            rows = with_roles(made, preparation.label, ("entity_id",), preparation.time or "event_time")
            return numbered(rows), SourceRecord(kind="synthetic", rows=rows.count())


def _of_table(store: FeatureStore, source: TableRows, label: str, time: str | None) -> tuple[Table, SourceRecord]:
    version = _version(store, source.table, "--source-table, --catalog, --schema")
    rows, without = with_label_and_keys(with_roles(store.read_table(source.table, version.version), label, source.keys, time))
    return numbered(rows), SourceRecord(kind=source.kind, tables=(version,), rows=rows.count(), without=without)


def _looked_up(store: FeatureStore, source: LookedUpRows, label: str, time: str | None) -> tuple[Table, SourceRecord]:
    named = ((source.feature_table, "--feature-store-table"), (source.label_table, "--label-table"))
    versions = tuple(_version(store, name, flag) for name, flag in named)
    features = store.read_table(source.feature_table, versions[0].version)
    labels = store.read_table(source.label_table, versions[1].version)
    if unknown := [name for name in source.features or () if name not in features.roles.features]:
        raise ColumnNotFoundError.missing(features.name, unknown, features.roles.features, "Name some of these as --feature-columns.")
    keys = _in_order_of_the_table(source.lookup_key, features)
    spine, without, repeated = _spine(labels, keys, label, time)
    lookup = FeatureLookup(
        table_name=source.feature_table,
        lookup_key=keys,
        feature_names=source.features or tuple(feature for feature in features.roles.features if feature != label),
        timestamp_lookup_key=_time_of_lookup(features, spine),
    )
    joined = store.create_training_set(spine, [lookup], (), {versions[0].name: versions[0].version})
    rows = joined.table.select((*spine.roles.identity, *joined.table.roles.features, label))
    return numbered(replace(rows, name="the training set")), SourceRecord(
        kind=source.kind,
        tables=versions,
        rows=joined.certificate.matched_rows,
        without=without,
        repeated=repeated,
        lost=joined.certificate.rows_lost,
        lost_message=joined.certificate.lost_message,
    )


def _in_order_of_the_table(lookup_key: Sequence[str], features: Table) -> tuple[str, ...]:
    """Bring keys that are called as those of the table into its order.

    Raises:
        ConfigurationError: where the feature table has no primary keys.
    """
    theirs = features.roles.primary_keys
    if not theirs:
        raise ConfigurationError(
            f"{features.name} has no primary key, so no features can be looked up in it. Write it as a feature table with its keys, "
            "or name it under --source-table; nothing was written."
        )
    return theirs if set(theirs) == set(lookup_key) else tuple(lookup_key)


def _spine(labels: Table, keys: tuple[str, ...], label: str, time: str | None) -> tuple[Table, dict[str, int], int]:
    """Keys, time and label of each row, once; what a label table holds beside them is no feature."""
    if missing := [key for key in keys if key not in labels.columns]:
        raise ColumnNotFoundError.missing(labels.name, missing, labels.columns, "Name the column with the keys as --lookup-key.")
    time = time or labels.roles.timestamp
    own = labels.roles.primary_keys
    require_one_role(labels.name, label, keys, time)
    needed = dict.fromkeys((*own, *keys, *((time,) if time else ()), label))
    if absent := [column for column in needed if column not in labels.columns]:
        raise ColumnNotFoundError.missing(labels.name, absent, labels.columns, "Name one of these as --label-column or --time-column.")
    roles = Roles(primary_keys=tuple(dict.fromkeys((*own, *keys))) if own else keys, timestamp=time, label=label)
    known, without = with_label_and_keys(Table(labels.frame.select(*needed), roles, labels.name))
    once = known.with_frame(known.frame.unique())
    return _with_keys(once), without, known.count() - once.count()


def _with_keys(spine: Table) -> Table:
    """A row is named by keys and time, and where these repeat by its number as well."""
    return numbered(spine) if repeats(spine, spine.roles.identity) else spine


def _time_of_lookup(features: Table, spine: Table) -> str | None:
    """Return the column of the spine as of which features are looked up; None for a feature table without a time.

    Raises:
        ConfigurationError: where the features have a time and the labels have none.
    """
    if features.roles.timestamp is None:
        return None
    if spine.roles.timestamp is None:
        raise ConfigurationError(
            f"The rows of {features.name} hold from '{features.roles.timestamp}' on, and {spine.name} says no time of its rows: features "
            "from the future would be taken. Name the column of its time as --time-column; nothing was written."
        )
    return spine.roles.timestamp


def _version(store: FeatureStore, name: str, flag: str) -> TableVersion:
    with missing_told(MissingTableError.of_source(name, flag)):
        return store.table_version(name)
