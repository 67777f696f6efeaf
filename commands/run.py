"""`stackhouse run`: the main job, from raw rows to a registered model, in one process."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from commands.model_file import read_model_file
from commands.progress import console, step_lines
from stackhouse.errors import InfrastructureError, StackhouseError
from stacks.home import home, require_writable


def run_model(model_file: Path, stack: str, *, cache: bool) -> int:
    """Run both pipelines for a model file and print the screen; 0 where the model is approved, else 1.

    Raises:
        StackhouseError: whatever stopped the run.
    """
    out = console()
    spec = read_model_file(model_file)
    require_writable(home())
    log_file = home() / "logs" / "run.log"
    out.print(f"[bold]{spec.registered_name}[/]  {escape(spec.use_case)}")
    with step_lines(out, log_file):
        features, training = _run_pipelines(out, model_file, stack, log_file, cache=cache)
        from commands.results import read_results
        from commands.screen import print_screen

        results = read_results(features, training)
    print_screen(out, spec, results)
    return 0 if results.verdict.approved else 1


def _run_pipelines(out: Console, model_file: Path, stack: str, log_file: Path, *, cache: bool) -> tuple[Any, Any]:
    from stacks.definition import bring_up, read_definition

    out.print(f"\nBringing up stack [bold]{stack}[/] …")
    bring_up(read_definition(stack))
    from pipelines.feature_engineering import feature_engineering
    from pipelines.training import training

    features, trained = (run_pipeline(out, pipeline, model_file, log_file, cache=cache) for pipeline in (feature_engineering, training))
    return features, trained


def run_pipeline(out: Console, pipeline: Any, model_file: Path, log_file: Path, *, cache: bool) -> Any:
    """Run one pipeline for a model file and return its run.

    Raises:
        StackhouseError: whatever stopped it; what is not ours is an InfrastructureError that names the log.
    """
    out.print(f"\n[bold]{pipeline.name}[/]")
    try:
        return pipeline.with_options(config_path=str(model_file), enable_cache=None if cache else False)()
    except StackhouseError:
        raise
    except Exception as error:
        raise InfrastructureError(
            f"{pipeline.name} stopped: {type(error).__name__}: {error}\nThe whole log is in {log_file}. "
            "If something that earlier runs kept is gone, --no-cache makes it anew."
        ) from error
