"""The figures with their intervals, from counts: what a sample of n says about the sampler.

All intervals come from one confidence region: the (Bonferroni-)Wilson limits of all shares
together. The interval of a figure is the range that it takes there. That holds near the ends of a
figure's range, where a bootstrap does not. For two groups the region is the Wilson interval of one
share, and the limits are those of Wilson mapped through the formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from trimtab.metrics.distances import (
    Array,
    deviation_ratio,
    fairness_discrepancy,
    kl_divergence,
    noise_floor,
    normalised_entropy,
)
from trimtab.statistics.intervals import CONFIDENCE, Estimate, simultaneous_wilson


def estimate_deviation_ratio(
    counts: ArrayLike, target: tuple[float, ...], *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return `deviation_ratio` of the counts; the lower limit is 0 where all of t is within."""
    counts, t, n = _checked(counts, target)
    if n == 0:
        return Estimate(math.nan, 0, 0.0, 1.0, math.nan)
    low, high = simultaneous_wilson(counts, confidence=confidence)
    scale = 1 - t.min()
    nearest = np.maximum(0, np.maximum(low - t, t - high)).max() / scale
    farthest = np.maximum(np.abs(low - t), np.abs(high - t)).max() / scale
    value = float(deviation_ratio(counts / n, t))
    floor = noise_floor("deviation_ratio", n, target)
    return Estimate(value, n, min(float(nearest), value), max(float(farthest), value), floor)


def estimate_fairness_discrepancy(
    soft_counts: ArrayLike, target: tuple[float, ...], *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return `fairness_discrepancy` of soft counts (the sum of the known pictures' labels)."""
    counts, t, n = _checked(soft_counts, target)
    if n == 0:
        return Estimate(math.nan, 0, 0.0, math.sqrt(2), math.nan)
    low, high = simultaneous_wilson(counts, confidence=confidence)
    least, most = _range(lambda p: (p - t) ** 2, lambda s: t + s, low, high)
    value = float(fairness_discrepancy(counts / counts.sum(), t))
    floor = noise_floor("fairness_discrepancy", n, target)
    return _estimate(value, n, math.sqrt(least), math.sqrt(most), floor)


def estimate_kl(
    counts: ArrayLike, target: tuple[float, ...], *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return `kl_divergence` of the counts, in nats."""
    counts, t, n = _checked(counts, target)
    if n == 0:
        return Estimate(math.nan, 0, 0.0, -math.log(t.min()), math.nan)
    low, high = simultaneous_wilson(counts, confidence=confidence)
    least, most = _kl_range(t, low, high)
    value = float(kl_divergence(counts / n, t))
    return _estimate(value, n, least, most, noise_floor("kl", n, target))


def estimate_entropy(
    counts: ArrayLike, target: tuple[float, ...], *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return `normalised_entropy` of the counts; the target only sets the noise floor."""
    counts, t, n = _checked(counts, target)
    if n == 0:
        return Estimate(math.nan, 0, 0.0, 1.0, math.nan)
    low, high = simultaneous_wilson(counts, confidence=confidence)
    even = np.full(len(t), 1 / len(t))
    least, most = (1 - kl / math.log(len(t)) for kl in reversed(_kl_range(even, low, high)))
    value = float(normalised_entropy(counts / n))
    return _estimate(value, n, max(0.0, least), most, noise_floor("entropy", n, target))


def _estimate(value: float, n: int, low: float, high: float, floor: float) -> Estimate:
    # The value lies in the region; only rounding can put it a hair outside the limits.
    return Estimate(value, n, min(low, value), max(high, value), floor)


def _checked(counts: ArrayLike, target: tuple[float, ...]) -> tuple[Array, Array, int]:
    array = np.asarray(counts, dtype=float)
    return array, np.array(target), round(array.sum())


def _kl_range(t: Array, low: Array, high: Array) -> tuple[float, float]:
    least, most = _range(
        lambda p: p * np.log(np.where(p > 0, p, t) / t), lambda s: t * math.exp(s), low, high
    )
    return max(0.0, least), max(0.0, most)


def _range(
    term: Callable[[Array], Array], path: Callable[[float], Array], low: Array, high: Array
) -> tuple[float, float]:
    """Range of Σ term(p) over shares p within limits that add up to 1, `term` being convex.

    The least is exact: it lies where `path(s)`, along which all terms have the same slope, is cut
    off at the limits and adds up to 1. The greatest is bounded by replacing each term by its chord
    between the limits, which makes filling up the steepest first the best; with two groups that
    is exact, too.
    """
    left, right = -60.0, 60.0
    for _ in range(100):
        middle = (left + right) / 2
        short = np.clip(path(middle), low, high).sum() < 1
        left, right = (middle, right) if short else (left, middle)
    least = float(term(np.clip(path(right), low, high)).sum())

    ends = term(low), term(high)
    width = np.maximum(high - low, 1e-300)
    slope = (ends[1] - ends[0]) / width
    room, most = 1 - low.sum(), float(ends[0].sum())
    for c in np.argsort(-slope):
        step = min(max(room, 0.0), high[c] - low[c])
        most += float(slope[c] * step)
        room -= step
    return least, max(most, least)
