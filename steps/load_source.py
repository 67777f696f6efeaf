"""Load the raw rows."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.sources import SourceSpec, SourceTables
from stacks.sources import read_source


@step(enable_cache=False)
def load_source(source: SourceSpec, inputs: list[str]) -> Annotated[SourceTables, "source"]:
    """Read each input. Never cached: only reading tells whether it changed, and equal rows leave the steps after it cached."""
    tables = read_source(source, inputs)
    log_metadata({"kind": source.kind, "tables": [table.name for table in tables.tables.values()]})
    return tables
