"""What `train_model` does: the pipeline table_training on a stack, and the verdict, for people or as JSON."""

import json
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape

from commands.progress import console
from commands.tracked import number, write_out
from commands.working import on_stack, run_pipeline
from stackhouse.evaluation.evaluation import Evaluation
from stackhouse.labels.report import LabelReport
from stackhouse.leaks.report import LeakReport
from stackhouse.record import TrainingData, TrainingRecord
from stackhouse.table_training import TableTraining
from stackhouse.tasks import TASKS
from stackhouse.verdict import Verdict

_LEVELS = {"reject": "Leak", "accepted": "Accepted leak", "info": "Note"}


@dataclass(frozen=True)
class Trained:
    """What a run of the pipeline came to."""

    data: TrainingData
    labels: LabelReport
    leaks: LeakReport
    record: TrainingRecord
    evaluation: Evaluation
    verdict: Verdict


def train_and_judge(training: TableTraining, stack: str | None, *, as_json: bool) -> int:
    """Run the pipeline and print what came of it; 0 where the model is approved, else 1.

    Raises:
        StackhouseError: whatever stopped it.
    """
    out = console(stderr=as_json)
    out.print(f"[bold]train_model[/]  {training.identity.registered_name}")
    with on_stack(stack, out, "train_model") as log_file:
        from pipelines.table_training import table_training

        trained = _read(run_pipeline(table_training, training, log_file, training.identity.environment).id)
    if as_json:
        write_out(json.dumps(as_document(training, trained), indent=1))
    else:
        print_trained(out, training, trained)
    return 0 if trained.verdict.approved else 1


def _read(run_id: Any) -> Trained:
    from zenml.client import Client

    run = Client().get_pipeline_run(run_id)

    def made(step: str, output: str) -> Any:
        return run.steps[step].outputs[output][0].load()

    return Trained(
        data=made("load_tables", "training_data"),
        labels=made("label_tables", "label_distribution"),
        leaks=made("accept_leaks", "leaks"),
        record=made("train_model", "model").record,
        evaluation=made("evaluate_model", "evaluation"),
        verdict=made("evaluate_model", "verdict"),
    )


def print_trained(out: Console, training: TableTraining, trained: Trained) -> None:
    """Print tables, labels, metrics, the verdict with its reasons, and what to do where the model is not good enough."""
    out.print()
    for part, table in (("Training table", trained.data.features), ("Test table", trained.data.test)):
        if table:
            out.print(f"{part:<15} {table.name} version {table.version}, {table.rows:,} rows")
    counts = ", ".join(f"{escape(value)}: {rows:,}" for value, rows in _counts(trained.labels).items())
    out.print(f"Label           {escape(trained.labels.rule)}; {counts}")
    evaluation, task = trained.evaluation, TASKS[trained.evaluation.task]
    for name in task.metrics:
        if name in evaluation.test:
            known = evaluation.intervals.get(name)
            interval = f"  [{number(known.low)}, {number(known.high)}]" if known else ""
            out.print(f"test_{name:<22} {number(evaluation.test[name])}{interval}")
    for finding in trained.leaks.findings:
        out.print(f"{_LEVELS[finding.level]:<15} {escape(finding.check)}: {escape(finding.message)}")
    f1 = f"{task.baseline} {number(evaluation.test.get(str(task.baseline)))}, baseline {training.gates.baseline_f1:g}"
    verdict = trained.verdict
    out.print(f"[bold {'green' if verdict.approved else 'red'}]{verdict.outcome}[/]  {f1}: {escape('; '.join(verdict.reasons))}")
    if not verdict.approved:
        out.print(escape(remedy(trained)))
    elif no_better_than_a_guess(evaluation):
        out.print(f"[yellow]{task.deciding} is no better than that of a guess by class share; look at the features before you register.[/]")
    out.print(f"MLflow run      {trained.record.run_id} in {escape(training.experiment)}")


def _counts(labels: LabelReport) -> dict[str, int]:
    """Rows of each class, by its name where classes have names."""
    return {labels.class_names[value] if labels.class_names else str(value): rows for value, rows in labels.counts.items()}


def remedy(trained: Trained) -> str:
    """Say what to do about a model that is not approved."""
    if trained.leaks.rejected:
        names = " ".join(dict.fromkeys(finding.name for finding in trained.leaks.rejected))
        return f"Take the feature out and prepare the tables again; or, where it is no leak, add --accept-leak {names}."
    return (
        "It is not to be registered. Try other values of --max-depth, --n-estimators and --learning-rate; look at the rows (labels, "
        "missing values) and the features (importance and figures lie with the MLflow run); or lower the baseline: with "
        "--baseline-f1 0.0 any model passes whose F1 is above 0."
    )


def no_better_than_a_guess(evaluation: Evaluation) -> bool:
    """Whether the metric that decides between models is not better than a guess by class share."""
    from stackhouse.evaluation.metrics import better

    metric = TASKS[evaluation.task].deciding
    found, guess = evaluation.test.get(metric), evaluation.reference.get(metric)
    return found is not None and guess is not None and not better(metric, found, guess)


def as_document(training: TableTraining, trained: Trained) -> dict[str, Any]:
    """Return what came of it as a document of JSON; numbers are exact."""
    metric = str(TASKS[trained.evaluation.task].baseline)
    return {
        "model": training.identity.registered_name,
        "environment": training.identity.environment,
        "run_id": trained.record.run_id,
        "model_uri": trained.record.model_uri,
        "experiment": training.experiment,
        "verdict": trained.verdict.outcome,
        "reasons": list(trained.verdict.reasons),
        "improved": trained.verdict.approved,
        "baseline": {"metric": metric, "value": trained.evaluation.test.get(metric), "limit": training.gates.baseline_f1},
        "metrics": {f"test_{name}": value for name, value in trained.evaluation.test.items()},
        "tables": {
            part: table.model_dump(include={"name", "version", "rows"})
            for part, table in (("train", trained.data.features), ("test", trained.data.test))
            if table
        },
        "labels": _counts(trained.labels),
        "leaks": [finding.model_dump(mode="json") for finding in trained.leaks.findings],
    }
