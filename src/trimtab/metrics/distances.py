"""The formulas of an audit's figures, on shares.

p is an array of shares whose last axis holds the C groups; t is the target, uniform by default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError

Array = NDArray[np.float64]
_EXACT = 20_000  # up to this many multinomial outcomes are summed; otherwise this many are drawn


def deviation_ratio(p: ArrayLike, t: ArrayLike | None = None) -> Array:
    """Return DR = max_c |p_c - t_c| / (1 - min_c t_c), from 0 (on target) to 1 (its opposite).

    With the uniform target, it is max_c |p_c - 1/C| / (1 - 1/C), and for two groups the absolute
    difference of their shares.

    References
    ----------
    H. Li et al., Self-discovering interpretable diffusion latent directions for responsible
    text-to-image generation, CVPR 2024. For other targets, the denominator is the largest
    attainable value.
    """
    p, t = _shares(p, t)
    ratio: Array = np.abs(p - t).max(axis=-1) / (1 - t.min())
    return ratio


def fairness_discrepancy(p: ArrayLike, t: ArrayLike | None = None) -> Array:
    """Return FD = √Σ_c (p_c - t_c)², where p is the mean of the soft labels.

    References
    ----------
    K. Choi et al., Fair generative modeling via weak supervision, ICML 2020.
    """
    p, t = _shares(p, t)
    distance: Array = np.sqrt(((p - t) ** 2).sum(axis=-1))
    return distance


def kl_divergence(p: ArrayLike, t: ArrayLike | None = None) -> Array:
    """Return KL = Σ_c p_c log(p_c / t_c) in nats, with 0 log 0 = 0.

    References
    ----------
    S. Kullback and R. A. Leibler, On information and sufficiency, Annals of Mathematical
    Statistics 22, 1951.
    """
    p, t = _shares(p, t)
    divergence: Array = kl_terms(p, t).sum(axis=-1)
    # Rounding may put the result slightly below 0, the minimum of the divergence.
    return np.maximum(divergence, 0)


def normalised_entropy(p: ArrayLike) -> Array:
    """Return -Σ_c p_c log p_c / log C: 1 for equal shares, 0 if one group has everything.

    References
    ----------
    C. E. Shannon, A mathematical theory of communication, 1948; also known as Pielou's evenness.
    """
    p, _ = _shares(p, None)
    return 1 - kl_divergence(p) / math.log(p.shape[-1])


METRICS: dict[str, Callable[[Array, Array], Array]] = {
    "deviation_ratio": deviation_ratio,
    "fairness_discrepancy": fairness_discrepancy,
    "kl": kl_divergence,
    "entropy": lambda p, t: normalised_entropy(p),
}


@lru_cache(maxsize=1024)
def noise_floor(
    metric: str | Callable[[Array, Array], float], n: int, target: tuple[float, ...]
) -> float:
    """Return the expectation of a metric for a sampler that meets the target exactly.

    Computed over multinomial(n, target): by summing all outcomes if there are at most 20,000
    (always the case for two groups with n < 20,000), otherwise as the mean of 20,000 draws with a
    fixed seed. For the fairness discrepancy, which uses soft labels, it is an upper bound.

    Parameters
    ----------
    metric : str or callable
        "deviation_ratio", "fairness_discrepancy", "kl" or "entropy"; or a function that maps shares
        and target, both of shape (C,), to a number.
    n : int
        Number of known pictures.
    target : tuple of float
        The target share of each group, as in `Target.vector`.

    Returns
    -------
    float
        NaN for n = 0.

    Raises
    ------
    UsageError
        If there is no metric with this name.
    """
    if isinstance(metric, str) and metric not in METRICS:
        raise UsageError(
            got=f"metric={metric!r}", expected=f"one of {', '.join(METRICS)}", do="choose one"
        )
    if n < 1:
        return math.nan
    t = np.array(target)
    classes = len(target)
    if math.comb(n + classes - 1, classes - 1) > _EXACT:
        counts = np.random.default_rng(0).multinomial(n, t, size=_EXACT)
        weights = np.full(len(counts), 1 / len(counts))
    else:
        counts = _outcomes(n, classes)
        factorials = np.array([math.lgamma(k + 1) for k in range(n + 1)])
        weights = np.exp(factorials[n] - factorials[counts].sum(axis=1) + counts @ np.log(t))
    if isinstance(metric, str):
        values = METRICS[metric](counts / n, t)
    else:  # one call per distinct outcome, since most occur often
        counts, inverse = np.unique(counts, axis=0, return_inverse=True)
        weights = np.bincount(inverse.ravel(), weights)
        values = np.array([float(metric(row / n, t)) for row in counts])
    return float(weights @ values)


def _outcomes(n: int, classes: int) -> NDArray[np.int64]:
    # Stars and bars: the counts are the gaps between C - 1 bars in n + C - 1 places.
    bars = np.array(list(combinations(range(n + classes - 1), classes - 1)))
    ends = np.full((len(bars), 1), n + classes - 1)
    return np.diff(np.hstack([np.full_like(ends, -1), bars, ends]), axis=1) - 1


def _shares(p: ArrayLike, t: ArrayLike | None) -> tuple[Array, Array]:
    p = np.asarray(p, dtype=float)
    classes = p.shape[-1] if p.ndim else 0
    t = np.full(max(classes, 1), 1 / max(classes, 1)) if t is None else np.asarray(t, dtype=float)
    if classes < 2 or t.shape != (classes,):
        raise UsageError(
            got=f"shares of shape {p.shape} and a target of shape {t.shape}",
            expected="at least two groups, the same number in both",
            do="give one share per group",
        )
    return p, t


def kl_terms(p: Array, t: Array) -> Array:
    """Return p log(p / t), which is 0 at p = 0."""
    terms: Array = p * np.log(np.where(p > 0, p, t) / t)
    return terms
