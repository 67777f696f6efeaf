"""What the sections of a model file have to agree on, checked before anything runs.

Each check raises ValueError, which pydantic turns into the error of the file. They run in the order of `CHECKS`, and the first that fails
is told.
"""

from collections.abc import Callable, Iterable

from stackhouse.algorithms.weighting import WeighsClasses
from stackhouse.evaluation.decision import FixedThreshold
from stackhouse.evaluation.metrics import METRICS
from stackhouse.features import Definition
from stackhouse.lookups import FeatureLookup
from stackhouse.spec.fields import ModelFields


def require_known_columns(spec: ModelFields) -> None:
    """Check that features, ranges and replacements are of the definition, once each, and labels have a table of their own."""
    known, names = spec.features.definition.feature_names, spec.features.names or ()
    if unknown := [name for name in names if name not in known]:
        raise ValueError(f"features.names: {unknown} is not computed by the definition; it computes {list(known)}")
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"features.names: {repeated} is named more than once; name each feature once")
    if unknown := [name for name in spec.validation.ranges if name not in known]:
        raise ValueError(f"validation.ranges: {unknown} is not a feature; features are {list(known)}")
    if unknown := [name for name in spec.cleaning.columns if name not in known]:
        raise ValueError(f"cleaning.columns: {unknown} is not a feature; features are {list(known)}")
    if unregistrable := [algorithm.kind for algorithm in spec.algorithms if not algorithm.registrable]:
        raise ValueError(f"algorithms: {unregistrable} is a reference and never registered; it is always computed for comparison")
    if spec.label.table == spec.features.table:
        raise ValueError("label.table and features.table are the same; labels need a table of their own")


def require_lookups(spec: ModelFields) -> None:
    """Check that the lookups say which features they take, by columns that the labels have, under names that differ."""
    if spec.lookups and spec.features.names:
        raise ValueError("features.names and lookups both say which features are read; name them under lookups alone")
    if open_ended := [lookup.table_name for lookup in spec.feature_lookups if not lookup.feature_names]:
        raise ValueError(f"lookups: {open_ended} is made elsewhere, so its features are not known here; name them under feature_names")
    for lookup in spec.feature_lookups:
        if lookup.table_name == spec.feature_table:
            _require_own_lookup(lookup, spec.features.definition)
    outputs = spec.lookup_outputs
    if repeated := sorted({name for name in outputs if outputs.count(name) > 1}):
        raise ValueError(f"lookups: two outputs are called {repeated}; rename one under rename_outputs")
    if unknown := [name for name in spec.exclude_columns if name not in outputs]:
        raise ValueError(f"exclude_columns: {unknown} is no output of the lookups; they are {list(outputs)}")
    if not spec.feature_names:
        raise ValueError("exclude_columns: no feature is left")


def require_measured_label(spec: ModelFields) -> None:
    """Check that the label is measured where labels are, and that none of it is a feature."""
    definition, rule = spec.features.definition, spec.label.rule
    if leaking := [name for name in dict.fromkeys((*rule.sources, *rule.names)) if name in definition.feature_names]:
        told = f"label '{rule.name}' (from {_quoted(rule.sources)})"
        raise ValueError(f"{told}: {_quoted(leaking)} is among the features of the definition; it would leak")
    if unknown := [source for source in rule.sources if source not in definition.label_columns]:
        raise ValueError(f"label.rule: {_quoted(unknown)} is no column of the label table; it has {list(definition.label_columns)}")
    taken = {*definition.label_roles.identity, *definition.label_columns} - {*rule.sources}
    if carried := [name for name in rule.names if name in taken]:
        raise ValueError(f"label.rule: {_quoted(carried)} is a column of the label table already; give the label a name of its own")


def require_fit_for_task(spec: ModelFields) -> None:
    """Check that algorithms, weights, gates and metrics are of the label's task."""
    task = spec.label.rule.task
    if spec.task is not None and spec.task != task.name:
        raise ValueError(f"task is {spec.task}, and a label of kind {spec.label.rule.kind} makes it {task.name}; leave task out")
    if unfit := [algorithm.kind for algorithm in spec.algorithms if task.name not in algorithm.tasks]:
        raise ValueError(f"algorithms: {unfit} cannot be used for {task.name}")
    if task.name != "binary_classification":
        for algorithm in spec.algorithms:
            if isinstance(algorithm, WeighsClasses) and algorithm.scale_pos_weight is not None:
                raise ValueError(f"algorithms: scale_pos_weight of {algorithm.kind} weighs class 1, and {task.name} has no such class")
    spec.gates.require_for(task, spec.label.rule.names)
    comparable = tuple(name for name in task.metrics if METRICS[name].comparable)
    for where, metric in (("tuning", spec.tuning.metric), ("promotion", spec.promotion.metric)):
        if metric is not None and metric not in comparable:
            raise ValueError(f"{where}.metric: {task.name} is not compared by '{metric}'; known are {list(comparable)}")


