"""What a run came to, in a form that can be kept and compared: counts and digests of rows, metrics, signature, metadata."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict
from zenml.models import PipelineRunResponse

from commands.results import Results
from stackhouse.alias_move import is_move
from stackhouse.batch_scoring import SCORED_AT
from stackhouse.content import content_hash
from stackhouse.errors import InfrastructureError
from stackhouse.record import TableVersion
from stackhouse.spec import ModelSpec
from stackhouse.table import Table

if TYPE_CHECKING:
    from stacks.feature_store import FeatureStore


class Rows(BaseModel):
    """How many rows a table has, and a digest of them that does not depend on their order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int | None
    """None where the table cannot be read from here, such as one of a workspace from a laptop."""
    digest: str


class Outcome(BaseModel):
    """One stack's result for a model file. Floats are kept to the last bit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack: str
    tables: Mapping[str, Rows]
    metrics: Mapping[str, Mapping[str, float]]
    verdict: str | None = None
    reasons: tuple[str, ...] = ()
    signature: Mapping[str, Any] | None = None
    """Signature of the registered version; None where none was registered."""
    metadata: Mapping[str, Any] = {}
    tags: Mapping[str, str] = {}
    """Tags of the registered version, without the time at which it was registered and the records of moved aliases."""
    description: str = ""
    seconds: Mapping[str, float]
    """How long each step took, by `pipeline.step`."""

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=1), encoding="utf-8")


def training_outcome(spec: ModelSpec, results: Results, runs: list[PipelineRunResponse]) -> Outcome:
    """Read what two runs came to from the active stack."""
    from mlflow.models import get_model_info
    from zenml.client import Client

    from stacks.feature_store import active_feature_store
    from stacks.registry import Registry
    from stacks.tracking import tracking_client

    stack = Client().active_stack
    tracked = tracking_client()
    registration, store = results.registration, active_feature_store()
    version = Registry(tracked).version(registration.name, registration.version) if registration.version else None
    info = get_model_info(f"models:/{registration.name}/{registration.version}") if version else None
    return Outcome(
        stack=stack.name,
        tables={"source": Rows(rows=results.rows_read, digest="")}
        | {name: _rows_of(store, name) for name in (spec.feature_table, spec.label_table)},
        metrics={
            "test": results.evaluation.test,
            "train": results.evaluation.train,
            "random_split": results.evaluation.random_split,
            "reference": results.evaluation.reference,
        },
        verdict=results.verdict.outcome,
        reasons=results.verdict.reasons,
        signature=info.signature.to_dict() if info and info.signature else None,
        metadata=dict(info.metadata or {}) if info else {},
        tags={key: value for key, value in (version.tags if version else {}).items() if key != "registered_at" and not is_move(key)},
        description=str(version.description or "") if version else "",
        seconds=step_seconds(runs),
    )


def scoring_outcome(predictions: TableVersion, run: PipelineRunResponse, metrics: Mapping[str, float]) -> Outcome:
    """Read what a batch inference came to."""
    from zenml.client import Client

    from stacks.feature_store import active_feature_store

    return Outcome(
        stack=Client().active_stack.name,
        tables={predictions.name: _rows(active_feature_store().read_table(predictions.name, predictions.version), without=SCORED_AT)},
        metrics={"scoring": metrics},
        seconds=step_seconds([run]),
    )


def step_seconds(runs: list[PipelineRunResponse]) -> dict[str, float]:
    """Return how long each step took, by `pipeline.step`, and how long each pipeline took `beside its steps`."""
    from zenml.client import Client

    found: dict[str, float] = {}
    for listed in runs:
        run = Client().get_pipeline_run(listed.id)
        pipeline = run.pipeline.name if run.pipeline else ""
        steps = {
            f"{pipeline}.{name}": (step.end_time - step.start_time).total_seconds()
            for name, step in run.steps.items()
            if step.start_time and step.end_time
        }
        found |= steps
        if run.start_time and run.end_time:
            found[f"{pipeline} beside its steps"] = (run.end_time - run.start_time).total_seconds() - sum(steps.values())
    return found


def _rows_of(store: "FeatureStore", name: str) -> Rows:
    try:
        return _rows(store.read_table(name))
    except InfrastructureError:
        return Rows(rows=None, digest="")


def _rows(table: Table, without: str = "") -> Rows:
    names = [name for name in table.frame.collect_schema().names() if name != without]
    return Rows(rows=table.count(), digest=content_hash(table.select(names)))
