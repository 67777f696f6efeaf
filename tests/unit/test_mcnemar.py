"""McNemar's test agrees with counting every division of the disagreements, and with the values of a table."""

from math import comb
from statistics import NormalDist

import numpy as np
import pytest

from stackhouse.promotion.mcnemar import McNemar, mcnemar


def rows(both: int, only_challenger: int, only_champion: int, neither: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Where each answers rightly, for so many rows of each kind."""
    counts = (both, only_challenger, only_champion, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def by_definition(ours: int, theirs: int) -> float:
    """Share of all divisions of the disagreements that are at least as uneven as this one."""
    of, uneven = ours + theirs, abs(ours - theirs)
    return sum(comb(of, k) for k in range(of + 1) if abs(of - 2 * k) >= uneven) / 2**of


@pytest.mark.parametrize(("ours", "theirs"), [(6, 1), (1, 6), (10, 10), (11, 10), (0, 5), (30, 70), (121, 59), (1000, 900)])
def test_p_value_is_the_share_of_divisions_that_are_as_uneven(ours: int, theirs: int) -> None:
    assert mcnemar(*rows(40, ours, theirs, 7)).p_value == pytest.approx(by_definition(ours, theirs), rel=1e-9)


def test_known_value_of_the_sign_test() -> None:
    """One of nine against eight of nine: (1 + 9) / 512, twice."""
    assert mcnemar(*rows(0, 8, 1)).p_value == pytest.approx(20 / 512)


def test_disagreements_are_counted_for_each() -> None:
    found = mcnemar(*rows(both=5, only_challenger=4, only_champion=3, neither=2))
    assert (found.only_challenger, found.only_champion) == (4, 3)


def test_rows_that_both_answer_alike_change_nothing() -> None:
    assert mcnemar(*rows(0, 9, 2)).p_value == mcnemar(*rows(10_000, 9, 2, 10_000)).p_value


@pytest.mark.parametrize(("both", "neither"), [(3, 0), (0, 3), (0, 0)])
def test_no_disagreement_tells_nothing(both: int, neither: int) -> None:
    assert mcnemar(*rows(both, 0, 0, neither)) == McNemar(only_challenger=0, only_champion=0, p_value=1.0)


def test_equal_division_of_an_odd_or_even_number_has_a_p_value_of_one() -> None:
    assert mcnemar(*rows(0, 4, 4)).p_value == 1.0
    assert mcnemar(*rows(0, 5, 4)).p_value == pytest.approx(1.0)


def test_hundred_thousand_disagreements_are_no_trouble() -> None:
    """Of so many, the normal distribution with the correction for whole numbers is as good: 999 over the root of 100,000."""
    assert mcnemar(*rows(0, 50_500, 49_500)).p_value == pytest.approx(2 * NormalDist().cdf(-999 / 100_000**0.5), rel=1e-3)
    assert mcnemar(*rows(0, 100_000, 0)).p_value == 0.0
