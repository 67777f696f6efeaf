"""`stackhouse run`: the main job, from raw rows to a registered model, in one process."""

from pathlib import Path

from commands.effective_model import Flags, read_model
from commands.running import running


def run_model(model_file: Path, flags: Flags, stack: str, *, cache: bool, output_file: Path | None = None) -> int:
    """Run both pipelines for a model file, as flags and environment have it, and print the screen; 0 where it is approved, else 1.

    What came of it is written to `output_file` as well, where one is named.

    Raises:
        StackhouseError: whatever stopped the run.
    """
    model = read_model(model_file, flags)
    spec = model.spec
    with running(spec.registered_name, model, stack, cache=cache) as runner:
        from commands.screen import print_screen

        results, runs = runner.train()
        if output_file:
            from commands.outcome import training_outcome

            training_outcome(spec, results, runs).write(output_file)
    print_screen(runner.out, spec, results)
    return 0 if results.verdict.approved else 1
