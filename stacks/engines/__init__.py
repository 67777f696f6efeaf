"""Engines: what computes the frames of a Table. Each opens Parquet files and Delta tables and writes what it computed.

Definitions and rules are Narwhals expressions and do not know the engine; everything that differs between engines stands
in this package, one module each. The feature store of the active stack names the engine that opens tables.
"""

from importlib import import_module

from stackhouse.errors import InfrastructureError
from stackhouse.table import Table
from stacks.engines.engine import Engine

ENGINES = ("polars", "duckdb", "pandas", "spark")
"""Names of the engines, the default first."""

_IMPLEMENTATIONS = {"polars": "polars", "duckdb": "duckdb", "pandas": "pandas", "pyspark": "spark", "pyspark_connect": "spark"}

__all__ = ["ENGINES", "Engine", "engine", "engine_of"]


def engine(name: str) -> Engine:
    """Return an engine by its name.

    Raises:
        InfrastructureError: where there is no such engine, or its library is not installed.
    """
    if name not in ENGINES:
        raise InfrastructureError(
            f"There is no engine '{name}'; there are {', '.join(ENGINES)}. Name one of these in the stack's feature store."
        )
    try:
        module = import_module(f"stacks.engines.{name}_engine")
    except ImportError as error:
        raise InfrastructureError(
            f"The engine '{name}' needs a library that is not installed ({error.name}): pip install 'stackhouse[{name}]'."
        ) from error
    found: Engine = module.ENGINE
    return found


def engine_of(table: Table) -> Engine:
    """Return the engine that computes a table.

    Raises:
        InfrastructureError: where its frame is of an engine that is not among `ENGINES`.
    """
    implementation = table.frame.implementation.value
    return engine(_IMPLEMENTATIONS.get(str(implementation), str(implementation)))
