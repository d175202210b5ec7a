"""The figures with their intervals, computed from counts.

All intervals come from one confidence region: the simultaneous (Bonferroni-)Wilson limits of all
shares. The interval of a figure is the range of its values in this region. Unlike a bootstrap, this
also holds near the ends of the figure's range. For two groups, the region is the Wilson interval of
one share, and the limits are the Wilson limits mapped through the formula.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from trimtab.errors import UsageError
from trimtab.metrics.distances import METRICS, Array, kl_terms, noise_floor
from trimtab.statistics import CONFIDENCE, Estimate, simultaneous_wilson


def estimate(
    metric: str, counts: ArrayLike, target: tuple[float, ...], *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return a figure of the counts, with its range over the region and its noise floor.

    Parameters
    ----------
    metric : str
        A name in `METRICS`.
    counts : array_like, shape (C,)
        Counts of the known pictures, or the sum of their soft labels.
    target : tuple of float
        The target share of each group.
    confidence : float, optional
        Between 0 and 1.
    """
    counts, t, n = _checked(counts, target)
    if n == 0:
        return Estimate(math.nan, 0, 0.0, _LARGEST[metric](t), math.nan)
    low, high = simultaneous_wilson(counts, confidence=confidence)
    least, most = _RANGES[metric](t, low, high)
    value = float(METRICS[metric](counts / counts.sum(), t))
    # The value lies in the region; only rounding can put it slightly outside the limits.
    return Estimate(value, n, min(least, value), max(most, value), noise_floor(metric, n, target))


def estimate_own(
    metric: Callable[[Array, Array], float],
    counts: ArrayLike,
    target: tuple[float, ...],
    *,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Return a custom metric, with its range over the same region and its noise floor.

    The range is over points on straight lines from the shares to the edge of the region, in a few
    hundred directions; with two groups, these cover the whole region.

    Parameters
    ----------
    metric : callable
        Maps shares and target, both of shape (C,), to a number.
    counts : array_like of int, shape (C,)
        Counts of the known pictures.
    target : tuple of float
        The target share of each group.
    confidence : float, optional
        Between 0 and 1.

    Raises
    ------
    UsageError
        If the metric does not return a number.
    """
    counts, t, n = _checked(counts, target)
    if n == 0:
        return Estimate(math.nan, 0, -math.inf, math.inf, math.nan)
    p = counts / n
    value = _number(metric, p, t)
    low, high = simultaneous_wilson(counts, confidence=confidence)
    found = [value, *(_number(metric, point, t) for point in _region(p, low, high))]
    along = [one for one in found if not math.isnan(one)] or [value]  # log 0 at an edge is harmless
    return Estimate(value, n, min(along), max(along), noise_floor(metric, n, target))


def _region(p: Array, low: Array, high: Array) -> Array:
    """Return points of the region of shares within limits, including its edge, shape (m, C)."""
    classes = len(p)
    axes = np.eye(classes) - 1 / classes  # only one share grows or shrinks
    drawn = np.random.default_rng(0).normal(size=(0 if classes == 2 else 200, classes))
    ways = np.concatenate([axes, -axes, drawn - drawn.mean(axis=1, keepdims=True)])
    room = np.where(ways > 0, high - p, low - p)
    reach = np.divide(room, ways, out=np.full_like(ways, np.inf), where=np.abs(ways) > 1e-12)
    steps = np.linspace(0, 1, 101 if classes == 2 else 11)[:, None, None]
    points: Array = p + steps * reach.min(axis=1)[:, None] * ways
    return np.clip(points, 0, 1).reshape(-1, classes)


def _number(metric: Callable[[Array, Array], float], p: Array, t: Array) -> float:
    found = metric(p.copy(), t.copy())
    if np.ndim(found) != 0 or not isinstance(found, int | float | np.number):
        raise UsageError(
            got=f"{type(found).__name__} from the metric {getattr(metric, '__name__', metric)!r}",
            expected="one number for shares and target of shape (groups,)",
            do="correct the metric",
        )
    return float(found)


def _checked(counts: ArrayLike, target: tuple[float, ...]) -> tuple[Array, Array, int]:
    array = np.asarray(counts, dtype=float)
    return array, np.array(target), round(array.sum())


def _deviation_range(t: Array, low: Array, high: Array) -> tuple[float, float]:
    """Return the range of the deviation ratio; it starts at 0 if t lies within the region."""
    scale = 1 - t.min()
    nearest = np.maximum(0, np.maximum(low - t, t - high)).max() / scale
    farthest = np.maximum(np.abs(low - t), np.abs(high - t)).max() / scale
    return float(nearest), float(farthest)


def _discrepancy_range(t: Array, low: Array, high: Array) -> tuple[float, float]:
    least, most = _range(lambda p: (p - t) ** 2, lambda s: t + s, low, high)
    return math.sqrt(least), math.sqrt(most)


def _kl_range(t: Array, low: Array, high: Array) -> tuple[float, float]:
    least, most = _range(lambda p: kl_terms(p, t), lambda s: t * math.exp(s), low, high)
    return max(0.0, least), max(0.0, most)


def _entropy_range(t: Array, low: Array, high: Array) -> tuple[float, float]:
    """Return the range of the entropy, in which the target has no part."""
    even = np.full(len(t), 1 / len(t))
    least, most = (1 - kl / math.log(len(t)) for kl in reversed(_kl_range(even, low, high)))
    return max(0.0, least), most


def _range(
    term: Callable[[Array], Array], path: Callable[[float], Array], low: Array, high: Array
) -> tuple[float, float]:
    """Return the range of Σ term(p), with convex `term`, over shares within limits that sum to 1.

    The minimum is exact: it is where `path(s)`, along which all terms have the same slope, sums to
    1 after clipping to the limits. The maximum is bounded by replacing each term with its chord
    between the limits, so that filling the steepest first is optimal; with two groups, this is
    exact too.
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


_RANGES: dict[str, Callable[[Array, Array, Array], tuple[float, float]]] = {
    "deviation_ratio": _deviation_range,
    "fairness_discrepancy": _discrepancy_range,
    "kl": _kl_range,
    "entropy": _entropy_range,
}
"""Range of each figure over the region, from the target and the limits of the shares."""
_LARGEST: dict[str, Callable[[Array], float]] = {
    "deviation_ratio": lambda t: 1.0,
    "fairness_discrepancy": lambda t: math.sqrt(2),
    "kl": lambda t: -math.log(t.min()),
    "entropy": lambda t: 1.0,
}
"""Largest possible value of each figure."""
