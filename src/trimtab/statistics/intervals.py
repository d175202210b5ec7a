"""Values with their N and interval, and the intervals themselves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """A share of n pictures with its interval; NaN within 0 to 1 where n is 0."""

    value: float
    n: int
    low: float
    high: float
    count: float


@dataclass(frozen=True)
class Estimate:
    """A figure with the n behind it, its interval, and what chance alone would give.

    `noise_floor` is the expectation of the figure for a sampler that meets the target perfectly,
    at the same n; None where the figure has no such thing.
    """

    value: float
    n: int
    low: float
    high: float
    noise_floor: float | None = None


def wilson(count: float, n: int, *, confidence: float = CONFIDENCE) -> Share:
    """Return a share with its Wilson score interval.

    With p = count / n and z the normal quantile of the confidence::

        (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)

    A count may be a sum of numbers from 0 to 1, as of soft labels. The interval is then on the
    wide side: no such number with mean p varies more than a 0/1 one does.

    Parameters
    ----------
    count : float
        How many of them.
    n : int
        Of how many.
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
    z = quantile(confidence)
    if n == 0:
        return Share(math.nan, 0, 0.0, 1.0, 0)
    p = count / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    # At the ends the limit is the share itself, but for the last digit of rounding.
    low = min(max((centre - half) / scale, 0.0), p)
    high = max(min((centre + half) / scale, 1.0), p)
    return Share(p, n, 0.0 if count == 0 else low, 1.0 if count == n else high, count)


def simultaneous_wilson(
    counts: ArrayLike, *, confidence: float = CONFIDENCE
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return limits that hold for all C shares of a sample together (Bonferroni-Wilson).

    Each share has its Wilson limits at confidence 1 - (1 - confidence) / C. Two shares are one
    number and its complement, so that with C = 2 nothing is to be corrected for.

    Parameters
    ----------
    counts : array_like of float, shape (C,)
        Counts of a sample of size n = their sum, rounded.
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
    # Soft counts add up to n but for rounding, which must not push one past it.
    shares = [wilson(min(float(count), n), n, confidence=each) for count in counts]
    return np.array([s.low for s in shares]), np.array([s.high for s in shares])


def newcombe(
    count_a: float, n_a: int, count_b: float, n_b: int, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return the difference of two independent shares, a - b, with its hybrid score interval.

    With the Wilson limits l, u of each share, the lower limit is
    d - √((p_a - l_a)² + (u_b - p_b)²), the upper d + √((u_a - p_a)² + (p_b - l_b)²).

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


def tango(gained: int, lost: int, n: int, *, confidence: float = CONFIDENCE) -> Estimate:
    """Return the difference of two shares seen on the same n units, with Tango's score interval.

    (gained - lost) / n, where `gained` units have the trait only the second time and `lost` only
    the first. The limits are the differences D at which the score statistic

        (gained - lost - n D) / √(n (2 q + D (1 - D)))

    reaches ± z, q being the likeliest P(lost) for that D. The same interval serves the difference
    of two groups' shares in *one* sample; where the two groups are all there is, it is that of
    Wilson mapped by 2 p - 1.

    Parameters
    ----------
    gained, lost : int
        Discordant pairs.
    n : int
        All pairs.
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
            expected="counts that fit in n",
            do="check the pairs",
        )
    z = quantile(confidence)
    if n == 0:
        return Estimate(math.nan, 0, -1.0, 1.0)
    d = (gained - lost) / n

    def excess(delta: float) -> float:
        linear = (2 * n - gained + lost) * delta - gained - lost
        root = math.sqrt(max(0.0, linear * linear + 8 * n * lost * delta * (1 - delta)))
        q = max(0.0, (root - linear) / (4 * n))
        variance = n * (2 * q + delta * (1 - delta))
        # Squared and multiplied out: no division by a variance that vanishes at ±1 and at 0.
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

    Meant for means and medians of distances. Not for metrics that end at 0, such as the deviation
    ratio: near the end the percentile interval misses the truth.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, ...)
        One entry per picture or pair; resampled along the first axis.
    statistic : callable, optional
        From an array like `values` to a number; the mean where not given.
    confidence : float, optional
        Between 0 and 1.
    resamples : int, optional
        How many.
    seed : int, optional
        Of the resampling, so that a report can be repeated.

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
        raise UsageError(got="no values", expected="one per picture", do="pair some pictures")
    quantile(confidence)  # refuses what is no confidence
    take = statistic or (lambda a: float(a.mean()))
    random = np.random.default_rng(seed)
    draws = [take(array[random.integers(0, len(array), len(array))]) for _ in range(resamples)]
    tail = (1 - confidence) / 2
    # An order statistic, not a mean of two: pictures that are equal have an infinite PSNR.
    low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(float(take(array)), len(array), float(low), float(high))


def quantile(confidence: float) -> float:
    """Return z, such that a standard normal lies within ± z with this probability."""
    if not 0 < confidence < 1:
        raise UsageError(
            got=f"confidence={confidence}", expected="a number between 0 and 1", do="use 0.95"
        )
    return NormalDist().inv_cdf(0.5 + confidence / 2)
