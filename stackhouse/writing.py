"""How a table of the feature store is written: what happens to rows and columns that are there already, and what it is tagged with."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

WriteMode = Literal["merge", "overwrite"]
SchemaChange = Literal["refuse", "evolve"]


class WritingRule(BaseModel):
    """What `FeatureStore.create_table` and `write_table` are told; see there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: WriteMode
    schema_change: SchemaChange = "refuse"
    tags: Mapping[str, str] = {}
    retention_days: int | None = None
