"""Load the training set."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.certificate import Certificate
from stackhouse.labels.rules import LabelRule
from stackhouse.leaks.by_name import require_no_leak
from stackhouse.lookups import FeatureLookup
from stackhouse.record import TrainingData
from stackhouse.table import Table
from stacks.feature_store import active_feature_store
from stacks.mlflow_failures import require_tracking
from stacks.tracking import tracking_client


@step(enable_cache=False)
def load_features(
    lookups: list[FeatureLookup], label_table: str, label: LabelRule, exclude_columns: list[str]
) -> tuple[Annotated[Table, "training_set"], Annotated[Certificate, "certificate"], Annotated[TrainingData, "training_data"]]:
    """Join to each label the features that were known at its time. Never cached: equal tables give an equal training set.

    Without a tracker that answers nothing is loaded: what is trained could not be put on record.
    """
    require_tracking(tracking_client())
    store = active_feature_store()
    tables = tuple(store.table_version(name) for name in dict.fromkeys(lookup.table_name for lookup in lookups))
    data = TrainingData(lookups=tuple(lookups), tables=tables, labels=store.table_version(label_table))
    spine = store.read_table(label_table, data.labels.version)
    require_no_leak([name for lookup in lookups for name in lookup.outputs(()).values()], spine, label)
    joined = store.create_training_set(spine, lookups, exclude_columns, data.versions)
    log_metadata({"rows": joined.certificate.matched_rows, "rows_lost": joined.certificate.rows_lost})
    return joined.table, joined.certificate, data
