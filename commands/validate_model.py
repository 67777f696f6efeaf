"""`validate_model`: a registered version is looked at before it is deployed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.markup import escape

from commands.arguments import Catalog, EnvironmentFlag, Json, ModelName, Schema, StackName, number, place_of, whole
from commands.leaving import leave

if TYPE_CHECKING:
    from stackhouse.model_validation import ModelValidation, ValidationRequest

HELP = (
    "Validate a registered version: does it load, is its signature whole, does it score rows of the test table, is its metadata there?\n\n"
    "Also measures what it takes to serve it: size, time of a row and of a batch, memory, range of probabilities. Limits that are given "
    "are compared with that.\n\n"
    "Leaves with 0 where three or four of the four checks passed (three with a warning, and not with --strict) and every limit is kept, "
    "1 where not, 2 where the flags are wrong, 4 where there is no such version or the registry refuses, 5 where it does not answer or "
    "the test table is not there."
)
EXAMPLES = """Examples:

  validate_model --catalog mlops_dev --schema fraud_detection \\
    --model-name fraud_detector --alias latest-model --sample-size 10

  validate_model --model-name fraud_detector --version 5 --strict \\
    --min-accuracy 0.9 --output-file validation_results.json
"""

_COLOURS = {"PASSED": "green", "WARNING": "yellow", "FAILED": "red"}

app = App(name="validate_model", help=HELP, help_epilogue=EXAMPLES, help_format="plaintext", version_flags=[])


@app.default
def validate_model(
    *,
    model_name: ModelName,
    catalog: Catalog = None,
    schema: Schema = None,
    version: Annotated[int | None, whole(1)] = None,
    alias: str = "latest-model",
    test_table: str = "test_set",
    sample_size: Annotated[int, whole(1, 100_000)] = 5,
    strict: Annotated[bool, Parameter(negative="")] = False,
    min_accuracy: Annotated[float | None, number(0, 1, included=True)] = None,
    max_size_mb: Annotated[float | None, number(0)] = None,
    max_row_ms: Annotated[float | None, number(0)] = None,
    max_batch_ms: Annotated[float | None, number(0)] = None,
    max_memory_mb: Annotated[float | None, number(0)] = None,
    output_file: Path | None = None,
    environment: Annotated[str | None, EnvironmentFlag] = None,
    stack: StackName = None,
    json: Json = False,
) -> int:
    """Validate a version.

    Parameters
    ----------
    version
        The version; it goes before the alias.
    alias
        The alias whose version is validated where no version is named.
    test_table
        Table of catalog and schema with rows to score.
    sample_size
        Rows that are scored.
    strict
        Ask for all four checks.
    min_accuracy
        Least accuracy, measured on the test table, or as the version's tag says where the table has no label.
    max_size_mb
        Most that its files may take, in MB.
    max_row_ms
        Most that a call with one row may take, in milliseconds, median of 20.
    max_batch_ms
        Most that a call with 1,000 rows may take, in milliseconds, median of 5.
    max_memory_mb
        Most that loading and scoring may take, in MB.
    output_file
        Write all that was found to this file as JSON.
    environment
        Environment whose limits are kept; STACKHOUSE_ENVIRONMENT or dev where none is named.
    """
    from commands.progress import console
    from commands.tracked import write_out
    from commands.working import on_stack, report_of, run_pipeline
    from stackhouse.model_validation import Limits, ValidationRequest

    place = place_of(catalog, schema, environment)
    request = ValidationRequest(
        name=place.named("--model-name", model_name),
        version=None if version is None else str(version),
        alias=_alias(alias),
        test_table=place.named("--test-table", test_table),
        sample_size=sample_size,
        strict=strict,
        limits=Limits(
            max_size_mb=max_size_mb,
            max_row_ms=max_row_ms,
            max_batch_ms=max_batch_ms,
            max_memory_mb=max_memory_mb,
            min_accuracy=min_accuracy,
        ).over(place.profile.limits),
    )
    if output_file:
        with _writing(output_file):
            _require_writable(output_file)
    out = console(stderr=json)
    out.print(f"[bold]Validating[/] {escape(_asked(request))}")
    with on_stack(stack, out, "validate_model") as log_file:
        from pipelines.validation import validation

        run = run_pipeline(validation, request, log_file, place.environment)
        found: ModelValidation = report_of(run, "validate_version", "validation")
    _say(out, found)
    if json:
        write_out(found.model_dump_json())
    if output_file:
        with _writing(output_file):
            output_file.write_text(found.model_dump_json(indent=1), encoding="utf-8")
    return 1 if found.outcome == "FAILED" else 0


def _alias(alias: str) -> str:
    from stackhouse.spec.sections import require_alias

    return require_alias(alias)


def _asked(request: "ValidationRequest") -> str:
    return f"{request.name} version {request.version}" if request.version else f"{request.name}@{request.alias}"


def _require_writable(file: Path) -> None:
    new = not file.exists()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.open("a").close()
    if new:
        file.unlink()


@contextmanager
def _writing(file: Path) -> Iterator[None]:
    """Tell a failure to write the report.

    Raises:
        InfrastructureError: where the file cannot be written.
    """
    from stackhouse.errors import InfrastructureError

    try:
        yield
    except OSError as error:
        raise InfrastructureError(f"{file} cannot be written: {error.strerror or error}. Name another --output-file.") from error


def _say(out: Console, found: "ModelValidation") -> None:
    """Print the checks, what it takes to serve the version, and what comes of both."""
    out.print(f"[bold]{escape(found.name)}[/] version {found.version}")
    for check in found.checks:
        out.print(f"  {'[green]✓[/]' if check.passed else '[red]✗[/]'} {check.name:<10} {escape(check.detail)}")
    out.print(f"  [dim]{escape(_readiness(found))}[/]")
    for limit in found.exceeded:
        out.print(f"  [red]✗[/] {escape(limit)}")
    missing = " All four have to pass (--strict)." if found.strict else " Three are enough; --strict asks for all four."
    told = missing if found.passed < len(found.checks) else ""
    limits = f" {len(found.exceeded)} of the limits not kept." if found.exceeded else ""
    out.print(f"[{_COLOURS[found.outcome]}]{found.outcome}[/]  {found.passed} of {len(found.checks)} checks passed.{told}{limits}")


def _readiness(found: "ModelValidation") -> str:
    """What was measured, in one line."""
    ready, parts = found.readiness, []
    if ready.size_bytes is not None:
        parts.append(f"{ready.size_bytes / 1e6:.2f} MB of files")
    if ready.row_ms is not None and ready.batch_ms is not None:
        parts.append(f"{ready.row_ms:.1f} ms a row, {ready.batch_ms:.1f} ms a batch of {ready.batch_rows:,}")
    if ready.memory_bytes is not None:
        parts.append(f"{ready.memory_bytes / 1e6:.0f} MB of memory")
    if ready.probability_low is not None and ready.probability_high is not None:
        parts.append(f"probabilities {ready.probability_low:.4f} to {ready.probability_high:.4f}")
    if found.accuracy and found.accuracy.value is not None:
        parts.append(f"accuracy {found.accuracy.value:.4f} ({found.accuracy.where})")
    return "; ".join(parts) or "nothing could be measured"


def main() -> None:
    """Run the command."""
    leave(app)


if __name__ == "__main__":
    main()
