"""Typed ZenML steps: a signature, one call into the core or a port, metadata, return.

Importing this package makes ZenML know the materializers of our types.
"""

from materializers.report import ReportMaterializer
from materializers.source_tables import SourceTablesMaterializer
from materializers.table import TableMaterializer
from materializers.trained_model import TrainedModelMaterializer

__all__ = ["ReportMaterializer", "SourceTablesMaterializer", "TableMaterializer", "TrainedModelMaterializer"]
