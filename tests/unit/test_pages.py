"""Pages: what each one promises to show, and that nothing from the data becomes markup."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

import stackhouse
from materializers.pages import render
from stackhouse.algorithms import LightGBM, XGBoost
from stackhouse.batch_scoring import ScoringReport, ScoringRun
from stackhouse.certificate import Certificate
from stackhouse.cleaning import CleaningReport, CleaningRule, Replaced
from stackhouse.evaluation.calibration import Calibration
from stackhouse.evaluation.curves import Curves
from stackhouse.evaluation.decision import LargestF1
from stackhouse.evaluation.evaluation import Confusion, Evaluation, Period
from stackhouse.evaluation.intervals import Interval, Resampling
from stackhouse.evaluation.residuals import Residuals
from stackhouse.evaluation.slices import Slice
from stackhouse.explanation.explanation import Cloud, Explanation, Point
from stackhouse.explanation.permutation import Permutation
from stackhouse.fitted import ScoringRules
from stackhouse.labels.report import LabelReport
from stackhouse.labels.rules import ThresholdLabel
from stackhouse.leaks.report import FeatureScore, LeakFinding, LeakReport, PartLookedAt
from stackhouse.lookups import FeatureLookup
from stackhouse.model_validation import Accuracy, ModelValidation, Readiness
from stackhouse.preparation import Division, PreparedTables, SourceRecord
from stackhouse.profile import ColumnProfile, TableProfile
from stackhouse.promotion.by_slice import SliceDifference
from stackhouse.promotion.decision import Promotion, first_champion
from stackhouse.promotion.delong import DeLong
from stackhouse.promotion.evidence import Evidence
from stackhouse.promotion.mcnemar import McNemar
from stackhouse.record import (
    FeatureTable,
    ModelCard,
    ModelCheck,
    ModelIdentity,
    Registration,
    TableVersion,
    TrainingData,
    TrainingRecord,
    ValidationReport,
)
from stackhouse.report import Report
from stackhouse.tuning.comparison import Trial, TuningReport
from stackhouse.validation import ExpectationResult, ValidationResult
from stackhouse.verdict import Gate, Verdict
from tests.reports import CURVES, EXPLANATION, SEARCHED

PARTS_OF_OTHERS = {
    "Period",
    "ScoringRun",
    "Curves",
    "Confusion",
    "Gate",
    "SearchReport",
    "Trial",
    "ColumnProfile",
    "TextProfile",
    "ModelCheck",
    "LeakFinding",
    "FeatureScore",
    "PartLookedAt",
    "Interval",
    "Resampling",
    "Calibration",
    "Residuals",
    "Slice",
    "Cloud",
    "Point",
    "Permutation",
    "McNemar",
    "DeLong",
    "SliceDifference",
    "Evidence",
    "Accuracy",
    "AliasMove",
    "ModelVersion",
    "Readiness",
    "TrainingRun",
}
"""Records that are never an artifact: they stand on the page of the record that holds them."""

ONE_CLASS = "all training rows are of class 0; a classifier needs both"
SCRIPT = "<script>alert('x')</script>"
TRAIN = Period(rows=16365, first=datetime(2013, 1, 2, 9, tzinfo=UTC), last=datetime(2013, 10, 19, 9, tzinfo=UTC))
TEST = Period(rows=4044, first=datetime(2013, 10, 20, 9, tzinfo=UTC), last=datetime(2013, 12, 31, 9, tzinfo=UTC))
EVALUATION = Evaluation(
    test={"accuracy": 0.6563, "precision": 0.6224, "recall": 0.4378, "roc_auc": 0.6696, "log_loss": 0.6342, "positive_class_ratio": 0.4152},
    train={"roc_auc": 0.7448, "positive_class_ratio": 0.437},
    random_split={"roc_auc": 0.7109},
    reference={"roc_auc": 0.4961},
    curves=CURVES,
    confusion=Confusion(classes=("0", "1"), counts=((1919, 446), (944, 735))),
    importance={f"feature_{number:02}": number / 276 for number in range(1, 24)},
    train_period=TRAIN,
    test_period=TEST,
)
SLICED = EVALUATION.model_copy(
    update={
        "intervals": {"roc_auc": Interval(low=0.6542, high=0.6851)},
        "resampling": Resampling(drawn="days", units=73, resamples=500, confidence=0.95),
        "calibration": (Calibration(label="late", predicted=(0.2, 0.7), observed=(0.25, 0.65)),),
        "slices": (
            Slice(column="origin", value="EWR", rows=2500, metrics={"roc_auc": 0.69}, judged=True, interval=Interval(low=0.65, high=0.73)),
            Slice(
                column="origin",
                value="JFK",
                rows=1500,
                metrics={"roc_auc": 0.58},
                judged=True,
                interval=Interval(low=0.54, high=0.62),
                worse=True,
            ),
            Slice(column="origin", value="LGA", rows=44, metrics={"roc_auc": 0.5}),
        ),
        "slice_metric": "roc_auc",
        "imbalance": 12.5,
        "decision_threshold": 0.31,
        "decision": LargestF1(),
    }
)
RULES = ScoringRules(
    algorithm=LightGBM(max_depth=3),
    features=("late_rate_7d", "day_of_week"),
    cleaning=CleaningRule(),
    label=ThresholdLabel(source="late_rate", name="high_late_rate", threshold=0.2),
)
TABLE = TableVersion(name="dev.flights.route_day", version=4, uri="/tables/route_day", rows=76566, primary_keys=("origin", "dest"))
REGISTRATION = Registration(name="dev.reliability.flight_delay", version="3", run_id="5f0c", new=True, reason="all 3 gates passed")
LOOKUP = FeatureLookup(table_name=TABLE.name, lookup_key=("origin", "dest"), timestamp_lookup_key="label_time", feature_names=("a",))
CARD = ModelCard(
    identity=ModelIdentity(
        name="flight_delay",
        registered_name="dev.reliability.flight_delay",
        project="stackhouse",
        domain="reliability",
        task="classification",
        use_case="Will more than 20 % of tomorrow's flights arrive late?",
    ),
    registration=REGISTRATION,
    rules=RULES,
    data=TrainingData(lookups=(LOOKUP,), tables=(TABLE,), labels=TABLE),
    evaluation=EVALUATION,
    outcome="APPROVED",
    reasons=("all 3 gates passed",),
)
COLUMN = ColumnProfile(unusable=3, mean=0.2071, std=0.3065, quantiles=(0.0, 0.0, 0.1, 0.3333, 1.0), histogram=(5, 0, 2))
PROFILE = TableProfile(table="route_day features", rows=76566, columns={"late_rate": COLUMN})
CLEANING = CleaningReport(rows=200, replaced={"delay": Replaced(null=10, nan=2, infinite=1, replacement=0.5)})
LABEL = LabelReport(label="late", source="late_rate", rule="late = 1 where late_rate > 0.2", counts={0: 11578, 1: 8831}, dropped=7)
CERTIFICATE = Certificate(
    spine="labels",
    features="features",
    spine_rows=20460,
    matched_rows=20409,
    latest_feature_minus_label_hours=-1.5,
    median_age_hours=2,
    oldest_age_hours=1026,
)
TUNING = TuningReport(
    metric="roc_auc",
    trials=(Trial(algorithm=XGBoost(), metrics={"roc_auc": 0.6348}), Trial(algorithm=LightGBM(), metrics={"roc_auc": 0.6512})),
    chosen=1,
)
REJECTED = Verdict(
    outcome="REJECTED",
    reasons=("f1 is 0.4000, has to be > 0.4500 (baseline)",),
    gates=(
        Gate(name="f1", rule="> 0.4500 (baseline)", value=0.4, passed=False),
        Gate(name="pr_auc", rule=">= 0.3", value=None, passed=False),
    ),
)
BETWEEN = "expect_column_values_to_be_between"
OUTSIDE = ExpectationResult(
    dimension="validity",
    expectation=BETWEEN,
    columns=("late_rate",),
    observed="'late_rate' is outside [0, 1] in 12 of 1,000 rows",
    rows_unexpected=12,
    passed=False,
)
ENOUGH = ExpectationResult(
    dimension="completeness",
    expectation="expect_table_row_count_to_be_between",
    columns=(),
    observed="1,000 rows, at least 100 expected",
    rows_unexpected=None,
    passed=True,
)
VALIDATED = ValidationResult(table="dev.flights.route_day", rows=1000, expectations=(OUTSIDE, ENOUGH))
CHECKED = ValidationReport(name="flight_delay", version="3", checks=(ModelCheck(name="loads", passed=True, detail="in 0.4 s"),))
STORED = FeatureTable(
    **TABLE.model_dump(exclude={"written"}),
    description="how late a route ran",
    tags={"domain": "reliability"},
    timestamp="known_at",
    label=None,
    features=("late_rate",),
    columns={"origin": "string", "late_rate": "double"},
    retention_days=7,
    created=TRAIN.first,
)
LEAK = LeakFinding(
    check="single_feature", name="dep_delay", value=0.899, limit=0.85, level="reject", message="'dep_delay' alone tells 'late'."
)
LEAKS = LeakReport(
    split="time",
    findings=(LEAK, LeakFinding(check="derived_name", name="late", value=None, limit=None, level="info", message="was not found")),
    scores=(
        FeatureScore(feature="dep_delay", label="late", measure="AUC", value=0.899, limit=0.85, chance=0.51),
        FeatureScore(
            feature="late_rate", label="late", measure="AUC", value=0.6, limit=0.8, chance=0.51, past=0.55, named_after="late_rate"
        ),
    ),
    parts=(PartLookedAt(part="train", rows=208687, looked_at=100000), PartLookedAt(part="test", rows=65198, looked_at=65198)),
)
SCORED = ScoringReport(
    run=ScoringRun(model="dev.flights.flight_delay", model_version="3", table_versions={TABLE.name: 4}, scored_at=TEST.last),
    rows=20460,
    without_features=51,
    counts={"prediction": {"1": 8000}},
)
SCRIPTED = Cloud(feature=SCRIPT, low=0.0, high=1.0, points=(Point(rank=0.5, shap=(0.1, 0.1)),))
EVIDENCE = Evidence(
    metric="roc_auc",
    rows=4044,
    challenger=0.6912,
    champion=0.6711,
    improvement=0.0201,
    interval=Interval(low=0.0101, high=0.0301),
    resampling=Resampling(drawn="days", units=73, resamples=1000, confidence=0.95),
    min_effect=0.005,
    mcnemar=McNemar(only_challenger=1204, only_champion=988, p_value=4e-6),
    delong=DeLong(difference=0.0201, standard_error=0.0051, p_value=0.0312),
    slices=(
        SliceDifference(
            column="origin",
            value="EWR",
            rows=1500,
            challenger=0.6,
            champion=0.65,
            improvement=-0.05,
            judged=True,
            interval=Interval(low=-0.08, high=-0.02),
        ),
        SliceDifference(
            column="origin",
            value="JFK",
            rows=2500,
            challenger=0.75,
            champion=0.7,
            improvement=0.05,
            judged=True,
            interval=Interval(low=0.03, high=0.07),
        ),
        SliceDifference(column="origin", value="LGA", rows=44, challenger=0.7, champion=0.7, improvement=0.0),
        SliceDifference(column="origin", value="SWF", rows=0),
    ),
)
PROMOTED = Promotion(promoted=True, reason="surely better", metric="roc_auc", rows=4044, champion_version="3", evidence=EVIDENCE)
MODEL_VALIDATION = ModelValidation(
    name="dev.shop.churn",
    version="3",
    test_table="dev.shop.test_set",
    sample_rows=5,
    checks=(ModelCheck(name="loads", passed=True, detail="by python_function"), ModelCheck(name="signature", passed=False, detail="none")),
    readiness=Readiness(size_bytes=2_500_000, row_ms=1.25, batch_ms=3.5, batch_rows=1000, probability_low=0.01, probability_high=0.97),
    accuracy=Accuracy(value=0.91, where="measured on dev.shop.test_set"),
    exceeded=("one row takes 1.25 ms, at most 1 ms was asked for",),
    outcome="FAILED",
)
READ = SourceRecord(
    kind="feature_store", tables=(TABLE,), rows=900, without={"target": 7}, repeated=2, lost=3, lost_message="Lost 3 rows in join."
)
DIVIDED = Division(
    label="churned", by="time", time="label_time", test_size=0.2, seed=42, train={"0": 500, "1": 220}, test={"0": 120, "1": 60}
)
PREPARED = PreparedTables(train=TABLE, test=TABLE, features=("late_rate",), keys=("origin", "dest"))
PAGES: tuple[Report, ...] = (
    MODEL_VALIDATION,
    READ,
    DIVIDED,
    PREPARED,
    STORED,
    SCORED,
    PROFILE,
    CLEANING,
    LABEL,
    LEAKS,
    CERTIFICATE,
    TUNING,
    EVALUATION,
    SLICED,
    REJECTED,
    CHECKED,
    VALIDATED,
    CARD,
    CARD.data,
    TABLE,
    RULES,
    REGISTRATION,
    TrainingRecord(run_id="5f0c", model_uri="models:/m-1", algorithm="lightgbm", train_period=TRAIN),
    PROMOTED,
    EXPLANATION,
)
EMPTIES: tuple[Report, ...] = (
    MODEL_VALIDATION.model_copy(update={"checks": (), "readiness": Readiness(), "accuracy": None, "exceeded": ()}),
    SourceRecord(kind="synthetic", rows=0),
    Division(label="y", by="random", time=None, test_size=0.2, seed=1, train={}, test={}),
    TableProfile(table="t", rows=0, columns={}),
    CleaningReport(rows=0, replaced={}),
    LabelReport(label="y", source="y", rule="y as measured (0 or 1)", counts={}, dropped=3),
    LeakReport(split="random"),
    TuningReport(metric="roc_auc"),
    SEARCHED,
    SEARCHED.model_copy(update={"trials": SEARCHED.trials[:1], "chosen": 0, "losses": None}),
    Evaluation(),
    Evaluation(curves=Curves(false_positive_rate=(), true_positive_rate=(), recall=(), precision=())),
    Evaluation(task="regression", residuals=Residuals(predicted=(2.0, 2.0), residual=(0.0, 0.0))),
    Evaluation(slices=(Slice(column="origin", value="JFK", rows=0, metrics={}),), slice_metric="roc_auc"),
    Evaluation(test={"log_loss": float("inf")}, importance={"a": 0.0}),
    Verdict(outcome="SKIPPED", reasons=()),
    Explanation(),
    Explanation(skipped=ONE_CLASS),
    EXPLANATION.model_copy(update={"importance": {"a": (0.0, 0.0)}, "clouds": ()}),
    ValidationReport(name="m", version=None),
    ValidationResult(table="t", rows=0, expectations=()),
    SCORED.model_copy(update={"rows": 0, "without_features": 0, "counts": {}}),
    Registration(name="m", version=None, run_id=None, new=False, reason="SKIPPED"),
    Promotion(promoted=False, reason="nothing was registered", metric="roc_auc"),
    first_champion("roc_auc"),
    Promotion(promoted=False, reason="too few rows", metric="rmse", rows=3, champion_version="3"),
    PROMOTED.model_copy(update={"evidence": EVIDENCE.model_copy(update={"interval": None, "mcnemar": None, "delong": None, "slices": ()})}),
    TrainingRecord(run_id=None, model_uri=None, algorithm="xgboost", train_period=Period(rows=0), skipped=ONE_CLASS),
    CARD.model_copy(update={"evaluation": Evaluation(skipped=ONE_CLASS), "rules": None, "outcome": "SKIPPED"}),
    CARD.model_copy(update={"evaluation": Evaluation()}),
)


def name_of(report: Report) -> str:
    return type(report).__name__


def reports_of_the_core() -> Iterator[type[Report]]:
    for module in pkgutil.walk_packages(stackhouse.__path__, "stackhouse."):
        importlib.import_module(module.name)
    waiting = [Report]
    while waiting:
        found = waiting.pop().__subclasses__()
        waiting.extend(found)
        yield from (kind for kind in found if kind.__module__.startswith("stackhouse."))


def words_of(report: Report) -> str:
    """Return the text that a reader sees, with single spaces."""
    body = render(report).partition("<body>")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&#x27;", "'").replace("&quot;", '"').replace("&gt;", ">").split())


def test_every_report_of_the_core_has_a_page() -> None:
    fallback = render.dispatch(Report)
    without = {kind.__name__ for kind in reports_of_the_core() if render.dispatch(kind) is fallback}
    assert without == PARTS_OF_OTHERS


def test_every_page_is_tried_here() -> None:
    assert {name_of(report) for report in PAGES} == {kind.__name__ for kind in reports_of_the_core()} - PARTS_OF_OTHERS


@pytest.mark.parametrize("report", [*PAGES, *EMPTIES], ids=name_of)
def test_page_is_one_well_formed_document_that_loads_nothing(report: Report) -> None:
    html = render(report)
    assert html.startswith("<!doctype html>\n")
    ET.fromstring("<body>" + html.partition("<body>")[2].removesuffix("</html>\n").replace("<br>", "<br/>"))
    assert not re.search(r"https?://|<script|<link|<img|@import|url\(", html)


@pytest.mark.parametrize("report", PAGES, ids=name_of)
def test_every_chart_has_a_role_and_a_title(report: Report) -> None:
    html = render(report)
    assert html.count("<svg") == len(re.findall(r'<svg [^>]*role="img"><title>[^<]+</title>', html))


@pytest.mark.parametrize(
    "report",
    [
        TableProfile(table=SCRIPT, rows=1, columns={SCRIPT: COLUMN}),
        CleaningReport(rows=1, replaced={SCRIPT: Replaced(null=1, nan=0, infinite=0, replacement=0)}),
        LABEL.model_copy(update={"label": SCRIPT, "rule": SCRIPT}),
        CERTIFICATE.model_copy(update={"spine": SCRIPT, "features": SCRIPT}),
        EVALUATION.model_copy(update={"importance": {SCRIPT: 1.0}, "test": {SCRIPT: 0.5}}),
        LeakReport(split="time", findings=(LEAK.model_copy(update={"name": SCRIPT, "message": SCRIPT}),)),
        Evaluation(skipped=SCRIPT),
        Evaluation(slices=(Slice(column=SCRIPT, value=SCRIPT, rows=1, metrics={}),), slice_metric="roc_auc"),
        Evaluation(calibration=(Calibration(label=SCRIPT, predicted=(0.5,), observed=(0.5,)),)),
        TuningReport(metric=SCRIPT, skipped=SCRIPT),
        EXPLANATION.model_copy(update={"importance": {SCRIPT: (1.0, 1.0)}, "outputs": (SCRIPT, SCRIPT), "clouds": (SCRIPTED,)}),
        Explanation(skipped=SCRIPT),
        Verdict(outcome="REJECTED", reasons=(SCRIPT,), gates=(Gate(name=SCRIPT, rule=SCRIPT, value=0.1, passed=False),)),
        Registration(name=SCRIPT, version=SCRIPT, run_id=SCRIPT, new=True, reason=SCRIPT),
        ValidationReport(name=SCRIPT, version="1", checks=(ModelCheck(name=SCRIPT, passed=True, detail=SCRIPT),)),
        TABLE.model_copy(update={"name": SCRIPT, "uri": SCRIPT, "primary_keys": (SCRIPT,)}),
        RULES.model_copy(update={"features": (SCRIPT,)}),
        ValidationResult(
            table=SCRIPT,
            rows=1,
            expectations=(OUTSIDE.model_copy(update={"columns": (SCRIPT,), "observed": SCRIPT, "expectation": SCRIPT}),),
        ),
        CARD.model_copy(update={"registration": REGISTRATION.model_copy(update={"name": SCRIPT}), "reasons": (SCRIPT,), "outcome": SCRIPT}),
        ModelCheck(name=SCRIPT, passed=True, detail=SCRIPT),
        Promotion(promoted=False, reason=SCRIPT, metric="f1"),
        PROMOTED.model_copy(
            update={"evidence": EVIDENCE.model_copy(update={"slices": (SliceDifference(column=SCRIPT, value=SCRIPT, rows=1),)})}
        ),
    ],
    ids=name_of,
)
def test_text_from_data_is_escaped(report: Report) -> None:
    html = render(report)
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;" in html


def test_report_without_a_page_becomes_a_table_of_its_fields() -> None:
    assert "Report ModelCheck name loads passed yes detail in 0.4 s" in words_of(CHECKED.checks[0])


def test_profile_page_shows_no_raw_rows() -> None:
    html = render(PROFILE)
    rows = re.findall(r"<tr.*?</tr>", html)
    assert len(rows) == 1 + len(PROFILE.columns)
    assert words_of(PROFILE).endswith(
        "late_rate Histogram of late_rate 0 0 0.1 0.3333 1 0.2071 0.3065 3 "
        "Quantiles and histograms are over finite values; unusable counts NaN, ±Inf and null."
    )


def test_cleaning_page_counts_what_was_replaced() -> None:
    words = words_of(CLEANING)
    assert "13 values replaced" in words
    assert "delay 10 2 1 13 6.5 % 0.5" in words


def test_label_page_shows_rule_classes_and_dropped_rows() -> None:
    words = words_of(LABEL)
    assert "late = 1 where late_rate > 0.2 rows with a label 20,409 rows left out, no label 7" in words
    assert "class 0 11,578 (56.7 %) class 1 8,831 (43.3 %)" in words


@pytest.mark.parametrize(("counts", "severe"), [({0: 1000, 1: 100}, False), ({0: 1001, 1: 100}, True)])
def test_label_page_warns_above_ten_to_one(counts: dict[int, int], severe: bool) -> None:
    assert ("Severe imbalance" in render(LABEL.model_copy(update={"counts": counts}))) is severe


def test_label_page_warns_of_a_single_class() -> None:
    assert "nothing can be learned" in render(LABEL.model_copy(update={"counts": {0: 5, 1: 0}}))


@pytest.mark.parametrize(("hours", "holds"), [(-1.5, True), (0.0, True), (0.1, False)])
def test_certificate_claims_only_what_was_measured(hours: float, holds: bool) -> None:
    html = render(CERTIFICATE.model_copy(update={"latest_feature_minus_label_hours": hours}))
    assert ("No feature is later than its label" in html) is holds
    assert ("A feature is later than its label" in html) is not holds


def test_certificate_page_counts_lost_rows_and_ages() -> None:
    words = words_of(CERTIFICATE)
    assert "rows lost, no feature was known yet 51 (0.2 %)" in words
    assert "median age of the features 2.0 h oldest age of the features 1,026.0 h" in words


def test_leak_page_says_what_rejects_and_shows_every_score() -> None:
    words = words_of(LEAKS)
    assert "REJECTED 1 findings above their limit; no model is trained. findings 2 features above their limit 1 split by time" in words
    assert "rejects single_feature dep_delay 0.8990 0.8500 'dep_delay' alone tells 'late'." in words
    assert "to know derived_name late – – was not found" in words
    assert "dep_delay late AUC 0.8990 0.8500 0.5100 – – late_rate late AUC 0.6000 0.8000 0.5100 0.5500 late_rate" in words
    assert "train 208,687 100,000 test 65,198 65,198" in words


def test_leak_page_without_a_rejection_tells_what_was_accepted() -> None:
    accepted = LEAKS.model_copy(update={"findings": (LEAK.model_copy(update={"level": "accepted"}),)})
    assert "NO LEAK FOUND 1 findings above their limit are accepted." in words_of(accepted)
    assert "NO LEAK FOUND No finding rejects." in words_of(LeakReport(split="time"))


def test_tuning_page_marks_the_chosen_trial() -> None:
    marked = re.findall(r'<tr class="marked">.*?</tr>', render(TUNING))
    assert len(marked) == 1
    assert "lightgbm (chosen)" in marked[0]
    assert "0.6512" in marked[0]


def test_search_page_tells_trials_space_folds_and_marks_the_chosen_one() -> None:
    words, html = words_of(SEARCHED), render(SEARCHED)
    assert "4 trials by roc_auc" in words
    assert "roc_auc of the chosen 0.6500 (+/- 0.1000)" in words
    assert "pruned after 1 folds, 0.7000" in words
    assert "fold 2 1,900 rows to learn, 950 held out" in words
    assert "Each fold is judged on later rows than all that it learns from." in words
    assert "Searched as well: lightgbm." in words
    assert "75%" in words
    marked = re.findall(r'<tr class="marked">.*?</tr>', html)
    assert [("xgboost (chosen)" in row, "max_depth 4" in row) for row in marked] == [(True, True)] * 2
    assert html.count(">chosen</text>") == 1


def test_search_page_says_that_the_leading_booster_was_judged_again() -> None:
    again = SEARCHED.trials[2].model_copy(update={"rounds": (40, 50), "stopped_folds": (0.7, 0.8)})
    words = words_of(SEARCHED.model_copy(update={"trials": (*SEARCHED.trials[:2], again, SEARCHED.trials[3])}))
    assert "roc_auc of the chosen 0.6500 (+/- 0.1000)" in words
    assert "were judged again with their final number of trees; these values count." in words
    assert "judged again" not in words_of(SEARCHED)


def test_best_so_far_rises_with_whole_trials_alone() -> None:
    (line,) = re.findall(r'<polyline points="([^"]+)"', render(SEARCHED).partition("Search space")[0])
    heights = [float(point.partition(",")[2]) for point in line.split()]
    assert heights[0] == heights[1] == heights[2] > heights[-1]


def test_a_search_that_time_ended_says_so() -> None:
    assert SEARCHED.search is not None
    late = SEARCHED.model_copy(update={"search": SEARCHED.search.model_copy(update={"timed_out": True})})
    assert "Time ended the search before all trials" in words_of(late)
    assert "Time ended" not in words_of(SEARCHED)


def test_skipped_tuning_says_why() -> None:
    assert f"SKIPPED {ONE_CLASS}" in words_of(TuningReport(metric="roc_auc", skipped=ONE_CLASS))


def test_evaluation_page_keeps_the_random_split_apart() -> None:
    words = words_of(EVALUATION)
    assert "metric time-ordered test train random split for comparison only, do not quote guess by class share" in words
    assert "roc_auc 0.6696 0.7448 0.7109 0.4961" in words
    assert "accuracy 0.6563 – – –" in words


def test_evaluation_page_does_not_call_a_test_time_ordered_without_times() -> None:
    assert "time-ordered" not in render(EVALUATION.model_copy(update={"test_period": Period(rows=10)}))


def test_evaluation_page_shows_periods_confusion_and_the_twenty_most_important_features() -> None:
    words = words_of(EVALUATION)
    assert "test 4,044 2013-10-20 09:00 UTC 2013-12-31 09:00 UTC" in words
    assert "true class 1 944 56.2 % of the class 735 43.8 % of the class" in words
    assert "feature_04" in words
    assert "feature_03" not in words
    assert "3 less important features are not shown" in words


def test_evaluation_page_shows_intervals_and_what_was_drawn_for_them() -> None:
    words = words_of(SLICED)
    assert "metric time-ordered test 95% interval train" in words
    assert "roc_auc 0.6696 0.6542 to 0.6851 0.7448" in words
    assert "accuracy 0.6563 – –" in words
    assert "500 times as many whole days as the 73 of the test rows were drawn again" in words
    rows = SLICED.model_copy(update={"resampling": Resampling(drawn="rows", units=4044, resamples=500, confidence=0.9)})
    assert "90% interval" in words_of(rows)
    assert "as many rows as the 4,044 test rows were drawn again" in words_of(rows)
    assert "interval" not in words_of(EVALUATION)


def test_evaluation_page_names_the_worse_slice_and_does_not_judge_a_small_one() -> None:
    words = words_of(SLICED)
    assert "Worse than all rows by roc_auc: origin JFK." in words
    assert "origin EWR 2,500 0.6500 to 0.7300 0.6900" in words
    assert "origin JFK 1,500 worse 0.5400 to 0.6200 0.5800" in words
    assert "origin LGA 44 not judged – 0.5000" in words
    fair = SLICED.model_copy(update={"slices": SLICED.slices[:1]})
    assert "No slice is worse than all rows by roc_auc." in words_of(fair)
    assert "Slices" not in words_of(EVALUATION)


def test_evaluation_page_shows_the_threshold_its_goal_and_severe_imbalance() -> None:
    words = words_of(SLICED)
    assert "class 1 where its probability is at least 0.31 threshold largest F1, on the validation rows" in words
    assert "12.5 training rows of the larger class for each row of the smaller Severe imbalance, above 10" in words
    assert "Severe" not in words_of(SLICED.model_copy(update={"imbalance": 10.0}))


def test_evaluation_page_draws_calibration_and_residuals() -> None:
    assert "Calibration of late" in words_of(SLICED)
    numbers = Evaluation(task="regression", residuals=Residuals(predicted=(1.0, 2.0, 4.0), residual=(0.5, -1.0, 0.0)))
    assert render(numbers).count("<circle") == 3
    assert "3 test rows, evenly spread over all" in words_of(numbers)


def test_skipped_evaluation_says_why() -> None:
    words = words_of(Evaluation(skipped=ONE_CLASS))
    assert words == f"Evaluation No model was evaluated SKIPPED {ONE_CLASS}"


def test_explanation_page_shows_importance_of_all_outputs_and_of_each() -> None:
    words = words_of(EXPLANATION)
    assert "The features behind the answers on 2,000 of 4,044 test rows" in words
    assert "delay_mean_7d 0.4 carrier 0.25 Mean |SHAP|" in words
    assert "in probability. The sum over all outputs." in words
    assert "feature late cancelled delay_mean_7d 0.3000 0.1000 carrier 0.2000 0.0500" in words
    assert "late 0.4300 cancelled 0.0200" in words
    assert "the largest distance on these rows was 3e-07 of the largest prediction" in words


def test_explanation_page_draws_a_point_for_each_row_in_the_colour_of_its_rank() -> None:
    html = render(EXPLANATION)
    moves = {colour: len(re.findall(r"M[\d.]+ [\d.]+h0", path)) for path, colour in re.findall(r'<path d="([^"]+)" stroke="([^"]+)"', html)}
    assert moves == {"#2f5d8a": 1, "#b3261e": 1, "#98a1ac": 1}
    assert html.count("<path ") == 6
    assert "delay_mean_7d -4 31.5" in words_of(EXPLANATION)


def test_explanation_page_says_how_much_worse_the_model_would_be_without_a_feature() -> None:
    words = words_of(EXPLANATION)
    assert "feature roc_auc falls by standard deviation delay_mean_7d +0.0625 0.0040 carrier -0.0003 0.0001" in words
    assert "5 times each. As they are, it is 0.7100." in words
    worse = EXPLANATION.permutation and EXPLANATION.permutation.model_copy(update={"metric": "rmse"})
    assert "rmse rises by" in words_of(EXPLANATION.model_copy(update={"permutation": worse}))
    unknown = Permutation(metric="roc_auc", missing="nothing is known")
    assert "Permutation importance nothing is known" in words_of(EXPLANATION.model_copy(update={"permutation": unknown}))


def test_explanation_page_shows_no_value_that_does_not_add_up() -> None:
    withheld = EXPLANATION.model_copy(update={"importance": {}, "clouds": (), "withheld": "they miss the prediction by 0.2"})
    words = words_of(withheld)
    assert "No SHAP values WITHHELD they miss the prediction by 0.2 Permutation importance" in words
    assert "<svg" not in render(withheld)


def test_skipped_explanation_says_why() -> None:
    assert words_of(Explanation(skipped=ONE_CLASS)) == f"Explanation No model was explained SKIPPED {ONE_CLASS}"


@pytest.mark.parametrize(("outcome", "tone"), [("APPROVED", "good"), ("REJECTED", "bad"), ("SKIPPED", "quiet")])
def test_verdict_page_says_the_outcome_in_its_colour(outcome: str, tone: str) -> None:
    html = render(REJECTED.model_copy(update={"outcome": outcome}))
    assert f'<div class="statement {tone}"><p class="words">{outcome}</p></div>' in html


def test_verdict_page_shows_gates_and_missing_values() -> None:
    assert words_of(REJECTED).endswith("f1 0.4000 > 0.4500 (baseline) failed pr_auc – >= 0.3 failed")


def test_unregistered_model_says_why() -> None:
    report = Registration(name="m", version=None, run_id="5f0c", new=False, reason="REJECTED: f1 too low")
    assert "NOT REGISTERED REJECTED: f1 too low" in words_of(report)


def test_validation_page_without_checks_does_not_say_passed() -> None:
    words = words_of(ValidationReport(name="m", version=None))
    assert "NOTHING TO CHECK" in words
    assert "PASSED" not in words


def test_promotion_page_shows_interval_tests_and_slices() -> None:
    words = words_of(PROMOTED)
    assert "PROMOTED surely better" in words
    assert "roc_auc of the challenger 0.6912 roc_auc of the champion 0.6711 improvement +0.0201" in words
    assert "improvement, 95% interval 0.0101 to 0.0301 lower end has to be above 0.005" in words
    assert "1,000 times as many whole days as the 73 of the test rows were drawn again" in words
    assert "McNemar, exact 1,204 rows answered rightly by the challenger alone, 988 by the champion alone &lt; 0.001" in words
    assert "DeLong areas differ by +0.0201, standard error 0.0051 0.031" in words
    assert "The challenger is worse in: origin EWR." in words
    assert "origin EWR 1,500 worse -0.0500 -0.0800 to -0.0200 0.6000 0.6500" in words
    assert "origin JFK 2,500 better +0.0500 0.0300 to 0.0700 0.7500 0.7000" in words
    assert "origin LGA 44 not judged +0.0000 – 0.7000 0.7000" in words


def test_promotion_page_without_a_champion_says_that_nothing_was_compared() -> None:
    words = words_of(first_champion("roc_auc"))
    assert "PROMOTED there was no champion yet, and all gates passed" in words
    assert "It was not compared with a champion." in words


def test_promotion_page_of_a_champion_that_could_not_be_compared_counts_the_rows() -> None:
    words = words_of(Promotion(promoted=False, reason="too few rows", metric="rmse", rows=3, champion_version="7"))
    assert "NOT PROMOTED too few rows" in words
    assert "champion's version 7 common rows that neither was trained on 3" in words


def test_data_validation_page_names_what_failed_under_its_dimension() -> None:
    words = words_of(VALIDATED)
    assert "Data quality issue detected 1 of 2 failed; nothing was written. rows 1,000 expectations 2 failed 1" in words
    assert "Completeness: Is anything missing?" in words
    assert "expect_table_row_count_to_be_between the table 1,000 rows, at least 100 expected – passed Validity:" in words
    assert f"{BETWEEN} late_rate 'late_rate' is outside [0, 1] in 12 of 1,000 rows 12 failed" in words
    assert "Freshness: Is the newest row new enough? Nothing is expected here." in words


def test_data_validation_page_says_passed_only_where_something_was_judged() -> None:
    words = words_of(ValidationResult(table="t", rows=3, expectations=(ENOUGH,)))
    assert "PASSED All 1 expectations are met." in words
    assert "detected" not in words
    assert "PASSED" not in words_of(ValidationResult(table="t", rows=3, expectations=()))


def test_model_card_says_what_it_answers_and_how_to_load_it() -> None:
    words = words_of(CARD)
    assert "flight_delay, version 3 Will more than 20 % of tomorrow's flights arrive late? APPROVED" in words
    assert 'mlflow.pyfunc.load_model("models:/dev.reliability.flight_delay/3")' in words


def test_model_card_derives_limitations_from_its_numbers() -> None:
    words = words_of(CARD)
    assert "Judged on 4,044 rows from 2013-10-20 09:00 UTC to 2013-12-31 09:00 UTC only" in words
    assert "A random split would show roc_auc 0.7109 instead of 0.6696. That is optimistic" in words
    assert "it finds 43.8 % of the rows of class 1, and 62.2 % of what it calls class 1 is class 1" in words
    assert "NaN, ±Inf and null in a feature become 0; the model cannot tell them from a measured 0." in words
    assert "do not rely" not in words


def test_model_card_warns_of_worse_slices_imbalance_and_chosen_thresholds() -> None:
    words = words_of(CARD.model_copy(update={"evaluation": SLICED}))
    assert "a single period, roc_auc may as well be 0.6542 to 0.6851, and no word about later times" in words
    assert "It is worse where origin is JFK: roc_auc 0.5800 instead of 0.6696 on 1,500 rows." in words
    assert "severely out of balance, 12 training rows of the larger class for each row of the smaller" in words
    assert "Its decision threshold 0.31 (largest F1, on the validation rows) holds as long as" in words


def test_model_card_without_intervals_says_so() -> None:
    words = words_of(CARD)
    assert "a single period, no confidence interval, and no word about later times" in words
    assert "It is worse where" not in words
    assert "out of balance" not in words


def test_model_card_does_not_call_a_random_split_optimistic_that_is_not() -> None:
    lower = CARD.model_copy(update={"evaluation": EVALUATION.model_copy(update={"random_split": {"roc_auc": 0.6}})})
    assert "optimistic" not in words_of(lower)


def test_model_card_of_a_rejected_model_warns_and_has_nothing_to_load() -> None:
    missing = Registration(name="m", version=None, run_id=None, new=False, reason="REJECTED")
    words = words_of(CARD.model_copy(update={"outcome": "REJECTED", "registration": missing}))
    assert "The verdict is REJECTED: do not rely on this model." in words
    assert "load_model" not in words


def test_source_page_says_what_was_left_out_and_why() -> None:
    words = words_of(READ)
    assert "no value in target 7 said what another row says 2 no features found 3 Lost 3 rows in join." in words


def test_division_page_shows_both_parts_class_by_class() -> None:
    words = words_of(DIVIDED)
    assert "train 720 test 180" in words
    assert "divided by label_time, the latest being the test rows" in words
    assert "1 220 30.6 % 60 33.3 %" in words


def test_prepared_page_names_both_tables_with_their_versions() -> None:
    assert f"train {TABLE.name} 4 76,566 written" in words_of(PREPARED)


def test_model_validation_page_shows_checks_limits_and_what_serving_takes() -> None:
    words = words_of(MODEL_VALIDATION)
    assert "1 of 2 checks passed." in words
    assert "one row takes 1.25 ms, at most 1 ms was asked for" in words
    assert "size of its files 2.5 MB" in words
    assert "probabilities 0.0100 to 0.9700" in words
