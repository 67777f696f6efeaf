"""Fitted models that MLflow did not take: kept as artifacts of ZenML, so that the next run of the same logs them and fits nothing."""

import hashlib
import json

from zenml import save_artifact
from zenml.client import Client

from stackhouse.content import content_hash
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.table import Table
from stackhouse.trained import TrainedModel


def fit_key(model: str, rows: Table, rules: ScoringRules, surroundings: str) -> str:
    """Return a digest of what a fit depends on: its rows, in whatever order, the rules, code and libraries.

    The rows themselves, and not the tables that they come from: lookups, exclusions and the split decide which rows these are.
    """
    made_of = [model, content_hash(rows), rules.model_dump(mode="json"), surroundings]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


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
