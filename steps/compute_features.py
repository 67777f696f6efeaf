"""Compute features and labels."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.features import FeatureDefinition
from stackhouse.sources import SourceTables
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def compute_features(
    source: SourceTables, definition: FeatureDefinition
) -> tuple[Annotated[Table, "raw_features"], Annotated[Table, "labels"]]:
    """Compute the features and the measured labels by the definition that the model file chooses."""
    log_metadata({"definition": definition.kind, "features": len(definition.feature_names)})
    return definition.features(source.tables), definition.labels(source.tables)
