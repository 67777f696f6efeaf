"""Figures: each shows the numbers of the evaluation, and what was not measured is not drawn."""

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest

from stackhouse.evaluation.calibration import Calibration
from stackhouse.evaluation.curves import Curves
from stackhouse.evaluation.evaluation import Confusion, Evaluation
from stackhouse.evaluation.intervals import Interval
from stackhouse.evaluation.residuals import Residuals
from stacks.figures import figures
from tests.reports import CURVES

CLASSIFIED = Evaluation(
    test={"roc_auc": 0.75, "pr_auc": 0.6, "brier_score": 0.2, "positive_class_ratio": 0.4},
    intervals={"roc_auc": Interval(low=0.7, high=0.8)},
    curves=CURVES,
    confusion=Confusion(classes=("on time", "late"), counts=((6, 2), (1, 3))),
    calibration=(Calibration(label="late", predicted=(0.2, 0.7), observed=(0.25, 0.65)),),
)
REGRESSED = Evaluation(task="regression", residuals=Residuals(predicted=(1.0, 2.0), residual=(0.5, -0.5)))


def texts(name: str, evaluation: Evaluation = CLASSIFIED) -> list[str]:
    axes = figures(evaluation)[name].axes[0]
    return [axes.get_title(), *(text.get_text() for text in axes.texts)]


@pytest.mark.parametrize(
    ("evaluation", "names"),
    [
        (CLASSIFIED, ["confusion_matrix.png", "calibration_curve.png", "roc_curve.png", "precision_recall_curve.png"]),
        (REGRESSED, ["residuals.png"]),
        (Evaluation(skipped="one class"), []),
        (Evaluation(curves=Curves(false_positive_rate=(), true_positive_rate=(), recall=(), precision=())), []),
    ],
    ids=["classifier", "regression", "skipped", "one class in the test rows"],
)
def test_what_was_measured_is_drawn(evaluation: Evaluation, names: list[str]) -> None:
    assert list(figures(evaluation)) == names


@pytest.mark.parametrize("evaluation", [CLASSIFIED, REGRESSED], ids=["classifier", "regression"])
def test_every_figure_becomes_a_png(evaluation: Evaluation) -> None:
    for figure in figures(evaluation).values():
        file = BytesIO()
        figure.savefig(file, format="png")
        assert file.getvalue().startswith(b"\x89PNG")


def test_confusion_matrix_counts_rows_with_true_classes_down() -> None:
    title, *cells = texts("confusion_matrix.png")
    assert title == "Confusion matrix, test rows"
    assert cells == ["6\n75.0%", "2\n25.0%", "1\n25.0%", "3\n75.0%"]
    axes = figures(CLASSIFIED)["confusion_matrix.png"].axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["on time", "late"]


def test_confusion_matrix_without_a_row_of_a_class_divides_by_nothing() -> None:
    empty = Evaluation(confusion=Confusion(classes=("0", "1"), counts=((0, 0), (1, 3))))
    assert texts("confusion_matrix.png", empty)[1] == "0\n0.0%"


def test_curves_carry_their_area_and_its_interval() -> None:
    assert texts("roc_curve.png") == ["ROC curve, test rows: roc_auc 0.750 (0.700 to 0.800)"]
    assert texts("precision_recall_curve.png") == ["Precision-recall curve, test rows: pr_auc 0.600"]


def test_curves_are_those_of_the_evaluation_with_that_of_a_guess() -> None:
    guess, drawn = figures(CLASSIFIED)["precision_recall_curve.png"].axes[0].lines
    assert list(guess.get_ydata()) == [0.4, 0.4]
    assert (tuple(drawn.get_xdata()), tuple(drawn.get_ydata())) == (CLASSIFIED.curves.recall, CLASSIFIED.curves.precision)


def test_calibration_has_a_line_for_each_label_beside_the_diagonal() -> None:
    _, late = figures(CLASSIFIED)["calibration_curve.png"].axes[0].lines
    assert (late.get_label(), tuple(late.get_xdata()), tuple(late.get_ydata())) == ("late", (0.2, 0.7), (0.25, 0.65))
    assert texts("calibration_curve.png") == ["Calibration, test rows (Brier score 0.2000)"]


def test_residuals_are_points_by_prediction() -> None:
    [points] = figures(REGRESSED)["residuals.png"].axes[0].collections
    assert np.asarray(points.get_offsets()).tolist() == [[1.0, 0.5], [2.0, -0.5]]


def test_matplotlib_is_imported_where_a_figure_is_drawn_alone() -> None:
    code = "import sys, stacks.figures; print('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "False"
