"""What a job would cost on Databricks, from step times that were measured elsewhere and a dated table of prices.

What belongs here: the price table, the arithmetic, and the assumptions in words. What does not: reading of runs or files.

A job is a cluster that starts, installs its libraries, runs the steps one after the other, and ends. Each node costs DBUs and a
virtual machine for all of that time. Serverless compute costs DBUs alone, without the start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date as calendar_day

from pydantic import BaseModel, ConfigDict, Field

from stackhouse.errors import ConfigurationError

HOUR = 3600.0


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Figure(_Record):
    """One figure of a price table, and where it is from."""

    value: float = Field(ge=0, description="The figure.", allow_inf_nan=False)
    confirmed: bool = Field(description="Whether the source was read and names this figure.")
    source: str = Field(min_length=1, description="Where the figure is from, or why it could not be confirmed.")


class NodeType(_Record):
    """What an hour of a node takes."""

    dbu_per_hour: Figure
    vm_per_hour: Figure


class Serverless(_Record):
    """What serverless jobs compute takes."""

    price_per_dbu: Figure
    dbu_per_hour: Figure


class PriceTable(_Record):
    """List prices of one cloud and region as of a date."""

    cloud: str = Field(pattern="^(aws|azure|gcp)$", description="The cloud.")
    region: str = Field(description="Region of the prices.")
    tier: str = Field(description="Plan of the workspace.")
    date: calendar_day = Field(description="The day for which the prices were read.")
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217, e.g. USD.")
    jobs_compute: Figure = Field(description="Price of a DBU of jobs compute.")
    serverless: Serverless
    node_types: Mapping[str, NodeType] = Field(min_length=1, description="By node_type_id.")

    def node(self, name: str) -> NodeType:
        """Return a node type.

        Raises:
            ConfigurationError: where the table does not have it.
        """
        if name not in self.node_types:
            raise ConfigurationError(
                f"The price table of {self.cloud} ({self.date}) has no node type '{name}'; it has {', '.join(sorted(self.node_types))}. "
                "Name one of these, or copy the table, add yours, and name the copy with --prices."
            )
        return self.node_types[name]


@dataclass(frozen=True)
class Assumptions:
    """What is supposed where nothing was measured."""

    node_type: str
    workers: int = 0
    """Beside the driver."""
    startup_minutes: float = 5.0
    """From the request of a cluster until it is there."""
    install_minutes: float = 2.0
    """For the libraries of the lock, once a job."""
    task_overhead_seconds: float = 8.0
    """For each step: start of a process and imports."""
    serverless_startup_minutes: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ConfigurationError: where a number is negative.
        """
        for name, value in vars(self).items():
            if not isinstance(value, str) and not 0 <= value < float("inf"):
                raise ConfigurationError(f"{name} is {value}; it cannot be negative or infinite.")


@dataclass(frozen=True)
class Cost:
    """Time and money of one part of a job."""

    name: str
    seconds: float
    dbu: float
    """Money for DBUs."""
    machine: float
    """Money for virtual machines."""

    @property
    def total(self) -> float:
        """All of the money."""
        return self.dbu + self.machine


@dataclass(frozen=True)
class JobCost:
    """A job on a cluster of its own, and the same job on serverless compute."""

    name: str
    parts: tuple[Cost, ...]
    """The start, the installation, and each step."""
    total: Cost
    serverless: Cost


@dataclass(frozen=True)
class Preview:
    """All jobs and their sum."""

    jobs: tuple[JobCost, ...]
    total: Cost
    serverless: Cost


def preview(jobs: Mapping[str, Mapping[str, float]], prices: PriceTable, assumptions: Assumptions) -> Preview:
    """Return what jobs cost, from the measured seconds of each step by job and step.

    Raises:
        ConfigurationError: where the price table has no such node type.
    """
    costs = tuple(_job(name, steps, prices, assumptions) for name, steps in jobs.items())
    return Preview(costs, _sum("all jobs", [job.total for job in costs]), _sum("all jobs", [job.serverless for job in costs]))


def _job(name: str, steps: Mapping[str, float], prices: PriceTable, assumptions: Assumptions) -> JobCost:
    node, nodes = prices.node(assumptions.node_type), assumptions.workers + 1
    dbu_per_second = nodes * node.dbu_per_hour.value * prices.jobs_compute.value / HOUR
    machine_per_second = nodes * node.vm_per_hour.value / HOUR

    def part(what: str, seconds: float) -> Cost:
        return Cost(what, seconds, seconds * dbu_per_second, seconds * machine_per_second)

    install = assumptions.install_minutes * 60
    running = {step: seconds + assumptions.task_overhead_seconds for step, seconds in steps.items()}
    parts = (
        part("start of the cluster", assumptions.startup_minutes * 60),
        part("installation", install),
        *(part(step, seconds) for step, seconds in running.items()),
    )
    billed = install + sum(running.values())
    serverless_per_second = prices.serverless.dbu_per_hour.value * prices.serverless.price_per_dbu.value / HOUR
    serverless = Cost(name, assumptions.serverless_startup_minutes * 60 + billed, billed * serverless_per_second, 0.0)
    return JobCost(name, parts, _sum(name, parts), serverless)


def _sum(name: str, parts: Sequence[Cost]) -> Cost:
    return Cost(name, sum(part.seconds for part in parts), sum(part.dbu for part in parts), sum(part.machine for part in parts))


def stated(prices: PriceTable, assumptions: Assumptions) -> list[str]:
    """Say in words what the figures rest on, a line each; those that could not be confirmed are named as such."""
    node, currency = prices.node(assumptions.node_type), prices.currency
    nodes = f"{assumptions.workers + 1} × {assumptions.node_type}, {'driver and workers' if assumptions.workers else 'the driver alone'}"
    where = f"{prices.cloud}, {prices.region}, {prices.tier}, as of {prices.date}, in {currency}"
    machine, dbu = node.vm_per_hour.value, node.dbu_per_hour.value
    start, soon = assumptions.startup_minutes, assumptions.serverless_startup_minutes
    hourly, each = prices.serverless.dbu_per_hour.value, prices.serverless.price_per_dbu.value
    lines = [
        f"List prices of {where}: check them before you decide. No discounts, spot prices, taxes, storage or network.",
        f"Cluster: {nodes}. A node takes {dbu:g} DBU an hour at {prices.jobs_compute.value:g}, and {machine:g} an hour for the machine.",
        f"Each job has its own cluster: {start:g} min to start, {assumptions.install_minutes:g} min to install libraries, charged in full.",
        f"Steps run one after the other, as fast as here; each takes {assumptions.task_overhead_seconds:g} s more for process and imports.",
        f"Serverless: {hourly:g} DBU an hour at {each:g}; {soon:g} min to start, not charged; libraries are installed likewise.",
    ]
    figures = {
        f"DBU an hour of {assumptions.node_type}": node.dbu_per_hour,
        f"price of the machine {assumptions.node_type}": node.vm_per_hour,
        "price of a DBU of jobs compute": prices.jobs_compute,
        "price of a serverless DBU": prices.serverless.price_per_dbu,
        "serverless DBU an hour": prices.serverless.dbu_per_hour,
    }
    return lines + [f"Not confirmed: {name} ({figure.source})" for name, figure in figures.items() if not figure.confirmed]
