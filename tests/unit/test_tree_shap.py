"""TreeSHAP against the definition of the Shapley value, on trees small enough to try every set of known columns."""

from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from stackhouse.explanation.tree_shap import LEAF, Tree, shapley_values

GENERATOR = np.random.default_rng(4)
X = GENERATOR.normal(size=(300, 4)).astype(np.float32)
Y = X[:, 0] * X[:, 1] + np.abs(X[:, 2])


def stump(column: int, threshold: float, left: float, right: float, rows: tuple[float, float]) -> Tree:
    """One question, two leaves; `rows` are the training rows of the leaves."""
    return Tree(
        left=np.array([1, LEAF, LEAF]),
        right=np.array([2, LEAF, LEAF]),
        column=np.array([column, 0, 0]),
        threshold=np.array([threshold, 0.0, 0.0]),
        weight=np.array([sum(rows), *rows]),
        value=np.array([[0.0], [left], [right]]),
    )


def grown(depth: int, *, outputs: int = 1, columns: int = 4, weights: Any = None) -> Tree:
    y = np.column_stack([Y * (number + 1) + number * X[:, 3] for number in range(outputs)])
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(X[:, :columns], y, sample_weight=weights).tree_
    left, right = (np.where(side < 0, LEAF, side).astype(np.int64) for side in (tree.children_left, tree.children_right))
    return Tree(left, right, tree.feature.astype(np.int64), tree.threshold, tree.weighted_n_node_samples, tree.value[:, :, 0])


def expected(tree: Tree, row: Any, known: tuple[int, ...], node: int = 0) -> Any:
    """Value of a row of which only the known columns are told: otherwise both branches, by their training rows."""
    if tree.left[node] == LEAF:
        return tree.value[node]
    left, right = int(tree.left[node]), int(tree.right[node])
    if int(tree.column[node]) in known:
        return expected(tree, row, known, left if row[tree.column[node]] <= tree.threshold[node] else right)
    below = (tree.weight[child] * expected(tree, row, known, child) for child in (left, right))
    return sum(below) / tree.weight[node]


def by_definition(tree: Tree, row: Any) -> Any:
    """Mean effect of each column over all orders, shape (n_outputs, n_columns)."""
    count = len(row)
    found = np.zeros((tree.value.shape[1], count))
    for column in range(count):
        others = [other for other in range(count) if other != column]
        for size in range(count):
            share = factorial(size) * factorial(count - size - 1) / factorial(count)
            for known in combinations(others, size):
                found[:, column] += share * (expected(tree, row, (*known, column)) - expected(tree, row, known))
    return found


def test_stump_gives_all_of_the_distance_from_the_mean_to_the_column_that_it_asks_for() -> None:
    tree = stump(column=1, threshold=0.5, left=10.0, right=20.0, rows=(30.0, 10.0))
    values = shapley_values([tree], np.array([[9.0, 0.0], [9.0, 1.0]]))
    assert tree.mean.tolist() == [12.5]
    assert values[:, 0].tolist() == [[0.0, -2.5], [0.0, 7.5]]


def test_row_at_the_threshold_goes_left() -> None:
    values = shapley_values([stump(0, 0.5, 10.0, 20.0, (1.0, 1.0))], np.array([[0.5], [np.nextafter(0.5, 1)]]))
    assert values.ravel().tolist() == [-5.0, 5.0]


def test_both_columns_of_an_and_share_alike() -> None:
    tree = Tree(
        left=np.array([1, LEAF, 3, LEAF, LEAF]),
        right=np.array([2, LEAF, 4, LEAF, LEAF]),
        column=np.array([0, 0, 1, 0, 0]),
        threshold=np.array([0.5, 0, 0.5, 0, 0]),
        weight=np.array([4.0, 2.0, 2.0, 1.0, 1.0]),
        value=np.array([[0.0], [0.0], [0.0], [0.0], [8.0]]),
    )
    values = shapley_values([tree], np.array([[1.0, 1.0], [1.0, 0.0]]))
    assert values[0, 0] == pytest.approx([3.0, 3.0])
    assert values[1, 0] == pytest.approx([1.0, -3.0])


@pytest.mark.parametrize("depth", [1, 2, 3, 5, 9])
def test_values_are_those_of_the_definition(depth: int) -> None:
    tree = grown(depth)
    values = shapley_values([tree], X[:12])
    assert values == pytest.approx(np.stack([by_definition(tree, row) for row in X[:12]]), abs=1e-12)


def test_column_that_a_way_asks_for_again_and_again_counts_once() -> None:
    tree = grown(8, columns=2)
    values = shapley_values([tree], X[:10, :2])
    assert values == pytest.approx(np.stack([by_definition(tree, row) for row in X[:10, :2]]), abs=1e-12)


def test_weights_of_training_rows_count() -> None:
    tree = grown(3, weights=np.where(Y > 0.5, 7.3, 0.2))
    values = shapley_values([tree], X[:10])
    assert values == pytest.approx(np.stack([by_definition(tree, row) for row in X[:10]]), abs=1e-12)


def test_several_outputs_are_those_of_the_definition() -> None:
    tree = grown(4, outputs=3)
    values = shapley_values([tree], X[:6])
    assert values.shape == (6, 3, 4)
    assert values == pytest.approx(np.stack([by_definition(tree, row) for row in X[:6]]), abs=1e-12)


def test_trees_add_up() -> None:
    first, second = grown(2), grown(5)
    together = shapley_values([first, second], X[:5])
    assert together == pytest.approx(shapley_values([first], X[:5]) + shapley_values([second], X[:5]))


def test_values_and_mean_are_the_value_of_the_rows_leaf_in_a_deep_tree() -> None:
    tree = grown(20)
    found = shapley_values([tree], X).sum(axis=2) + tree.mean
    assert found[:, 0] == pytest.approx([float(expected(tree, row, (0, 1, 2, 3))[0]) for row in X], abs=1e-10)


def test_tree_without_a_question_moves_nothing() -> None:
    alone = Tree(np.array([LEAF]), np.array([LEAF]), np.array([0]), np.array([0.0]), np.array([5.0]), np.array([[3.0]]))
    assert shapley_values([alone], X[:2]).tolist() == np.zeros((2, 1, 4)).tolist()
    assert alone.mean.tolist() == [3.0]
    assert alone.depths.tolist() == [0]


def test_column_that_is_not_asked_for_gets_nothing() -> None:
    assert not shapley_values([grown(6, columns=3)], X)[:, :, 3].any()
