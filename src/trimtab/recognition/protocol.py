"""What a recogniser must be able to do, so that anyone can bring their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OWN_FOLDER = "recogniser"
"""Where in its folder a model may carry a recogniser of its own."""


@runtime_checkable
class Recogniser(Protocol):
    """Anything that says how well pictures fit the groups of an attribute.

    An attribute `name`, if it has one, is written into the labels.
    """

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> NDArray[np.float64]:
        """Return the probability of each group for each picture.

        Parameters
        ----------
        images : sequence of PIL.Image
            n pictures.
        prompts : sequence of sequence of str
            The phrases of each of the C groups.

        Returns
        -------
        ndarray of float, shape (n, C)
            Rows add up to 1.
        """
        ...


def recogniser_name(recogniser: object) -> str:
    """Return what a recogniser is called in records: its own `name`, or its class."""
    return str(getattr(recogniser, "name", type(recogniser).__name__))


@runtime_checkable
class Embedder(Protocol):
    """A recogniser that can also say where a picture lies in its embedding space."""

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return unit embeddings, shape (n, e)."""
        ...
