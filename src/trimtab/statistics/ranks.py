"""Rank correlation with its interval."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import ArrayLike

from trimtab.errors import UsageError
from trimtab.statistics.intervals import Estimate, half_width, require_confidence
from trimtab.statistics.limits import CONFIDENCE


def spearman(x: ArrayLike, y: ArrayLike, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return Spearman's rank correlation of n pairs, with its interval.

    The interval is that of Bonett and Wright: normal on Fisher's scale, with the standard error
    ``sqrt((1 + r**2 / 2) / (n - 3))``. At r = 1 and -1, where that scale has no end, one limit is r
    and the other that of the next smaller correlation, in which two neighbours change places.

    Parameters
    ----------
    x, y : array_like, shape (n,)
        The pairs, finite.
    confidence : float, optional
        Between 0 and 1.

    Returns
    -------
    Estimate
        NaN with limits -1 and 1 if n is below 4, or all values on one side are equal.

    Raises
    ------
    UsageError
        If the shapes differ, a value is not finite, or the confidence is not within 0 to 1.

    References
    ----------
    D. G. Bonett, T. A. Wright, Sample size requirements for estimating Pearson, Kendall and
    Spearman correlations, Psychometrika 65, 2000.
    """
    require_confidence(confidence)
    a, b = (np.asarray(one, dtype=np.float64) for one in (x, y))
    if a.shape != b.shape or a.ndim != 1 or not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise UsageError(
            got=f"values of shapes {a.shape} and {b.shape}",
            expected="two rows of the same length, all finite",
            do="leave out pairs without a value",
        )
    n = len(a)
    if n < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return Estimate(math.nan, n, -1.0, 1.0)
    r = float(np.clip(scipy.stats.spearmanr(a, b).statistic, -1, 1))
    least = 12 / (n * (n**2 - 1))  # how far from 1 the next smaller correlation is
    shrunk = math.copysign(min(abs(r), 1 - least), r)
    half = half_width(confidence) * math.sqrt((1 + shrunk**2 / 2) / (n - 3))
    low, high = (math.tanh(math.atanh(shrunk) + side * half) for side in (-1, 1))
    return Estimate(r, n, min(low, r), max(high, r))
