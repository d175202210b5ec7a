"""True shares from counted ones, where the error of the recogniser is known."""

from __future__ import annotations

import math

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics.intervals import Estimate, half_width, require_confidence
from trimtab.statistics.limits import CONFIDENCE

DRAWS = 1000


def corrected_shares(
    counts: ArrayLike, confusion: ArrayLike, *, confidence: float = CONFIDENCE, seed: int = 0
) -> tuple[Estimate, ...]:
    """Return the shares that groups have in truth, from how many pictures a recogniser put there.

    With two groups, the estimate is that of Rogan and Gladen, (q + Sp - 1) / (Se + Sp - 1), cut off
    at 0 and 1, and its interval that of Lang and Reiczigel, which includes the error of Se and Sp.
    With more, it is the distribution over the groups that comes closest, in least squares, to
    explaining the counted shares by the rows of the confusion. Its interval has the quantiles of
    the estimates from shares and rates drawn from their posteriors (Dirichlet, Jeffreys prior):
    unlike a bootstrap, that leaves room where a count is 0.

    Parameters
    ----------
    counts : array_like of int, shape (C,)
        Number of pictures that the recogniser put into each group.
    confusion : array_like of int, shape (C, C)
        In pictures whose truth is known, and that are like those counted: number of pictures by
        true group (row) and recognised group (column).
    confidence : float, optional
        Between 0 and 1.
    seed : int, optional
        Seed of the draws.

    Returns
    -------
    tuple of Estimate
        The corrected share of each group; its n is the number of pictures counted. NaN with limits
        0 and 1 if there are none, or if the recogniser is no better than chance, so that counts say
        nothing.

    Raises
    ------
    UsageError
        If shapes do not match, a number is not a count, or a group has no picture of known truth.

    References
    ----------
    W. J. Rogan, B. Gladen, Estimating prevalence from the results of a screening test, American
    Journal of Epidemiology 107, 1978. Z. Lang, J. Reiczigel, Confidence limits for prevalence of
    disease adjusted for estimated sensitivity and specificity, Preventive Veterinary Medicine 113,
    2014.
    """
    require_confidence(confidence)
    found, table = (np.asarray(one, dtype=np.float64) for one in (counts, confusion))
    whole = [(one >= 0).all() and (one == np.rint(one)).all() for one in (found, table)]
    if found.ndim != 1 or table.shape != (len(found),) * 2 or len(found) < 2 or not all(whole):
        raise UsageError(
            got=f"counts of shape {found.shape} and a confusion of shape {table.shape}",
            expected="whole numbers from 0, (C,) and (C, C), for at least two groups",
            do="count pictures by true and recognised group",
        )
    if not (table.sum(axis=1) > 0).all():
        raise UsageError(
            got="a group without pictures of known truth",
            expected="at least one of each",
            do="label some pictures of that group",
        )
    n = int(found.sum())
    unknown = tuple(Estimate(math.nan, n, 0.0, 1.0) for _ in found)
    if n == 0:
        return unknown
    if len(found) == 2:
        first = _two(found, table, confidence)
        if first is None:
            return unknown
        return first, Estimate(1 - first.value, n, 1 - first.high, 1 - first.low)
    rates = table / table.sum(axis=1, keepdims=True)
    if np.linalg.cond(rates) > 1e6:
        return unknown
    value = _simplex(found / n, rates)
    rng = np.random.default_rng(seed)
    drawn = [_drawn(found, table, rng) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, (0.5 - confidence / 2, 0.5 + confidence / 2), axis=0)
    return tuple(
        Estimate(float(v), n, min(float(a), float(v)), max(float(b), float(v)))
        for v, a, b in zip(value, low, high, strict=True)
    )


def _two(
    counts: NDArray[np.float64], confusion: NDArray[np.float64], confidence: float
) -> Estimate | None:
    """Return the corrected share of the first group; None if the recogniser guesses."""
    n = counts.sum()
    known = confusion.sum(axis=1)
    sensitivity, specificity = confusion[0, 0] / known[0], confusion[1, 1] / known[1]
    if sensitivity + specificity - 1 <= 1e-9:
        return None
    value = (counts[0] / n + specificity - 1) / (sensitivity + specificity - 1)
    value = float(np.clip(value, 0, 1))
    # As Agresti and Coull do for a share, with one success and one failure for Se and Sp each.
    z = half_width(confidence)
    more = n + z**2
    p = (counts[0] + z**2 / 2) / more
    (n_se, n_sp) = known + 2
    se, sp = (confusion[0, 0] + 1) / n_se, (confusion[1, 1] + 1) / n_sp
    scale = se + sp - 1
    if scale <= 1e-9:
        return None
    centre = (p + sp - 1) / scale
    of_se, of_sp = se * (1 - se) / n_se, sp * (1 - sp) / n_sp
    shift = 2 * z**2 * (centre * of_se - (1 - centre) * of_sp)
    error = math.sqrt(p * (1 - p) / more + centre**2 * of_se + (1 - centre) ** 2 * of_sp) / scale
    low, high = (float(np.clip(centre + shift + side * z * error, 0, 1)) for side in (-1, 1))
    return Estimate(value, int(n), min(low, value), max(high, value))


def _simplex(shares: NDArray[np.float64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distribution p, shape (C,), whose p @ rates is closest to the shares."""
    heavy = 1e4  # keeps the sum at 1
    matrix = np.vstack([rates.T, np.full(len(shares), heavy)])
    found, _ = scipy.optimize.nnls(matrix, np.append(shares, heavy))
    total: NDArray[np.float64] = found / found.sum()
    return total


def _drawn(
    counts: NDArray[np.float64], confusion: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the shares for one draw of what was counted and of the rates."""
    rates = np.stack([rng.dirichlet(row + 0.5) for row in confusion])
    return _simplex(rng.dirichlet(counts + 0.5), rates)
