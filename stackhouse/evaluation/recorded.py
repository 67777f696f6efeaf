"""Metrics on record: under which names a run keeps a metric, and which of two runs is better by it.

Runs of Stackhouse keep `f1` of the test rows as `f1` and `test_f1`; runs that another script has logged may have one of them alone, or a
guide's spelling such as `test_auc_roc`.
"""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import NamedTuple, Self

from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.metrics import GUIDE_SPELLINGS, METRICS, canonical, describe_metric, lower_is_better

PARTS = ("test", "train", "validation", "random_split", "reference", "cv")
"""Rows that a metric was measured on, by the prefix of its name; none means test rows."""


class RecordedMetric(NamedTuple):
    """A metric of one part of the rows, as runs keep it."""

    name: str
    """Its canonical name, e.g. `roc_auc`."""
    part: str = "test"

    @classmethod
    def named(cls, asked: str, known: Iterable[str] = ()) -> Self:
        """Find what is meant by a name.

        Args:
            asked: a metric, with or without its part, canonical or as the guides spell it.
            known: names that are on record, for the message.

        Raises:
            ConfigurationError: where there is no such metric.

        >>> RecordedMetric.named("test_auc_roc")
        RecordedMetric(name='roc_auc', part='test')
        >>> RecordedMetric.named("train_rmse").lower_is_better
        True
        """
        part = next((part for part in PARTS if asked.startswith(f"{part}_")), "test")
        metric = cls(canonical(asked.removeprefix(f"{part}_")), part)
        if describe_metric(metric.name) is None:
            raise ConfigurationError(
                f"There is no metric '{asked}'; there are {', '.join(sorted(_of_test_rows(known)) or METRICS)}. Name one of these."
            )
        return metric

    @property
    def label(self) -> str:
        """How a table's heading calls it: test rows go without saying."""
        return self.name if self.part == "test" else f"{self.part}_{self.name}"

    @property
    def lower_is_better(self) -> bool:
        """Whether a smaller value is the better one."""
        return lower_is_better(self.name)

    def value(self, metrics: Mapping[str, float]) -> float | None:
        """Return its value among the metrics of a run; None where the run has none, or NaN.

        >>> RecordedMetric("roc_auc").value({"auc_roc": 0.7})
        0.7
        """
        spellings = (self.name, *(spelling for spelling, name in GUIDE_SPELLINGS.items() if name == self.name))
        keys = [f"{self.part}_{spelling}" for spelling in spellings] + ([*spellings] if self.part == "test" else [])
        return next((metrics[key] for key in keys if key in metrics and not isnan(metrics[key])), None)

    def rank(self, metrics: Mapping[str, float]) -> tuple[bool, float]:
        """Return what sorts the best run first, and those without a value last."""
        value = self.value(metrics)
        return (True, 0.0) if value is None else (False, value if self.lower_is_better else -value)

    def require_order(self) -> Self:
        """Return itself, if one value of it is better than another.

        Raises:
            ConfigurationError: where it tells nothing about how good a model is, such as the share of class 1.
        """
        meaning = describe_metric(self.name)
        if meaning is None or not meaning.comparable:
            ordered = ", ".join(name for name, metric in METRICS.items() if metric.comparable)
            raise ConfigurationError(f"No value of '{self.label}' is better than another. Sort by one of {ordered}.")
        return self


def metrics_of_test_rows(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the metrics of the test rows among those of a run, by canonical name; ends of intervals and NaN are left out.

    >>> metrics_of_test_rows({"test_f1": 0.5, "f1": 0.5, "test_f1_low": 0.4, "train_f1": 0.9, "auc": 0.7, "test_samples": 80.0})
    {'f1': 0.5, 'roc_auc': 0.7}
    """
    values = {name: RecordedMetric(name).value(metrics) for name in _of_test_rows(metrics)}
    return {name: value for name, value in values.items() if value is not None}


def _of_test_rows(keys: Iterable[str]) -> list[str]:
    """Canonical names of the metrics of the test rows; `f1_low` is the end of an interval where there is `f1` as well."""
    known = [*keys]
    bare = {canonical(key): None for key in known if not key.startswith(tuple(f"{part}_" for part in PARTS if part != "test"))}
    ends = {f"{name}_{end}" for name in bare for end in ("low", "high")}
    return [name for name in bare if describe_metric(name) and name not in ends]
