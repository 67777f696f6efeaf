"""Keep predictions."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.record import TableVersion
from stackhouse.table import Table
from stackhouse.writing import WritingRule
from stacks.feature_store import active_feature_store
from stacks.predictions import write_predictions as write


@step(enable_cache=False)
def write_predictions(predictions: Table, name: str, description: str, rule: WritingRule) -> Annotated[TableVersion, "predictions_version"]:
    """Merge the predictions by key, time and model version. Never cached: the store knows what it holds."""
    written = write(active_feature_store(), name, predictions, description, rule.tags)
    log_metadata({"table": written.name, "version": written.version, "written": written.written})
    return written
