"""The model file: its sections, its fields, whether they fit each other, and what the steps get of it (`model.py`)."""

from stackhouse.spec.model import ModelSpec

__all__ = ["ModelSpec"]
