"""Two outcomes of one model file, side by side. All but the stack's name has to be equal, metrics to the last bit."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

IGNORED = frozenset({"stack", "seconds"})


class Difference(BaseModel):
    """One thing that differs."""

    model_config = ConfigDict(frozen=True)

    where: str
    here: Any
    there: Any


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two outcomes, in the order of their fields.

    >>> [found.where for found in differences({"metrics": {"test": {"f1": 0.5}}}, {"metrics": {"test": {"f1": 0.5000000000000001}}})]
    ['metrics.test.f1']
    """
    return [found for found in _compare("", dict(here), dict(there)) if found.where.partition(".")[0] not in IGNORED]


def _compare(where: str, here: Any, there: Any) -> list[Difference]:
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        names = [*here, *(name for name in there if name not in here)]
        return [
            found
            for name in names
            for found in _compare(f"{where}.{name}".lstrip("."), here.get(name, "absent"), there.get(name, "absent"))
        ]
    return [] if type(here) is type(there) and here == there else [Difference(where=where, here=here, there=there)]
