"""`stackhouse score`: batch inference for a model file, with the exit codes that all commands have."""

from collections.abc import Mapping
from pathlib import Path

from commands.effective_model import Flags, read_model
from commands.running import running


def score_keys(model_file: Path, flags: Flags, stack: str, output_file: Path | None = None) -> int:
    """Run batch_inference for a model file and say what came of it; 0 where the keys were scored.

    What came of it is written to `output_file` as well, where one is named.

    Raises:
        StackhouseError: whatever stopped the run.
    """
    model = read_model(model_file, flags)
    with running(model.spec.champion, model, stack) as runner:
        from zenml.client import Client

        from pipelines.batch_inference import batch_inference

        run = runner.run(batch_inference)
        steps = Client().get_pipeline_run(run.id).steps
        report = steps["score_batch"].outputs["scoring"][0].load()
        table = steps["write_predictions"].outputs["predictions_version"][0].load()
        if output_file:
            from commands.outcome import scoring_outcome

            counts = {"rows": report.rows, "positives": report.positives, "without_features": report.without_features}
            scoring_outcome(table, run, counts).write(output_file)
    state = "written" if table.written else "unchanged"
    answered = "; ".join(_said(answer, by_class) for answer, by_class in report.counts.items())
    runner.out.print(f"\n[bold]Scored[/]  {report.rows:,} keys by version {report.run.model_version}{answered and f': {answered}'}")
    runner.out.print(f"[bold]Without features[/]  {report.without_features:,} keys, kept without an answer")
    runner.out.print(f"[bold]Predictions[/]  {table.name} version {table.version} ({state}), {table.rows:,} rows")
    return 0


def _said(answer: str, by_class: Mapping[str, int]) -> str:
    """The rows of each class but 0, and the label where there are several."""
    label = answer.removeprefix("prediction").removeprefix("_")
    counts = ", ".join(f"{rows:,} of class {cls}" for cls, rows in by_class.items() if cls != "0")
    return f"{label} {counts}" if label else counts
