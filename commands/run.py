"""`stackhouse run`: the main job, from raw rows to a registered model, in one process."""

from pathlib import Path

from commands.model_file import read_model_file, require_unscheduled
from commands.running import running


def run_model(model_file: Path, stack: str, *, cache: bool, output_file: Path | None = None) -> int:
    """Run both pipelines for a model file and print the screen; 0 where the model is approved, else 1.

    What came of it is written to `output_file` as well, where one is named.

    Raises:
        StackhouseError: whatever stopped the run.
    """
    spec = read_model_file(model_file)
    require_unscheduled(model_file)
    with running(spec.registered_name, spec.use_case, model_file, stack, cache=cache) as runner:
        from commands.screen import print_screen

        results, runs = runner.train()
        if output_file:
            from commands.outcome import training_outcome

            training_outcome(spec, results, runs).write(output_file)
    print_screen(runner.out, spec, results)
    return 0 if results.verdict.approved else 1
