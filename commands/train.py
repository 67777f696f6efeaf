"""`stackhouse train`: several models one after the other, and one table that compares what came of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.effective_model import EffectiveModel, Flags, read_model
from commands.progress import console
from commands.results import Results
from commands.running import running
from stackhouse.errors import ConfigurationError, StackhouseError
from stackhouse.spec import ModelSpec
from stackhouse.tasks import TaskName
from stacks.home import PROJECT

_SHORT: Mapping[TaskName, str] = {
    "binary_classification": "binary",
    "multiclass_classification": "classes",
    "multilabel_classification": "labels",
    "regression": "number",
    "anomaly_detection": "anomaly",
}
_COLOURS = {"APPROVED": "green", "REJECTED": "red", "SKIPPED": "yellow", "STOPPED": "bold red"}


@dataclass(frozen=True)
class Trained:
    """What came of one model file: its results, or the error that stopped it."""

    spec: ModelSpec
    seconds: float
    results: Results | None = None
    error: StackhouseError | None = None

    @property
    def outcome(self) -> str:
        """The verdict, or STOPPED."""
        return self.results.verdict.outcome if self.results else "STOPPED"


def train_models(model_files: Sequence[Path], flags: Flags, stack: str, *, every: bool, cache: bool) -> int:
    """Train each model and print the table; a model that is stopped does not stop those after it.

    All files are read before anything runs. Leaves with 0 where every model is approved, 1 where one is not, and with the code of the
    first error where one was stopped.

    Raises:
        ConfigurationError: where no file is named, or one cannot be used.
    """
    files = sorted((PROJECT / "configs" / "models").glob("*.yaml")) if every else list(model_files)
    if every and model_files:
        raise ConfigurationError("--all trains every file of configs/models. Name files, or give --all.")
    if not files:
        raise ConfigurationError("No model file is named. Name one, e.g. configs/models/flight_delay.yaml, or give --all.")
    models = [read_model(file, flags) for file in files]
    trained = [_train(model, stack, cache=cache) for model in models]
    _print_comparison(console(), trained)
    if stopped := next((one.error for one in trained if one.error), None):
        return stopped.exit_code
    return 0 if all(one.outcome == "APPROVED" for one in trained) else 1


def _train(model: EffectiveModel, stack: str, *, cache: bool) -> Trained:
    begun, spec = perf_counter(), model.spec
    try:
        with running(spec.registered_name, model, stack, cache=cache) as runner:
            results, _ = runner.train()
            reasons = escape("; ".join(results.verdict.reasons))
            runner.out.print(f"\n[bold {_COLOURS[results.verdict.outcome]}]{results.verdict.outcome}[/]  {reasons}\n")
            return Trained(spec, perf_counter() - begun, results)
    except StackhouseError as error:
        console().print(f"\n[bold red]STOPPED[/]  {escape(str(error))}\n")
        return Trained(spec, perf_counter() - begun, error=error)


def _print_comparison(out: Console, trained: Sequence[Trained]) -> None:
    grid = Grid(title="Every model, on its test rows", title_justify="left", box=None, padding=(0, 1), pad_edge=False)
    for column in ("Model", "Task", "Algorithm", "Verdict", "Metric"):
        grid.add_column(column, overflow="fold")
    for column in ("Test", "Guess", "Rows", "v", "s"):
        grid.add_column(column, justify="right", no_wrap=True)
    for one in trained:
        grid.add_row(*_row(one))
    out.print(grid)
    for one in trained:
        if one.outcome != "APPROVED":
            why = str(one.error) if one.error else "; ".join(one.results.verdict.reasons) if one.results else ""
            out.print(f"[bold {_COLOURS[one.outcome]}]{one.spec.name}[/]  {escape(why)}")


def _row(one: Trained) -> tuple[str, ...]:
    spec, results = one.spec, one.results
    verdict = f"[{_COLOURS[one.outcome]}]{one.outcome}[/]"
    seconds = f"{one.seconds:.0f}"
    if results is None:
        return (spec.name, _SHORT[spec.answers.name], "", verdict, "", "", "", "", "", seconds)
    found = results.evaluation
    metric = spec.deciding_metric if spec.deciding_metric in found.test else next(iter(found.test), "")
    return (
        spec.name,
        _SHORT[spec.answers.name],
        results.record.algorithm,
        verdict,
        metric,
        _number(found.test.get(metric)),
        _number(found.reference.get(metric)),
        f"{found.test_period.rows:,}" if found.test_period else "",
        results.registration.version or "",
        seconds,
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
