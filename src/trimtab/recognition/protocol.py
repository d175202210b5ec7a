"""The interface of recognisers, which custom ones implement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OWN_FOLDER = "recogniser"
"""The folder within a model's folder that may contain its own recogniser."""
OWN_DETECTOR = "detector"
"""The folder within a model's folder that may contain its own detector."""


@runtime_checkable
class Recogniser(Protocol):
    """Any object that returns how well pictures fit the groups of an attribute.

    Four attributes are optional. `name` (str) is recorded with all answers. `fingerprint` (str)
    changes with everything that affects the answers: weights, preprocessing and code; answers are
    stored only if it is set. `questions` (mapping of attribute name to `Question`) lists all
    questions that the recogniser can answer, if they are fixed. `finds_faces` (bool) is true if it
    looks for a face first: a row of NaN then means that it found none.
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
            Probabilities; each row adds up to 1, or is NaN if no face was found.
        """
        ...


def recogniser_name(recogniser: object) -> str:
    """Return the name of a recogniser for records: its `name`, or its class."""
    return str(getattr(recogniser, "name", type(recogniser).__name__))


def recogniser_version(recogniser: object) -> str:
    """Return the fingerprint of a recogniser, or "" if it has none."""
    return str(getattr(recogniser, "fingerprint", ""))


@runtime_checkable
class Embedder(Protocol):
    """A recogniser that can also embed pictures."""

    def embed_images(self, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """Return unit embeddings, shape (n, e)."""
        ...


@runtime_checkable
class TextEmbedder(Embedder, Protocol):
    """An embedder that also embeds sentences, in the same space."""

    def embed_text(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Return unit embeddings, shape (m, e)."""
        ...
