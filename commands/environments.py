"""Reading of environments: the files of configs/environments, and the variables that go before them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stackhouse.errors import ConfigurationError
from stacks.home import PROJECT

if TYPE_CHECKING:
    from stackhouse.environments import Environment

FOLDER = PROJECT / "configs" / "environments"

PREFIX = "STACKHOUSE_"
"""Variables are called as the flag, in capitals, after this: STACKHOUSE_CATALOG, STACKHOUSE_BASELINE_F1."""


def read_environment(name: str, folder: Path = FOLDER) -> "Environment":
    """Read the file of an environment, which may go by any of its names.

    Raises:
        ConfigurationError: where there is no such environment, or its file cannot be used.
    """
    import yaml
    from pydantic import ValidationError

    from stackhouse.environments import Environment, environment_name

    file = folder / f"{environment_name(name)}.yaml"
    try:
        found = Environment.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}. Every environment has a file there.") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{file} is not a valid environment: {error}. Correct it; nothing was read or written.") from error
    if found.environment != file.stem:
        raise ConfigurationError(f"{file} says that it is the environment '{found.environment}'. Correct it; nothing was read or written.")
    return found


def variable(flag: str) -> str | None:
    """Return what the environment variable of a flag holds; None where it is not set, or is empty.

    The variable of `--baseline-f1` is STACKHOUSE_BASELINE_F1.
    """
    return os.environ.get(f"{PREFIX}{flag.removeprefix('--').replace('-', '_').upper()}") or None
