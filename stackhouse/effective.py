"""What is in effect for a model: which of flag, environment variable, environment's file, model file and default says each value.

Reading files and variables is the commands' affair, see `commands/effective_model.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from stackhouse.environments import Environment
from stackhouse.evaluation.metrics import METRICS, canonical
from stackhouse.labels.rules import AnyLabel
from stackhouse.verdict import known_metrics

BASELINE = "gates.baseline_f1"
_LIMITS = ("minimum", "maximum")


class Effective(NamedTuple):
    """A value, and who says it."""

    value: Any
    source: str


Layer = Mapping[str, Effective]
"""What one source says, by field of the model file: `catalog`, `gates.baseline_f1`, `gates.minimum.roc_auc`."""

DEFAULTS: Layer = {"environment": Effective("dev", "default"), BASELINE: Effective(0.0, "default")}


def in_effect(layers: Sequence[Layer]) -> dict[str, Effective]:
    """Return what each field is, by the first layer that says it; the place first, then the gates.

    >>> variable, file = {"schema": Effective("mine", "STACKHOUSE_SCHEMA")}, {"schema": Effective("my_model", "prod.yaml")}
    >>> in_effect([variable, file])["schema"].source
    'STACKHOUSE_SCHEMA'
    """
    found = {field: value for layer in reversed(layers) for field, value in layer.items()}
    return {field: found[field] for field in sorted(found, key=lambda field: (field.startswith("gates."), field))}


def of_environment(environment: Environment, source: str) -> Layer:
    """Return what the file of an environment says of a model."""
    minima_of_a_profile = {"profile"}  # stand under minimum as well, each for itself
    gates = environment.gates.model_dump(mode="json", exclude_unset=True, exclude=minima_of_a_profile)
    gates |= {"baseline_f1": environment.baseline_f1}
    said = {"environment": environment.environment, "catalog": environment.catalog, "schema": environment.schema_name}
    return {field: Effective(value, source) for field, value in (*said.items(), *_by_field(gates))}


def of_model_file(model: Mapping[str, Any], source: str = "model file") -> Layer:
    """Return what the content of a model file, under `parameters.model`, says of the fields that an environment may say as well."""
    said = {name: model[name] for name in ("environment", "catalog", "schema") if name in model}
    return {field: Effective(value, source) for field, value in (*said.items(), *_by_field(model.get("gates", {})))}


def measurable(layer: Layer, rule: AnyLabel) -> Layer:
    """Return a layer without the gates on metrics that no model of this label has, such as F1 of a number or of unknown anomalies."""
    known = [name for name in known_metrics(rule.task, rule.names) if rule.names or not METRICS[name].comparable]
    return {field: given for field, given in layer.items() if all(metric in known for metric in _metrics(field, given.value, rule))}


def applied(model: Mapping[str, Any], values: Layer) -> dict[str, Any]:
    """Return the content of a model file with the values that are in effect; `values` hold all gates that the file itself names."""
    content: dict[str, Any] = {**model, "gates": {}}
    for field, (value, _) in values.items():
        *above, name = field.split(".", 2)
        section = content
        for key in above:
            section = section.setdefault(key, {})
        section[name] = value
    return content


def _by_field(gates: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, given in gates.items():
        if name in _LIMITS:
            yield from ((f"gates.{name}.{canonical(metric)}", limit) for metric, limit in given.items())
        else:
            yield f"gates.{name}", given


def _metrics(field: str, value: Any, rule: AnyLabel) -> tuple[str, ...]:
    """The metrics that a gate judges."""
    if field == BASELINE:
        return (rule.task.baseline or "f1",)
    if field == "gates.beats_reference" and value is not None:
        return (canonical(value),)
    if field == "gates.slices" and value is not None:
        return (canonical(value["metric"]),)
    return (field.rpartition(".")[2],) if field.startswith(tuple(f"gates.{limit}." for limit in _LIMITS)) else ()
