"""`stackhouse cost`: what the jobs of a model would cost on Databricks, from the steps' times on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table as Grid

from commands.model_file import read_model_file
from commands.progress import console, step_lines
from stackhouse.cost_preview import Assumptions, Cost, Preview, PriceTable, stated
from stackhouse.cost_preview import preview as calculate
from stackhouse.errors import ConfigurationError
from stacks.home import PROJECT, home, require_writable

if TYPE_CHECKING:
    from zenml.models import StepRunResponse

PIPELINES = ("feature_engineering", "training")
LOOKED_AT = 200
"""So many runs of a pipeline are looked at, newest first."""


def preview(
    model_file: Path,
    prices: Path | None = None,
    *,
    cloud: str | None = None,
    node_type: str | None = None,
    workers: int = 0,
    startup_minutes: float = 5.0,
) -> int:
    """Print what the jobs of a model cost, and what that rests on; always 0.

    Without `prices` the newest table of the cloud in configs/prices is taken; without `cloud` that of DATABRICKS_HOST, or AWS.

    Raises:
        ConfigurationError: where model file or prices are wrong, or the pipelines have not been run on this machine.
        InfrastructureError: where the project's folder cannot be written to.
    """
    from stacks.databricks.runtimes import NODE_TYPES, cloud_of

    spec = read_model_file(model_file)
    table = read_prices(prices or newest_prices(cloud or cloud_of(os.environ.get("DATABRICKS_HOST", ""))))
    assumptions = Assumptions(node_type or NODE_TYPES[table.cloud], workers, startup_minutes)  # type: ignore[index]
    table.node(assumptions.node_type)
    out = console()
    require_writable(home())
    with step_lines(out, home() / "logs" / "cost.log"):
        jobs = {pipeline: measured(pipeline, spec.registered_name, model_file) for pipeline in PIPELINES}
    print_preview(out, spec.registered_name, calculate(jobs, table, assumptions), jobs, table.currency)
    for line in stated(table, assumptions):
        out.print(f"- {line}", markup=False, soft_wrap=False)
    return 0


def newest_prices(cloud: str, folder: Path = PROJECT / "configs" / "prices") -> Path:
    """Return the newest price table of a cloud.

    Raises:
        ConfigurationError: where there is none.
    """
    found = sorted(folder.glob(f"{cloud}_*.yaml"))
    if not found:
        clouds = sorted({path.stem.partition("_")[0] for path in folder.glob("*.yaml")})
        raise ConfigurationError(f"There are no prices of '{cloud}' in {folder}; there are {clouds}. Name one of these, or --prices FILE.")
    return found[-1]


def read_prices(path: Path) -> PriceTable:
    """Read a price table.

    Raises:
        ConfigurationError: where it cannot be read or is not valid; each problem on a line.
    """
    try:
        return PriceTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problems = "\n".join(f"  - {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise ConfigurationError(f"{path} is not a valid price table:\n{problems}\nCompare it with those in configs/prices.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} is not a price table that can be read: {' '.join(str(error).split())}") from error


def measured(pipeline: str, model: str, model_file: Path) -> dict[str, float]:
    """Return the seconds of each step of the newest run of a pipeline for a model on this machine, in the order of their start.

    A step that was served from the cache counts with the time of the run that computed it.

    Raises:
        ConfigurationError: where there is no such run.
    """
    from zenml.client import Client

    client = Client()
    runs = client.list_pipeline_runs(pipeline_name=f"equals:{pipeline}", size=LOOKED_AT, sort_by="desc:created")
    for run in [run for run in runs if run.status.is_successful]:
        found: Any = client.get_pipeline_run(run.id)
        if _model_of(found) == model and _on_this_machine(found):
            steps = {step: _computed(one) for step, one in found.steps.items()}
            ordered = sorted((one for one in steps.items()), key=lambda one: str(found.steps[one[0]].start_time))
            return {step: _seconds(one) for step, one in ordered}
    raise ConfigurationError(
        f"No run of {pipeline} for {model} on this machine is on record, so its steps are not measured. "
        f"`stackhouse run {model_file}` runs both pipelines and measures them."
    )


def _model_of(run: Any) -> str:
    given = run.config.parameters.get("model", {})
    return ".".join(str(given.get(key)) for key in ("catalog", "schema_name", "name"))


def _on_this_machine(run: Any) -> bool:
    from zenml.enums import StackComponentType

    orchestrators = run.stack.components.get(StackComponentType.ORCHESTRATOR, []) if run.stack else []
    return any(one.flavor_name.startswith("local") for one in orchestrators)


def _computed(step: "StepRunResponse") -> "StepRunResponse":
    """The run of a step that computed what this one took from the cache."""
    from zenml.client import Client

    while step.original_step_run_id:
        step = Client().get_run_step(step.original_step_run_id)
    return step


def _seconds(step: "StepRunResponse") -> float:
    return (step.end_time - step.start_time).total_seconds() if step.start_time and step.end_time else 0.0


def print_preview(out: Console, model: str, costs: Preview, jobs: dict[str, dict[str, float]], currency: str) -> None:
    """Print a row for each part of each job, the sums, and the same on serverless compute."""
    grid = Grid(title=f"Cost preview of {model}, in {currency}", title_justify="left", title_style="bold")
    grid.add_column("Job")
    grid.add_column("Part")
    for heading in ("here, s", "there, s", "for DBUs", "for machines", "together"):
        grid.add_column(heading, justify="right")
    for job in costs.jobs:
        for number, part in enumerate(job.parts):
            here = jobs[job.name].get(part.name)
            grid.add_row("" if number else job.name, part.name, "" if here is None else f"{here:.1f}", *_figures(part))
        grid.add_row("", "[bold]sum[/]", f"{sum(jobs[job.name].values()):.1f}", *_figures(job.total), style="bold", end_section=True)
    here_all = f"{sum(sum(steps.values()) for steps in jobs.values()):.1f}"
    grid.add_row("both jobs", "on clusters", here_all, *_figures(costs.total), style="bold")
    grid.add_row("", "serverless", here_all, *_figures(costs.serverless), style="bold")
    out.print(grid, soft_wrap=False)


def _figures(cost: Cost) -> tuple[str, str, str, str]:
    return f"{cost.seconds:.0f}", f"{cost.dbu:.4f}", f"{cost.machine:.4f}", f"{cost.total:.4f}"
