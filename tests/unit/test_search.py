"""The search: planted truths are found on folds of the training rows, and going on after an end changes nothing."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import optuna
import polars as pl
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import TimeSeriesSplit, cross_val_score

from stackhouse.algorithms import LightGBM, RandomForest, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.encoded_columns import Cut
from stackhouse.errors import ConfigurationError, DataError
from stackhouse.evaluation.metrics import better
from stackhouse.fitted import FittedModel, ScoringRules
from stackhouse.labels.rules import BinaryLabel, ClassLabel, MultiLabel, ValueLabel
from stackhouse.splits import RandomSplit, TimeSplit
from stackhouse.table import Roles, Table
from stackhouse.tuning.comparison import Trial, measure
from stackhouse.tuning.cross_validation import Judge
from stackhouse.tuning.folds import by_time, divide
from stackhouse.tuning.search import best_by_folds, digest, search
from stackhouse.tuning.search_rule import SearchRule
from stackhouse.tuning.study import Study

START = datetime(2024, 1, 1, tzinfo=UTC)
FEATURES = ("a", "b", "noise")
ROLES = Roles(primary_keys=("k",), timestamp="t", label="y", features=FEATURES)
FEW_TREES: dict[str, Any] = {"n_estimators": {"low": 10, "high": 40}}
SMALL = SearchRule(trials=8, folds=3, space={"xgboost": FEW_TREES})
STUMP = XGBoost(n_estimators=3, max_depth=1, learning_rate=0.01)
"""Planted: y is 1 where a and b have one sign, which trees of one cut cannot see."""


class Killed(BaseException):
    """Stands for the end of a process in the middle of a search."""


def draw_rows(rows: int, seed: int, start: datetime = START) -> Table:
    """One row an hour; y is 1 where a and b have one sign, in nine rows of ten."""
    generator = np.random.default_rng(seed)
    a, b, noise = generator.uniform(-1, 1, (3, rows))
    y = np.where(generator.random(rows) < 0.1, a * b < 0, a * b > 0).astype(np.int64)
    times = [start + timedelta(hours=hour) for hour in range(rows)]
    return Table.of(pl.DataFrame({"k": range(rows), "t": times, "a": a, "b": b, "noise": noise, "y": y}), ROLES, "train")


TRAIN = draw_rows(240, seed=1)
LATER = draw_rows(80, seed=2, start=datetime(2024, 6, 1, tzinfo=UTC))


def rules(*algorithms: Any) -> tuple[ScoringRules, ...]:
    one = ScoringRules(algorithm=XGBoost(), features=FEATURES, cleaning=CleaningRule(), label=BinaryLabel(source="y"))
    return tuple(one.model_copy(update={"algorithm": algorithm}) for algorithm in algorithms)


def run(rule: SearchRule = SMALL, *algorithms: Any, metric: str = "roc_auc", **options: Any) -> Any:
    given = {"split": TimeSplit(), **options}
    return search(TRAIN, LATER, rules(*(algorithms or (STUMP,))), metric, rule, **given)


@pytest.fixture(scope="module")
def undisturbed() -> Any:
    return run()


@pytest.mark.parametrize("split", [TimeSplit(), RandomSplit()], ids=lambda split: split.kind)
def test_the_tuned_beats_a_bad_default_on_rows_that_neither_saw(split: Any) -> None:
    tuned = run(split=split)
    listed, chosen = tuned.report.trials[0], tuned.report.trials[tuned.report.chosen]
    assert listed.algorithm == STUMP
    assert listed.metrics["roc_auc"] < 0.65
    assert chosen.metrics["roc_auc"] > 0.8
    assert tuned.rules.algorithm == chosen.algorithm
    assert chosen.metrics == measure(FittedModel.fit(TRAIN, tuned.rules), LATER)


@pytest.mark.parametrize("seeing", ["xgboost", "lightgbm"])
def test_the_better_of_two_algorithms_is_chosen(seeing: str) -> None:
    blind = {"n_estimators": {"low": 2, "high": 4}, "max_depth": {"choices": [1]}}
    space = {kind: FEW_TREES if kind == seeing else blind for kind in ("xgboost", "lightgbm")}
    listed = XGBoost(n_estimators=2, max_depth=1), LightGBM(n_estimators=2, max_depth=1)
    tuned = run(SearchRule(trials=10, folds=3, space=space), *listed)
    assert tuned.rules.algorithm.kind == seeing
    drawn = [trial.algorithm.kind for trial in tuned.report.trials if trial.drawn]
    assert {*drawn} == {"xgboost", "lightgbm"}


def test_listed_candidates_come_first_as_they_are_and_are_never_better_than_the_chosen() -> None:
    good = XGBoost(n_estimators=700, max_depth=2)
    tuned = run(SearchRule(trials=4, folds=3, space={"xgboost": FEW_TREES}), STUMP, good)
    report = tuned.report
    assert [trial.algorithm for trial in report.trials[:2]] == [STUMP, good]
    assert [(trial.rounds, dict(trial.drawn), trial.pruned) for trial in report.trials[:2]] == [((), {}, False)] * 2
    assert all(trial.mean <= report.trials[report.chosen].mean for trial in report.trials if not trial.pruned)


def test_folds_give_what_scikit_learn_gives() -> None:
    forest = RandomForest(n_estimators=20, random_state=3)
    trial = run(SearchRule(trials=1, folds=5), forest).report.trials[0]
    rows = TRAIN.collect().to_native()
    by_hand = RandomForestClassifier(20, max_depth=10, min_samples_split=5, min_samples_leaf=2, class_weight="balanced", random_state=3)
    X, y = rows.select(FEATURES).to_numpy(), rows["y"].to_numpy()
    scores = cross_val_score(by_hand, X, y, cv=TimeSeriesSplit(5), scoring="roc_auc")
    assert trial.folds == pytest.approx(tuple(scores), abs=1e-12)
    assert trial.cross_validated == f"{scores.mean():.4f} (+/- {2 * scores.std():.4f})"


def test_validation_rows_have_no_say_in_what_is_chosen(undisturbed: Any) -> None:
    turned = LATER.with_frame(LATER.frame.with_columns((1 - pl_column("y")).alias("y")))
    report = search(TRAIN, turned, rules(STUMP), "roc_auc", SMALL, TimeSplit()).report
    assert [trial.folds for trial in report.trials] == [trial.folds for trial in undisturbed.report.trials]
    assert report.chosen == undisturbed.report.chosen
    assert report.trials[report.chosen].metrics["roc_auc"] < 0.3


def pl_column(name: str) -> Any:
    import narwhals as nw

    return nw.col(name)


def test_what_is_fitted_is_fitted_on_the_rows_of_the_fold_alone() -> None:
    folds = by_time(TRAIN, 3)
    (one,) = rules(STUMP)
    judge = Judge.of(folds, (one.model_copy(update={"cuts": (Cut(name="high", column="a"),)}),), "roc_auc")
    for fold, encoded in zip(folds, judge.folds[True], strict=True):
        median = fold.train.collect(["a"])["a"].to_numpy()
        assert encoded.encoding.columns[-1].edges == (float(np.median(median)),)  # type: ignore[union-attr]
    assert judge.sizes == ((60, 60), (120, 60), (180, 60))


def test_smaller_is_better_where_the_metric_says_so() -> None:
    report = run(metric="log_loss").report
    whole = [trial.mean for trial in report.trials if not trial.pruned]
    assert report.trials[report.chosen].mean == min(whole) < whole[0]


@pytest.mark.parametrize(("metric", "direction"), [("log_loss", "MINIMIZE"), ("rmse", "MINIMIZE"), ("roc_auc", "MAXIMIZE")])
def test_the_sampler_looks_the_way_the_metric_is_better(metric: str, direction: str) -> None:
    assert Study(metric, [STUMP], SMALL, None)._study.direction.name == direction


def test_the_same_seed_gives_the_same_search_and_another_seed_another(undisturbed: Any) -> None:
    assert run() == undisturbed
    other = run(SMALL.model_copy(update={"seed": 7})).report
    assert [trial.drawn for trial in other.trials] != [trial.drawn for trial in undisturbed.report.trials]


@pytest.mark.parametrize("at_once", [2, 3])
def test_folds_fitted_at_once_change_nothing_that_is_found(at_once: int) -> None:
    rule = SearchRule(trials=14, folds=4, space={"xgboost": FEW_TREES})
    one_by_one = run(rule)
    assert any(trial.pruned for trial in one_by_one.report.trials)
    assert run(rule.model_copy(update={"parallel_folds": at_once})) == one_by_one


def test_so_many_folds_are_fitted_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    meeting, value = threading.Barrier(3, timeout=20), Judge.value

    def together(judge: Judge, *given: Any) -> Any:
        meeting.wait()
        return value(judge, *given)

    monkeypatch.setattr(Judge, "value", together)
    run(SMALL.model_copy(update={"trials": 1, "parallel_folds": 3}))
    assert not meeting.broken


@pytest.mark.parametrize("after", range(1, 9))
def test_a_search_that_ends_in_the_middle_goes_on_to_the_same_result(after: int, undisturbed: Any) -> None:
    kept = optuna.create_study(direction="maximize")

    def end(trials: Sequence[Trial]) -> None:
        if len(trials) == after:
            raise Killed

    with pytest.raises(Killed):
        run(kept=kept, told=end)
    assert len(kept.trials) == after
    told: list[int] = []
    assert run(kept=kept, told=lambda trials: told.append(len(trials))) == undisturbed
    assert told == list(range(after + 1, 9))


def test_more_trials_go_on_where_fewer_ended_and_fewer_take_the_first(undisturbed: Any) -> None:
    kept = optuna.create_study(direction="maximize")
    short = SMALL.model_copy(update={"trials": 5})
    first = run(short, kept=kept)
    assert run(kept=kept) == undisturbed
    assert run(short, kept=kept) == first


def test_a_study_of_another_search_is_refused() -> None:
    kept = optuna.create_study(direction="maximize", study_name="ours")
    run(SMALL.model_copy(update={"trials": 2}), kept=kept)
    with pytest.raises(ConfigurationError, match="The kept study 'ours' is of another search"):
        run(SMALL, XGBoost(), kept=kept)
    foreign = optuna.create_study(direction="maximize", study_name="theirs")
    foreign.add_trial(optuna.trial.create_trial(value=0.5))
    with pytest.raises(ConfigurationError, match="The kept study 'theirs' is of another search"):
        run(kept=foreign)


def test_the_digest_tells_searches_apart_but_not_by_how_long_they_are() -> None:
    def told(table: Table = TRAIN, rule: SearchRule = SMALL, algorithm: Any = STUMP, metric: str = "f1", code: str = "1") -> str:
        return digest(table, rules(algorithm), metric, rule, TimeSplit(), code)

    longer = SMALL.model_copy(update={"trials": 90, "timeout_minutes": 5.0, "parallel_folds": 2})
    assert told() == told(rule=longer)
    others = [
        told(table=draw_rows(240, seed=3)),
        told(rule=SMALL.model_copy(update={"folds": 4})),
        told(rule=SMALL.model_copy(update={"space": {}})),
        told(rule=SMALL.model_copy(update={"seed": 1})),
        told(algorithm=XGBoost()),
        told(metric="roc_auc"),
        told(code="2"),
    ]
    assert len({told(), *others}) == 1 + len(others)


def test_time_ends_the_search_but_not_the_listed_candidates() -> None:
    report = run(SMALL, STUMP, XGBoost(n_estimators=20), expired=lambda: True).report
    assert len(report.trials) == 2
    assert report.search.timed_out
    assert report.chosen == 1


def test_a_booster_takes_the_mean_of_where_its_folds_stopped(undisturbed: Any) -> None:
    drawn = [trial for trial in undisturbed.report.trials if trial.drawn]
    for trial in drawn:
        assert len(trial.rounds) == len(trial.folds)
        assert trial.algorithm.n_estimators == round(np.mean(trial.rounds)) <= trial.drawn["n_estimators"]
    never = run(SMALL.model_copy(update={"early_stopping_rounds": 0})).report
    for trial in never.trials[1:]:
        assert (trial.rounds, trial.algorithm.n_estimators) == ((), trial.drawn["n_estimators"])


TASKS: dict[str, tuple[Any, Any, str]] = {
    "binary": (BinaryLabel(source="y"), pl.col("y"), "roc_auc"),
    "classes": (ClassLabel(source="y", name="y", classes=("0", "1", "2")), pl.col("k") % 2 + (pl.col("a") > 0), "macro_f1"),
    "labels": (MultiLabel(labels=(BinaryLabel(source="y"), BinaryLabel(source="z"))), pl.col("y"), "roc_auc"),
    "number": (ValueLabel(source="y"), pl.col("a") * pl.col("b") + pl.col("noise"), "rmse"),
}
"""By task: the label's rule, the label itself, and the metric that decides."""


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("split", "at_once"), [(TimeSplit(), 1), (RandomSplit(), 3)], ids=["by time", "at random, at once"])
def test_the_folds_of_the_chosen_are_those_of_the_algorithm_that_goes_on(task: str, split: Any, at_once: int) -> None:
    label, values, metric = TASKS[task]
    roles = ROLES.model_copy(update={"further_labels": ("z",) if task == "labels" else ()})
    train, later = (
        Table.of(table.collect().to_native().with_columns(y=values, z=(pl.col("b") > 0).cast(pl.Int64)), roles, "rows")
        for table in (TRAIN, LATER)
    )
    rule = SearchRule(trials=8, folds=3, parallel_folds=at_once, space={"xgboost": FEW_TREES})
    listed = tuple(found.model_copy(update={"label": label}) for found in rules(STUMP))
    report = search(train, later, listed, metric, rule, split).report
    chosen, judge = report.trials[report.chosen], Judge.of(divide(train, split, 3, rule.seed), listed, metric)
    assert len(chosen.rounds) == len(chosen.stopped_folds) == 3
    assert chosen.folds == tuple(judge.value(chosen.algorithm, fold, patience=0)[0] for fold in range(3))
    assert not any(better(metric, trial.mean, chosen.mean) for trial in report.trials if not trial.pruned)


