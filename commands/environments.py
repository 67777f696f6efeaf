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

OF_ENVIRONMENT = "environment"
"""What --baseline-f1 says for the baseline of the environment."""


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
    except (UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(f"{file} is not a valid environment: {error}. Correct it; nothing was read or written.") from error
    if found.environment != file.stem:
        raise ConfigurationError(f"{file} says that it is the environment '{found.environment}'. Correct it; nothing was read or written.")
    return found


def named_environment(flag: str | None) -> "Environment | None":
    """Read the environment that the flag names, or else STACKHOUSE_ENVIRONMENT; None where neither does.

    Raises:
        ConfigurationError: where there is no such environment, or its file cannot be used.
    """
    from stackhouse.environments import environment_name

    told = variable("--environment")
    if flag is None and told is None:
        return None
    name, what = (flag, "--environment") if flag is not None else (told, "STACKHOUSE_ENVIRONMENT")
    return read_environment(environment_name(str(name), what))


def baseline(what: str, text: str, of_environment: float | None) -> float:
    """Return the baseline that a flag or a variable gives: a number, or `environment` for that of the environment.

    Raises:
        ConfigurationError: where it is neither a number in [0, 1) nor `environment`, or there is no environment.
    """
    if text == OF_ENVIRONMENT and of_environment is not None:
        return of_environment
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1:
        no_environment = " with --environment" if of_environment is None else ""
        raise ConfigurationError(
            f"{what} is {text!r}. Give a number from 0 on and below 1, or `{OF_ENVIRONMENT}`{no_environment}; nothing was read or written."
        )
    return value


def variables() -> dict[str, str]:
    """Return the variables that go before a model file, as they are set; for a process that is to see the same."""
    names = [f"{PREFIX}{name}" for name in ("ENVIRONMENT", "CATALOG", "SCHEMA", "BASELINE_F1")]
    return {name: os.environ[name] for name in names if name in os.environ}


def variable(flag: str) -> str | None:
    """Return what the environment variable of a flag holds; None where it is not set, or is empty.

    The variable of `--baseline-f1` is STACKHOUSE_BASELINE_F1.
    """
    return os.environ.get(f"{PREFIX}{flag.removeprefix('--').replace('-', '_').upper()}") or None
