"""Tests of change, paired and unpaired, and Holm's correction for multiple tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy  # scipy.stats, which is slow to load, comes with its first use
from numpy.typing import ArrayLike

from trimtab.errors import UsageError


def mcnemar(gained: int, lost: int) -> float:
    """Return the two-sided exact p-value for equal probabilities of gains and losses.

    Computed by `scipy.stats.binomtest` from the gains among all discordant pairs, against 1/2; it
    is 1 if there are none.

    References
    ----------
    Q. McNemar, Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12, 1947, in its exact form.
    """
    if min(gained, lost) < 0:
        raise UsageError(
            got=f"{gained} gained, {lost} lost", expected="0 or more", do="check the pairs"
        )
    return float(scipy.stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def stuart_maxwell(table: ArrayLike) -> float:
    """Return the p-value for equal margins of a C x C table of pairs (marginal homogeneity).

    Let d be the differences of the row and column sums, without the last class, and S their
    estimated covariance (S_ii = row_i + column_i - 2 n_ii, S_ij = -(n_ij + n_ji)). Then d' S⁻¹ d
    is chi-squared, with degrees of freedom equal to the rank of S. Classes that no pair enters or
    leaves carry no information and are left out.

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
    # S is singular if the moves connect only separate sets of classes.
    rank = int(np.linalg.matrix_rank(s))
    statistic = float(d @ np.linalg.pinv(s, hermitian=True) @ d)
    return float(scipy.stats.chi2.sf(statistic, rank))


def independence(table: ArrayLike) -> float:
    """Return the p-value for equal shares of C classes in two independent samples.

    For two classes, it is from Fisher's exact test, otherwise from Pearson's chi-squared test of
    homogeneity. Classes that occur in neither sample are left out.

    Parameters
    ----------
    table : array_like of int, shape (2, C)
        Counts of the classes in each sample.

    Raises
    ------
    UsageError
        If the table has another shape or holds a negative count.

    References
    ----------
    R. A. Fisher, Statistical Methods for Research Workers, 5th edition, 1934, section 21.02.
    """
    n = np.asarray(table)
    if n.ndim != 2 or n.shape[0] != 2 or not (n >= 0).all():
        raise UsageError(
            got=f"a table of shape {n.shape}", expected="two rows of counts", do="check it"
        )
    n = n[:, n.sum(0) > 0]
    if n.shape[1] < 2 or not n.sum(1).all():
        return 1.0
    if n.shape[1] == 2:
        return float(scipy.stats.fisher_exact(n).pvalue)
    return float(scipy.stats.chi2_contingency(n, correction=False).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for multiple tests, in the same order.

    The i-th smallest of m p-values is multiplied by m - i + 1. Adjusted values never decrease in
    this order and are at most 1.

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
