"""The model file: what is shipped loads, and what is wrong is refused with what, where and what to do."""

import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from stackhouse.algorithms import LightGBM, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.decision import FixedThreshold, PrecisionAtRecall
from stackhouse.features import RouteDay
from stackhouse.labels.rules import ThresholdLabel
from stackhouse.spec import ModelSpec
from stackhouse.spec.sections import RegistrySpec, TuningSpec, require_alias
from stackhouse.splits import TimeSplit
from stackhouse.validation import Expectations

MODEL_FILE = Path(__file__).parents[2] / "configs" / "models" / "flight_delay.yaml"
SHIPPED: dict[str, Any] = yaml.safe_load(MODEL_FILE.read_text(encoding="utf-8"))["parameters"]["model"]


def load(**changed: object) -> ModelSpec:
    """The shipped model file with values changed by path, `label__rule__threshold=2`."""
    values = deepcopy(SHIPPED)
    for path, value in changed.items():
        *sections, key = path.split("__")
        section = values
        for name in sections:
            section = section.setdefault(name, {})
        section[key] = value
    return ModelSpec.model_validate(values)


def test_shipped_model_file_says_what_its_comments_say() -> None:
    spec = load()
    assert spec.features.definition == RouteDay(windows=(7, 30), lags=(1, 6), late_minutes=15, min_flights=6)
    assert spec.label.rule == ThresholdLabel(source="late_rate", name="high_late_rate", threshold=0.2, boundary="exclusive")
    assert spec.split == TimeSplit(test_size=0.2, validation_size=0.2)
    assert [algorithm.kind for algorithm in spec.algorithms] == ["xgboost", "xgboost", "lightgbm"]
    assert (spec.gates.minimum, spec.gates.baseline_f1) == ({"roc_auc": 0.62}, 0.45)
    assert (spec.registry.alias, spec.registry.champion_alias) == ("latest-model", "champion")


def test_shipped_model_is_named_by_catalog_schema_and_name() -> None:
    spec = load()
    assert spec.registered_name == "dev.flights.flight_delay"
    assert spec.feature_table == "dev.flights.route_day_features"
    assert spec.label_table == "dev.flights.route_day_labels"
    assert spec.experiment == "/Shared/stackhouse_ml_flight_delay_development"
    assert spec.identity.registered_name == "dev.flights.flight_delay"


def test_spec_survives_json() -> None:
    spec = load()
    assert ModelSpec.model_validate_json(spec.model_dump_json(by_alias=True)) == spec
    assert ModelSpec.model_validate_json(spec.model_dump_json()) == spec


def test_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load().name = "other"


def test_all_features_of_the_definition_are_read_where_none_is_named() -> None:
    assert load().feature_names == RouteDay().feature_names
    assert load(features__names=["late_rate_7d", "late_rate_today"]).feature_names == ("late_rate_7d", "late_rate_today")


def test_candidates_share_everything_but_the_algorithm() -> None:
    candidates = load(algorithms=[{"kind": "xgboost"}, {"kind": "lightgbm"}], cleaning__columns={"late_rate_7d": 0.1}).candidates
    assert [one.algorithm for one in candidates] == [XGBoost(), LightGBM()]
    assert candidates[0].model_copy(update={"algorithm": LightGBM()}) == candidates[1]
    assert candidates[0].features == RouteDay().feature_names
    assert candidates[0].cleaning == CleaningRule(columns={"late_rate_7d": 0.1})


def test_scoring_cleans_only_the_features_that_the_model_reads() -> None:
    spec = load(features__names=["late_rate_7d"], cleaning__columns={"late_rate_7d": 0.1, "flights_7d": 3})
    assert spec.scoring_cleaning == CleaningRule(columns={"late_rate_7d": 0.1})
    assert spec.cleaning.columns == {"late_rate_7d": 0.1, "flights_7d": 3}


