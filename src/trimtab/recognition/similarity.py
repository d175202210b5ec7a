"""Preservation: how similar two sets of pictures with the same seeds are."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import UsageError
from trimtab.recognition.embeddings import embed
from trimtab.recognition.protocol import Recogniser

if TYPE_CHECKING:
    from trimtab.storage import Store


@dataclass(frozen=True, eq=False)
class Preservation:
    """The similarity of two sets of pictures with the same seeds, one row per pair.

    Parameters
    ----------
    seeds : ndarray of int, shape (m,)
        Seeds of the pairs.
    psnr : ndarray of float, shape (m,)
        Peak signal-to-noise ratio in dB; infinite if the two pictures are equal.
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

    PSNR = 10 log10(255² / mean squared difference) over all pixels and channels; infinite if the
    pictures are equal.

    Raises
    ------
    UsageError
        If the pictures differ in size.
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
    *,
    store: Store | None = None,
    device: str = "auto",
) -> Preservation:
    """Compare pictures with the same seeds by PSNR and cosine of image embeddings.

    Parameters
    ----------
    images, other : ImageSet or sequence of PIL.Image
        Paired by prompt and seed if both have seeds, otherwise by order; two sets with one prompt
        each are paired by seed only. Pairs with a blocked or unreadable picture are left out.
    recogniser, store, device
        As in `embed`.

    Returns
    -------
    Preservation
        One row per pair, in the order of `images`.

    Raises
    ------
    UsageError
        If no seed is shared, a seed occurs twice, pictures without seeds differ in number, either
        set has pictures of files whose numbers are not seeds, or the recogniser cannot embed.
    """
    rows = _pairs(images, other)
    left, right = (embed(one, recogniser, store=store, device=device) for one in (images, other))
    kept = [(s, i, j) for s, i, j in rows if left.known[i] and right.known[j]]
    i, j = ([row[k] for row in kept] for k in (1, 2))
    return Preservation(
        np.array([s for s, _, _ in kept], dtype=np.int64),
        np.array([psnr(images[i], other[j]) for _, i, j in kept], dtype=float),
        (left.vectors[i].astype(float) * right.vectors[j]).sum(axis=1),
    )


def _pairs(
    images: Sequence[Image.Image], other: Sequence[Image.Image]
) -> list[tuple[int, int, int]]:
    mine, theirs = getattr(images, "seeds", None), getattr(other, "seeds", None)
    if mine is None or theirs is None:
        if len(images) != len(other) or not len(images):
            raise UsageError(
                got=f"{len(images)} and {len(other)} pictures without seeds",
                expected="the same number of each, at least one",
                do="give pairs",
            )
        return [(i, i, i) for i in range(len(images))]
    if any(record.numbered for one in (images, other) for record in getattr(one, "records", ())):
        raise UsageError(
            got="pictures of files that carry no seed",
            expected="pictures that are paired by their seeds",
            do="pass two lists of pictures in the order of their pairs",
        )
    keys = _keys(images, other)
    place = {key: j for j, key in enumerate(keys[1])}
    if any(len(set(some)) < len(some) for some in keys):
        raise UsageError(
            got="a seed that occurs twice with one prompt",
            expected="one picture for each prompt and seed",
            do="split the sets",
        )
    rows = [(key[1], i, place[key]) for i, key in enumerate(keys[0]) if key in place]
    if not rows:
        raise UsageError(
            got="no seed in common",
            expected="pictures of the same prompts and seeds",
            do="generate both with the same ones",
        )
    return rows


def _keys(*sets: Sequence[Image.Image]) -> list[list[tuple[str, int]]]:
    prompts = [getattr(one, "prompts", None) or ("",) * len(one) for one in sets]
    alone = all(len(set(some)) < 2 for some in prompts)
    return [
        [("" if alone else prompt, int(seed)) for prompt, seed in zip(some, one.seeds, strict=True)]  # type: ignore[attr-defined]
        for some, one in zip(prompts, sets, strict=True)
    ]
