"""The tasks of the bundle's job, as the cluster starts them: `stackhouse-task prepare_data --catalog … --schema …`.

Each runs one part of the work on the cluster itself, as a ZenML run of its own against the server that the cluster's variables name,
and sets task values. It uses artifact store, tracker and feature store of a stack that is up (`stackhouse stack up databricks`), with
ZenML's local orchestrator: a task is where the work should happen already, another job within it would only wait.

So the guide's rules hold to the letter: only `register_model` registers, and it runs only where the verdict is APPROVED; only
`deploy_model` moves the champion, and it runs only in prod. A rejected model is a verdict, not a failure: the run succeeds.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ENTRY_POINT = "stackhouse-task"
TASKS = {
    "prepare_data": (),
    "train_model": (),
    "register_model": ("training_run",),
    "validate_model": ("training_run", "registration_run"),
    "deploy_model": ("training_run", "registration_run", "validation_run"),
}
"""Each task, and the runs of earlier ones that it takes from."""

SUFFIX = "_in_task"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one task and set its values.

    Raises:
        StackhouseError: whatever stopped it; the task fails.
    """
    from stacks.databricks.task_values import publish

    given = _parser().parse_args(sys.argv[1:] if arguments is None else arguments)
    if missing := [name for name in TASKS[given.task] if not getattr(given, name)]:
        raise SystemExit(f"{given.task} needs --{missing[0].replace('_', '-')}")
    with tempfile.TemporaryDirectory(prefix="stackhouse-") as folder:
        _surroundings(Path(folder), given.git_sha)
        publish(_run(given))


def overridden(model: Mapping[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """Return the content of a model file under the names and the baseline that the bundle gives."""
    gates = {**model.get("gates", {}), "baseline_f1": given.baseline_f1}
    names = {"name": given.model_name, "catalog": given.catalog, "schema": given.schema, "environment": given.environment}
    return {**model, **names, "gates": gates}


def use_stack(name: str) -> None:
    """Activate a stack with the components of `name`, but ZenML's local orchestrator.

    Raises:
        ConfigurationError: where the ZenML server has no such stack.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    from stackhouse.errors import ConfigurationError

    client, orchestrator = Client(), StackComponentType.ORCHESTRATOR
    try:
        given = client.get_stack(name, allow_name_prefix_match=False)
    except KeyError as error:
        raise ConfigurationError(f"The ZenML server has no stack '{name}'. Register it: `stackhouse stack up {name}`.") from error
    try:
        local = client.get_stack_component(orchestrator, "stackhouse" + SUFFIX, allow_name_prefix_match=False).id
    except KeyError:
        local = client.create_stack_component("stackhouse" + SUFFIX, "local", orchestrator, {}).id
    wanted = {kind: found[0].id for kind, found in given.components.items()} | {orchestrator: local}
    try:
        existing = client.get_stack(name + SUFFIX, allow_name_prefix_match=False)
    except KeyError:
        client.create_stack(name + SUFFIX, wanted)
    else:
        if {kind: found[0].id for kind, found in existing.components.items()} != wanted:
            client.update_stack(existing.id, component_updates={kind: [component] for kind, component in wanted.items()})
    client.activate_stack(name + SUFFIX)


def _run(given: argparse.Namespace) -> dict[str, str | bool]:
    from stackhouse.spec import ModelSpec
    from stacks.databricks import bundle_pipelines

    content = _model_file(given.model_file)
    use_stack(given.stack)
    model = ModelSpec.model_validate(overridden(content["parameters"]["model"], given))
    work = {
        "prepare_data": bundle_pipelines.prepare_data,
        "train_model": bundle_pipelines.train,
        "register_model": bundle_pipelines.register,
        "validate_model": bundle_pipelines.validate,
        "deploy_model": bundle_pipelines.deploy,
    }
    values: dict[str, str | bool] = work[given.task](model, *(getattr(given, name) for name in TASKS[given.task]))  # type: ignore[operator]
    return values


def _model_file(path: str) -> Any:
    """Read the model file that the bundle has put into the workspace, as the one who the job runs as."""
    import yaml
    from databricks.sdk import WorkspaceClient

    from stacks.databricks.client import asked

    with asked(f"The model file {path} cannot be read"), WorkspaceClient().workspace.download(path) as file:
        return yaml.safe_load(file.read())


def _surroundings(folder: Path, git_sha: str) -> None:
    """Set what has to stand before zenml is imported: a folder to write to, and where the code lies."""
    from stacks.version_control import GIT_SHA

    os.environ["STACKHOUSE_HOME"] = str(folder / "home")
    os.environ["ZENML_CONFIG_PATH"] = str(folder / "zenml")
    os.environ["ZENML_CUSTOM_SOURCE_ROOT"] = str(Path(__file__).resolve().parents[2])
    os.environ["ZENML_LOGGING_COLORS_DISABLED"] = "true"
    os.environ[GIT_SHA] = git_sha


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=ENTRY_POINT)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--stack", required=True, help="a stack that is registered with the ZenML server")
    parser.add_argument("--model-file", required=True, help="path in the workspace")
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--schema", required=True)
    parser.add_argument("--environment", required=True, choices=("dev", "aut", "prod"))
    parser.add_argument("--model-name", required=True)
    parser.add_argument("--baseline-f1", required=True, type=float)
    parser.add_argument("--git-sha", default="unknown")
    for name in ("training-run", "registration-run", "validation-run"):
        parser.add_argument(f"--{name}", help="id of the ZenML run of that task")
    return parser


if __name__ == "__main__":
    main()