Worth = dict[int, tuple[float, float]]
"""By number of the drawn trial, from 1 on: what its folds give where they stop early, and what they give with its final number of trees."""


@pytest.mark.parametrize(("metric", "sign"), [("roc_auc", 1), ("log_loss", -1)])
@pytest.mark.parametrize(
    ("worth", "chosen", "judged_again"),
    [
        ({1: (0.9, 0.8), 2: (0.6, 0.6)}, 1, [1]),
        ({1: (0.9, 0.7), 2: (0.6, 0.6)}, 0, [1]),
        ({1: (0.9, 0.6), 2: (0.8, 0.75)}, 2, [1, 2]),
        ({1: (0.9, 0.75), 2: (0.8, 0.74)}, 1, [1, 2]),
        ({1: (0.9, 0.6), 2: (0.8, 0.5)}, 0, [1, 2]),
        ({1: (0.7, 0.9), 2: (0.6, 0.9)}, 0, []),
    ],
    ids=["the lead holds", "no better than the listed", "the next one leads", "ahead again", "the listed leads", "never led"],
)
def test_a_booster_that_stopped_early_leads_by_what_it_is_worth_without(
    metric: str, sign: int, worth: Worth, chosen: int, judged_again: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listed candidate is worth 0.7 on every fold."""
    told: list[int] = []

    def value(_: Judge, algorithm: Any, fold: int, patience: int) -> tuple[float, int | None]:
        if patience:
            return sign * worth[told[-1]][0], 10 * told[-1]
        return sign * (worth[algorithm.n_estimators // 10][1] if algorithm != STUMP else 0.7), None

    monkeypatch.setattr(Judge, "value", value)
    report = run(SMALL.model_copy(update={"trials": 3}), metric=metric, told=lambda trials: told.append(len(trials))).report
    assert (report.chosen, best_by_folds(report.trials, metric)) == (chosen, chosen)
    assert [at for at, trial in enumerate(report.trials) if trial.stopped_folds] == judged_again
    expected = sign * (worth[chosen][1] if chosen else 0.7)
    assert report.trials[chosen].folds == (expected,) * 3


def test_what_was_judged_again_is_kept_as_it_was(undisturbed: Any) -> None:
    kept = optuna.create_study(direction="maximize")
    run(kept=kept)
    chosen = undisturbed.report.trials[undisturbed.report.chosen]
    assert kept.trials[undisturbed.report.chosen].value == pytest.approx(np.mean(chosen.stopped_folds))


def test_a_poor_trial_ends_before_its_last_fold_and_cannot_win() -> None:
    report = run(SearchRule(trials=20, folds=4, space={"xgboost": FEW_TREES})).report
    pruned = [trial for trial in report.trials if trial.pruned]
    assert pruned
    assert all(2 <= len(trial.folds) < 4 for trial in pruned)
    assert not report.trials[report.chosen].pruned
    whole = run(SearchRule(trials=20, folds=4, pruning=False, space={"xgboost": FEW_TREES})).report
    assert all(len(trial.folds) == 4 for trial in whole.trials)


def test_pruned_trial_with_the_best_mean_does_not_win() -> None:
    trials = [
        Trial(algorithm=STUMP, folds=(value,), pruned=pruned) for value, pruned in ((0.5, False), (0.9, True), (0.6, False), (0.6, False))
    ]
    assert best_by_folds(trials, "roc_auc") == 2
    assert best_by_folds(trials, "log_loss") == 0


def test_importance_is_told_of_the_chosen_kind_where_there_are_enough_trials(undisturbed: Any) -> None:
    assert undisturbed.report.search.importance == {}
    rule = SearchRule(
        trials=14, folds=2, pruning=False, early_stopping_rounds=0, space={"xgboost": {**FEW_TREES, "max_depth": {"low": 1, "high": 6}}}
    )
    found = run(rule).report.search.importance
    assert {*found} == {*XGBoost.space}
    assert sum(found.values()) == pytest.approx(1)


def test_losses_are_those_of_the_chosen(undisturbed: Any) -> None:
    trees = undisturbed.rules.algorithm.n_estimators
    assert (len(undisturbed.report.losses.train), len(undisturbed.report.losses.validation)) == (trees, trees)


def test_a_fold_of_one_class_is_refused_by_its_number() -> None:
    early = TRAIN.with_frame(TRAIN.frame.with_columns((pl_column("y") * (pl_column("k") > 100)).alias("y")))
    with pytest.raises(DataError, match=r"Fold 1 of 3: all training rows are of class 0; .* Lower model\.tuning\.search\.folds"):
        search(early, LATER, rules(STUMP), "roc_auc", SMALL, TimeSplit())


def test_training_rows_of_one_class_are_skipped_with_the_reason() -> None:
    single = TRAIN.with_frame(TRAIN.frame.filter(pl_column("y") == 1))
    tuned = search(single, LATER, rules(STUMP), "roc_auc", SMALL, TimeSplit())
    assert tuned.report.skipped == "all training rows are of class 1; a classifier needs both"
    assert tuned.rules.algorithm == STUMP
