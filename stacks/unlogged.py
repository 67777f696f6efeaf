"""Fitted models that MLflow did not take: kept as artifacts of ZenML, so that the next run of the same logs them and fits nothing."""

import hashlib
import json
from typing import Any

from zenml import save_artifact
from zenml.client import Client

from stackhouse.fitted import FittedModel
from stackhouse.trained import TrainedModel


def fit_key(model: str, *made_of: Any) -> str:
    """Return a digest of what a model is made of: reports, rules and texts, in this order."""
    parts = [part.model_dump(mode="json") if hasattr(part, "model_dump") else part for part in made_of]
    return hashlib.sha256(json.dumps([model, *parts], sort_keys=True).encode()).hexdigest()[:16]


def keep(model: TrainedModel, name: str, key: str) -> None:
    """Save a fitted model under its key."""
    save_artifact(model, _artifact(name, key))


def kept(name: str, key: str) -> FittedModel | None:
    """Return the fitted model that was kept under the key; None where there is none."""
    artifact = _artifact(name, key)
    if not Client().list_artifacts(name=artifact, size=1).items:
        return None
    model: TrainedModel = Client().get_artifact_version(artifact).load()
    return model.fitted


def _artifact(name: str, key: str) -> str:
    return f"unlogged_{name}_{key}"
