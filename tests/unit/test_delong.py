"""DeLong's test agrees with its definition, pair by pair, and rejects as often as its p-value says."""

from statistics import NormalDist

import numpy as np
import pytest

from stackhouse.promotion.delong import DeLong, delong
from stackhouse.tasks import TASKS


def by_definition(held: np.ndarray, challenger: np.ndarray, champion: np.ndarray) -> tuple[float, float]:
    """Difference and standard error by equations 4 to 6 of the paper: every row of class 1 is held against every row of class 0."""
    placed = []
    for scores in (challenger, champion):
        ones, zeros = scores[held], scores[~held]
        pairs = [[1.0 if one > zero else 0.5 if one == zero else 0.0 for zero in zeros] for one in ones]
        placed.append((np.mean(pairs, axis=1), np.mean(pairs, axis=0)))
    areas = [above.mean() for above, _ in placed]
    covariance = sum(np.cov(placed[0][side], placed[1][side], ddof=1) / len(placed[0][side]) for side in (0, 1))
    contrast = np.array([1.0, -1.0])
    return areas[0] - areas[1], float(np.sqrt(contrast @ covariance @ contrast))


def scores(seed: int, rows: int = 60, decimals: int = 1, gain: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two models that share half of their errors; few decimals, so that many rows have one score."""
    generator = np.random.default_rng(seed)
    held, shared = generator.random(rows) < 0.4, generator.normal(0, 1, rows)
    first, second = ((held * (1 + more) + shared + generator.normal(0, 1, rows)).round(decimals).astype(np.float64) for more in (gain, 0.0))
    return held, first, second


@pytest.mark.parametrize("decimals", [0, 1, 12])
@pytest.mark.parametrize("seed", range(4))
def test_difference_and_error_are_those_of_the_definition(seed: int, decimals: int) -> None:
    rows = scores(seed, decimals=decimals)
    found, (difference, error) = delong(*rows), by_definition(*rows)
    assert (found.difference, found.standard_error) == pytest.approx((difference, error), rel=1e-9, abs=1e-12)


def test_difference_is_that_of_the_areas_as_they_are_measured() -> None:
    held, *both = scores(5)
    ours, theirs = (1 / (1 + np.exp(-one)) for one in both)
    task = TASKS["binary_classification"]
    areas = [task.measure(held.astype(int), one, task.answer(one, 0.5), ("y",))["roc_auc"] for one in (ours, theirs)]
    assert delong(held, ours, theirs).difference == pytest.approx(areas[0] - areas[1])


def test_p_value_is_that_of_a_normal_distribution() -> None:
    found = delong(*scores(7, rows=400, gain=0.4))
    assert found.difference / found.standard_error > 1
    assert found.p_value == pytest.approx(2 * (1 - NormalDist().cdf(found.difference / found.standard_error)))


def test_models_change_places_and_the_sign_with_them() -> None:
    held, ours, theirs = scores(8)
    there, back = delong(held, ours, theirs), delong(held, theirs, ours)
    assert (there.difference, there.p_value) == pytest.approx((-back.difference, back.p_value))


def test_equal_models_are_rejected_as_seldom_as_the_p_value_says() -> None:
    times = 400
    rejected = sum(delong(*scores(seed, rows=200, decimals=6)).p_value < 0.1 for seed in range(times))
    assert rejected / times == pytest.approx(0.1, abs=0.035)


def test_same_ranking_is_no_difference() -> None:
    held, ours, _ = scores(9)
    assert delong(held, ours, np.exp(ours)) == DeLong(difference=0.0, standard_error=0.0, p_value=1.0)


def test_all_pairs_right_against_all_wrong_leaves_no_error_to_estimate() -> None:
    held = np.array([True, True, False, False])
    assert delong(held, held.astype(float), 1.0 - held) is None


@pytest.mark.parametrize("ones", [0, 1, 9, 10])
def test_class_of_fewer_than_two_rows_is_not_tested(ones: int) -> None:
    held = np.arange(10) < ones
    assert delong(held, np.arange(10.0), np.arange(10.0)[::-1]) is None
