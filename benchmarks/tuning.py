"""(i) A search of 50 trials by Stackhouse against the same search written by hand with Optuna, XGBoost and scikit-learn.

Both keep their trials in sqlite, draw the same hyperparameters from the same space (the sampler is seeded by trial), fit the same
boosters with early stopping on the same five folds in time, and prune by the median. The trials are compared, and have to be
equal. Beside them, Stackhouse judges the trial that leads once more without early stopping.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks.timing import alternating, medians

ROWS, FEATURES, SEED, REPETITIONS = 4_000, 17, 42, 3
TRIALS, FOLDS, PATIENCE = 50, 5, 20
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [f"feature_{number:02d}" for number in range(FEATURES)]
TREES = (20, 100)


def frame() -> pl.DataFrame:
    """Normal features of which three and noise make the label; ten rows an hour."""
    generator = np.random.default_rng(SEED)
    X = generator.normal(size=(ROWS, FEATURES))
    y = (X[:, 0] * X[:, 1] + X[:, 2] + generator.normal(size=ROWS) > 0).astype(np.int64)
    times = [START + timedelta(hours=row // 10) for row in range(ROWS)]
    return pl.DataFrame({"key": range(ROWS), "time": times, **dict(zip(NAMES, X.T, strict=True)), "y": y})


def compare(folder: Path) -> None:
    """Measure both searches and print them; `folder` is a new temporary one.

    Raises:
        RuntimeError: where the two searches do not have equal trials; they would not have done the same work.
    """
    folder.mkdir()
    rows = frame()
    numbers = iter(range(1_000_000))
    ours, theirs = _ours(rows, numbers), _by_hand(rows, folder, numbers)
    found: dict[str, Any] = {}
    times = medians(alternating(REPETITIONS, ours=lambda: found.update(ours=ours()), theirs=lambda: found.update(theirs=theirs())))
    if found["ours"] != found["theirs"]:
        raise RuntimeError(f"the two searches differ: {found['ours'][:3]} and {found['theirs'][:3]}")
    values = [value for value in found["ours"] if value is not None]
    print(f"\n(i) tuning: {TRIALS} trials on {FOLDS} folds in time of {ROWS:,} rows × {FEATURES}, median of {REPETITIONS} alternating")
    print(f"    The same trials on both sides (checked), {TRIALS - len(values)} pruned, kept in sqlite; best roc_auc {max(values):.4f}.")
    print(f"    {'':<44}{'Stackhouse':>12}{'by hand':>12}{'ratio':>9}")
    print(f"    {'search, s':<44}{times['ours']:>12.2f}{times['theirs']:>12.2f}{times['ours'] / times['theirs']:>8.2f}×")


def _ours(rows: pl.DataFrame, numbers: Any) -> Callable[[], list[float | None]]:
    from stackhouse.algorithms import XGBoost
    from stackhouse.cleaning import CleaningRule
    from stackhouse.fitted import ScoringRules
    from stackhouse.labels.rules import BinaryLabel
    from stackhouse.splits import TimeSplit
    from stackhouse.table import Roles, Table
    from stackhouse.tuning.search import digest, search
    from stackhouse.tuning.search_rule import SearchRule
    from stacks.studies import kept_study

    table = Table.of(rows, Roles(primary_keys=("key",), timestamp="time", label="y", features=tuple(NAMES)), "made")
    listed = (ScoringRules(algorithm=XGBoost(), features=tuple(NAMES), cleaning=CleaningRule(), label=BinaryLabel(source="y")),)
    space = {"xgboost": {"n_estimators": {"low": TREES[0], "high": TREES[1]}}}
    rule = SearchRule(trials=TRIALS, folds=FOLDS, seed=SEED, early_stopping_rounds=PATIENCE, space=space)  # type: ignore[arg-type]

    def run() -> list[float | None]:
        told = digest(table, listed, "roc_auc", rule, TimeSplit(), "code")
        with kept_study(f"dev.bench.made_{next(numbers)}", told) as study:
            trials = search(table, table, listed, "roc_auc", rule, TimeSplit(), kept=study).report.trials
        as_stopped = [trial.model_copy(update={"folds": trial.stopped_folds or trial.folds}) for trial in trials]
        return [None if trial.pruned else trial.mean for trial in as_stopped]

    return run


def _by_hand(rows: pl.DataFrame, folder: Path, numbers: Any) -> Callable[[], list[float | None]]:
    import optuna
    from sklearn.metrics import roc_auc_score
    from xgboost import XGBClassifier
    from xgboost.callback import EarlyStopping

    fixed = {"objective": "binary:logistic", "eval_metric": "logloss", "tree_method": "hist", "n_jobs": 1, "random_state": 42}
    default = {
        "n_estimators": 100,
        "max_depth": 6,
        "learning_rate": 0.1,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "min_child_weight": 1.0,
    }

    def judge(X: Any, y: Any, fold: tuple[Any, Any], parameters: dict[str, Any], *, stop: bool) -> float:
        fit, held = fold
        callbacks = [EarlyStopping(rounds=PATIENCE, save_best=True)] if stop else None
        model = XGBClassifier(**fixed, **parameters, callbacks=callbacks)
        model.fit(X[fit], y[fit], eval_set=[(X[held], y[held])] if stop else None, verbose=False)
        return float(roc_auc_score(y[held], model.get_booster().inplace_predict(X[held])))

    def draw(trial: Any) -> dict[str, Any]:
        trial.suggest_categorical("kind", ["xgboost"])
        return {
            "n_estimators": trial.suggest_int("xgboost.n_estimators", *TREES),
            "max_depth": trial.suggest_int("xgboost.max_depth", 2, 10),
            "learning_rate": trial.suggest_float("xgboost.learning_rate", 0.01, 0.3, log=True),
            "subsample": trial.suggest_float("xgboost.subsample", 0.5, 1.0),
            "colsample_bytree": trial.suggest_float("xgboost.colsample_bytree", 0.5, 1.0),
            "min_child_weight": trial.suggest_float("xgboost.min_child_weight", 0.5, 20.0, log=True),
        }

    def run() -> list[float | None]:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        X, y, times = rows.select(NAMES).to_numpy(order="c"), rows["y"].to_numpy(), rows["time"].to_numpy()
        distinct = np.unique(times)
        edges = [distinct[len(distinct) * block // (FOLDS + 1)] for block in range(1, FOLDS + 1)]
        ends = [*edges[1:], distinct[-1] + np.timedelta64(1, "h")]
        folds = [(times < start, (times >= start) & (times < end)) for start, end in zip(edges, ends, strict=True)]
        pruner = optuna.pruners.MedianPruner(n_warmup_steps=1)
        study = optuna.create_study(storage=f"sqlite:///{folder}/{next(numbers)}.db", direction="maximize", pruner=pruner)

        def objective(trial: Any) -> float:
            parameters = draw(trial)
            values: list[float] = []
            for number, fold in enumerate(folds):
                values.append(judge(X, y, fold, parameters, stop=trial.number > 0))
                mean = float(np.mean(values))
                trial.report(mean, number)
                at_this_fold = optuna.trial.create_trial(state=optuna.trial.TrialState.RUNNING, intermediate_values={number: mean})
                if trial.number and number + 1 < FOLDS and pruner.prune(study, at_this_fold):
                    raise optuna.TrialPruned
            return float(np.mean(values))

        study.enqueue_trial({"kind": "xgboost", **{f"xgboost.{name}": value for name, value in default.items()}})
        for number in range(TRIALS):
            (seed,) = np.random.SeedSequence([SEED, number]).generate_state(1)
            study.sampler = optuna.samplers.TPESampler(seed=int(seed))
            study.optimize(objective, n_trials=1)
        return [trial.value if trial.state.name == "COMPLETE" else None for trial in study.trials]

    return run
