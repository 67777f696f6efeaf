"""The stack that a command works on: the one that is named, else the active one where its feature store is ours, else `local`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from commands.progress import step_lines
from stacks.home import home, require_writable

DEFAULT_STACK = "local"


@contextmanager
def on_stack(stack: str | None, out: Console, log: str) -> Iterator[Path]:
    """Bring a stack up where that is needed, print a line a step to `out`, and give the file that everything is logged to.

    Raises:
        ConfigurationError: where there is no such stack.
        InfrastructureError: where the project's folder or the stack cannot be used.
    """
    require_writable(home())
    log_file = home() / "logs" / f"{log}.log"
    with step_lines(out, log_file):
        from stacks.definition import bring_up, read_definition

        if stack is not None:
            bring_up(read_definition(stack))
        elif not _active_is_ours():
            bring_up(read_definition(DEFAULT_STACK))
        yield log_file


def _active_is_ours() -> bool:
    """Whether the active stack has a feature store of Stackhouse."""
    from zenml.client import Client

    from stacks.definition import FLAVORS

    store = Client().active_stack_model.components.get("feature_store", [])  # type: ignore[call-overload]
    return any(("feature_store", component.flavor_name) in FLAVORS for component in store)
