"""Pipelines run by a command: the stack brought up, a line a step, and every error with its documented exit code."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from commands.progress import console, step_lines
from commands.working import told
from stacks.home import home, require_writable

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

    from commands.effective_model import EffectiveModel
    from commands.results import Results


_GONE = "If something that earlier runs kept is gone, --no-cache makes it anew."


@dataclass(frozen=True)
class Runner:
    """Runs pipelines for one model."""

    out: Console
    configuration: Path
    """The run configuration: the model file, or what is in effect in its place."""

    log_file: Path
    cache: bool

    def run(self, pipeline: Any) -> Any:
        """Run one pipeline and return its run.

        Raises:
            StackhouseError: whatever stopped it; what is not ours is an InfrastructureError that names the log.
        """
        self.out.print(f"\n[bold]{pipeline.name}[/]")
        with told(pipeline.name, self.log_file, _GONE):
            return pipeline.with_options(config_path=str(self.configuration), enable_cache=None if self.cache else False)()

    def train(self) -> "tuple[Results, list[PipelineRunResponse]]":
        """Run feature_engineering, then training, and return what came of both, and their runs in this order.

        Raises:
            StackhouseError: whatever stopped one of them.
        """
        from commands.results import read_results
        from pipelines.feature_engineering import feature_engineering
        from pipelines.training import training

        runs = [self.run(feature_engineering), self.run(training)]
        return read_results(*runs), runs


@contextmanager
def running(title: str, model: "EffectiveModel", stack: str, *, cache: bool = True) -> Iterator[Runner]:
    """Print the title and what is in effect, bring the stack up and give a runner; its steps are printed line by line until the end.

    Raises:
        StackhouseError: where the project's folder or the stack cannot be used.
    """
    out = console()
    require_writable(home())
    log_file = home() / "logs" / "run.log"
    out.print(f"[bold]{title}[/]  {escape(model.spec.use_case)}")
    model.show(out)
    with step_lines(out, log_file), TemporaryDirectory(prefix="stackhouse-") as folder:
        from stacks.definition import bring_up, read_definition

        out.print(f"\nBringing up stack [bold]{stack}[/] …")
        bring_up(read_definition(stack))
        yield Runner(out, model.write(Path(folder)), log_file, cache)
