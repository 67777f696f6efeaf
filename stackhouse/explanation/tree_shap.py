r"""TreeSHAP: how much each column moves the value of a decision tree away from its mean, exactly, for many rows at once.

What belongs here: trees as arrays, and the Shapley values of their value. What does not: libraries, models, reports.

A tree that knows only some columns of a row follows the row where it knows the column of a node, and where it does not, takes
both branches in the proportion of their training rows. The Shapley value of a column is its mean effect over all orders in which
columns can become known. For a leaf of value v, column j counts for o_j (1 where the row meets all its conditions on the way,
else 0) if known and for z_j (the share of training rows that does) if not, so the value is that of a product game, and

    phi_i = v * (o_i - z_i) * Integral from 0 to 1 of Product over j != i of (z_j + t * (o_j - z_j)) dt

The integrand is a polynomial of one degree less than the number of columns on the way; Gauss-Legendre points, half as many as
columns, integrate it exactly. The sum over leaves is taken from the leaves upwards, so a row costs (nodes * points) and not
(leaves * depth^2).

Source: Lundberg et al., "From local explanations to global understanding with explainable AI for trees" (2020), for the game;
Owen, "Multilinear extensions of games" (1972), for the integral; Yu et al., "Linear TreeShap" (2022), for the sum over edges.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Rows = npt.NDArray[np.float32] | npt.NDArray[np.float64]

LEAF = -1


@dataclass(frozen=True)
class Tree:
    """A decision tree; node 0 is the root, and a row goes left where its value is at most the threshold.

    Attributes:
        left: left child of each node, LEAF for leaves, shape (n_nodes,).
        right: right child of each node, LEAF for leaves, shape (n_nodes,).
        column: column of X that each node asks for, shape (n_nodes,); of no meaning for leaves.
        threshold: shape (n_nodes,), float64; of no meaning for leaves.
        weight: training rows of each node, weighted as in training, shape (n_nodes,); all above 0.
        value: value of each node for each output, shape (n_nodes, n_outputs); read of leaves only.
    """

    left: Integers
    right: Integers
    column: Integers
    threshold: Floats
    weight: Floats
    value: Floats

    @property
    def mean(self) -> Floats:
        """Mean over the training rows, shape (n_outputs,): the value where no column is known."""
        leaves = self.left == LEAF
        return np.asarray(self.weight[leaves] @ self.value[leaves] / self.weight[0], dtype=np.float64)

    @property
    def depths(self) -> Integers:
        """Edges between the root and each node, shape (n_nodes,)."""
        depths = np.zeros(len(self.left), dtype=np.int64)
        for node in np.flatnonzero(self.left != LEAF):  # parents stand before their children
            depths[self.left[node]] = depths[self.right[node]] = depths[node] + 1
        return depths


@dataclass(frozen=True)
class _Known:
    """What the way to a node has asked of one column: the rows that met all of it, and the share of training rows that did."""

    met: npt.NDArray[np.bool_]
    share: float


def shapley_values(trees: list[Tree], X: Rows) -> Floats:
    """Return the Shapley values of the sum of the trees, shape (n_rows, n_outputs, n_columns), float64.

    With the sum of the means they add up to the sum of the trees' values. Values are compared in the type of X, so that rows take
    the branches that the library takes: scikit-learn compares in float32.

    Args:
        trees: trees with the same number of outputs, one at least.
        X: rows without NaN, shape (n_rows, n_columns).
    """
    values = np.zeros((X.shape[1], trees[0].value.shape[1], len(X)))
    for tree in trees:
        _Walk(tree, X, values).node(0, np.ones((_points(tree, X.shape[1]), len(X))), {})
    return np.ascontiguousarray(values.transpose(2, 1, 0))


def _points(tree: Tree, n_columns: int) -> int:
    """Points that integrate a polynomial of degree d - 1 exactly, d being the most columns that a way can ask for."""
    return max(1, -(-min(int(tree.depths.max()), n_columns) // 2))


class _Walk:
    """One walk through a tree, with all rows at once; it adds to `values`, shape (n_columns, n_outputs, n_rows).

    `product` is the integrand's product on the way to a node, shape (n_points, n_rows). What a node returns is the sum of
    value * product over the leaves below it, shape (n_outputs, n_points, n_rows).
    """

    def __init__(self, tree: Tree, X: Rows, values: Floats) -> None:
        self.tree, self.X, self.values = tree, X, values
        at, weights = np.polynomial.legendre.leggauss(_points(tree, X.shape[1]))
        self.t: Floats = (at + 1) / 2
        self.weights: Floats = weights / 2

    def node(self, node: int, product: Floats, known: dict[int, _Known]) -> Floats:
        """Go through a node and all below it."""
        tree = self.tree
        if tree.left[node] == LEAF:
            return np.asarray(np.multiply.outer(tree.value[node], product), dtype=np.float64)
        column = int(tree.column[node])
        goes_left = self.X[:, column] <= tree.threshold[node]
        left = self._edge(node, int(tree.left[node]), goes_left, product, known, column)
        left += self._edge(node, int(tree.right[node]), ~goes_left, product, known, column)
        return left

    def _edge(self, parent: int, child: int, goes: npt.NDArray[np.bool_], product: Floats, known: dict[int, _Known], column: int) -> Floats:
        """Go along an edge, and add what it tells of its column beyond what the way had told before."""
        before = known.get(column)
        share = float(self.tree.weight[child] / self.tree.weight[parent]) * (before.share if before else 1.0)
        met = goes & before.met if before else goes
        # Of a row: it meets the conditions still, it fails them here, or it had failed them before.
        met_before = self._factor(1.0, before.share) if before else np.ones_like(self.t)
        still, fails = self._factor(1.0, share) / met_before, self._factor(0.0, share) / met_before
        factors = np.where(met, still[:, None], fails[:, None])
        if before:
            np.copyto(factors, share / before.share, where=~before.met)
        factors *= product
        below = self.node(child, factors, {**known, column: _Known(met, share)})
        # The pull of the column: (o - z) / (z + t (o - z)); that of rows that had failed before has not changed.
        pull_before = (1 - before.share) / met_before if before else np.zeros_like(self.t)
        pulls = np.stack([(1 - share) / self._factor(1.0, share) - pull_before, -1 / (1 - self.t) - pull_before])
        told = (pulls * self.weights) @ below
        moved = np.where(met, told[:, 0], told[:, 1])
        self.values[column] += np.where(before.met, moved, 0.0) if before else moved
        return below

    def _factor(self, met: float, share: float) -> Floats:
        return share + self.t * (met - share)
