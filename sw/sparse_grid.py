"""Sparse grids of Gauss-Hermite nodes: expectations over a standard normal vector."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from tenzo.sw.errors import UserError
from tenzo.sw.numerics import FloatArray

MOST_LEVEL = 5
"""Roots of higher Hermite polynomials have no closed form in square roots."""

MOST_BYTES = 1 << 30
"""Nodes and weights may take this much."""


def gauss_hermite(dimension: int, level: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of the Smolyak rule for a standard normal vector.

    ``E g(n) ~ sum_j w_j g(n_j)`` is exact for every polynomial of total degree ``2 * level - 1``.
    The rule combines products of one-dimensional Gauss-Hermite rules of ``l_1, ..., l_d`` nodes,
    ``sum_i (l_i - 1) <= level - 1``, with the coefficients ``(-1)^r C(d - 1, r)`` for
    ``r = level - 1 - sum_i (l_i - 1)``. Equal nodes are merged, exactly: two rules share no node
    but zero. Nodes whose weights cancel are left out. Only square roots are taken, so the bits are
    the same everywhere.

    Parameters
    ----------
    dimension : :class:`int`
        d, at least 1.
    level : :class:`int`
        1 to 5; level 3 of dimension 21 has 925 nodes.

    Returns
    -------
    nodes : float64 array of shape (count, dimension)
        The centre first, if it is a node.
    weights : float64 array of shape (count,)
        Of either sign; their sum is 1.

    Raises
    ------
    UserError
        If the grid would take more than :data:`MOST_BYTES`, before anything is allocated.

    Source: Smolyak 1963; Novak and Ritter 1999, "Simple cubature formulas with high polynomial
    exactness"; used for derivatives by Zhao et al. 2023, section 3.3.
    """
    _check(dimension, level)
    nodes, weights = [], []
    for orders in _orders(dimension, level):
        factor = _factor(dimension, level, orders)
        if factor:
            block, products = _block(dimension, orders)
            nodes.append(block)
            weights.append(float(factor) * products)
    return np.concatenate(nodes), np.concatenate(weights)


def node_count(dimension: int, level: int) -> int:
    """Return how many nodes :func:`gauss_hermite` gives, without making them."""
    return sum(
        math.comb(dimension, len(orders)) * math.prod(order - order % 2 for order in orders)
        for orders in _orders(dimension, level)
        if _factor(dimension, level, orders)
    )


def _check(dimension: int, level: int) -> None:
    """Refuse sizes out of range, and grids that do not fit memory."""
    if dimension < 1:
        raise UserError(f"dimension of a sparse grid must be at least 1, not {dimension!r}")
    if not 1 <= level <= MOST_LEVEL:
        raise UserError(f"level of a sparse grid must be 1 to {MOST_LEVEL}, not {level!r}")
    count = node_count(dimension, level)
    size = count * (dimension + 1) * 8
    if size > MOST_BYTES:
        raise UserError(
            f"a sparse grid of dimension {dimension} and level {level} has {count} nodes, which "
            f"take {size / 2**30:,.1f} GiB of memory, more than {MOST_BYTES >> 30} GiB: choose a "
            "lower level, or central differences"
        )


def _orders(dimension: int, level: int) -> Iterator[tuple[int, ...]]:
    """Yield the rules (l_1, ..., l_k), each of at least two nodes, of k axes that are not zero."""
    for axes in range(min(dimension, level - 1) + 1):
        for orders in itertools.product(range(2, level + 1), repeat=axes):
            if sum(orders) - axes <= level - 1:
                yield orders


def _factor(dimension: int, level: int, orders: tuple[int, ...]) -> Fraction:
    """Return what the product of weights on the axes that are not zero is multiplied by.

    It sums over the rules of all other axes, where the node is at zero: with rule 1, 3 or 5.
    """
    budget = level - 1 - (sum(orders) - len(orders))
    zero = [_zero_weight(more + 1) if more % 2 == 0 else Fraction(0) for more in range(budget + 1)]
    paths = _power(zero, dimension - len(orders))
    terms = (
        (-1) ** rest * math.comb(dimension - 1, rest) * paths[budget - rest]
        for rest in range(budget + 1)
    )
    return sum(terms, start=Fraction(0))


def _power(series: list[Fraction], exponent: int) -> list[Fraction]:
    """Return a power of a polynomial, lowest term first, cut off at its own degree."""
    result = [Fraction(1)] + [Fraction(0)] * (len(series) - 1)
    while exponent:
        if exponent & 1:
            result = _product(result, series)
        series = _product(series, series)
        exponent >>= 1
    return result


def _product(left: list[Fraction], right: list[Fraction]) -> list[Fraction]:
    """Return a product of two polynomials, cut off at their degree."""
    return [
        sum((left[i] * right[degree - i] for i in range(degree + 1)), start=Fraction(0))
        for degree in range(len(left))
    ]


def _zero_weight(order: int) -> Fraction:
    """Return the weight of the node zero in a rule of 1, 3 or 5 nodes."""
    half = order // 2
    double_factorial = math.prod(range(1, 2 * half, 2))
    return Fraction(math.factorial(order), order**2 * double_factorial**2)


def _rule(order: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights, zero left out, of the rule of ``order`` nodes: +, - in turn.

    The nodes are the roots of the Hermite polynomial He_n, the weights ``n! / (n He_{n-1})^2``.
    """
    squares = {
        2: [1.0],
        3: [3.0],
        4: [3.0 - math.sqrt(6.0), 3.0 + math.sqrt(6.0)],
        5: [5.0 - math.sqrt(10.0), 5.0 + math.sqrt(10.0)],
    }[order]
    roots = np.sqrt(np.array(squares))
    before, value = np.ones_like(roots), roots.copy()
    for degree in range(1, order - 1):
        before, value = value, roots * value - degree * before
    weights = math.factorial(order) / (order * value) ** 2
    return np.stack([roots, -roots], 1).ravel(), np.repeat(weights, 2)


def _block(dimension: int, orders: tuple[int, ...]) -> tuple[FloatArray, FloatArray]:
    """Return all nodes whose axes that are not zero have these rules, and products of weights."""
    rules = [_rule(order) for order in orders]
    choices = list(itertools.product(*(range(len(roots)) for roots, _ in rules)))
    values = np.array([[rules[k][0][i] for k, i in enumerate(choice)] for choice in choices])
    products = np.array(
        [math.prod(float(rules[k][1][i]) for k, i in enumerate(choice)) for choice in choices]
    )
    axes = np.array(list(itertools.combinations(range(dimension), len(orders))), np.int64)
    nodes = np.zeros((len(axes), len(choices), dimension))
    places = np.broadcast_to(axes[:, None, :], (len(axes), len(choices), len(orders)))
    np.put_along_axis(nodes, places, np.broadcast_to(values, places.shape), axis=2)
    return nodes.reshape(-1, dimension), np.tile(products, len(axes))
