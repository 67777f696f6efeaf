"""A task of a job: one step of a pipeline, as the cluster starts it (`stackhouse-step --step … --snapshot … --run …`)."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

RUN_ID = "ZENML_DATABRICKS_ORCHESTRATOR_RUN_ID"
"""Where ZenML's orchestrator looks for the id of the run. Source: zenml.integrations.databricks."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one step of a snapshot."""
    parser = argparse.ArgumentParser(prog="stackhouse-step")
    parser.add_argument("--step", required=True)
    parser.add_argument("--snapshot", required=True)
    parser.add_argument("--run", required=True, help="id of the job run, the same for all tasks of a run and another for each firing")
    parser.add_argument("--environment", help="workspace file with variables, where the compute has none of its own")
    given = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    if given.environment:
        os.environ.update(_environment(given.environment))
    os.environ[RUN_ID] = given.run
    os.environ["ZENML_CUSTOM_SOURCE_ROOT"] = str(Path(__file__).resolve().parents[2])

    from stacks.databricks.step_entrypoint import StepEntrypoint

    StepEntrypoint(["--step_name", given.step, "--snapshot_id", given.snapshot]).run()


def _environment(path: str) -> dict[str, str]:
    """Read the variables; `{{secrets/scope/key}}` is looked up, as a cluster does by itself."""
    from databricks.sdk import WorkspaceClient

    client = WorkspaceClient()
    with client.workspace.download(path) as file:
        variables: dict[str, str] = json.load(file)

    def value(text: str) -> str:
        if not (text.startswith("{{secrets/") and text.endswith("}}")):
            return text
        scope, _, key = text[len("{{secrets/") : -2].partition("/")
        return client.dbutils.secrets.get(scope, key)

    return {name: value(text) for name, text in variables.items()}


if __name__ == "__main__":
    main()
