"""Estimates with their n and interval, and the methods that compute intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import scipy  # scipy.stats, which is slow to load, comes with its first use
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics.limits import CONFIDENCE
from trimtab.statistics.numbers import Number


@dataclass(frozen=True)
class Share:
    """A share of n pictures with its interval; NaN with limits 0 and 1 if n is 0."""

    value: Number
    n: int
    low: Number
    high: Number
    count: float


@dataclass(frozen=True)
class Estimate:
    """A figure with its n, its interval, and the value expected by chance alone.

    `noise_floor` is the expectation of the figure, at the same n, for a sampler that meets the
    target exactly; None for figures without a noise floor.
    """

    value: Number
    n: int
    low: Number
    high: Number
    noise_floor: Number | None = None


def half_width(confidence: float) -> float:
    """Return how many standard errors a normal interval reaches to each side."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def wilson(count: float, n: int, *, confidence: float = CONFIDENCE) -> Share:
    """Return a share with its Wilson score interval, computed by `scipy.stats.binomtest`.

    A count may be a sum of numbers from 0 to 1, such as soft labels. Its limits are then
    interpolated linearly between those of the neighbouring whole counts. Such an interval is
    conservative: no number from 0 to 1 with mean p varies more than a 0/1 one.

    Parameters
    ----------
    count : float
        The number of hits.
    n : int
        The number of trials.
    confidence : float, optional
        Between 0 and 1.

    Returns
    -------
    Share
        Value and limits, within 0 to 1.

    Raises
    ------
    UsageError
        If the count is not within 0 to n, or the confidence not within 0 to 1.

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference, Journal of
    the American Statistical Association 22, 1927.
    """
    if not 0 <= count <= n:
        raise UsageError(got=f"{count} of {n}", expected="0 <= count <= n", do="check the counts")
    require_confidence(confidence)
    if n == 0:
        return Share(math.nan, 0, 0.0, 1.0, 0)
    below, above = math.floor(count), math.ceil(count)
    ends = []
    for whole in sorted({below, above}):
        test = scipy.stats.binomtest(whole, n)
        ends.append(test.proportion_ci(confidence, method="wilson"))
    (low, high), (low_above, high_above) = ends[0], ends[-1]
    low += (count - below) * (low_above - low)
    high += (count - below) * (high_above - high)
    p = count / n
    # At the ends, the limit equals the share up to rounding.
    return Share(p, n, min(float(low), p), max(float(high), p), count)