@pytest.mark.parametrize(
    "path",
    [
        "owner",
        "features__colums",
        "label__rule__treshold",
        "split__tests_size",
        "gates__minimun",
        "registry__aliases",
        "features__definition__window",
    ],
)
def test_unknown_key_is_refused_with_its_place(path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        load(**{path: 1})
    error = caught.value.errors()[0]
    assert error["type"] == "extra_forbidden"
    assert ".".join(str(part) for part in error["loc"]).endswith(path.rsplit("__", maxsplit=1)[-1])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", 7),
        ("seed", "many"),
        ("seed", -1),
        ("algorithms", "xgboost"),
        ("algorithms", []),
        ("split__test_size", "a fifth"),
        ("label__rule__threshold", "high"),
        ("gates__minimum", 0.6),
        ("domain", "weather"),
        ("stage", "production"),
        ("features__names", []),
        ("features__write_mode", "append"),
        ("features__definition__windows", [7.5]),
        ("task", "clustering"),
    ],
)
def test_wrong_type_or_value_is_refused_with_its_place(path: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        load(**{path: value})
    assert path.rsplit("__", maxsplit=1)[-1] in {str(part) for error in caught.value.errors() for part in error["loc"]}


@pytest.mark.parametrize("key", ["name", "project", "domain", "use_case", "catalog", "schema", "features", "label", "algorithms"])
def test_required_key_that_is_missing_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match=f"{key}\n  Field required"):
        ModelSpec.model_validate({name: value for name, value in SHIPPED.items() if name != key})


@pytest.mark.parametrize("name", ["Flight", "flight-delay", "1st", "flight delay", "", "dev.flights", "ein_täglich"])
@pytest.mark.parametrize("key", ["name", "catalog", "schema", "features__table", "label__table"])
def test_name_that_a_catalog_would_refuse_is_refused(key: str, name: str) -> None:
    with pytest.raises(ValidationError, match=key.rsplit("__", maxsplit=1)[-1]):
        load(**{key: name})


@pytest.mark.parametrize("size", [0, 1, 1.5, -0.2])
@pytest.mark.parametrize("key", ["test_size", "validation_size"])
@pytest.mark.parametrize("kind", ["time", "random"])
def test_size_outside_zero_to_one_is_refused(kind: str, key: str, size: float) -> None:
    with pytest.raises(ValidationError, match=f"split.{kind}.{key}"):
        load(split={"kind": kind, key: size})


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_threshold_outside_the_range_of_the_label_is_refused(threshold: float) -> None:
    with pytest.raises(ValidationError, match=r"label.rule.threshold\n.*outside the label's range \[0, 1\].*Choose one inside"):
        load(label__rule__threshold=threshold)


def test_gate_that_can_never_fire_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"gates\n.*minimum 'roc_auc: 0' can never fail"):
        load(gates__minimum={"roc_auc": 0})


def test_feature_that_is_not_computed_is_refused_with_those_that_are() -> None:
    with pytest.raises(
        ValidationError, match=r"features.names: \['late_rate_14d'\] is not computed by the definition; it computes \['late_rate_today'"
    ):
        load(features__names=["late_rate_7d", "late_rate_14d"])


def test_feature_named_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="late_rate_7d"):
        load(features__names=["late_rate_7d", "late_rate_7d"])


@pytest.mark.parametrize("feature", ["late_rate", "mean_arr_delay", "high_late_rate", "arrivals", "origin", "known_at", "label_time"])
def test_label_source_key_or_time_among_the_features_is_refused(feature: str) -> None:
    with pytest.raises(ValidationError, match=f"features.names.*{feature}"):
        load(features__names=["late_rate_7d", feature])


@pytest.mark.parametrize(("key", "value"), [("source", "late_rate_7d"), ("name", "late_rate_today")])
def test_label_made_of_a_feature_is_refused(key: str, value: str) -> None:
    with pytest.raises(ValidationError, match="it would leak"):
        load(**{f"label__rule__{key}": value})


