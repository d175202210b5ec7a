"""The figures of an audit: each formula once, on shares; then with interval and noise floor.

p is an array of shares whose last axis holds the C groups; t is the target, uniform where it is
not given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError

Array = NDArray[np.float64]
_EXACT = 20_000  # as many outcomes of a multinomial are summed; beyond, as many are drawn


def deviation_ratio(p: ArrayLike, t: ArrayLike | None = None) -> Array:
    """Return DR = max_c |p_c - t_c| / (1 - min_c t_c), from 0 (on target) to 1 (its opposite).

    With the uniform target it is max_c |p_c - 1/C| / (1 - 1/C), and for two groups the absolute
    difference of their shares.

    References
    ----------
    H. Li et al., Self-discovering interpretable diffusion latent directions for responsible
    text-to-image generation, CVPR 2024; the denominator for other targets is the largest value
    attainable.
    """
    p, t = _shares(p, t)
    ratio: Array = np.abs(p - t).max(axis=-1) / (1 - t.min())
    return ratio


def fairness_discrepancy(p: ArrayLike, t: ArrayLike | None = None) -> Array:
    """Return FD = √Σ_c (p_c - t_c)², p being the mean of the soft labels.

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
    divergence: Array = _relative(p, t).sum(axis=-1)
    # Rounding may leave a hair below 0, which the divergence never is.
    return np.maximum(divergence, 0)


def normalised_entropy(p: ArrayLike) -> Array:
    """Return -Σ_c p_c log p_c / log C: 1 for equal shares, 0 where one group has all.

    References
    ----------
    C. E. Shannon, A mathematical theory of communication, 1948; also known as Pielou's evenness.
    """
    p, _ = _shares(p, None)
    return 1 - kl_divergence(p) / math.log(p.shape[-1])


def target_shares(
    groups: Sequence[str], target: Mapping[str, float] | ArrayLike | None = None
) -> tuple[float, ...]:
    """Return the target share of each group, checked.

    Parameters
    ----------
    groups : sequence of str
        Names of the C groups.
    target : mapping of str to float, or array_like of shape (C,), optional
        Share wanted of each; equal ones where not given.

    Raises
    ------
    UsageError
        If a group is missing or strange, a share is not above 0, or they do not add up to 1.
    """
    if target is None:
        return (1 / len(groups),) * len(groups)
    if isinstance(target, Mapping):
        if set(target) != set(groups):
            raise UsageError(
                got=f"a target for {', '.join(map(str, target)) or 'nothing'}",
                expected=f"one share for each of {', '.join(groups)}",
                do="name every group once",
            )
        target = [target[group] for group in groups]
    t = np.asarray(target, dtype=float)
    if t.shape != (len(groups),) or not (t > 0).all() or abs(t.sum() - 1) > 1e-6:
        raise UsageError(
            got=f"the target {t.tolist()}",
            expected=f"{len(groups)} shares above 0 that add up to 1",
            do="correct the target",
        )
    return tuple((t / t.sum()).tolist())


METRICS: dict[str, Callable[[Array, Array], Array]] = {
    "deviation_ratio": deviation_ratio,
    "fairness_discrepancy": fairness_discrepancy,
    "kl": kl_divergence,
    "entropy": lambda p, t: normalised_entropy(p),
}


@lru_cache(maxsize=256)
def noise_floor(metric: str, n: int, target: tuple[float, ...]) -> float:
    """Return the expectation of a metric for a sampler that meets the target perfectly.

    Over multinomial(n, target): summed over all outcomes where there are at most 20,000 of them
    (always so for two groups with n < 20,000), else the mean of 20,000 draws of a fixed seed. For
    the fairness discrepancy, whose labels are soft, it is an upper bound.

    Parameters
    ----------
    metric : str
        "deviation_ratio", "fairness_discrepancy", "kl" or "entropy".
    n : int
        Number of known pictures.
    target : tuple of float
        As `target_shares` returns it.

    Returns
    -------
    float
        NaN for n = 0.

    Raises
    ------
    UsageError
        If the metric is none of these.
    """
    if metric not in METRICS:
        raise UsageError(
            got=f"metric={metric!r}", expected=f"one of {', '.join(METRICS)}", do="choose one"
        )
    if n < 1:
        return math.nan
    t = np.array(target)
    classes = len(target)
    if math.comb(n + classes - 1, classes - 1) > _EXACT:
        counts = np.random.default_rng(0).multinomial(n, t, size=_EXACT)
        return float(METRICS[metric](counts / n, t).mean())
    counts = _outcomes(n, classes)
    factorials = np.array([math.lgamma(k + 1) for k in range(n + 1)])
    weights = np.exp(factorials[n] - factorials[counts].sum(axis=1) + counts @ np.log(t))
    return float(weights @ METRICS[metric](counts / n, t))


def _outcomes(n: int, classes: int) -> NDArray[np.int64]:
    # Stars and bars: the gaps between C - 1 bars among n + C - 1 places are the counts.
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
            expected="two groups or more, as many in both",
            do="give one share per group",
        )
    return p, t


def _relative(p: Array, t: Array) -> Array:
    # p log(p / t), which is 0 at p = 0.
    terms: Array = p * np.log(np.where(p > 0, p, t) / t)
    return terms
