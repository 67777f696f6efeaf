"""`stackhouse bundle`: the files of the Databricks bundle, written from a stack, or compared with what is there."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.markup import escape

from commands.environments import read_environment
from commands.progress import console
from stackhouse.errors import ConfigurationError, InfrastructureError

if TYPE_CHECKING:
    from stacks.databricks.bundle_job import Setup


def write(stack: str, folder: Path, check: bool) -> int:  # noqa: FBT001 - a flag of the command
    """Write the files, or with `check` only say whether they are up to date.

    Returns:
        0, or 1 where `check` has found a file that is not.

    Raises:
        ConfigurationError: where there is no such stack, or none that runs on Databricks.
        InfrastructureError: where a file cannot be written.
    """
    from stacks.databricks.bundle import bundle_files
    from stacks.databricks.bundle_job import JOB

    out = console()
    files = bundle_files(setup(stack))
    stale = [path for path, text in files.items() if not _holds(folder / path, text)]
    if check:
        for path in files:
            out.print(f"{escape(path)}  {'[red]differs[/]' if path in stale else '[green]up to date[/]'}")
        if stale:
            out.print(f"Write them again: stackhouse bundle {escape(stack)}")
        return 1 if stale else 0
    for path, text in files.items():
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InfrastructureError.unwritable(str(folder / path), error.strerror or str(error)) from error
        out.print(f"{escape(path)}  {'written' if path in stale else 'unchanged'}")
    out.print(f"Next: databricks bundle deploy --target dev, then databricks bundle run {JOB} --target dev")
    return 0


def setup(stack: str) -> "Setup":
    """Return what the bundle takes over from a stack and the environments: settings, runtime, secret scope, cloud, who is told of failures.

    Raises:
        ConfigurationError: where there is no such stack, its orchestrator is another, or its settings or an environment's file are wrong.
    """
    from pydantic import ValidationError

    from stackhouse.environments import EnvironmentName
    from stacks.databricks.bundle_job import Setup
    from stacks.databricks.job import QUIET
    from stacks.databricks.orchestrator_flavor import FLAVOR, JobSettings, OrchestratorConfig
    from stacks.databricks.runtimes import DEFAULT_RUNTIME
    from stacks.definition import filled, read_definition

    orchestrator = read_definition(stack).components.get("orchestrator")
    if orchestrator is None or orchestrator.flavor != FLAVOR:
        raise ConfigurationError(
            f"The stack '{stack}' does not run on Databricks, so it makes no bundle. Name one that does, e.g. databricks."
        )
    of_jobs = {key: text for key, text in orchestrator.configuration.items() if key in {*JobSettings.model_fields, "secret_scope"}}
    configuration = dict(filled(orchestrator.model_copy(update={"configuration": of_jobs}), stack).configuration)
    scope = configuration.pop("secret_scope", OrchestratorConfig.model_fields["secret_scope"].default)
    try:
        settings = JobSettings.model_validate(configuration)
    except ValidationError as error:
        raise ConfigurationError(f"The orchestrator of the stack '{stack}' is not configured as it should be: {error}") from error
    host = orchestrator.configuration.get("host", "")
    address = os.environ.get("DATABRICKS_HOST", "") if host == "{DATABRICKS_HOST}" else host
    told = {name: read_environment(name).alert_address for name in get_args(EnvironmentName)}
    return Setup(stack, settings, settings.spark_version or DEFAULT_RUNTIME, scope, dict(QUIET), address, told)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
