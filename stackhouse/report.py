"""Report: the frozen record that a function returns beside its table, and that the dashboard shows.

The records themselves stand beside the functions that fill them (`CleaningReport` in `cleaning.py`, and so on).
"""

from pydantic import BaseModel, ConfigDict


class Report(BaseModel):
    """Base of every record that becomes an artifact: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
