"""Feature definitions: one module each, all Narwhals expressions, so that every engine computes the same values.

A definition is a frozen pydantic model with a `kind`, the inputs that it reads, and what it computes of them (see
`definition.py`). To add one, write its module and name it in the union below; a model file then chooses it by its kind.
"""

from typing import Annotated

from pydantic import Field

from stackhouse.features.carrier_day import CarrierDay
from stackhouse.features.churn import Churn
from stackhouse.features.columns import Columns
from stackhouse.features.cost import CostFeatures
from stackhouse.features.definition import Definition
from stackhouse.features.flight import Flight
from stackhouse.features.reliability import ReliabilityFeatures
from stackhouse.features.route_day import RouteDay
from stackhouse.features.weather_hour import WeatherHour

FeatureDefinition = Annotated[
    RouteDay | CarrierDay | Flight | WeatherHour | CostFeatures | ReliabilityFeatures | Churn | Columns, Field(discriminator="kind")
]
"""Every definition that a model file can choose under `features.definition`, by its kind."""

__all__ = [
    "CarrierDay",
    "Churn",
    "Columns",
    "CostFeatures",
    "Definition",
    "FeatureDefinition",
    "Flight",
    "ReliabilityFeatures",
    "RouteDay",
    "WeatherHour",
]
