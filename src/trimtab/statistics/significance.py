"""Tests of paired change, and Holm's correction where there are several."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from trimtab.errors import UsageError


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value that gains and losses are equally likely.

    min(1, 2 P(X <= min(gained, lost))) with X ~ Binomial(gained + lost, 1/2); 1 where there are
    no discordant pairs.

    References
    ----------
    Q. McNemar, Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12, 1947, in its exact form.
    """
    if min(gained, lost) < 0:
        raise UsageError(
            got=f"{gained} gained, {lost} lost", expected="0 or more", do="check the pairs"
        )
    m, k = gained + lost, min(gained, lost)
    if 2 * k >= m:
        return 1.0
    tail = sum(math.comb(m, i) for i in range(k + 1))  # whole numbers: exact at any m
    return float(min(1.0, 2 * tail / 2**m))


def stuart_maxwell(table: ArrayLike) -> float:
    """Return the p-value that a C x C table of pairs has equal margins (marginal homogeneity).

    With d the differences of the row and column sums, without the last class, and S their
    estimated covariance (S_ii = row_i + column_i - 2 n_ii, S_ij = -(n_ij + n_ji)), d' S⁻¹ d is
    chi-squared with as many degrees of freedom as S has rank. Classes that no pair enters or
    leaves say nothing and are left out.

    Parameters
    ----------
    table : array_like of int, shape (C, C)
        Entry (i, j) counts the pairs that were i first and j second.

    Raises
    ------
    UsageError
        If the table is not square or holds a negative count.

    References
    ----------
    A. Stuart, A test for homogeneity of the marginal distributions in a two-way classification,
    Biometrika 42, 1955; A. E. Maxwell, British Journal of Psychiatry 116, 1970.
    """
    n = np.asarray(table, dtype=float)
    if n.ndim != 2 or n.shape[0] != n.shape[1] or not (n >= 0).all():
        raise UsageError(
            got=f"a table of shape {n.shape}", expected="a square one of counts", do="check it"
        )
    off = n - np.diag(np.diag(n))
    moved = (off.sum(0) + off.sum(1)) > 0
    off = off[np.ix_(moved, moved)]
    if len(off) < 2:
        return 1.0
    d = (off.sum(1) - off.sum(0))[:-1]
    s = (np.diag(off.sum(0) + off.sum(1)) - off - off.T)[:-1, :-1]
    # Where the moves fall apart into separate circles of classes, S is singular.
    rank = int(np.linalg.matrix_rank(s))
    statistic = float(d @ np.linalg.pinv(s, hermitian=True) @ d)
    return chi_squared_tail(statistic, rank)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number, in the same order.

    The i-th smallest of m is multiplied by m - i + 1; none is less than a smaller one's, none
    more than 1.

    References
    ----------
    S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of
    Statistics 6, 1979.
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = least
    return adjusted


def chi_squared_tail(x: float, df: int) -> float:
    """Return P(X > x) of a chi-squared X with a whole number of degrees of freedom.

    Q(df/2, x/2), summed by Q(a + 1, y) = Q(a, y) + yᵃ e⁻ʸ / Γ(a + 1) from Q(1/2, y) = erfc √y or
    Q(1, y) = e⁻ʸ (Abramowitz and Stegun, 26.4.4 and 26.4.5).
    """
    y = x / 2
    if df == 0 or y <= 0:
        return 1.0
    a, tail = (0.5, math.erfc(math.sqrt(y))) if df % 2 else (1.0, math.exp(-y))
    while a < df / 2:
        tail += math.exp(a * math.log(y) - y - math.lgamma(a + 1))
        a += 1
    return min(1.0, tail)