def test_cleaning_of_an_unknown_column_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"cleaning.columns: \['late_rate'\] is not a feature"):
        load(cleaning__columns={"late_rate": 0})


def test_guess_as_a_candidate_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"algorithms: \['dummy'\] is a reference and never registered"):
        load(algorithms=[{"kind": "xgboost"}, {"kind": "dummy"}])


def test_labels_in_the_table_of_the_features_are_refused() -> None:
    with pytest.raises(ValidationError, match="labels need a table of their own"):
        load(label__table="route_day_features")


def test_validation_range_of_an_unknown_feature_is_refused() -> None:
    with pytest.raises(ValidationError, match="late_rate_14d"):
        load(validation__ranges={"late_rate_14d": [0, 1]})


@pytest.mark.parametrize("changed", [{"lags": [-1]}, {"lags": [0]}, {"windows": [0]}, {"windows": [-7]}])
def test_window_or_lag_that_would_read_no_past_day_is_refused(changed: dict[str, list[int]]) -> None:
    ((key, value),) = changed.items()
    with pytest.raises(ValidationError, match=key):
        load(**{f"features__definition__{key}": value})


@pytest.mark.parametrize("key", ["windows", "lags"])
def test_window_or_lag_given_twice_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match=key):
        load(**{f"features__definition__{key}": [7, 7]})


@pytest.mark.parametrize(
    ("metric", "known"),
    [("roc_auc", "roc_auc"), ("auc_roc", "roc_auc"), ("test_auc_pr", "pr_auc"), ("f1_score", "f1"), ("log_loss", "log_loss")],
)
def test_tuning_metric_is_known_by_every_spelling(metric: str, known: str) -> None:
    assert TuningSpec(metric=metric).metric == known


def test_tuning_by_the_share_of_the_label_which_always_ties_is_refused() -> None:
    with pytest.raises(ValidationError, match="positive_class_ratio"):
        TuningSpec(metric="positive_class_ratio")


def test_a_file_without_a_search_compares_what_it_lists() -> None:
    assert load().tuning.search is None


