"""Cohen's kappa, the agreement of two raters beyond chance, with its interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics.intervals import Estimate, half_width, require_confidence
from trimtab.statistics.limits import CONFIDENCE

ADDED = 2.0
"""Units added to a table, the same part to each cell, for the interval."""


def cohen_kappa(table: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return Cohen's kappa of two raters who put the same n units into C groups.

    With the shares p_ij of the table, its margins p_i. and p_.j, the observed agreement
    o = Σ p_ii and that by chance e = Σ p_i. p_.i, kappa is (o - e) / (1 - e). Its large-sample
    variance is

        [Σ p_ii (1 - e - (p_i. + p_.i) (1 - o))² + (1 - o)² Σ_{i≠j} p_ij (p_.i + p_j.)²
         - (o e - 2 e + o)²] / (n (1 - e)⁴)

    The interval is normal, with kappa and variance of the table to whose cells 2 / C² are added, as
    Agresti and Coull add 4 to the n of a share; it is cut off at -1 and 1 and contains kappa.
    Without that, it has no width if the raters always agree, and is too narrow if one group is
    rare: in simulations of two groups at n = 30, it covered the true kappa in 59 to 100 % of
    samples, and in 94 to 100 % with it.

    Parameters
    ----------
    table : array_like of int, shape (C, C)
        Number of units that the first rater put into group i and the second one into group j.
    confidence : float, optional
        Between 0 and 1.

    Returns
    -------
    Estimate
        NaN with limits -1 and 1 if there are no units, or both raters put all of them into the same
        one group, so that agreement by chance is complete.

    Raises
    ------
    UsageError
        If the table is not square, has fewer than two groups, or holds anything but whole numbers
        from 0.

    References
    ----------
    J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological
    Measurement 20, 1960. J. L. Fleiss, J. Cohen, B. S. Everitt, Large sample standard errors of
    kappa and weighted kappa, Psychological Bulletin 72, 1969. A. Agresti, B. A. Coull, Approximate
    is better than "exact" for interval estimation of binomial proportions, The American
    Statistician 52, 1998.
    """
    require_confidence(confidence)
    counts = np.asarray(table, dtype=np.float64)
    if (
        counts.ndim != 2
        or counts.shape[0] != counts.shape[1]
        or len(counts) < 2
        or not (np.isfinite(counts).all() and (counts >= 0).all() and (counts % 1 == 0).all())
    ):
        raise UsageError(
            got=f"a table of shape {counts.shape}",
            expected="counts of shape (C, C), for at least two groups",
            do="count how often the raters chose each pair of groups",
        )
    n = int(counts.sum())
    if n == 0 or counts.diagonal().max() == n:
        return Estimate(math.nan, n, -1.0, 1.0)
    kappa, _ = _with_error(counts)
    centre, error = _with_error(counts + ADDED / counts.size)
    half = half_width(confidence) * error
    low, high = max(-1.0, centre - half), min(1.0, centre + half)
    return Estimate(kappa, n, min(low, kappa), max(high, kappa))


def _with_error(counts: NDArray[np.float64]) -> tuple[float, float]:
    """Return kappa of a table and its large-sample standard error."""
    n = float(counts.sum())
    p = counts / n
    rows, columns, same = p.sum(axis=1), p.sum(axis=0), p.diagonal()
    seen, chance = float(same.sum()), float(rows @ columns)
    # Entry (i, j) is p_.i + p_j.: on the diagonal, the two margins of one group.
    margins = columns[:, None] + rows[None, :]
    hits = same @ (1 - chance - margins.diagonal() * (1 - seen)) ** 2
    misses = (p - np.diag(same)).ravel() @ margins.ravel() ** 2
    variance = hits + (1 - seen) ** 2 * misses - (seen * chance - 2 * chance + seen) ** 2
    error = math.sqrt(max(0.0, float(variance)) / n) / (1 - chance) ** 2
    return (seen - chance) / (1 - chance), error
