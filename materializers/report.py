"""Reports as JSON, each with a page of its own in the dashboard."""

import hashlib
import json
from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from materializers.pages import render
from materializers.storage import read_text, write_text
from stackhouse.report import Report


class ReportMaterializer(BaseMaterializer):
    """Stores a Report as JSON; equal reports have an equal content hash."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Report,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def save(self, data: Report) -> None:
        """Write the JSON."""
        write_text(self.artifact_store, f"{self.uri}/report.json", data.model_dump_json(indent=2))

    def load(self, data_type: type[Any]) -> Report:
        """Read and validate the JSON as the type that the step declares."""
        report: Report = data_type.model_validate_json(read_text(self.artifact_store, f"{self.uri}/report.json"))
        return report

    def compute_content_hash(self, data: Report) -> str:
        """Hash type and fields."""
        content = json.dumps([type(data).__name__, data.model_dump(mode="json")], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def extract_metadata(self, data: Report) -> dict[str, MetadataType]:
        """Show the fields that are a single number or word."""
        return {name: value for name, value in data.model_dump(mode="json").items() if isinstance(value, (bool, int, float, str))}

    def save_visualizations(self, data: Report) -> dict[str, VisualizationType]:
        """Render the page of this type of report."""
        return {write_text(self.artifact_store, f"{self.uri}/report.html", render(data)): VisualizationType.HTML}
