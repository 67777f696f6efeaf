"""Reports that several modules draw, log or show as a page: small enough to be checked by eye."""

from stackhouse.algorithms import Choices, LightGBM, Losses, Range, XGBoost
from stackhouse.evaluation.curves import Curves
from stackhouse.explanation.explanation import Cloud, Explanation, Point
from stackhouse.explanation.permutation import Permutation
from stackhouse.tuning.comparison import SearchReport, Trial, TuningReport

CURVES = Curves(false_positive_rate=(0.0, 0.2, 1.0), true_positive_rate=(0.0, 0.5, 1.0), recall=(0.0, 0.5, 1.0), precision=(1.0, 0.6, 0.4))
SEARCHED = TuningReport(
    metric="roc_auc",
    trials=(
        Trial(algorithm=XGBoost(), folds=(0.5, 0.6), metrics={"roc_auc": 0.61}),
        Trial(algorithm=XGBoost(max_depth=3), folds=(0.7,), drawn={"max_depth": 3, "class_weight": None}, pruned=True),
        Trial(algorithm=XGBoost(max_depth=4), folds=(0.6, 0.7), drawn={"max_depth": 4, "class_weight": None}, metrics={"roc_auc": 0.66}),
        Trial(algorithm=LightGBM(max_depth=5), folds=(0.4, 0.5), drawn={"max_depth": 5}),
    ),
    chosen=2,
    losses=Losses(name="log_loss", train=(0.6, 0.5), validation=(0.65, 0.64)),
    search=SearchReport(
        space={
            "xgboost": {"max_depth": Range(low=2, high=8), "class_weight": Choices(choices=(None, "balanced"))},
            "lightgbm": {"max_depth": Range(low=2, high=8, log=True)},
        },
        fold_rows=((1000, 900), (1900, 950)),
        by_time=True,
        importance={"max_depth": 0.75, "class_weight": 0.25},
    ),
)
"""A listed trial, one that was pruned after its first fold, the chosen one, and one that was worse."""
EXPLANATION = Explanation(
    task="multilabel_classification",
    unit="probability",
    test_rows=4044,
    rows=2000,
    outputs=("late", "cancelled"),
    base=(0.43, 0.02),
    importance={"delay_mean_7d": (0.3, 0.1), "carrier": (0.2, 0.05)},
    clouds=(
        Cloud(feature="delay_mean_7d", low=-4.0, high=31.5, points=(Point(rank=0.0, shap=(-0.3, 0.0)), Point(rank=1.0, shap=(0.6, 0.25)))),
        Cloud(feature="carrier", low=None, high=None, points=(Point(rank=None, shap=(0.1, -0.2)),)),
    ),
    gap=3e-7,
    permutation=Permutation(
        metric="roc_auc",
        rows=2000,
        repeats=5,
        undealt=0.71,
        mean={"delay_mean_7d": 0.0625, "carrier": -0.0003},
        deviation={"delay_mean_7d": 0.004, "carrier": 0.0001},
    ),
)
"""Two labels, a number that drives both, and a category, whose values have no order."""
