"""Compute features and labels."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.features import FeatureDefinition
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def compute_features(source: Table, definition: FeatureDefinition) -> tuple[Annotated[Table, "raw_features"], Annotated[Table, "labels"]]:
    """Compute the features and the measured labels by the definition that the model file chooses."""
    log_metadata({"definition": definition.kind, "features": len(definition.feature_names)})
    sources = dict.fromkeys(definition.inputs, source)
    return definition.features(sources), definition.labels(sources)
