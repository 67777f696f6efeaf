"""Load the raw rows."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.spec import SourceSpec
from stackhouse.table import Table
from stacks.sources import read_source


@step(enable_cache=False)
def load_source(source: SourceSpec) -> Annotated[Table, "source"]:
    """Read the source. Never cached: only reading tells whether it changed, and equal rows leave the steps after it cached."""
    table = read_source(source)
    log_metadata({"kind": source.kind, "table": table.name})
    return table
