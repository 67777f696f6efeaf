"""Table as a Parquet dataset, compressed with zstd, written and read lazily."""

from pathlib import Path
from typing import Any, ClassVar

import narwhals as nw
import polars as pl
from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from materializers.pages import render
from materializers.storage import local_folder, read_text, write_text, written_folder
from stackhouse.content import content_hash
from stackhouse.profile import profile
from stackhouse.report import Report
from stackhouse.table import Roles, Table


class _Header(Report):
    name: str
    roles: Roles


class TableMaterializer(BaseMaterializer):
    """Stores a Table in `data/` with its name and roles beside it; a reader loads only the columns that it uses.

    The content hash lets a step that ran again on equal data leave everything after it cached.
    """

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Table,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def save(self, data: Table) -> None:
        """Compute the frame in a stream and write it."""
        with written_folder(self.artifact_store, f"{self.uri}/data") as folder:
            _polars(data).sink_parquet(folder / "part-00000.parquet", compression="zstd")
        header = _Header(name=data.name, roles=data.roles)
        write_text(self.artifact_store, f"{self.uri}/table.json", header.model_dump_json())

    def load(self, data_type: type[Any]) -> Table:
        """Open the dataset; nothing is read until a column is used."""
        header = _Header.model_validate_json(read_text(self.artifact_store, f"{self.uri}/table.json"))
        remote_copy = Path() if self.artifact_store.config.is_local else self._temporary_folder()
        folder = local_folder(self.artifact_store, f"{self.uri}/data", remote_copy)
        return Table(nw.from_native(pl.scan_parquet(folder / "*.parquet")), header.roles, header.name)

    def compute_content_hash(self, data: Table) -> str:
        """Hash what was written, so that a lazy frame is not computed a second time."""
        return content_hash(self.load(Table))

    def extract_metadata(self, data: Table) -> dict[str, MetadataType]:
        """Show rows, columns and roles."""
        written = self.load(Table)
        roles = {role: str(value) for role, value in written.roles.model_dump().items() if value}
        return {"rows": written.count(), "columns": len(written.columns), **roles}

    def save_visualizations(self, data: Table) -> dict[str, VisualizationType]:
        """Show a profile of the features; never raw rows."""
        page = render(profile(self.load(Table)))
        return {write_text(self.artifact_store, f"{self.uri}/profile.html", page): VisualizationType.HTML}

    def _temporary_folder(self) -> Path:
        with self.get_temporary_directory(delete_at_exit=False) as folder:
            return Path(folder)


def _polars(table: Table) -> pl.LazyFrame:
    native = table.frame.to_native()
    if isinstance(native, pl.LazyFrame):
        return native
    collected: pl.DataFrame = table.collect().to_native()
    return collected.lazy()
