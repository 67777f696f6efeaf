"""Pictures of an explanation: each shows the numbers of the report, and what was withheld is not drawn."""

import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np
import pytest

from stackhouse.explanation.explanation import Cloud, Explanation, Point
from stacks.explanation_figures import explanation_figures, feature_importance, shap_summary
from tests.reports import EXPLANATION

CARRIER = EXPLANATION.clouds[1]


def axes_of(figure: Any) -> list[Any]:
    return list(figure.axes)


def points_of(axes: Any, line: int) -> Any:
    """Positions of the points of a feature, the fourth of a line above and below it."""
    placed = np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections])
    return np.sort(placed[np.abs(placed[:, 1] - line) < 0.5][:, 0])


def test_bars_are_the_importance_of_each_output_one_after_the_other() -> None:
    (axes,) = axes_of(feature_importance(EXPLANATION))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["delay_mean_7d", "carrier"]
    assert [bar.get_x() for bar in axes.patches] == [0.0, 0.0, 0.3, 0.2]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([0.3, 0.2, 0.1, 0.05])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["late", "cancelled"]
    assert axes.get_xlabel() == "mean |SHAP|, in probability"
    assert "2,000 test rows" in axes.get_title()


def test_first_feature_stands_at_the_top() -> None:
    (axes,) = axes_of(feature_importance(EXPLANATION))
    low, high = axes.get_ylim()
    assert low > high


def test_single_output_needs_no_legend() -> None:
    alone = EXPLANATION.model_copy(update={"outputs": ("late",), "importance": {"delay": (0.3,)}})
    assert axes_of(feature_importance(alone))[0].get_legend() is None


def test_summary_has_a_point_for_each_row_of_the_cloud_and_a_part_for_each_output() -> None:
    late, cancelled = axes_of(shap_summary(EXPLANATION))
    assert points_of(late, 0).tolist() == [-0.3, 0.6]
    assert points_of(cancelled, 0).tolist() == [0.0, 0.25]
    assert points_of(cancelled, 1).tolist() == [-0.2]
    assert [label.get_text() for label in late.get_yticklabels()] == ["delay_mean_7d", "carrier"]
    assert late.get_xlabel() == "SHAP value of late, in probability"


def test_summary_draws_at_most_four_outputs() -> None:
    outputs = tuple(f"class {number}" for number in range(6))
    cloud = Cloud(feature="delay", low=0.0, high=1.0, points=(Point(rank=0.5, shap=(0.1,) * 6),))
    many = EXPLANATION.model_copy(update={"outputs": outputs, "importance": {"delay": (0.1,) * 6}, "clouds": (cloud,)})
    assert len(axes_of(shap_summary(many))) == 4


def test_values_without_an_order_are_grey() -> None:
    late, _ = axes_of(shap_summary(EXPLANATION.model_copy(update={"clouds": (CARRIER,)})))
    drawn = [part for part in late.collections if len(part.get_offsets())]
    assert len(drawn) == 1
    assert drawn[0].get_facecolor()[0][:3] == pytest.approx([0x98 / 255, 0xA1 / 255, 0xAC / 255])


@pytest.mark.parametrize("empty", [Explanation(), Explanation(skipped="one class"), Explanation(withheld="they do not add up")])
def test_nothing_is_drawn_without_values(empty: Explanation) -> None:
    assert explanation_figures(empty) == {}


def test_pictures_are_png_files_of_fixed_names() -> None:
    for name, figure in explanation_figures(EXPLANATION).items():
        stream = BytesIO()
        figure.savefig(stream, format="png")
        assert stream.getvalue().startswith(b"\x89PNG"), name
    assert set(explanation_figures(EXPLANATION)) == {"feature_importance.png", "shap_summary.png"}


def test_matplotlib_is_imported_only_where_a_picture_is_drawn() -> None:
    code = "import sys, stacks.explanation_figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=120, check=False).returncode == 0
