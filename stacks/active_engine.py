"""The engine that opens tables: the feature store of the active stack names it."""

from typing import Any

from zenml.client import Client

from stacks.engines import ENGINES, Engine, engine


def active_engine() -> Engine:
    """Return the engine of the active stack's feature store, or the default where the stack has none."""
    store: Any = Client().active_stack.feature_store
    return engine(getattr(store.config, "engine", ENGINES[0]) if store else ENGINES[0])