def simultaneous_wilson(
    counts: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits that hold for all C shares of a sample simultaneously (Bonferroni-Wilson).

    Each share gets its Wilson limits at confidence 1 - (1 - confidence) / C. With C = 2, no
    correction is needed, since the second share is the complement of the first.

    Parameters
    ----------
    counts : array_like of float, shape (C,)
        Counts of a sample; its size n is their sum, rounded.
    confidence : float, optional
        Between 0 and 1.

    Returns
    -------
    low, high : ndarray, shape (C,)
        Limits of each share.
    """
    counts = np.asarray(counts, dtype=float)
    n = round(counts.sum())
    tests = 1 if len(counts) == 2 else len(counts)
    each = 1 - (1 - confidence) / tests
    # Soft counts add up to n only approximately; rounding must not push one above n.
    shares = [wilson(min(float(count), n), n, confidence=each) for count in counts]
    return np.array([s.low for s in shares]), np.array([s.high for s in shares])


def newcombe(
    count_a: float, n_a: int, count_b: float, n_b: int, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return the difference of two independent shares, a - b, with its hybrid score interval.

    With the Wilson limits l, u of each share, the lower limit is
    d - √((p_a - l_a)² + (u_b - p_b)²), and the upper limit d + √((u_a - p_a)² + (p_b - l_b)²).

    Returns
    -------
    Estimate
        With n = n_a + n_b.

    References
    ----------
    R. G. Newcombe, Interval estimation for the difference between independent proportions,
    Statistics in Medicine 17, 1998, method 10.
    """
    a, b = (wilson(c, n, confidence=confidence) for c, n in ((count_a, n_a), (count_b, n_b)))
    if n_a == 0 or n_b == 0:
        return Estimate(math.nan, n_a + n_b, -1.0, 1.0)
    d = a.value - b.value
    low = d - math.hypot(a.value - a.low, b.high - b.value)
    high = d + math.hypot(a.high - a.value, b.value - b.low)
    return Estimate(d, n_a + n_b, low, high)


def standardised(
    after: ArrayLike, before: ArrayLike, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return how far a share is from what its mix of S strata alone would make of it.

    With q_s and p_s the shares in stratum s after and before, and w_s the part of stratum s after,
    the difference is D = Σ w_s (q_s - p_s): the share after, minus that of a population with the
    same mix and the rates from before (direct standardisation). The mix is taken as given. With
    the Wilson limits l, u of each share, the lower limit is
    D - √(Σ w_s² ((q_s - l_s)² + (u_s - p_s)²)), and the upper one its mirror image; for S = 1, this
    is `newcombe`.

    Parameters
    ----------
    after, before : array_like of int, shape (S, 2)
        Number of hits and of trials in each stratum.
    confidence : float, optional
        Between 0 and 1.

    Returns
    -------
    Estimate
        With n trials after. NaN with limits -1 and 1 if there are none, or if a stratum that
        occurs after has no trials before.

    References
    ----------
    G. Y. Zou and A. Donner, Construction of confidence limits about effect measures: a general
    approach, Statistics in Medicine 27, 2008.
    """
    total, below, above = 0.0, 0.0, 0.0
    n = int(np.asarray(after).reshape(-1, 2)[:, 1].sum())
    for counts in zip(np.asarray(after), np.asarray(before), strict=True):
        q, p = (wilson(int(hits), int(trials), confidence=confidence) for hits, trials in counts)
        if not q.n:
            continue
        if not p.n:
            return Estimate(math.nan, n, -1.0, 1.0)
        weight = q.n / n
        total += weight * (q.value - p.value)
        below += (weight * math.hypot(q.value - q.low, p.high - p.value)) ** 2
        above += (weight * math.hypot(q.high - q.value, p.value - p.low)) ** 2
    if not n:
        return Estimate(math.nan, 0, -1.0, 1.0)
    return Estimate(total, n, total - math.sqrt(below), total + math.sqrt(above))


def tango(gained: int, lost: int, n: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the difference of two shares of the same n units, with Tango's score interval.

    The difference is (gained - lost) / n, where `gained` units have the trait only the second time
    and `lost` only the first. The limits are the differences D at which the score statistic

        (gained - lost - n D) / √(n (2 q + D (1 - D)))

    reaches ± z, where q is the maximum likelihood estimate of P(lost) given D. The same interval
    applies to the difference of two groups' shares in *one* sample; if there are only two groups,
    it is the Wilson interval mapped by 2 p - 1.

    Parameters
    ----------
    gained, lost : int
        Numbers of discordant pairs.
    n : int
        Number of all pairs.
    confidence : float, optional
        Between 0 and 1.

    Raises
    ------
    UsageError
        If a count is negative, or gained + lost > n.

    References
    ----------
    T. Tango, Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design, Statistics in Medicine 17, 1998.
    """
    if min(gained, lost) < 0 or gained + lost > n:
        raise UsageError(
            got=f"{gained} gained and {lost} lost of {n}",
            expected="counts that add up to at most n",
            do="check the pairs",
        )
    require_confidence(confidence)
    if n == 0:
        return Estimate(math.nan, 0, -1.0, 1.0)
    z = half_width(confidence)
    d = (gained - lost) / n

    def excess(delta: float) -> float:
        linear = (2 * n - gained + lost) * delta - gained - lost
        root = math.sqrt(max(0.0, linear * linear + 8 * n * lost * delta * (1 - delta)))
        q = max(0.0, (root - linear) / (4 * n))
        variance = n * (2 * q + delta * (1 - delta))
        # Squared and multiplied out, to avoid dividing by a variance that is 0 at ±1 and 0.
        return (gained - lost - n * delta) ** 2 - z * z * max(0.0, variance)

    def limit(end: float) -> float:
        inside, outside = d, end
        if excess(outside) <= 0:
            return end
        for _ in range(100):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if excess(middle) <= 0 else (inside, middle)
        return inside

    return Estimate(d, n, min(limit(-1.0), d), max(limit(1.0), d))


def bootstrap(
    values: ArrayLike,
    statistic: Callable[[NDArray[np.float64]], float] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return a statistic of n values with its percentile bootstrap interval.

    Suitable for means and medians of distances, but not for metrics bounded by 0, such as the
    deviation ratio: near the bound, the percentile interval misses the true value.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, ...)
        One entry per picture or pair; resampled along the first axis.
    statistic : callable, optional
        Maps an array like `values` to a number. Defaults to the mean.
    confidence : float, optional
        Between 0 and 1.
    resamples : int, optional
        Number of resamples.
    seed : int, optional
        Seed of the resampling, so that reports are reproducible.

    Raises
    ------
    UsageError
        If there are no values.

    References
    ----------
    B. Efron, Bootstrap methods: another look at the jackknife, Annals of Statistics 7, 1979.
    """
    array = np.asarray(values, dtype=float)
    if array.ndim == 0 or len(array) == 0:
        raise UsageError(got="no values", expected="one per picture", do="add at least one pair")
    require_confidence(confidence)
    take = statistic or (lambda a: float(a.mean()))
    value, n = float(take(array)), len(array)
    if n == 1:  # which resampling repeats
        return Estimate(value, 1, value, value)
    with np.errstate(invalid="ignore"):  # its own limits, between two infinite values
        draws = scipy.stats.bootstrap(
            (np.arange(n),),
            lambda rows: take(array[rows]),
            n_resamples=resamples,
            batch=max(1, 1_000_000 // n),
            vectorized=False,
            method="percentile",
            rng=seed,
        ).bootstrap_distribution
    tail = (1 - confidence) / 2
    # Use an order statistic, not a mean of two, since equal pictures have an infinite PSNR.
    low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(value, n, float(low), float(high))


def require_confidence(confidence: float) -> None:
    """Check that a confidence is valid.

    Raises
    ------
    UsageError
        If it is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise UsageError(
            got=f"confidence={confidence}",
            expected="a number between 0 and 1",
            do=f"use {CONFIDENCE}",
        )
