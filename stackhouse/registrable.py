"""Which training runs may be registered: those whose gate is on record as passed. That a run has finished says nothing of its model."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

CHAMPION = "champion"
"""The alias that is not given away by a registration: only a comparison replaces a champion."""

STAGING = "staging"

GATE, PASSED, FAILED = "gate.baseline", "passed", "failed"
"""Tag of a run, and its values: where F1 is above the baseline and nothing else speaks against the model, and where not. It is set last: a
run that was stopped has none, and `FINISHED` says nothing of a model.
"""


class RegistrationRequest(BaseModel):
    """What `register_model` is asked for. None leaves it to the run, or to the version that is there already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="Three-level name of the registered model.")
    experiment: str = Field(description="MLflow experiment whose runs are looked at.")
    run_id: str | None = None
    aliases: tuple[str, ...] = ()
    description: str | None = None
    git_sha: str | None = None
    environment: str | None = None
    default_environment: str = "dev"
    """Environment of a run that names none."""
    only_in_experiment: bool = False
    """Whether a run that is named has to be one of the experiment."""


def not_registrable(name: str, status: str, tags: Mapping[str, str]) -> str | None:
    """Say why a run may not be registered under a name; None where it may.

    Args:
        name: three-level name of the registered model.
        status: what MLflow says of the run, e.g. `FINISHED`.
        tags: tags of the run.

    >>> not_registrable("dev.shop.churn", "FINISHED", {"registered_name": "dev.shop.churn", "gate.baseline": "passed"})
    >>> not_registrable("dev.shop.churn", "FINISHED", {"registered_name": "dev.shop.other", "gate.baseline": "passed"})
    'it trained dev.shop.other'
    """
    if not of_model(name, tags):
        return f"it trained {tags.get('registered_name') or tags.get('model_name') or 'no model of Stackhouse'}"
    if status != "FINISHED":
        return f"it is {status}"
    because = f": {tags['verdict.reasons']}" if tags.get("verdict.reasons") else ""
    verdict, gate = tags.get("verdict", "APPROVED"), tags.get(GATE)
    if verdict != "APPROVED":
        return f"it is {verdict}{because}"
    if gate is None:
        return f"no gate is on record (tag {GATE})"
    return None if gate == PASSED else f"its gate has {gate}{because}"


def of_model(name: str, tags: Mapping[str, str]) -> bool:
    """Whether a run trained a model, by the three-level name that it tells, else by the last level alone.

    >>> of_model("dev.shop.churn", {"model_name": "churn"})
    True
    """
    if told := tags.get("registered_name"):
        return told == name
    return tags.get("model_name") == name.rpartition(".")[2]
