"""`register_model`: the model of a training run whose gate has passed becomes a version in the registry."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape

from commands.arguments import Catalog, EnvironmentFlag, ExperimentName, Json, ModelName, Schema, StackName, experiment_of, place_of
from commands.leaving import leave

if TYPE_CHECKING:
    from stackhouse.record import Registration
    from stackhouse.registrable import RegistrationRequest

HELP = (
    "Register the model of a training run as a version of catalog.schema.model-name, and point an alias at it.\n\n"
    "Takes the newest run of the experiment whose gate has passed, or the one that is named; a run that is registered already gives its "
    "version back. The last line of the output is REGISTERED_VERSION=<n>.\n\n"
    "Leaves with 0 where the version is registered, 2 where the flags are wrong, 4 where the run may not be registered or the registry "
    "refuses, 5 where it does not answer."
)
EXAMPLES = """Examples:

  register_model --catalog mlops_dev --schema fraud_detection \\
    --model-name fraud_detector --git-sha $(git rev-parse HEAD)

  register_model --model-name fraud_detector --environment prod \\
    --run-id 6dea676ecb4b45248489d5f88eb4c804 --alias challenger
"""

LONGEST_SHA = 255

app = App(name="register_model", help=HELP, help_epilogue=EXAMPLES, help_format="plaintext", version_flags=[])


@app.default
def register_model(
    *,
    model_name: ModelName,
    catalog: Catalog = None,
    schema: Schema = None,
    run_id: str | None = None,
    alias: str = "latest-model",
    description: str | None = None,
    git_sha: str | None = None,
    environment: Annotated[str | None, EnvironmentFlag] = None,
    experiment_name: ExperimentName = None,
    promote_to_staging: Annotated[bool, Parameter(negative="")] = False,
    stack: StackName = None,
    json: Json = False,
) -> int:
    """Register a model.

    Parameters
    ----------
    run_id
        The MLflow run whose model is registered; the newest whose gate has passed where none is named.
    alias
        Alias that the version gets; `champion` only where there is none yet.
    description
        What is said of the version; use case and metrics where nothing is given.
    git_sha
        Commit that the version is tagged with; that of the run where none is given.
    promote_to_staging
        Give the version the alias `staging` as well.
    """
    from commands.progress import console
    from commands.working import on_stack, report_of, run_pipeline

    request = _request(
        model_name, catalog, schema, run_id, alias, description, git_sha, environment, experiment_name, staging=promote_to_staging
    )
    out = console(stderr=json)
    out.print(f"[bold]Registering[/] {escape(request.name)}")
    with on_stack(stack, out, "register_model") as log_file:
        from pipelines.registration import registration

        run = run_pipeline(registration, request, log_file, request.environment or request.default_environment)
        registered: Registration = report_of(run, "register_run", "registration")
    _say(out, registered)
    from commands.tracked import write_out

    write_out(registered.model_dump_json() if json else f"REGISTERED_VERSION={registered.version}")
    return 0


def _request(
    model_name: str,
    catalog: str | None,
    schema: str | None,
    run_id: str | None,
    alias: str,
    description: str | None,
    git_sha: str | None,
    environment: str | None,
    experiment_name: str | None,
    *,
    staging: bool,
) -> "RegistrationRequest":
    """Put the flags together.

    Raises:
        ConfigurationError: where one of them cannot be used.
    """
    from commands.environments import variable
    from stackhouse.errors import ConfigurationError
    from stackhouse.registrable import STAGING, RegistrationRequest
    from stackhouse.spec.sections import require_alias

    place = place_of(catalog, schema, environment)
    if git_sha is not None and (len(git_sha) > LONGEST_SHA or not git_sha.isprintable()):
        raise ConfigurationError(f"--git-sha has to be one line of {LONGEST_SHA} characters at most; nothing was registered.")
    if run_id is not None and not run_id.strip():
        raise ConfigurationError("--run-id is empty. Give a value or leave the flag out; nothing was registered.")
    aliases = dict.fromkeys((require_alias(alias), *((STAGING,) if staging else ())))
    return RegistrationRequest(
        name=place.named("--model-name", model_name),
        experiment=experiment_of(experiment_name, place),
        run_id=run_id,
        aliases=tuple(aliases),
        description=description or None,
        git_sha=git_sha or None,
        environment=place.environment if environment or variable("--environment") else None,
        default_environment=place.environment,
        only_in_experiment=experiment_name is not None,
    )


def _say(out: Console, registered: "Registration") -> None:
    out.print(f"[bold]{escape(registered.name)}[/] version {registered.version}: {escape(registered.reason)} (run {registered.run_id})")
    for alias, version in registered.aliases.items():
        newer = "" if version == registered.version else ", which was registered for it later"
        out.print(f"  {escape(alias)} → version {version}{newer}")


def main() -> None:
    """Run the command."""
    leave(app)


if __name__ == "__main__":
    main()
