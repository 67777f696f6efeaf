"""A model file as it is in effect: under its flags, and where an environment is named, under the variables and the environment's file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from commands.alerts import with_alerts
from commands.environments import PREFIX, baseline, named_environment, variable
from commands.model_file import read_run_configuration, require_unscheduled, to_spec
from stackhouse.effective import BASELINE, DEFAULTS, Effective, Layer, applied, in_effect, measurable, of_environment, of_model_file
from stackhouse.errors import ConfigurationError
from stackhouse.names import require_level
from stackhouse.spec import ModelSpec
from stackhouse.spec.sections import NAME

if TYPE_CHECKING:
    from stackhouse.environments import Environment

ON_RECORD = "in_effect"
"""Where the run's configuration in ZenML says so, under `extra`."""


@dataclass(frozen=True)
class Flags:
    """What the command line says in place of the model file; None where it says nothing."""

    environment: str | None = None
    catalog: str | None = None
    schema: str | None = None
    baseline_f1: str | None = None

    @property
    def said(self) -> dict[str, str | None]:
        """What they say of the model, by field."""
        return {"catalog": self.catalog, "schema": self.schema, "baseline_f1": self.baseline_f1}

    @property
    def arguments(self) -> list[str]:
        """The same as words of a command line."""
        said = {"environment": self.environment, **self.said}
        return [f"--{name.replace('_', '-')}={text}" for name, text in said.items() if text is not None]


NO_FLAGS = Flags()
"""A command line that says nothing in place of the model file."""


@dataclass(frozen=True)
class EffectiveModel:
    """A model file, its spec in effect, and each value with its source; no values where nothing but the file speaks."""

    file: Path
    spec: ModelSpec
    values: Layer = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    """Gates of the environment on metrics that the model does not have."""

    configuration: Mapping[str, Any] | None = None
    """The run configuration in effect; None where it is the file as it stands."""

    in_environment: bool = False
    """Whether flag or variable has named an environment, so that its file counts."""

    def write(self, folder: Path) -> Path:
        """Return the file to run: the model file itself, or one in the folder that says what is in effect. The stack has to be up."""
        if self.configuration is None:
            return self.file
        content = dict(self.configuration)
        if self.in_environment:
            content["settings"] = with_alerts(content.get("settings") or {}, self.spec.environment)
        path = folder / f"{self.spec.name}.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        return path

    def show(self, out: Console) -> None:
        """Print each value in effect and where it comes from; nothing where the model file alone speaks."""
        if not self.values:
            return
        grid = Grid.grid(padding=(0, 2))
        for name, (value, source) in self.values.items():
            grid.add_row(escape(name), escape(f"{value:g}" if isinstance(value, float) else str(value)), escape(source))
        for name in self.left_out:
            grid.add_row(escape(name), "left out", f"a model of {self.spec.answers.name} has no such metric here")
        out.print("\n[bold]In effect[/]")
        out.print(grid)


def read_model(file: Path, flags: Flags, *, scheduled: bool = False) -> EffectiveModel:
    """Read a model file under flags and environment; where neither is given, the file alone speaks.

    Raises:
        ConfigurationError: where file, flag, variable or environment cannot be used; where the file has a schedule, unless it may.
    """
    content = read_run_configuration(file)
    if not scheduled:
        require_unscheduled(file)
    model: Mapping[str, Any] = content["parameters"]["model"]
    profile = named_environment(flags.environment)
    of_flags = _layer({f"--{name.replace('_', '-')}": (name, text) for name, text in flags.said.items()}, profile)
    asked = _of_environment(profile, flags) if profile else []
    if not of_flags and not asked:
        return EffectiveModel(file, to_spec(file, model))
    place = {name: value for name, (value, _) in in_effect([of_flags, *asked]).items() if not name.startswith("gates.")}
    rule = to_spec(file, {**model, **place}).label.rule
    layers = [of_flags, *(measurable(layer, rule) for layer in asked), of_model_file(model), measurable(DEFAULTS, rule)]
    left_out = {name: None for layer in asked for name in layer if name not in measurable(layer, rule)}
    values = in_effect(layers)
    effective = applied(model, values)
    on_record = {name: {"value": value, "source": source} for name, (value, source) in values.items()}
    extra = {**content.get("extra", {}), ON_RECORD: on_record}
    configuration = {**content, "parameters": {"model": effective}, "extra": extra}
    return EffectiveModel(file, to_spec(file, effective), values, tuple(left_out), configuration, profile is not None)


def _of_environment(profile: "Environment", flags: Flags) -> list[Layer]:
    """What variables and the environment's file say, in this order."""
    named_by = "--environment" if flags.environment is not None else "STACKHOUSE_ENVIRONMENT"
    of_variables = _layer({f"{PREFIX}{name.upper()}": (name, variable(name)) for name in flags.said}, profile)
    of_file = of_environment(profile, f"configs/environments/{profile.environment}.yaml")
    for name in ("catalog", "schema"):
        _require_name(*reversed(of_file[name]))
    return [{"environment": Effective(profile.environment, named_by)}, of_variables, of_file]


def _layer(said: Mapping[str, tuple[str, str | None]], profile: "Environment | None") -> Layer:
    """What flags or variables say, each by what it is called: field and text."""
    layer = {}
    for what, (name, text) in said.items():
        if text is None:
            continue
        if name == "baseline_f1":
            layer[BASELINE] = Effective(baseline(what, text, profile.baseline_f1 if profile else None), what)
        else:
            layer[name] = Effective(_require_name(what, text), what)
    return layer


def _require_name(what: str, name: str) -> str:
    if not re.fullmatch(NAME, require_level(what, name)):
        raise ConfigurationError(
            f"{what} is {name!r}. A model file takes small letters, digits and '_' alone; nothing was read or written."
        )
    return name
