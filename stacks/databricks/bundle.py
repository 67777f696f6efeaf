"""The Databricks bundle: `databricks.yml` and the job that it deploys, written from the configuration of a stack.

Pure: the same stack gives the same files, so that a test can say whether those in the repository are up to date.
Source: Databricks bundles, configuration reference.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from stacks.databricks.bundle_job import BUILT, JOB, Setup, define
from stacks.databricks.runtimes import python_of

NAME = "stackhouse"
BUNDLE_FILE, JOB_FILE = "databricks.yml", f"resources/{JOB}.yml"
PYTHON = ".venv/bin/python"
"""The Python that `make install` has made; it builds the wheel."""

_VARIABLES: dict[str, tuple[str, str]] = {
    "catalog": ("mlops_dev", "Catalog of feature tables and models."),
    "schema": ("my_model", "Schema of feature tables and models."),
    "environment": ("dev", "dev, aut or prod; a tag of the registered version. Only prod deploys."),
    "model_name": ("my_classifier", "Name under which the model is registered, in place of the model file's."),
    "baseline_f1_score": ("0.75", "F1 on the test rows has to be strictly above this, or nothing is registered."),
    "git_sha": ("${bundle.git.commit}", "Commit of the code; a tag of the registered version."),
    "alert_email": ("ml-team@company.com", "Who is told where a run fails."),
    "service_principal_name": ("sp-databricks-dev", "Application id of the service principal that the job runs as."),
}
"""Name, default and meaning of each variable. Source: training guide, workflow variables."""

_BASELINES = {"dev": "0.70", "aut": "0.80", "prod": "0.85"}
"""Baseline of F1 in each environment. Source: training guide, environment-specific settings."""

_HEADER = "# Written by `stackhouse bundle {stack}` from configs/stacks/{stack}.yaml. Change that file, or pass `--var`, not this one.\n"
_REFERENCE = re.compile(r"\$\{([a-z0-9_.]+)\}")


def bundle_files(setup: Setup) -> dict[str, str]:
    """Return the text of each file of the bundle by its path.

    Raises:
        ConfigurationError: where the stack cannot be run as a bundle.
    """
    contents = {BUNDLE_FILE: bundle(setup), JOB_FILE: {"resources": {"jobs": {JOB: define(setup)}}}}
    return {path: _HEADER.format(stack=setup.stack) + _yaml(content) for path, content in contents.items()}


def bundle(setup: Setup) -> dict[str, Any]:
    """Return `databricks.yml`: variables, what is built and uploaded, and the targets."""
    return {
        "bundle": {"name": NAME},
        "include": ["resources/*.yml"],
        "variables": {name: {"description": meaning, "default": default} for name, (default, meaning) in _VARIABLES.items()},
        "artifacts": {
            "wheel": {
                "type": "whl",
                "path": ".",
                "build": f"{PYTHON} -m stacks.databricks.bundle_build {python_of(setup.runtime)}",
                "files": [{"source": f"{BUILT}/*.whl"}],
            }
        },
        "sync": {"paths": ["configs/models"], "include": [f"{BUILT}/requirements.txt"]},
        "targets": {name: _target(name, setup.alert_addresses.get(name, "")) for name in _BASELINES},
    }


def resolve(content: Any, files: Mapping[str, Any], target: str, known: Mapping[str, str]) -> Any:
    """Fill the references of a resource as the CLI does for a target; one that nothing fills stays.

    Args:
        content: the resource.
        files: the content of `databricks.yml`.
        target: name of the target.
        known: what only a workspace and a checkout know, e.g. `workspace.file_path`.
    """
    variables = {name: variable["default"] for name, variable in files["variables"].items()} | files["targets"][target]["variables"]
    values = {**known, "bundle.name": files["bundle"]["name"], "bundle.target": target}
    values |= {f"var.{name}": value for name, value in variables.items()}

    def filled(text: str) -> str:
        found = _REFERENCE.sub(lambda reference: values.get(reference[1], reference[0]), text)
        return found if found == text else filled(found)

    if isinstance(content, str):
        return filled(content)
    if isinstance(content, Mapping):
        return {key: resolve(value, files, target, known) for key, value in content.items()}
    return [resolve(value, files, target, known) for value in content] if isinstance(content, list) else content


def _target(name: str, alert_address: str) -> dict[str, Any]:
    given = {
        "catalog": f"mlops_{name}",
        "environment": name,
        "baseline_f1_score": _BASELINES[name],
        "service_principal_name": f"sp-databricks-{name}",
        **({"alert_email": alert_address} if alert_address else {}),
    }
    variables = {variable: value for variable, value in given.items() if value != _VARIABLES[variable][0]}
    if name == "dev":
        # Files lie in the folder of who deploys, and the job runs as another, who has to read them
        reader = {"level": "CAN_VIEW", "service_principal_name": "${var.service_principal_name}"}
        return {"mode": "development", "default": True, "variables": variables, "permissions": [reader]}
    root = "/Workspace/Users/${var.service_principal_name}/.bundle/${bundle.name}/${bundle.target}"
    return {"mode": "production", "workspace": {"root_path": root}, "variables": variables}


def _yaml(content: Any) -> str:
    return str(yaml.safe_dump(_named_first(content), sort_keys=False, allow_unicode=True, width=140))


def _named_first(content: Any) -> Any:
    """Put what names a thing before what it is; the SDK gives the keys of some in the order of the alphabet."""
    if isinstance(content, list):
        return [_named_first(value) for value in content]
    if not isinstance(content, dict):
        return content
    names = [key for key in ("name", "task_key", "job_cluster_key", "depends_on") if key in content]
    return {key: _named_first(content[key]) for key in (*names, *content)}