def test_a_search_has_defaults_for_everything() -> None:
    search = load(tuning__search={}).tuning.search
    assert search is not None
    assert (search.trials, search.folds, search.pruning, search.early_stopping_rounds, search.timeout_minutes) == (50, 5, True, 20, None)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"trials": 2}, r"tuning\.search\.trials: 2 is too few; the 3 listed algorithms are the first trials"),
        ({"folds": 1}, "greater than or equal to 2"),
        ({"space": {"xgboost": {"max_depth": {"low": 2, "high": 40}}}}, r"tuning\.search\.space\.xgboost\.max_depth: 40 is outside"),
        ({"space": {"random_forest": {}}}, r"tuning\.search\.space: \['random_forest'\] is not among the algorithms"),
        ({"rounds": 2}, "Extra inputs are not permitted"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused(search: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        load(tuning__search=search)


def test_a_search_without_known_anomalies_is_refused() -> None:
    unknown = {"algorithms": [{"kind": "isolation_forest"}], "label__rule": {"kind": "anomaly"}, "tuning__metric": None}
    gates = {"gates": {}, "promotion": {}}
    with pytest.raises(ValidationError, match=r"tuning\.search: no anomalies are known"):
        load(**unknown, **gates, tuning__search={})


def test_unknown_tuning_metric_is_refused() -> None:
    with pytest.raises(ValidationError, match="unknown metric 'gini'; known are"):
        load(tuning__metric="gini")


@pytest.mark.parametrize("alias", ["latest-model", "champion", "v1a", "my_v1", "Champion-2", "a" * 255])
def test_alias_that_mlflow_takes_is_accepted(alias: str) -> None:
    assert require_alias(alias) == alias


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("latest", "MLflow reserves it"),
        ("Latest", "MLflow reserves it"),
        ("v1", "MLflow reads it as a version number"),
        ("V12", "MLflow reads it as a version number"),
        ("a b", "it has characters that MLflow refuses"),
        ("v1.0", "it has characters that MLflow refuses"),
        ("champion\n", "it has characters that MLflow refuses"),
        ("größe", "it has characters that MLflow refuses"),
        ("", "it has characters that MLflow refuses"),
        ("a" * 256, "it has characters that MLflow refuses"),
    ],
)
def test_alias_that_mlflow_refuses_is_refused_with_the_reason(alias: str, reason: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        require_alias(alias)
    assert f"The alias '{alias}' cannot be used: {reason}" in str(caught.value)
    assert "e.g. 'champion'" in str(caught.value)


@pytest.mark.parametrize("key", ["alias", "champion_alias"])
@pytest.mark.parametrize("alias", ["latest", "v1", "a b", "v1.0"])
def test_reserved_alias_in_the_model_file_is_refused_with_its_place(key: str, alias: str) -> None:
    with pytest.raises(ValidationError, match=rf"registry.{key}\n.*The alias '{alias}' cannot be used"):
        load(**{f"registry__{key}": alias})


def test_one_alias_for_newest_and_champion_is_refused_since_it_would_promote_without_a_comparison() -> None:
    with pytest.raises(ValidationError, match="champion"):
        RegistrySpec(alias="champion", champion_alias="champion")


def test_expectations_of_the_shipped_file() -> None:
    assert load().validation == Expectations(min_rows=1000, ranges={"late_rate_7d": (0, 1), "late_rate_30d": (0, 1), "day_of_week": (1, 7)})


def test_random_split_of_rows_with_a_time_is_refused() -> None:
    with pytest.raises(ValidationError, match="a random split would judge a model on its own past; use time"):
        load(split={"kind": "random"})


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"source": "lateness"}, r"'lateness' is no column of the label table; it has \['late_rate', 'mean_arr_delay', 'arrivals'\]"),
        ({"name": "origin"}, "'origin' is a column of the label table already"),
        ({"name": "label_time"}, "'label_time' is a column of the label table already"),
        ({"name": "arrivals"}, "'arrivals' is a column of the label table already"),
    ],
)
def test_label_that_the_label_table_cannot_give_is_refused(rule: dict[str, str], message: str) -> None:
    shipped = {"kind": "threshold", "source": "late_rate", "name": "high_late_rate", "threshold": 0.2}
    with pytest.raises(ValidationError, match=message):
        load(label={"table": "route_day_labels", "rule": {**shipped, **rule}})


@pytest.mark.parametrize("use_case", ["cost|security", "   ", "<what it answers>"])
def test_placeholder_as_use_case_is_refused_before_anything_runs(use_case: str) -> None:
    with pytest.raises(ValidationError, match="is a placeholder"):
        load(use_case=use_case)


def test_range_that_every_value_meets_is_refused() -> None:
    with pytest.raises(ValidationError, match="finite number"):
        load(validation={"ranges": {"late_rate_7d": [-math.inf, math.inf]}})


BARE = {"table": "features", "description": "a row a thing"}
OWN = {"kind": "columns", "keys": ["id"], "names": ["a"], "label": "y"}


def test_every_section_that_a_file_leaves_out_survives_being_written_without_what_was_not_set() -> None:
    """ZenML keeps a parameter as the fields that were set, so a kind that is a default has to be set as well."""
    file = {name: section for name, section in SHIPPED.items() if name not in ("split", "source")}
    without_definition = ModelSpec.model_validate({**file, "features": {**BARE, "names": ["late_rate_7d"]}, "validation": {}})
    spec = ModelSpec.model_validate(file)
    for section in (spec.split, spec.source, without_definition.features.definition):
        assert "kind" in section.model_dump(exclude_unset=True)


