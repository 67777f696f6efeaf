"""`stackhouse stack up`."""

from commands.progress import console, step_lines
from stacks.home import home, require_writable


def up(name: str) -> int:
    """Register a stack and make it active."""
    out = console()
    require_writable(home())
    with step_lines(out, home() / "logs" / "stack.log"):
        from stacks.definition import bring_up, read_definition

        bring_up(read_definition(name))
    out.print(f"Stack [bold]{name}[/] is up and active; what it keeps is in {home()}.")
    return 0
