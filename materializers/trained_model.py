"""Trained models in the native format of their library, with the record of the training run. No pickle."""

import tempfile
from pathlib import Path
from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from materializers.pages import render
from materializers.storage import local_folder, read_text, write_text, written_folder
from stackhouse.fitted import FittedModel
from stackhouse.record import TrainingRecord
from stackhouse.trained import TrainedModel


class TrainedModelMaterializer(BaseMaterializer):
    """Stores the estimator and its scoring rules in `model/`, and the record beside it."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (TrainedModel,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def save(self, data: TrainedModel) -> None:
        """Write the model, where there is one, and the record."""
        if data.fitted is not None:
            with written_folder(self.artifact_store, f"{self.uri}/model") as folder:
                data.fitted.save(folder)
        write_text(self.artifact_store, f"{self.uri}/record.json", data.record.model_dump_json(indent=2))

    def load(self, data_type: type[Any]) -> TrainedModel:
        """Read the model, where there is one, and the record."""
        record = TrainingRecord.model_validate_json(read_text(self.artifact_store, f"{self.uri}/record.json"))
        if record.skipped:
            return TrainedModel(None, record)
        with tempfile.TemporaryDirectory() as temporary:
            folder = local_folder(self.artifact_store, f"{self.uri}/model", Path(temporary))
            return TrainedModel(FittedModel.load(folder), record)

    def extract_metadata(self, data: TrainedModel) -> dict[str, MetadataType]:
        """Show algorithm, run and logged model."""
        record = data.record
        return {
            "algorithm": record.algorithm,
            "run_id": str(record.run_id),
            "model_uri": str(record.model_uri),
            "skipped": str(record.skipped),
        }

    def save_visualizations(self, data: TrainedModel) -> dict[str, VisualizationType]:
        """Show the record."""
        return {write_text(self.artifact_store, f"{self.uri}/record.html", render(data.record)): VisualizationType.HTML}
