"""Feature definitions: one module each, all Narwhals expressions, so that every engine computes the same values.

A definition is a frozen pydantic model with a `kind`, the columns that it reads, and `compute`. To add one, write its
module and name it in the union below; a model file then chooses it by its kind.
"""

from stackhouse.features.route_day import RouteDay

FeatureDefinition = RouteDay
"""Every definition that a model file can choose under `features.definition`; a discriminated union from the second one on."""

__all__ = ["FeatureDefinition", "RouteDay"]
