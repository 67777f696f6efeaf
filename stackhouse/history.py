"""Training history: training runs and registered versions as rows, in which order they stand, and which metrics are shown.

What an MLflow holds is read elsewhere (`stacks/training_runs.py`, `stacks/history.py`); here it is sorted and shaped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pandas as pd

from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.intervals import Interval
from stackhouse.evaluation.metrics import METRICS
from stackhouse.evaluation.recorded import RecordedMetric, metrics_of_test_rows
from stackhouse.report import Report
from stackhouse.tasks import TASKS

_SHOWN = 3
"""So many metrics are shown where none is named and the task is not known."""


class TrainingRun(Report):
    """A training run on record. Texts are empty where the run does not say."""

    run_id: str
    run_name: str
    experiment: str
    model: str
    task: str
    """As the tag `model_type` says, e.g. `binary_classification`."""
    algorithm: str
    verdict: str | None
    """APPROVED, REJECTED or SKIPPED; None for a run that was never judged."""
    status: str
    """MLflow's: FINISHED, RUNNING, FAILED, KILLED, SCHEDULED."""
    start_time: datetime
    seconds: float | None
    """None for a run that has not ended."""
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    """The last value of each; NaN where the run logged NaN."""


class ModelVersion(Report):
    """A registered version, with what its run measured and what it was made of."""

    name: str
    version: int
    registered_at: datetime
    task: str
    algorithm: str
    environment: str
    git_sha: str
    run_id: str
    aliases: tuple[str, ...] = ()
    tables: Mapping[str, int] = {}
    """Version of each feature and label table that it was trained on; empty where neither run nor model says so."""
    metrics: Mapping[str, float]
    """Metrics of the test rows, by canonical name."""
    intervals: Mapping[str, Interval] = {}
    exact: bool = True
    """False where the run is gone, so that the metrics are those of the version's tags."""


def best_first(runs: Iterable[TrainingRun], metric: RecordedMetric) -> tuple[TrainingRun, ...]:
    """Sort runs by a metric in its good direction; ties newest first, runs without the metric last.

    Raises:
        ConfigurationError: where no run has the metric, or no value of it is better than another.
    """
    found = newest_first(runs)
    if all(metric.require_order().value(run.metrics) is None for run in found) and found:
        raise ConfigurationError(_nobody_has("run", metric, (run.metrics for run in found)))
    return tuple(sorted(found, key=lambda run: metric.rank(run.metrics)))


def newest_first(runs: Iterable[TrainingRun]) -> tuple[TrainingRun, ...]:
    """Sort runs by when they began."""
    return tuple(sorted(runs, key=lambda run: (run.start_time, run.run_id), reverse=True))


def runs_frame(runs: Sequence[TrainingRun]) -> pd.DataFrame:
    """Put runs into a frame: a row a run, a column for each parameter (text) and each metric (float64, NaN where a run has none).

    Where a parameter or a metric is called like another column, it stands as `params.NAME` or `metrics.NAME`.

    >>> runs_frame([]).columns.tolist()[:4]
    ['run_id', 'run_name', 'experiment', 'model']
    """
    own = [name for name in TrainingRun.model_fields if name not in {"params", "metrics"}]
    columns: dict[str, pd.Series] = {name: pd.Series([getattr(run, name) for run in runs], dtype=object) for name in own}
    columns["start_time"] = pd.to_datetime(columns["start_time"], utc=True)
    columns["seconds"] = columns["seconds"].astype("float64")
    kinds = {kind: dict.fromkeys(name for run in runs for name in getattr(run, kind)) for kind in ("params", "metrics")}
    taken = Counter([*own, *kinds["params"], *kinds["metrics"]])
    for kind, names in kinds.items():
        for name in names:
            values = [getattr(run, kind).get(name) for run in runs]
            column = pd.Series(values, dtype="float64" if kind == "metrics" else object)
            columns[name if taken[name] == 1 else f"{kind}.{name}"] = column
    return pd.DataFrame(columns)


def shown_metrics(
    rows: Sequence[TrainingRun] | Sequence[ModelVersion], asked: Sequence[str] = (), first: RecordedMetric | None = None
) -> tuple[RecordedMetric, ...]:
    """Choose which metrics a table shows: those asked for, or those that decide on models of these tasks.

    Args:
        rows: runs or versions.
        asked: names of metrics; none for the choice by task.
        first: the metric that the rows are sorted by, which is always shown.

    Raises:
        ConfigurationError: where there is no such metric, or no row has it.
    """
    known = {name: None for row in rows for name in row.metrics}
    chosen = [RecordedMetric.named(name, known) for name in asked]
    for metric in chosen:
        if rows and all(metric.value(row.metrics) is None for row in rows):
            raise ConfigurationError(_nobody_has("row", metric, (row.metrics for row in rows)))
    if not chosen:
        chosen = [RecordedMetric(name) for name in dict.fromkeys(name for row in rows for name in _deciding(row))]
        chosen = [metric for metric in chosen if any(metric.value(row.metrics) is not None for row in rows)]
    return tuple(dict.fromkeys([*([first] if first else []), *chosen]))


def _deciding(row: TrainingRun | ModelVersion) -> list[str]:
    """The metrics that decide on a model of the row's task; the first of its metrics where the task is not known."""
    task = next((task for task in TASKS.values() if task.name == row.task), None)
    if task is None:
        return [name for name in metrics_of_test_rows(row.metrics) if name in METRICS and METRICS[name].comparable][:_SHOWN]
    return [task.deciding, *([task.baseline] if task.baseline else [])]


def _nobody_has(what: str, metric: RecordedMetric, metrics: Iterable[Mapping[str, float]]) -> str:
    there = sorted({name for one in metrics for name in metrics_of_test_rows(one)})
    return f"No {what} of these has the metric '{metric.label}'; they have {', '.join(there) or 'none'}. Name one of these."
