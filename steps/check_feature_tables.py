"""Check the tables before either is written."""

from zenml import step

from stackhouse.table import Table
from stackhouse.writing import WritingRule
from stacks.feature_store import active_feature_store


@step(enable_cache=False)
def check_feature_tables(
    features: Table, labels: Table, feature_table: str, label_table: str, rule: WritingRule, looked_up: list[str]
) -> None:
    """Refuse columns and keys that the store would refuse, and lookups of tables that are not there, before anything is written."""
    store = active_feature_store()
    for name, table in ((feature_table, features), (label_table, labels)):
        store.check_write(name, table, rule.mode, rule.schema_change)
    for name in looked_up:
        store.table_version(name)
