"""Table as a Parquet dataset, compressed with zstd, written by the engine that computes it and read lazily by that of the stack."""

from pathlib import Path
from typing import Any, ClassVar

from zenml.artifact_stores import BaseArtifactStore
from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from materializers.pages import render
from materializers.pages.data import columns_page
from materializers.storage import local_folder, read_text, write_text, written_folder
from stackhouse.content import content_hash
from stackhouse.profile import profile
from stackhouse.report import Report
from stackhouse.table import Roles, Table
from stacks.active_engine import active_engine
from stacks.engines import Engine, engine, engine_of

PROFILED_ROWS = 1_000_000
"""A larger table is profiled where it is validated and not each time that it is handed on, which would take longer than its steps."""


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
        """Compute the frame where it lies and write it."""
        save_table(self.artifact_store, self.uri, data)

    def load(self, data_type: type[Any]) -> Table:
        """Open the dataset with the engine of the stack; nothing is read until a column is used."""
        return self._open(active_engine())

    def compute_content_hash(self, data: Table) -> str:
        """Hash what was written, so that a lazy frame is not computed a second time."""
        return content_hash(self._open(engine("polars")))

    def extract_metadata(self, data: Table) -> dict[str, MetadataType]:
        """Show rows, columns and roles."""
        written = self._open(engine("polars"))
        roles = {role: str(value) for role, value in written.roles.model_dump().items() if value}
        return {"rows": written.count(), "columns": len(written.columns), **roles}

    def save_visualizations(self, data: Table) -> dict[str, VisualizationType]:
        """Show a profile of the features, or of a large table its columns alone; never raw rows."""
        written = self._open(engine("polars"))
        page = render(profile(written)) if written.count() <= PROFILED_ROWS else columns_page(written)
        return {write_text(self.artifact_store, f"{self.uri}/profile.html", page): VisualizationType.HTML}

    def _open(self, with_engine: Engine) -> Table:
        return open_table(self, self.uri, with_engine)


def save_table(store: BaseArtifactStore, uri: str, table: Table) -> None:
    """Write the rows below `data/`, name and roles beside them; the engine that computes the table writes it."""
    with written_folder(store, f"{uri}/data") as folder:
        engine_of(table).sink_parquet(table.frame, folder)
    write_text(store, f"{uri}/table.json", _Header(name=table.name, roles=table.roles).model_dump_json())


def open_table(materializer: BaseMaterializer, uri: str, with_engine: Engine) -> Table:
    """Open what `save_table` wrote, in place or, where the artifact store is elsewhere, from a copy of its files."""
    store = materializer.artifact_store
    header = _Header.model_validate_json(read_text(store, f"{uri}/table.json"))
    folder = local_folder(store, f"{uri}/data", Path() if store.config.is_local else _temporary_folder(materializer))
    return Table(with_engine.scan_parquet(sorted(folder.glob("*.parquet"))), header.roles, header.name)


def _temporary_folder(materializer: BaseMaterializer) -> Path:
    with materializer.get_temporary_directory(delete_at_exit=False) as folder:
        return Path(folder)
