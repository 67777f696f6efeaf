"""A Databricks account made from a seed: usage, list prices and job runs, with the schemas of the system tables.

The tables have what makes the real ones hard: corrections, prices that change within the period, several timeline rows a run, ids
that are unique within a workspace only, and nulls. Cost spikes and failing jobs are planted, and named, so that a test can look for them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

import numpy as np
import polars as pl

from stackhouse.synthetic.account_parameters import AccountParameters
from stackhouse.synthetic.skus import list_prices
from stackhouse.synthetic.system_tables import AMOUNT, KNOWN_ANOMALIES_SCHEMA, USAGE_SCHEMA
from stackhouse.synthetic.workspaces import Workspace

_CORRECTED_SHARE = 0.01


@dataclass(frozen=True)
class Planted:
    """What is hidden in the tables: days on which a workspace spends far more, and jobs that fail for a reason one can see coming."""

    cost_spikes: tuple[tuple[str, date], ...]
    flaky_jobs: tuple[tuple[str, str], ...]
    creeping_jobs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Account:
    """Three system tables as Polars frames, and what is planted in them."""

    usage: pl.DataFrame
    list_prices: pl.DataFrame
    job_run_timeline: pl.DataFrame
    planted: Planted

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The tables by the names that definitions read them by; the system tables, and the planted spikes as `known_anomalies`."""
        spikes = pl.DataFrame(self.planted.cost_spikes, schema=KNOWN_ANOMALIES_SCHEMA, orient="row")
        system = {"usage": self.usage, "list_prices": self.list_prices, "job_run_timeline": self.job_run_timeline}
        return {**system, "known_anomalies": spikes}


def generate_account(parameters: AccountParameters) -> Account:
    """Make the tables of an account. Times are whole seconds, UTC; quantities are whole millionths of a DBU; the current price has no end.

    A steady job fails in 2 % of its runs. A flaky one fails far more often, most of all on Mondays; a creeping one takes longer every
    day for weeks, then fails until it is repaired. Any job may have an incident, some days on which most runs fail.
    """
    rng = np.random.default_rng(parameters.seed)
    workspaces = [Workspace(parameters, number, rng) for number in range(parameters.workspaces)]
    usage = pl.concat([workspace.usage() for workspace in workspaces])
    timeline = pl.concat([workspace.timeline() for workspace in workspaces])
    planted = Planted(
        cost_spikes=tuple(spike for workspace in workspaces for spike in workspace.spikes),
        flaky_jobs=tuple(job for workspace in workspaces for job in workspace.of_kind("flaky")),
        creeping_jobs=tuple(job for workspace in workspaces for job in workspace.of_kind("creeping")),
    )
    return Account(_with_corrections(usage, rng), list_prices(parameters), timeline, planted)


def _with_corrections(usage: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Give each row its id, and correct some: a retraction takes all of it back, a restatement says four fifths; ingested days later."""
    wrong = usage.filter(pl.Series(rng.random(len(usage)) < _CORRECTED_SHARE))
    later = pl.col("ingestion_date") + pl.duration(days=pl.lit(pl.Series(rng.integers(1, 4, len(wrong)))))
    wrong = wrong.with_columns(later.cast(pl.Date)).filter(pl.col("ingestion_date") <= usage["usage_date"].max())
    retracted = wrong.with_columns((-pl.col("usage_quantity")).cast(AMOUNT), record_type=pl.lit("RETRACTION"))
    restated = wrong.with_columns((pl.col("usage_quantity") * Decimal("0.8")).cast(AMOUNT), record_type=pl.lit("RESTATEMENT"))
    rows = pl.concat([usage, retracted, restated])
    ids = pl.Series([str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(len(rows))], dtype=pl.String)
    return rows.with_columns(ids.alias("record_id")).cast(pl.Schema(USAGE_SCHEMA))