def require_decision_and_slices(spec: ModelFields) -> None:
    """Check that a threshold has two classes to divide, and that slices are known columns."""
    task, known = spec.answers, (*spec.features.definition.label_roles.identity, *spec.feature_names)
    if task.name != "binary_classification" and spec.decision != FixedThreshold():
        raise ValueError(f"decision: a threshold divides class 1 from class 0, and a model of {task.name} has no such classes")
    if unknown := [name for name in spec.evaluation.slices if name not in known]:
        raise ValueError(f"evaluation.slices: {unknown} is neither feature nor key of a label; these are {list(known)}")
    if spec.gates.slices and not spec.evaluation.slices:
        raise ValueError("gates.slices can never pass without slices; name the columns under evaluation.slices")


def require_search(spec: ModelFields) -> None:
    """Check that a search can tell trials apart, and has enough of them for the listed algorithms."""
    if (search := spec.tuning.search) is None:
        return
    if not spec.label.rule.names:
        raise ValueError(
            "tuning.search: no anomalies are known, so nothing can tell one trial from another; name them in label.rule.source"
        )
    if search.trials < len(spec.algorithms):
        raise ValueError(
            f"tuning.search.trials: {search.trials} is too few; the {len(spec.algorithms)} listed algorithms are the first trials"
        )
    search.spaces(spec.algorithms)


def require_encoded_features(spec: ModelFields) -> None:
    """Check that categories and cuts are of features that the model reads."""
    names = spec.feature_names
    if unknown := [name for name in spec.categorical if name not in names]:
        raise ValueError(f"categorical: {unknown} is not a feature; features are {list(names)}")
    for cut in spec.cuts:
        if cut.name in names:
            raise ValueError(f"cuts: '{cut.name}' is a feature already; give the cut a name of its own")
        if unknown := [name for name in (cut.column, *cut.where) if name not in names]:
            raise ValueError(f"cuts: '{cut.name}' reads {unknown}, which is not a feature; features are {list(names)}")


def require_split_by_time(spec: ModelFields) -> None:
    """Check that rows with a time are split by it, and rows without are not."""
    if spec.split.kind == "time" and not spec.features.definition.label_roles.timestamp:
        raise ValueError("split.kind: these rows have no time to split by; name their time in the definition, or set kind to random")
    if spec.split.kind == "random" and spec.features.definition.timestamp:
        raise ValueError("split.kind: these rows have a timestamp, and a random split would judge a model on its own past; use time")


def _require_own_lookup(lookup: FeatureLookup, definition: Definition) -> None:
    """Check a lookup of the model's own table, of which everything is known before anything runs."""
    known, spine = definition.feature_names, (*definition.label_roles.identity, *definition.label_columns)
    if unknown := [name for name in lookup.feature_names or () if name not in known]:
        raise ValueError(f"lookups: {lookup.table_name} has no feature {unknown}; it has {list(known)}")
    asked = (*lookup.lookup_key, *((lookup.timestamp_lookup_key,) if lookup.timestamp_lookup_key else ()))
    if missing := [column for column in asked if column not in spine]:
        raise ValueError(f"lookups: the label table has no column {missing} to look up by; it has {list(spine)}")
    if len(lookup.lookup_key) != len(definition.primary_keys):
        raise ValueError(
            f"lookups: lookup_key {list(lookup.lookup_key)} does not fit the keys {list(definition.primary_keys)} of {lookup.table_name}"
        )
    if definition.timestamp and not lookup.timestamp_lookup_key:
        raise ValueError(
            f"lookups: {lookup.table_name} without timestamp_lookup_key would look into the future; name the label's time, "
            f"'{definition.label_roles.timestamp}'"
        )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


CHECKS: tuple[Callable[[ModelFields], None], ...] = (
    require_known_columns,
    require_lookups,
    require_measured_label,
    require_fit_for_task,
    require_decision_and_slices,
    require_search,
    require_encoded_features,
    require_split_by_time,
)
"""All checks, in order."""
