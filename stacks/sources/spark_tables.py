"""Tables of a Spark session: Unity Catalog on Databricks, the session's own catalog on a laptop."""

from collections.abc import Sequence

from stackhouse.errors import InfrastructureError
from stackhouse.sources import SparkTableSource, assign
from stackhouse.table import Table


def read_spark_tables(source: SparkTableSource, inputs: Sequence[str]) -> dict[str, Table]:
    """Open tables of the active Spark session lazily; rows stay in Spark.

    Raises:
        InfrastructureError: where pyspark, Java or the table is not there.
    """
    try:
        from pyspark.errors import AnalysisException

        from stacks.engines.spark_engine import session
    except ImportError as error:
        raise InfrastructureError("A source of kind spark_table needs pyspark: pip install stackhouse[spark].") from error
    tables = assign("table", source.table, inputs)
    spark = session()
    try:
        return {name: Table.of(spark.table(table), name=table) for name, table in tables.items()}
    except AnalysisException as error:
        names, reason = " or ".join(tables.values()), str(error).splitlines()[0]
        raise InfrastructureError(
            f"Spark has no table {names} that it may read: {reason}. Correct source.table, or ask for SELECT on it."
        ) from error
