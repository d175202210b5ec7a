"""How two factors explain a share: over a grid of both, and of pictures that show both."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics.intervals import Estimate, require_confidence
from trimtab.statistics.limits import CONFIDENCE

Array = NDArray[np.float64]


def explained(
    values: ArrayLike, *, confidence: float = CONFIDENCE, resamples: int = 2000, seed: int = 0
) -> tuple[Estimate, Estimate, Estimate]:
    """Return the parts of the variance of a grid's means that rows, columns and both explain.

    These are the sums of squares of a two-way layout of the cells' means, each divided by their
    total (eta squared); the third is the interaction, what neither explains alone. The same seeds
    are used in every cell, so a bootstrap resamples seeds, for all cells at once. It also estimates
    how much the sampling of seeds adds to each sum, which is subtracted (Efron and Tibshirani,
    An Introduction to the Bootstrap, 1993, chapter 10).

    Parameters
    ----------
    values : array_like, shape (rows, columns, n)
        One value per cell and seed; NaN where it is unknown. At least two rows and columns.
    confidence : float, optional
        Between 0 and 1.
    resamples, seed : int, optional
        Number of resamples, and the seed that they are drawn with.

    Returns
    -------
    tuple of three Estimate
        Rows, columns, interaction, each from 0 to 1, with a sum of 1; all NaN if the interval of
        the corrected total includes 0, since the means may then differ by chance alone.

    Raises
    ------
    UsageError
        If there are fewer than two rows or columns, or no seed.
    """
    y = np.asarray(values, dtype=float)
    if y.ndim != 3 or min(y.shape[:2]) < 2 or not y.shape[2]:
        raise UsageError(
            got=f"values of shape {y.shape}",
            expected="at least two rows, two columns and one seed",
            do="measure more cells",
        )
    require_confidence(confidence)
    rng, n = np.random.default_rng(seed), y.shape[2]
    found = _sums(y)
    draws = np.array([_sums(y[..., rng.integers(n, size=n)]) for _ in range(resamples)])
    bias = draws.mean(0) - found
    (shares,) = _parts((found - bias)[None])
    corrected, tail = draws - 2 * bias, (1 - confidence) / 2
    drawn = _parts(corrected)
    drawn = drawn[np.isfinite(drawn).all(1)]
    if not np.isfinite(shares).all() or np.quantile(corrected.sum(1), tail) <= 1e-12:
        nothing = Estimate(float("nan"), n, 0.0, 1.0)
        return nothing, nothing, nothing
    ends = np.quantile(drawn, [tail, 1 - tail], axis=0)
    rows, columns, both = (
        Estimate(float(value), n, float(min(low, value)), float(max(high, value)))
        for value, low, high in zip(shares, *ends, strict=True)
    )
    return rows, columns, both


def _sums(y: Array) -> Array:
    """Return the sums of squares of rows, columns and interaction of the cells' means."""
    known = np.isfinite(y)
    counts = known.sum(-1)
    # A cell without a known picture counts as the mean of the others.
    totals, mean = np.where(known, y, 0).sum(-1), y[known].mean() if known.any() else 0.0
    means = np.where(counts > 0, totals / np.maximum(counts, 1), mean)
    means = means - means.mean()
    rows, columns = means.mean(1, keepdims=True), means.mean(0, keepdims=True)
    both = means - rows - columns
    return np.array(
        [means.shape[1] * (rows**2).sum(), means.shape[0] * (columns**2).sum(), (both**2).sum()]
    )


def _parts(sums: Array) -> Array:
    """Return each part of the total, shape (n, 3); negative sums count as 0, no total gives NaN."""
    sums = sums.clip(0)
    total = sums.sum(-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Array = np.where(total > 1e-12, sums / total, np.nan)
    return found


def excess_of_both(
    table: ArrayLike, *, confidence: float = CONFIDENCE, resamples: int = 2000, seed: int = 0
) -> tuple[float, Estimate]:
    """Return the share of both properties that independence predicts, and how far off it is.

    Independence predicts the product of the two shares. The interval of the difference is a
    percentile interval of a bootstrap over the pictures.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts of pictures; rows with and without the first property, columns the second.
    confidence, resamples, seed
        As in `explained`.

    Returns
    -------
    predicted : float
        From 0 to 1; NaN without pictures.
    excess : Estimate
        Share of both minus the prediction.

    Raises
    ------
    UsageError
        If the table has another shape or holds a negative count.
    """
    counts = np.asarray(table, dtype=float)
    if counts.shape != (2, 2) or (counts < 0).any():
        raise UsageError(
            got=f"a table of shape {counts.shape}", expected="2 x 2 counts", do="check it"
        )
    require_confidence(confidence)
    n = round(counts.sum())
    if not n:
        return float("nan"), Estimate(float("nan"), 0, -1.0, 1.0)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(n, counts.ravel() / n, size=resamples).reshape(-1, 2, 2) / n
    low, high = np.quantile(_excess(drawn), [(1 - confidence) / 2, (1 + confidence) / 2])
    p = counts / n
    value = float(_excess(p[None])[0])
    return (
        float(p[0].sum() * p[:, 0].sum()),
        Estimate(value, n, min(float(low), value), max(float(high), value)),
    )


def _excess(p: Array) -> Array:
    """Return P(both) - P(first) P(second) of tables of shares, shape (n, 2, 2)."""
    found: Array = p[:, 0, 0] - p[:, 0].sum(-1) * p[:, :, 0].sum(-1)
    return found