def test_rows_without_a_time_are_split_at_random_where_the_file_says_nothing() -> None:
    file = {name: section for name, section in SHIPPED.items() if name not in ("split", "validation", "cleaning")}
    label = {"table": "labels", "rule": {"kind": "binary", "source": "y"}}
    assert ModelSpec.model_validate({**file, "features": {**BARE, "definition": OWN}, "label": label}).split.kind == "random"
    timed = {**OWN, "time": "day"}
    assert ModelSpec.model_validate({**file, "features": {**BARE, "definition": timed}, "label": label}).split.kind == "time"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature_names": ["nope"]}, "has no feature ['nope']"),
        ({"lookup_key": ["origin"]}, "lookup_key ['origin'] does not fit the keys ['origin', 'dest']"),
        ({"lookup_key": ["origin", "carrier"]}, "the label table has no column ['carrier'] to look up by"),
        ({"timestamp_lookup_key": None}, "would look into the future; name the label's time, 'label_time'"),
    ],
    ids=["unknown feature", "too few keys", "unknown key", "no time"],
)
def test_a_wrong_lookup_of_the_models_own_table_is_refused_before_anything_runs(change: dict[str, object], message: str) -> None:
    lookup = {
        "table_name": SHIPPED["features"]["table"],
        "lookup_key": ["origin", "dest"],
        "timestamp_lookup_key": "label_time",
        "feature_names": ["late_rate_7d"],
    }
    with pytest.raises(ValidationError) as refused:
        load(lookups=[{**lookup, **change}])
    assert message in str(refused.value)


def test_decision_is_a_fixed_half_where_nothing_is_said() -> None:
    assert load().decision == FixedThreshold()
    assert {candidate.decision_threshold for candidate in load().candidates} == {0.5}


def test_decision_travels_with_every_candidate() -> None:
    chosen = load(decision={"kind": "precision_at_recall", "recall": 0.8})
    assert {candidate.decision for candidate in chosen.candidates} == {PrecisionAtRecall(recall=0.8)}
    assert {candidate.decision_threshold for candidate in load(decision={"kind": "fixed", "threshold": 0.3}).candidates} == {0.3}


def test_decision_of_a_task_without_two_classes_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"decision: a threshold divides class 1 from class 0, and a model of regression"):
        load(label__rule={"kind": "value", "source": "late_rate"}, gates={}, tuning={}, decision={"kind": "f1"})
    assert load(label__rule={"kind": "value", "source": "late_rate"}, gates={}, tuning={}).decision == FixedThreshold()


def test_slices_are_features_or_keys() -> None:
    assert load(evaluation={"slices": ["origin", "late_rate_7d"]}).evaluation.slices == ("origin", "late_rate_7d")
    with pytest.raises(ValidationError, match=r"evaluation.slices: \['carrier'\] is neither feature nor key of a label"):
        load(evaluation={"slices": ["carrier"]})


def test_gate_of_slices_needs_slices() -> None:
    gate = {"metric": "roc_auc", "minimum": 0.55}
    assert load(evaluation={"slices": ["origin"]}, gates={"slices": gate}).gates.slices.minimum == 0.55
    with pytest.raises(ValidationError, match=r"gates.slices can never pass without slices"):
        load(gates={"slices": gate})


def test_profile_of_gates_that_lacks_the_metrics_of_the_task_is_refused() -> None:
    assert load(gates={"profile": "churn_guide"}).gates.minimum["recall"] == 0.65
    with pytest.raises(ValidationError, match="a model of regression has no metric 'accuracy'"):
        load(label__rule={"kind": "value", "source": "late_rate"}, gates={"profile": "churn_guide"}, tuning={})


def test_what_was_set_alone_gives_the_same_spec() -> None:
    spec = load(decision={"kind": "f1"}, evaluation={"slices": ["origin"]}, gates={"profile": "churn_guide"})
    assert ModelSpec.model_validate(spec.model_dump(exclude_unset=True, by_alias=True)) == spec
