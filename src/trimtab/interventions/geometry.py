"""Arithmetic on arrays of latents: orthogonal remainders, strongest cells, other grids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def beside(array: npt.NDArray[Any], others: Sequence[npt.NDArray[Any]]) -> Array:
    """Remove the part in the span of other arrays of the same shape.

    With the others as columns of A, this is d − A x, where x is the least-squares solution of
    A x = d. It also works if the others are nearly parallel to each other.
    """
    span = np.stack([other.ravel() for other in others], axis=1).astype(np.float64)
    vector = array.ravel().astype(np.float64)
    return np.asarray(vector - span @ np.linalg.lstsq(span, vector)[0]).reshape(array.shape)


def strongest(array: npt.NDArray[Any], energy: float) -> npt.NDArray[np.bool_]:
    """Return a mask ``(h, w)`` of the fewest cells that hold a part of the energy of ``(c, h, w)``.

    The energy of a cell is the sum of the squares of its channels. Of cells with equal energy, the
    first in reading order is taken.
    """
    cells = (array.astype(np.float64) ** 2).sum(axis=0)
    order = np.argsort(-cells, axis=None, kind="stable")
    held = np.cumsum(cells.ravel()[order])
    kept = np.zeros(cells.size, dtype=bool)
    kept[order[: np.searchsorted(held, energy * held[-1]) + 1]] = True
    return kept.reshape(cells.shape)


def resampled(array: npt.NDArray[Any], height: int, width: int) -> Array:
    """Interpolate ``(c, h, w)`` bilinearly to ``(c, height, width)``.

    Equivalent to ``torch.nn.functional.interpolate(mode="bilinear", antialias=True)``: the
    triangular filter is as wide as a cell of the coarser grid, so that shrinking skips no cell.
    """
    rows = _weights(array.shape[1], height)
    columns = _weights(array.shape[2], width)
    return np.asarray(rows @ array.astype(np.float64) @ columns.T)


def _weights(old: int, new: int) -> Array:
    """Return the weight of each old cell in each new cell, ``(new, old)``."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale
    apart = np.abs(np.arange(old) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - apart)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
