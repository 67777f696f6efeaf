"""What a made account depends on: its seed and its size."""

from datetime import UTC, date, datetime

from pydantic import BaseModel, ConfigDict, Field


class AccountParameters(BaseModel):
    """What an account is made from; equal parameters give equal tables."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(7, ge=0, description="Seed of everything that is drawn.")
    days: int = Field(180, ge=1, le=1_096, description="How many days the tables cover.")
    workspaces: int = Field(6, ge=1, le=1_000, description="How many workspaces the account has.")
    jobs_per_workspace: int = Field(
        12, ge=1, le=1_000, description="How many jobs run in each workspace; their ids repeat in every workspace."
    )
    first_day: date = Field(date(2025, 1, 1), description="First day, UTC.")
    serverless_moves: float = Field(
        0.0, ge=0, le=1, description="Share of the jobs on other compute that move to serverless within the period, a third of them back."
    )

    @property
    def midnight(self) -> datetime:
        """When the first day begins."""
        return datetime(*self.first_day.timetuple()[:3], tzinfo=UTC)
