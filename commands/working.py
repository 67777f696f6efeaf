"""The stack that a command works on, and pipelines run on it: by default the active one where its feature store is ours, else `local`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from commands.alerts import with_alerts
from commands.progress import step_lines
from stackhouse.errors import ConfigurationError, InfrastructureError, StackhouseError
from stackhouse.passwords import without_userinfo
from stacks.home import home, require_writable

DEFAULT_STACK = "local"


@contextmanager
def on_stack(stack: str | None, out: Console, log: str) -> Iterator[Path]:
    """Bring a stack up where that is needed, print a line a step to `out`, and give the file that everything is logged to.

    Raises:
        ConfigurationError: where there is no such stack, or the active one is of another folder than STACKHOUSE_HOME.
        InfrastructureError: where the project's folder or the stack cannot be used.
    """
    require_writable(home())
    log_file = home() / "logs" / f"{log}.log"
    with step_lines(out, log_file):
        from stacks.definition import bring_up, read_definition

        if stack is not None or not _active_is_ours():
            bring_up(read_definition(stack or DEFAULT_STACK))
        else:
            _require_home()
        yield log_file


def _active_is_ours() -> bool:
    """Whether the active stack has a feature store of Stackhouse."""
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from stacks.definition import FLAVORS

    kind = StackComponentType.FEATURE_STORE
    stores = Client().active_stack_model.components.get(kind, [])
    return any((kind.value, store.flavor_name) in FLAVORS for store in stores)


def _require_home() -> None:
    """Check that the active stack, where it is the one that `stack up` brings up, keeps its tables in the folder of this process.

    Raises:
        ConfigurationError: where it keeps them in another.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    stack = Client().active_stack_model
    kept = stack.components[StackComponentType.FEATURE_STORE][0].configuration.get("path", "")
    if stack.name == DEFAULT_STACK and kept != str(home() / "feature_store"):
        raise ConfigurationError(
            f"STACKHOUSE_HOME is {home()}, and the active stack '{stack.name}' keeps its tables in {kept}. Set STACKHOUSE_HOME to the "
            "folder that is meant; for a second one, set ZENML_CONFIG_PATH to a folder of its own as well. Nothing was read or written."
        )


@contextmanager
def told(pipeline: str, log_file: Path, remedy: str = "") -> Iterator[None]:
    """Tell whatever stops a pipeline as an error of ours; `remedy` is what may help beside the log.

    Raises:
        StackhouseError: whatever stopped it; what is not ours is an InfrastructureError that names the log.
    """
    try:
        yield
    except StackhouseError:
        raise
    except Exception as error:
        followed = getattr(error, "original_exception", None)  # ZenML wraps what a run that is followed ended with
        if isinstance(followed, StackhouseError):
            raise followed from error
        stopped = f"{pipeline} stopped: {type(error).__name__}: {without_userinfo(str(error))}\nThe whole log is in {log_file}."
        raise InfrastructureError(f"{stopped} {remedy}".rstrip()) from error


def run_pipeline(pipeline: Any, parameter: Any, log_file: Path, environment: str) -> Any:
    """Run a pipeline with its parameter, and return its run; on Databricks, who is told of a failure is as the environment says.

    Raises:
        StackhouseError: whatever stopped it; what is not ours is an InfrastructureError that names the log.
    """
    with told(pipeline.name, log_file):
        settings = with_alerts({}, environment)
        return (pipeline.with_options(settings=settings) if settings else pipeline)(parameter)


def report_of(run: Any, step: str, output: str) -> Any:
    """Return what a step of a run that is finished gave out."""
    from zenml.client import Client

    return Client().get_pipeline_run(run.id).steps[step].outputs[output][0].load()
