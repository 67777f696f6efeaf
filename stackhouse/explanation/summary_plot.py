"""Summary plot: where the points of one feature stand, so that many at the same place can be told from few. No drawing here."""

import numpy as np

from stackhouse.algorithms import Vector

HEAPS = 60
"""Places on the line of a feature, from its smallest value to its largest, at which points are heaped up."""


def spread(across: Vector) -> Vector:
    """Return how far each point is moved off its line, in [-1, 1]: up and down in turn where several stand at the same place.

    The largest heap reaches as far as that, and others as far as their share of it.

    >>> spread(np.array([0.0, 0.0, 0.0, 1.0])).round(2).tolist()
    [0.0, 0.67, -0.67, 0.0]

    Args:
        across: positions on the line, shape (n_points,).
    """
    if not len(across):
        return np.zeros(0)
    width = (across.max() - across.min()) or 1.0
    places = np.minimum((across - across.min()) / width * HEAPS, HEAPS - 1).astype(int)
    off = np.zeros(len(across))
    highest = max(2, int(np.bincount(places).max()))
    for place in np.unique(places):
        here = np.flatnonzero(places == place)
        levels = np.arange(len(here))
        off[here] = np.where(levels % 2, 1, -1) * ((levels + 1) // 2) / (highest / 2)
    return np.clip(off, -1, 1)
