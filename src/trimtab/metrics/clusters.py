"""Groups of similar pictures of a concept and of a reference, without any words."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from trimtab.errors import UsageError
from trimtab.metrics.discovery import CARRIERS
from trimtab.statistics import Estimate, Share, newcombe, wilson
from trimtab.statistics.numbers import Number

MOST, EACH = 8, 10  # largest number of clusters, and smallest mean size
STARTS = 10  # of k-means, of which the best counts
PHRASES = 3


@dataclass(frozen=True)
class Cluster:
    """A group of pictures that are like each other.

    Attributes
    ----------
    concept, reference : Share
        Shares of the pictures on either side that belong to it.
    effect : Estimate
        Their difference, with Newcombe's interval.
    q : float
        p-value of Fisher's exact test, corrected for all clusters (Benjamini and Hochberg). The
        clusters are made without looking at the sides, so that the test holds.
    phrases : tuple of str
        The phrases nearest to its centre, nearest first; empty without phrases.
    carriers : tuple of int
        Places of the pictures nearest to its centre: of the concept if more of them belong to it,
        otherwise of the reference.
    """

    concept: Share
    reference: Share
    effect: Estimate
    q: Number
    phrases: tuple[str, ...]
    carriers: tuple[int, ...]

    @property
    def over(self) -> bool:
        """Whether more pictures of the concept than of the reference belong to it."""
        return self.effect.value > 0


def clusters(
    concept: ArrayLike,
    reference: ArrayLike,
    phrases: Sequence[str] = (),
    text: ArrayLike | None = None,
    *,
    seed: int = 0,
) -> tuple[Cluster, ...]:
    """Group all pictures by their embeddings, and compare how many of either side are in a group.

    The groups are those of k-means, up to 8. A phrase is near a group if it lies in the direction
    of its centre, both relative to their mean.

    Parameters
    ----------
    concept : array_like, shape (n, e)
        Embeddings of the concept's pictures; rows that are not finite are left out.
    reference : array_like, shape (m, e)
        Embeddings of the reference's pictures, likewise.
    phrases : sequence of str, optional
        Phrases to describe groups with.
    text : array_like, shape (V, e), optional
        Their embeddings.
    seed : int, optional
        Seed of k-means.

    Returns
    -------
    tuple of Cluster
        Those that differ most first; empty with fewer than 20 pictures.

    Raises
    ------
    UsageError
        If the embeddings have different sizes.

    References
    ----------
    S. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28, 1982.
    """
    sides = [np.asarray(one, dtype=np.float64) for one in (concept, reference)]
    if any(one.ndim != 2 or one.shape[1] != sides[0].shape[1] for one in sides):
        raise UsageError(
            got=f"embeddings of shapes {sides[0].shape} and {sides[1].shape}",
            expected="rows of the same length",
            do="use embeddings by one recogniser",
        )
    places = [np.flatnonzero(np.isfinite(one).all(axis=1)) for one in sides]
    rows = np.concatenate([one[fine] for one, fine in zip(sides, places, strict=True)])
    k = min(MOST, len(rows) // EACH, len(np.unique(rows, axis=0)))
    if k < 2 or not all(map(len, places)):
        return ()
    centres, labels = _grouped(rows, k, seed)
    cuts = np.split(np.arange(len(rows)), [len(places[0])])
    found: list[tuple[list[tuple[int, int]], float, tuple[str, ...], tuple[int, ...]]] = []
    for label, centre in enumerate(centres):
        inside = [cut[labels[cut] == label] for cut in cuts]
        counts = [(len(one), len(cut)) for one, cut in zip(inside, cuts, strict=True)]
        mine = 0 if counts[0][0] * counts[1][1] > counts[1][0] * counts[0][1] else 1
        far = np.linalg.norm(rows[inside[mine]] - centre, axis=1)
        nearest = inside[mine][np.argsort(far, kind="stable")][:CARRIERS] - cuts[mine][0]
        p = float(scipy.stats.fisher_exact([[hits, n - hits] for hits, n in counts]).pvalue)
        near = _near(centre - rows.mean(axis=0), phrases, text)
        found.append((counts, p, near, tuple(places[mine][nearest].tolist())))
    corrected = scipy.stats.false_discovery_control([p for _, p, _, _ in found]).tolist()
    made = [
        Cluster(wilson(*counts[0]), wilson(*counts[1]), newcombe(*counts[0], *counts[1]), q, near,
                carriers)
        for (counts, _, near, carriers), q in zip(found, corrected, strict=True)
    ]  # fmt: skip
    return tuple(sorted(made, key=lambda one: -abs(one.effect.value)))


def _grouped(
    rows: NDArray[np.float64], k: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the centres, shape (k, e), and each row's group, shape (n,), of the best start."""
    rng = np.random.default_rng(seed)
    best: tuple[float, NDArray[np.float64], NDArray[np.int64]] | None = None
    for _ in range(STARTS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a group that lost all rows is none
            centres, labels = scipy.cluster.vq.kmeans2(rows, k, iter=100, minit="++", rng=rng)
        left = np.unique(labels)
        error = float(((rows - centres[labels]) ** 2).sum())
        if best is None or error < best[0]:
            best = error, centres[left], np.searchsorted(left, labels)
    assert best is not None
    return best[1], best[2]


def _near(
    direction: NDArray[np.float64], phrases: Sequence[str], text: ArrayLike | None
) -> tuple[str, ...]:
    if not phrases or text is None:
        return ()
    vectors = np.asarray(text, dtype=np.float64)
    scores = (vectors - vectors.mean(axis=0)) @ direction
    return tuple(phrases[i] for i in np.argsort(-scores, kind="stable")[:PHRASES])
