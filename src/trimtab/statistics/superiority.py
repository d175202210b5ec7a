"""How often one of two samples is above the other, and which of many such differences are real."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics.intervals import half_width, require_confidence
from trimtab.statistics.limits import CONFIDENCE


@dataclass(frozen=True, eq=False)
class Superiority:
    """Probabilities of superiority of two samples in V variables, each of shape (V,).

    Parameters
    ----------
    value : ndarray of float
        P(x > y) + P(x = y) / 2 for a member x of the first sample and y of the second: 0.5 if the
        two are alike, 1 if every x is above every y.
    low, high : ndarray of float
        Limits of its interval.
    p : ndarray of float
        Two-sided p-values of the Mann-Whitney test that the two are alike.
    q : ndarray of float
        The p-values, corrected by Benjamini and Hochberg: of the variables with q up to a level, at
        most this part is expected to differ by chance alone.
    """

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    p: NDArray[np.float64]
    q: NDArray[np.float64]


def superiority(
    first: ArrayLike, second: ArrayLike, *, confidence: float = CONFIDENCE
) -> Superiority:
    """Compare two samples in many variables at once.

    The standard error is DeLong's, and the interval is symmetric in log odds.

    Parameters
    ----------
    first : array_like, shape (n, V)
        Values of the first sample, n >= 2.
    second : array_like, shape (m, V)
        Values of the second sample, m >= 2.
    confidence : float, optional
        Between 0 and 1, of each interval by itself.

    Raises
    ------
    UsageError
        If the shapes do not match, a sample has fewer than two members, or a value is not finite.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Comparing the areas under two or more
    correlated receiver operating characteristic curves, Biometrics 44, 1988. Y. Benjamini,
    Y. Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical Society B
    57, 1995.
    """
    require_confidence(confidence)
    x, y = (np.asarray(one, dtype=np.float64) for one in (first, second))
    fit = x.ndim == y.ndim == 2 and x.shape[1] == y.shape[1] and min(len(x), len(y)) >= 2
    if not fit or not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise UsageError(
            got=f"samples of shapes {x.shape} and {y.shape}",
            expected="at least two rows each, of the same variables, all finite",
            do="leave out rows without a value",
        )
    n, m = len(x), len(y)
    # The rank of a value among its own sample, taken from that among both, counts those of the
    # other sample below it (DeLong's placements).
    both = scipy.stats.rankdata(np.concatenate([x, y]), axis=0)
    above = (both[:n] - scipy.stats.rankdata(x, axis=0)) / m
    below = (both[n:] - scipy.stats.rankdata(y, axis=0)) / n
    value = above.mean(axis=0)
    error = np.sqrt(above.var(axis=0, ddof=1) / n + below.var(axis=0, ddof=1) / m)
    # Samples that do not overlap have no error; as if one pair had been the other way round.
    inner = np.clip(value, 0.5 / (n * m), 1 - 0.5 / (n * m))
    least = np.sqrt(inner * (1 - inner) / min(n, m))
    error = np.where(error > 0, error, np.where((value == 0) | (value == 1), least, 0))
    half = half_width(confidence) * error / (inner * (1 - inner))
    odds = np.log(inner / (1 - inner))
    low, high = (scipy.special.expit(odds + side * half) for side in (-1, 1))
    with np.errstate(invalid="ignore"):  # if all values are equal, which is no evidence
        test = scipy.stats.mannwhitneyu(x, y, method="asymptotic")
    p = np.nan_to_num(test.pvalue, nan=1.0)
    q = scipy.stats.false_discovery_control(p) if p.size else p
    return Superiority(value, np.minimum(low, value), np.maximum(high, value), p, q)
