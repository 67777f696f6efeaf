"""The arithmetic of a preview, with numbers that were worked out by hand."""

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from stackhouse.cost_preview import Assumptions, Cost, Figure, NodeType, PriceTable, Serverless, preview, stated
from stackhouse.errors import ConfigurationError


def figure(value: float, confirmed: bool = True) -> Figure:
    return Figure(value=value, confirmed=confirmed, source="a list")


def table(**change: Any) -> PriceTable:
    """A node takes 2 DBU an hour at 0.18 and 0.36 for the machine: 0.72 an hour, which is 0.0002 a second."""
    given: dict[str, Any] = {
        "cloud": "aws",
        "region": "us-east-1",
        "tier": "premium",
        "date": date(2026, 4, 10),
        "currency": "USD",
        "jobs_compute": figure(0.18),
        "serverless": Serverless(price_per_dbu=figure(0.36), dbu_per_hour=figure(4.0, confirmed=False)),
        "node_types": {"small": NodeType(dbu_per_hour=figure(2.0, confirmed=False), vm_per_hour=figure(0.36))},
    }
    return PriceTable(**(given | change))


ASSUMED = Assumptions("small", workers=0, startup_minutes=5, install_minutes=2, task_overhead_seconds=10, serverless_startup_minutes=1)


def rounded(cost: Cost) -> tuple[str, float, float, float, float]:
    return cost.name, cost.seconds, round(cost.dbu, 9), round(cost.machine, 9), round(cost.total, 9)


def test_each_part_costs_its_seconds_times_the_price_of_the_cluster() -> None:
    [job] = preview({"training": {"tune": 90.0, "train_model": 50.0}}, table(), ASSUMED).jobs
    assert [rounded(part) for part in job.parts] == [
        ("start of the cluster", 300.0, 0.03, 0.03, 0.06),
        ("installation", 120.0, 0.012, 0.012, 0.024),
        ("tune", 100.0, 0.01, 0.01, 0.02),
        ("train_model", 60.0, 0.006, 0.006, 0.012),
    ]
    assert rounded(job.total) == ("training", 580.0, 0.058, 0.058, 0.116)


def test_serverless_is_charged_without_its_start_and_without_machines() -> None:
    # 120 s of installation and 160 s of steps at 4 DBU an hour and 0.36 a DBU: 280 s × 0.0004; one minute more until the end.
    [job] = preview({"training": {"tune": 90.0, "train_model": 50.0}}, table(), ASSUMED).jobs
    assert rounded(job.serverless) == ("training", 340.0, 0.112, 0.0, 0.112)


def test_workers_multiply_the_cluster_and_not_serverless() -> None:
    jobs = {"training": {"tune": 90.0, "train_model": 50.0}}
    alone, three = preview(jobs, table(), ASSUMED), preview(jobs, table(), Assumptions("small", 2, 5, 2, 10, 1))
    assert rounded(three.total) == ("all jobs", 580.0, 0.174, 0.174, 0.348)
    assert three.serverless == alone.serverless


def test_every_job_pays_for_a_start_of_its_own() -> None:
    # 0.06 + 0.024 + (90 + 10) s × 0.0002 = 0.104 and 0.06 + 0.024 + (40 + 10) s × 0.0002 = 0.094
    costs = preview({"feature_engineering": {"load_source": 90.0}, "training": {"tune": 40.0}}, table(), ASSUMED)
    assert [round(job.total.total, 9) for job in costs.jobs] == [0.104, 0.094]
    assert rounded(costs.total) == ("all jobs", 990.0, 0.099, 0.099, 0.198)


def test_nothing_to_run_costs_nothing() -> None:
    costs = preview({}, table(), ASSUMED)
    assert rounded(costs.total) == ("all jobs", 0, 0, 0, 0)


def test_step_that_takes_no_time_still_takes_its_process() -> None:
    [job] = preview({"training": {"check": 0.0}}, table(), Assumptions("small", 0, 0, 0, 10, 0)).jobs
    assert rounded(job.total) == ("training", 10.0, 0.001, 0.001, 0.002)


def test_unknown_node_type_is_refused_and_the_known_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"of aws \(2026-04-10\) has no node type 'big'; it has small\. .*--prices"):
        table().node("big")
    with pytest.raises(ConfigurationError, match="no node type 'big'"):
        preview({"training": {}}, table(), Assumptions("big"))


@pytest.mark.parametrize(
    "wrong", [{"workers": -1}, {"startup_minutes": -0.1}, {"task_overhead_seconds": float("inf")}, {"install_minutes": float("nan")}]
)
def test_assumption_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(wrong))} is "):
        Assumptions("small", **wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cloud": "ibm"},
        {"currency": "dollars"},
        {"node_types": {}},
        {"jobs_compute": {"value": -0.1, "confirmed": True, "source": "x"}},
        {"jobs_compute": {"value": float("nan"), "confirmed": True, "source": "x"}},
        {"jobs_compute": {"value": 0.1, "confirmed": True, "source": ""}},
        {"jobs_compute": {"value": 0.1, "source": "x"}},
        {"discount": 0.5},
    ],
)
def test_price_table_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        table(**wrong)


def test_assumptions_are_stated_and_unconfirmed_figures_named() -> None:
    assert stated(table(), Assumptions("small", 1, 5, 2, 10, 1)) == [
        (
            "List prices of aws, us-east-1, premium, as of 2026-04-10, in USD: check them before you decide. "
            "No discounts, spot prices, taxes, storage or network."
        ),
        "Cluster: 2 × small, driver and workers. A node takes 2 DBU an hour at 0.18, and 0.36 an hour for the machine.",
        "Each job has its own cluster: 5 min to start, 2 min to install libraries, charged in full.",
        "Steps run one after the other, as fast as here; each takes 10 s more for process and imports.",
        "Serverless: 4 DBU an hour at 0.36; 1 min to start, not charged; libraries are installed likewise.",
        "Not confirmed: DBU an hour of small (a list)",
        "Not confirmed: serverless DBU an hour (a list)",
    ]
