"""The tables of a source: each as a Parquet dataset of its own, under the name of the input that it serves."""

import hashlib
import json
from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from materializers.pages.data import source_page
from materializers.storage import read_text, write_text
from materializers.table import open_table, save_table
from stackhouse.content import content_hash
from stackhouse.sources import SourceTables
from stacks.active_engine import active_engine
from stacks.engines import Engine, engine


class SourceTablesMaterializer(BaseMaterializer):
    """Stores each table in a folder of its name, and the names beside them."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (SourceTables,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def save(self, data: SourceTables) -> None:
        """Compute each table where it lies and write it."""
        for name, table in data.tables.items():
            save_table(self.artifact_store, f"{self.uri}/{name}", table)
        write_text(self.artifact_store, f"{self.uri}/names.json", json.dumps(list(data.tables)))

    def load(self, data_type: type[Any]) -> SourceTables:
        """Open each table with the engine of the stack; nothing is read until a column is used."""
        return self._open(active_engine())

    def compute_content_hash(self, data: SourceTables) -> str:
        """Hash what was written: names and the rows of each table, in whatever order these stand."""
        hashes = {name: content_hash(table) for name, table in self._open(engine("polars")).tables.items()}
        return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()

    def extract_metadata(self, data: SourceTables) -> dict[str, MetadataType]:
        """Show the rows of all tables, and of each."""
        rows = {name: table.count() for name, table in self._open(engine("polars")).tables.items()}
        return {"rows": sum(rows.values()), **{f"rows of {name}": count for name, count in rows.items()}}

    def save_visualizations(self, data: SourceTables) -> dict[str, VisualizationType]:
        """Show rows and columns of each table; never raw rows."""
        page = source_page(self._open(engine("polars")))
        return {write_text(self.artifact_store, f"{self.uri}/source.html", page): VisualizationType.HTML}

    def _open(self, with_engine: Engine) -> SourceTables:
        names = json.loads(read_text(self.artifact_store, f"{self.uri}/names.json"))
        return SourceTables({name: open_table(self, f"{self.uri}/{name}", with_engine) for name in names})
