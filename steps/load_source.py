"""Load the raw rows."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.sources import SourceSpec, SourceTables
from stacks.sources import read_source


@step(enable_cache=False)
def load_source(source: SourceSpec, inputs: dict[str, list[str]]) -> Annotated[SourceTables, "source"]:
    """Read the columns that the definition asks for, of each input. A column that is not there is the definition's to refuse.

    Never cached: only reading tells whether the source changed, and equal rows leave the steps after it cached.
    """
    found = read_source(source, list(inputs)).tables
    tables = {name: found[name].select(column for column in columns if column in found[name].columns) for name, columns in inputs.items()}
    log_metadata({"kind": source.kind, "tables": [table.name for table in tables.values()]})
    return SourceTables(tables)
