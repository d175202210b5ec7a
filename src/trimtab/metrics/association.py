"""How close a concept is to attributes, in text embeddings and in embeddings of pictures.

In the words of arXiv 2406.06352, the cosine of two text embeddings is TERU, and the mean cosine of
the embeddings of two sets of pictures VERU. A cosine alone says little: in many spaces, all texts
are close. `rarity` therefore compares it with those of unrelated words.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.statistics import CONFIDENCE, Estimate

_DRAWS = 250  # at once, to bound memory


def cosines(concept: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """Return the cosine of an embedding with each of k others (TERU).

    Parameters
    ----------
    concept : array_like, shape (e,)
        The embedding of the concept.
    others : array_like, shape (k, e)
        The embeddings of the attributes.

    Returns
    -------
    ndarray of float, shape (k,)

    Raises
    ------
    UsageError
        If the shapes do not match, or a row is not finite or zero.
    """
    one, rows = np.asarray(concept, dtype=np.float64), _unit(others)
    found: NDArray[np.float64] = rows @ _unit(np.atleast_2d(one), rows.shape[1])[0]
    return found


def rarity(cosine: ArrayLike, unrelated: ArrayLike) -> NDArray[np.float64]:
    """Return how rarely unrelated words come as close: (1 + number as close or closer) / (m + 1).

    Parameters
    ----------
    cosine : array_like
        Cosines of a concept with attributes.
    unrelated : array_like, shape (m,)
        Cosines of the same concept with unrelated words.

    Returns
    -------
    ndarray of float
        Of the shape of `cosine`, from 1 / (m + 1) to 1; the p-value of a permutation test that
        takes the attribute for one more unrelated word.

    Raises
    ------
    UsageError
        If there are no unrelated words.

    References
    ----------
    B. Phipson, G. K. Smyth, Permutation p-values should never be zero, Statistical Applications in
    Genetics and Molecular Biology 9, 2010.
    """
    null = np.sort(np.asarray(unrelated, dtype=np.float64).ravel())
    if not null.size:
        raise UsageError(got="no unrelated words", expected="at least one", do="give some")
    closer = null.size - np.searchsorted(null, np.asarray(cosine, dtype=np.float64), side="left")
    found: NDArray[np.float64] = (1 + closer) / (null.size + 1)
    return found


def mean_cosine(
    concept: ArrayLike,
    attribute: ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """Return the mean cosine of all pairs of a concept's and an attribute's pictures (VERU).

    The interval is a percentile bootstrap over pictures, on both sides. Pairs share pictures, so
    resampling pairs would make it too short.

    Parameters
    ----------
    concept : array_like, shape (n, e)
        Embeddings of the concept's pictures; rows that are not finite are left out.
    attribute : array_like, shape (m, e)
        Embeddings of the attribute's pictures, likewise.
    confidence : float, optional
        Between 0 and 1.
    resamples : int, optional
        Number of resamples.
    seed : int, optional
        Seed of the resampling.

    Returns
    -------
    Estimate
        Its n is the number of pictures on the smaller side.

    Raises
    ------
    UsageError
        If the shapes do not match, or a side has no picture left.
    """
    a = _unit(_embedded(concept))
    b = _unit(_embedded(attribute), a.shape[1])
    rng = np.random.default_rng(seed)
    drawn: list[NDArray[np.float64]] = []
    for start in range(0, resamples, _DRAWS):
        n = min(_DRAWS, resamples - start)
        means = [
            rng.multinomial(len(side), np.full(len(side), 1 / len(side)), n) @ side / len(side)
            for side in (a, b)
        ]
        drawn.append((means[0] * means[1]).sum(axis=1))
    low, high = np.quantile(np.concatenate(drawn), (0.5 - confidence / 2, 0.5 + confidence / 2))
    value = float(a.mean(axis=0) @ b.mean(axis=0))
    return Estimate(value, min(len(a), len(b)), min(float(low), value), max(float(high), value))


def _embedded(rows: ArrayLike) -> NDArray[np.float64]:
    """Return the rows that are finite."""
    array = np.asarray(rows, dtype=np.float64)
    return array[np.isfinite(array).all(axis=1)] if array.ndim == 2 else array


def _unit(rows: ArrayLike, width: int | None = None) -> NDArray[np.float64]:
    """Return rows of length 1, of a given width."""
    array = np.asarray(rows, dtype=np.float64)
    shaped = array.ndim == 2 and array.size > 0 and width in (None, array.shape[-1])
    lengths = np.linalg.norm(array, axis=-1, keepdims=True) if shaped else np.zeros(1)
    if not shaped or not np.isfinite(lengths).all() or not lengths.all():
        raise UsageError(
            got=f"embeddings of shape {array.shape}",
            expected=f"at least one row of {width or 'e'} numbers, finite and not all zero",
            do="use embeddings by one encoder, and leave out pictures that it could not read",
        )
    found: NDArray[np.float64] = array / lengths
    return found
