"""`stackhouse doctor`: one table of what is in order and what is not, before anything is paid for."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.effective_model import NO_FLAGS, Flags, read_model
from commands.environments import named_environment
from commands.progress import console, step_lines
from stackhouse.errors import ConfigurationError
from stackhouse.findings import Diagnosis, Finding, State
from stacks.home import PROJECT, home, require_writable

if TYPE_CHECKING:
    from stacks.databricks.doctor_here import Need

_COLOURS = {
    State.OK: "green",
    State.WARNING: "yellow",
    State.FAILED: "bold red",
    State.NO_ANSWER: "bold red",
    State.NOT_CHECKED: "dim",
}


def examine(stack: str | None, model_files: Sequence[Path] = (), flags: Flags = NO_FLAGS) -> int:
    """Examine a stack of configs/stacks, or the active one, for the model files that are named or all of configs/models.

    Catalog, schema and names of models are those that flags and environment give them.

    Returns:
        0 where nothing is wrong (warnings are allowed), 2 where a check failed, 5 where the workspace does not answer.

    Raises:
        ConfigurationError: where there is no such stack or environment, or a model file that was named is wrong.
        InfrastructureError: where no stack is named and ZenML's store cannot be used, or the project's folder cannot be written to.
    """
    named_environment(flags.environment)
    out = console()
    require_writable(home())
    with step_lines(out, home() / "logs" / "doctor.log"):
        from stacks.databricks import doctor
        from stacks.databricks.doctor_stack import of_active_stack, of_definition
        from stacks.definition import read_definition

        examined = of_definition(read_definition(stack)) if stack else of_active_stack()
        needs, unread = _needs(model_files, flags)
        diagnosis = Diagnosis([*unread, *doctor.examine(examined, needs).findings])
    print_diagnosis(out, examined.name, diagnosis)
    return diagnosis.exit_code


def print_diagnosis(out: Console, stack: str, diagnosis: Diagnosis) -> None:
    """Print the table: a row a finding, and below what is not in order what to do."""
    grid = Grid(title=f"Stack {stack}", title_justify="left", title_style="bold", expand=False)
    grid.add_column("Check", no_wrap=True)
    grid.add_column("State", no_wrap=True)
    grid.add_column("Found, and what to do", overflow="fold")
    before = ""
    for finding in diagnosis.findings:
        text = escape(finding.found) + (f"\n[bold]→[/] {escape(finding.remedy)}" if finding.remedy else "")
        grid.add_row("" if finding.check == before else finding.check, f"[{_COLOURS[finding.state]}]{finding.state}[/]", text)
        before = finding.check
    out.print(grid, soft_wrap=False)
    out.print(diagnosis.summary)


def _needs(model_files: Sequence[Path], flags: Flags) -> "tuple[list[Need], list[Finding]]":
    """Read what model files ask for; of those that nobody named, one that is wrong is a finding."""
    from stacks.databricks.doctor_here import Need

    needs, unread = [], []
    for path in model_files or sorted((PROJECT / "configs" / "models").glob("*.yaml")):
        try:
            spec = read_model(path, flags, scheduled=True).spec
        except ConfigurationError as error:
            if model_files:
                raise
            unread.append(Finding.failed(str(error), "Correct it, or name the model files that you mean.").named("model files"))
            continue
        schedule = yaml.safe_load(path.read_text(encoding="utf-8")).get("schedule")
        needs.append(Need(path.name, spec.registered_name, (spec.feature_table, spec.label_table), spec.experiment, schedule))
    return needs, unread
