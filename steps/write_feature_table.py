"""Write a table to the feature store."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.record import TableVersion
from stackhouse.table import Table
from stackhouse.writing import WritingRule
from stacks.feature_store import active_feature_store


@step(enable_cache=False)
def write_feature_table(table: Table, name: str, description: str, rule: WritingRule) -> Annotated[TableVersion, "table_version"]:
    """Write the rows in one commit. Never cached: the store itself knows whether it holds them already."""
    store = active_feature_store()
    store.create_table(name, table, description, rule.tags, rule.retention_days)
    written = store.write_table(name, table, rule.mode, rule.schema_change)
    log_metadata({"table": written.name, "version": written.version, "written": written.written})
    return written
