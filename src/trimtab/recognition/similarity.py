"""How much of a picture is kept: same-seed distances between two sets of pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import UsageError
from trimtab.recognition.classification import recogniser_for
from trimtab.recognition.protocol import Embedder, Recogniser


@dataclass(frozen=True, eq=False)
class Preservation:
    """Same-seed closeness of two sets of pictures, one row per pair.

    Parameters
    ----------
    seeds : ndarray of int, shape (m,)
        Seeds of the pairs.
    psnr : ndarray of float, shape (m,)
        Peak signal-to-noise ratio in dB; infinite where the two pictures are equal.
    cosine : ndarray of float, shape (m,)
        Cosine of the two image embeddings.
    """

    seeds: NDArray[np.int64]
    psnr: NDArray[np.float64]
    cosine: NDArray[np.float64]

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.seeds)


def psnr(image: Image.Image, other: Image.Image) -> float:
    """Return the peak signal-to-noise ratio of two pictures in dB.

    PSNR = 10 log10(255² / mean squared difference) over all pixels and channels; infinite where
    they are equal.

    Raises
    ------
    UsageError
        If the two differ in size.
    """
    if image.size != other.size:
        raise UsageError(
            got=f"pictures of {image.size} and {other.size} pixels",
            expected="the same size",
            do="generate both at one size",
        )
    a, b = (np.asarray(one.convert("RGB"), dtype=np.float64) for one in (image, other))
    mse = float(np.mean((a - b) ** 2))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def preservation(
    images: Sequence[Image.Image],
    other: Sequence[Image.Image],
    recogniser: Recogniser | str | os.PathLike[str] | None = None,
) -> Preservation:
    """Compare same-seed pictures: PSNR and the cosine of image embeddings.

    Parameters
    ----------
    images, other : ImageSet or sequence of PIL.Image
        Paired by `seeds` where both have them, else by order. Pairs in which either picture is
        blocked are left out.
    recogniser : Recogniser, str or path, optional
        As in `classify`; it must be able to embed pictures.

    Returns
    -------
    Preservation
        One row per pair, in the order of `images`.

    Raises
    ------
    UsageError
        If no seed is shared, a seed occurs twice, lengths differ where there are no seeds, or
        the recogniser cannot embed.
    """
    embedder = recogniser_for(images, recogniser)
    if not isinstance(embedder, Embedder):
        raise UsageError(
            got=f"{type(embedder).__name__}, which cannot embed pictures",
            expected="a recogniser with embed_images",
            do="use a CLIP or SigLIP model",
        )
    rows = _pairs(images, other)
    kept = [(s, i, j) for s, i, j in rows if not (_blocked(images, i) or _blocked(other, j))]
    ratios, cosines = [], []
    for start in range(0, len(kept), 64):
        chunk = kept[start : start + 64]
        left, right = [images[i] for _, i, _ in chunk], [other[j] for _, _, j in chunk]
        ratios += [psnr(a, b) for a, b in zip(left, right, strict=True)]
        cosines += (embedder.embed_images(left) * embedder.embed_images(right)).sum(1).tolist()
    seeds = np.array([s for s, _, _ in kept], dtype=np.int64)
    return Preservation(seeds, np.array(ratios, dtype=float), np.array(cosines, dtype=float))


def _pairs(
    images: Sequence[Image.Image], other: Sequence[Image.Image]
) -> list[tuple[int, int, int]]:
    mine, theirs = getattr(images, "seeds", None), getattr(other, "seeds", None)
    if mine is None or theirs is None:
        if len(images) != len(other) or not len(images):
            raise UsageError(
                got=f"{len(images)} and {len(other)} pictures without seeds",
                expected="as many of each, at least one",
                do="give pairs",
            )
        return [(i, i, i) for i in range(len(images))]
    place = {int(seed): j for j, seed in enumerate(theirs)}
    if len(place) < len(theirs) or len(set(map(int, mine))) < len(mine):
        raise UsageError(
            got="a seed that occurs twice", expected="one picture per seed", do="split the sets"
        )
    rows = [(int(s), i, place[int(s)]) for i, s in enumerate(mine) if int(s) in place]
    if not rows:
        raise UsageError(
            got="no seed that both sets have",
            expected="pictures of the same seeds",
            do="generate both with the same seeds",
        )
    return rows


def _blocked(images: Sequence[Image.Image], i: int) -> bool:
    flags = getattr(images, "blocked", None)
    return flags is not None and bool(flags[i])
