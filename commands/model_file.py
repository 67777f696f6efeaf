"""Reading of a model file: YAML to ModelSpec, with every problem named in the user's words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from stackhouse.errors import ConfigurationError
from stackhouse.spec import ModelSpec

_RUN_CONFIGURATION = ("parameters", "run_name", "enable_cache", "settings", "steps", "tags", "extra", "build", "retry", "schedule")
"""Keys of a ZenML run configuration that make sense beside the parameters of a model file."""


class _EachKeyOnce(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, such as a second `source:`; YAML would let the last one win."""


def _mapping(loader: _EachKeyOnce, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    if twice := sorted({key for key in keys if keys.count(key) > 1}):
        raise yaml.constructor.ConstructorError(None, None, f"{twice} stands twice; keep one", node.start_mark)
    mapping: dict[Any, Any] = yaml.SafeLoader.construct_mapping(loader, node, deep=True)
    return mapping


_EachKeyOnce.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_model_file(path: Path) -> ModelSpec:
    """Read and validate a model file.

    Raises:
        ConfigurationError: where the file cannot be read, is no YAML, or does not validate; each problem on a line.
    """
    return to_spec(path, read_run_configuration(path)["parameters"]["model"])


def read_run_configuration(path: Path) -> dict[str, Any]:
    """Read a model file as the run configuration that it is; `parameters.model` is a mapping, not yet validated.

    Raises:
        ConfigurationError: where the file cannot be read, is no YAML, or has keys that a run configuration does not have.
    """
    try:
        content: Any = yaml.load(path.read_text(encoding="utf-8"), _EachKeyOnce)  # noqa: S506 - a safe loader, made stricter
    except OSError as error:
        raise ConfigurationError.invalid_file(str(path), [error.strerror or str(error)]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError.invalid_file(str(path), [f"not UTF-8: {error}"]) from error
    except yaml.YAMLError as error:
        raise ConfigurationError.invalid_file(str(path), [f"not YAML: {' '.join(str(error).split())}"]) from error
    parameters = content.get("parameters") if isinstance(content, dict) else None
    model = parameters.get("model") if isinstance(parameters, dict) else None
    if not isinstance(content, dict) or not isinstance(parameters, dict) or not isinstance(model, dict):
        raise ConfigurationError.invalid_file(str(path), ["there is no mapping under parameters.model"])
    unknown = [key for key in content if key not in _RUN_CONFIGURATION]
    unknown += [f"parameters.{key}" for key in parameters if key != "model"]
    if unknown:
        raise ConfigurationError.invalid_file(str(path), [f"{key}: no such key" for key in unknown])
    return content


def to_spec(path: Path, model: Mapping[str, Any]) -> ModelSpec:
    """Validate what a model file says of its model.

    Raises:
        ConfigurationError: where it does not validate; each problem on a line.
    """
    try:
        return ModelSpec.model_validate(model)
    except ValidationError as error:
        problems = [_problem(dict(found)) for found in error.errors()]
        raise ConfigurationError.invalid_file(str(path), problems) from error


def require_unscheduled(path: Path) -> None:
    """Refuse a model file with a schedule where a command shows what came of a run.

    Raises:
        ConfigurationError: where there is one.
    """
    if "schedule" in yaml.safe_load(path.read_text(encoding="utf-8")):
        raise ConfigurationError(
            f"{path} has a schedule, so nothing would run now. Submit it with ZenML: "
            f"`zenml pipeline run pipelines.training.training -c {path} -s STACK`, or take `schedule` out."
        )


def _problem(found: dict[str, Any]) -> str:
    where = ".".join(["parameters", "model", *(str(part) for part in found["loc"])])
    message = str(found["msg"]).removeprefix("Value error, ")
    given = f" (given: {found['input']!r})" if isinstance(found["input"], (str, int, float, bool)) else ""
    return f"{where}: {message}{given}"
