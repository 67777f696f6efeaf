"""`stackhouse score`: batch inference for a model file, with the exit codes that all commands have."""

from pathlib import Path
from typing import Any

from rich.markup import escape

from commands.model_file import read_model_file
from commands.progress import console, step_lines
from commands.run import run_pipeline
from stacks.home import home, require_writable


def score_keys(model_file: Path, stack: str) -> int:
    """Run batch_inference for a model file and say what came of it; 0 where the keys were scored.

    Raises:
        StackhouseError: whatever stopped the run.
    """
    out = console()
    spec = read_model_file(model_file)
    require_writable(home())
    log_file = home() / "logs" / "run.log"
    out.print(f"[bold]{spec.champion}[/]  {escape(spec.use_case)}")
    with step_lines(out, log_file):
        from stacks.definition import bring_up, read_definition

        out.print(f"\nBringing up stack [bold]{stack}[/] …")
        bring_up(read_definition(stack))
        from pipelines.batch_inference import batch_inference

        run = run_pipeline(out, batch_inference, model_file, log_file, cache=True)
        report, table = _read(run)
    state = "written" if table.written else "unchanged"
    out.print(f"\n[bold]Scored[/]  {report.rows:,} keys by version {report.run.model_version}: {report.positives:,} of class 1")
    out.print(f"[bold]Without features[/]  {report.without_features:,} keys, kept without an answer")
    out.print(f"[bold]Predictions[/]  {table.name} version {table.version} ({state}), {table.rows:,} rows")
    return 0


def _read(run: Any) -> tuple[Any, Any]:
    from zenml.client import Client

    steps = Client().get_pipeline_run(run.id).steps
    report = steps["score_batch"].outputs["scoring"][0].load()
    return report, steps["write_predictions"].outputs["predictions_version"][0].load()
