"""Townsfolk pictures as the oracle and the detector take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image

from trimtab.townsfolk.canvas import SIZE

BATCH = 8


def other_sizes(images: Sequence[Image.Image]) -> set[tuple[int, int]]:
    """Return the sizes of pictures that are not townsfolk's own."""
    return {image.size for image in images} - {(SIZE, SIZE)}


def batches(images: Sequence[Image.Image]) -> Iterator[tuple[torch.Tensor, int]]:
    """Yield pictures in batches (`BATCH`, 3, 128, 128) in [-1, 1], and how many of each count.

    The last batch is filled up, so that a picture's result does not depend on the number of
    pictures.
    """
    for start in range(0, len(images), BATCH):
        some = images[start : start + BATCH]
        filled = [*some, *[some[-1]] * (BATCH - len(some))]
        pixels = np.stack([np.asarray(image.convert("RGB")) for image in filled])
        yield torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1, len(some)
