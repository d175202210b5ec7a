"""Variance components: which share of a variance follows the prompt, and which the seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # scipy.spatial, which is slow to load, comes with its first use
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics.intervals import Estimate, bootstrap, require_confidence
from trimtab.statistics.limits import CONFIDENCE
from trimtab.statistics.numbers import Number

Array = NDArray[np.float64]
_CHUNK = 100  # resamples at a time, which bounds the memory


@dataclass(frozen=True)
class Components:
    """Shares of the variance of pictures of p prompts and s seeds; all NaN if nothing varies.

    Attributes
    ----------
    total : float
        The sum of the estimated components, in squared units of the values.
    prompt : Estimate
        Share that follows the prompt, whatever the seed.
    seed : Estimate
        Share that follows the seed, whatever the prompt: the intraclass correlation ICC(2,1) of
        the seeds.
    residual : Estimate
        The rest. A picture is determined by its prompt and seed, so this is their interaction: what
        a seed does under one prompt and not under another.
    within : Estimate
        Share among pictures of one prompt: `seed` and `residual` together.
    negative : tuple of str
        Which of "prompt" and "seed" had a negative estimate, which is replaced by 0.
    """

    total: Number
    prompt: Estimate
    seed: Estimate
    residual: Estimate
    within: Estimate
    negative: tuple[str, ...] = ()


def variance_components(
    values: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
    seed: int = 0,
) -> Components:
    """Estimate the variance components of a two-way layout without replication.

    The model is y_ij = mean + prompt_i + seed_j + residual_ij, with random effects. With the mean
    squares M of its analysis of variance, the estimates are

        residual: M_residual;  seed: (M_seed - M_residual) / p;  prompt: (M_prompt - M_residual) / s

    For vectors, mean squares are summed over the dimensions. Shares are of the sum of the three
    estimates, after negative ones are replaced by 0.

    The intervals are percentile intervals of a bootstrap that resamples prompts and seeds
    independently (Owen 2007). A resampled prompt or seed paired with itself would look like one
    that varies less. Each resample is therefore estimated from the pairs of *distinct* prompts and
    seeds: half the mean squared difference of two pictures estimates seed + residual if they share
    only the prompt, prompt + residual if only the seed, and the sum of all three if neither. On the
    original values, this equals the estimates from mean squares.

    Parameters
    ----------
    values : array_like, shape (p, s) or (p, s, e)
        A number or a vector for each prompt and seed, at least two of each. Takes memory for
        (p s)² numbers.
    confidence : float, optional
        Between 0 and 1.
    resamples, seed : int, optional
        Number of resamples, and the seed that they are drawn with.

    Returns
    -------
    Components
        Each estimate has n = p s.

    Raises
    ------
    UsageError
        If there are fewer than two prompts or seeds, or a value is not finite.

    References
    ----------
    S. R. Searle, G. Casella and C. E. McCulloch, Variance Components, 1992, chapter 4; P. E. Shrout
    and J. L. Fleiss, Intraclass correlations, Psychological Bulletin 86, 1979; A. B. Owen, The
    pigeonhole bootstrap, Annals of Applied Statistics 1, 2007.
    """
    y = np.asarray(values, dtype=float)
    y = y[..., None] if y.ndim == 2 else y
    if y.ndim != 3 or min(y.shape[:2]) < 2 or not np.isfinite(y).all():
        raise UsageError(
            got=f"values of shape {np.shape(values)}" + ", not all finite" * (y.ndim == 3),
            expected="finite values of at least two prompts and two seeds",
            do="generate pictures of more prompts and seeds",
        )
    require_confidence(confidence)
    y = y - y.mean(axis=(0, 1))
    found = _from_mean_squares(y)
    shares = _shares(found[None])[0]
    with np.errstate(invalid="ignore"):
        draws = _shares(_resampled(y, resamples, seed))
    n = y.shape[0] * y.shape[1]
    prompt, seeds, residual, within = (
        _estimate(*pair, n, confidence) for pair in zip(shares, draws.T, strict=True)
    )
    named = {"prompt": found[0], "seed": found[1]}
    negative = tuple(name for name, one in named.items() if one < -_rounding(y))
    return Components(float(found.clip(0).sum()), prompt, seeds, residual, within, negative)


def noise_share(
    plain: ArrayLike, replaced: ArrayLike, *, confidence: float = CONFIDENCE
) -> Estimate:
    """Return the share of the variance over seeds that the initial noise determines.

    A seed determines the initial noise and whatever a scheduler draws later. The figure is the
    first-order sensitivity index (Sobol' index) of the initial noise, estimated by

        1 - mean |y(z, g) - y(z, g')|² / mean |y(z, g) - y(z', g')|²

    where z and z' are initial noises, g and g' later draws. It is 1 for samplers that draw nothing
    later, and about 0 for pipelines that ignore the noise they are given. Its interval is from a
    bootstrap over the n pictures.

    Parameters
    ----------
    plain : array_like, shape (n, e)
        Vectors of the pictures of n seeds.
    replaced : array_like, shape (n, e)
        Vectors of the pictures made from the same initial noise, but with the later draws of the
        previous seed, and those of the last for the first.
    confidence : float, optional
        Between 0 and 1.

    Returns
    -------
    Estimate
        Within 0 to 1; NaN if the plain pictures are equal.

    References
    ----------
    M. J. W. Jansen, Analysis of variance designs for model output, Computer Physics Communications
    117, 1999; A. Saltelli et al., Variance based sensitivity analysis of model output, Computer
    Physics Communications 181, 2010, table 2.
    """
    y, other = (np.asarray(one, dtype=float) for one in (plain, replaced))
    if y.ndim != 2 or y.shape != other.shape or len(y) < 2:
        raise UsageError(
            got=f"vectors of shapes {y.shape} and {other.shape}",
            expected="two equal shapes, of at least two pictures",
            do="embed the same number of pictures",
        )
    same, apart = ((y - one) ** 2 for one in (other, np.roll(y, 1, axis=0)))
    pairs = np.stack([same.sum(axis=1), apart.sum(axis=1)], axis=1)

    if not pairs[:, 1].any():
        return Estimate(np.nan, len(y), np.nan, np.nan)

    def share(rows: Array) -> float:
        kept, every = rows.mean(axis=0)
        return float(np.clip(1 - kept / every, 0, 1)) if every else float(kept == 0)

    return bootstrap(pairs, share, confidence=confidence)


def _from_mean_squares(y: Array) -> Array:
    """Return the components of prompt, seed and residual, of values with mean 0."""
    p, s, _ = y.shape
    of_prompt, of_seed = y.mean(axis=1), y.mean(axis=0)
    rest = y - of_prompt[:, None] - of_seed[None]
    mean_prompt = s * (of_prompt**2).sum() / (p - 1)
    mean_seed = p * (of_seed**2).sum() / (s - 1)
    mean_rest = (rest**2).sum() / ((p - 1) * (s - 1))
    return np.array([(mean_prompt - mean_rest) / s, (mean_seed - mean_rest) / p, mean_rest])


def _estimate(value: float, drawn: Array, n: int, confidence: float) -> Estimate:
    """Return a share with its percentile interval."""
    finite = drawn[np.isfinite(drawn)]  # a resample of one prompt or one seed has no pairs
    if not (np.isfinite(value) and len(finite)):
        return Estimate(float(value), n, np.nan, np.nan)
    tail = (1 - confidence) / 2
    low, high = np.quantile(finite, [tail, 1 - tail], method="inverted_cdf")
    return Estimate(float(value), n, float(low), float(high))


def _rounding(y: Array) -> float:
    """Return what rounding may add to a component that is 0."""
    return float(1e-12 * (y**2).sum(axis=2).mean())


def _shares(components: Array) -> Array:
    """Return the shares of prompt, seed and residual, and of the last two, for each row."""
    kept = components.clip(min=0)
    total = kept.sum(axis=1, keepdims=True)
    shares = np.divide(kept, total, out=np.full_like(kept, np.nan), where=total > 0)
    return np.column_stack([shares, shares[:, 1:].sum(axis=1)])


def _resampled(y: Array, resamples: int, seed: int) -> Array:
    """Return the components of resampled prompts and seeds, shape (resamples, 3)."""
    p, s, _ = y.shape
    half = _half_squared_distances(y)
    of_prompt = half[np.arange(p), np.arange(p)].reshape(p, s * s)
    of_seed = half[:, :, np.arange(s), np.arange(s)].reshape(p * p, s)
    neither = half.reshape(p * p, s * s)
    rng = np.random.default_rng(seed)
    found = []
    for start in range(0, resamples, _CHUNK):
        size = min(_CHUNK, resamples - start)
        prompts, pairs_of_prompts = _drawn(rng, p, size)
        seeds, pairs_of_seeds = _drawn(rng, s, size)
        one_prompt = _weighted(prompts, of_prompt, pairs_of_seeds)
        one_seed = _weighted(pairs_of_prompts, of_seed, seeds)
        apart = _weighted(pairs_of_prompts, neither, pairs_of_seeds)
        found.append([apart - one_prompt, apart - one_seed, one_prompt + one_seed - apart])
    return np.concatenate([np.stack(one, axis=1) for one in found])


def _drawn(rng: np.random.Generator, n: int, size: int) -> tuple[Array, Array]:
    """Return how often each of n was drawn, and each pair of two that are distinct."""
    times = rng.multinomial(n, np.full(n, 1 / n), size).astype(float)
    pairs = times[:, :, None] * times[:, None] * (1 - np.eye(n))
    return times, pairs.reshape(size, n * n)


def _weighted(rows: Array, values: Array, columns: Array) -> Array:
    """Return the weighted mean of the values for each draw; NaN if all weights are 0."""
    weight = rows.sum(axis=1) * columns.sum(axis=1)
    total = ((rows @ values) * columns).sum(axis=1)
    mean: Array = np.full_like(total, np.nan)
    np.divide(total, weight, out=mean, where=weight > 0)
    return mean


def _half_squared_distances(y: Array) -> Array:
    """Return half the squared distance of every two pictures, shape (p, p, s, s)."""
    p, s, _ = y.shape
    found: Array = np.empty((p, p, s, s))
    for i, j in np.ndindex(p, p):
        # Differences first: the product form |a|² + |b|² - 2ab would lose small distances.
        found[i, j] = scipy.spatial.distance.cdist(y[i], y[j], "sqeuclidean") / 2
    return found
