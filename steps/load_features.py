"""Load the training set."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.labels import LabelRule
from stackhouse.leakage import require_no_leak
from stackhouse.point_in_time import Certificate
from stackhouse.record import TrainingData
from stackhouse.table import Table
from stacks.feature_store import active_feature_store


@step(enable_cache=False)
def load_features(
    feature_table: str, label_table: str, names: list[str], label: LabelRule
) -> tuple[Annotated[Table, "training_set"], Annotated[Certificate, "certificate"], Annotated[TrainingData, "training_data"]]:
    """Join to each label the features that were known at its time. Never cached: equal tables give an equal training set."""
    store = active_feature_store()
    data = TrainingData(features=store.table_version(feature_table), labels=store.table_version(label_table))
    spine = store.read_table(label_table, data.labels.version)
    require_no_leak(names, spine, label)
    joined = store.create_training_set(spine, feature_table, tuple(names), data.features.version)
    log_metadata({"rows": joined.certificate.matched_rows, "rows_lost": joined.certificate.rows_lost})
    return joined.table, joined.certificate, data
