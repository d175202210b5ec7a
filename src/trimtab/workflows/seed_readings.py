"""Measures how much pictures of several prompts follow their seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trimtab.concepts import are_paraphrases
from trimtab.generation import ImageSet
from trimtab.recognition import embed
from trimtab.recognition.protocol import Embedder
from trimtab.statistics import bootstrap, variance_components
from trimtab.storage import Store
from trimtab.workflows.readings import Reading
from trimtab.workflows.seed_effect import SeedEffect

CELLS = 1000
"""Most pictures of an audit that are compared, since the memory grows with the square."""


def seed_effect_of(
    reading: Reading, recogniser: Any, store: Store | None, *, most: int | None = None
) -> SeedEffect | None:
    """Return how much pictures follow their seeds, except for the share of the initial noise.

    Seeds of which a picture is blocked or unreadable are left out for all prompts.

    Parameters
    ----------
    reading : Reading
        Pictures of the same seeds for every prompt, with their observations.
    recogniser : Recogniser
        The recogniser that made them.
    store : Store, optional
        Where to store embeddings.
    most : int, optional
        Number of pictures to use at most: of the first prompts, and of their first seeds.

    Returns
    -------
    SeedEffect or None
        None if the recogniser cannot embed pictures, or fewer than two seeds are left.
    """
    if not isinstance(recogniser, Embedder):
        return None
    looking: Any = recogniser
    whole = len(reading.images) // len(reading.prompts)
    prompts = reading.prompts if most is None else reading.prompts[: most // 2]
    seeds = whole if most is None else min(whole, most // len(prompts))
    places = np.array([range(i * whole, i * whole + seeds) for i in range(len(prompts))])
    vectors = np.stack(
        [embedded(reading.images[row[0] : row[-1] + 1], looking, store) for row in places]
    )
    fine = np.isfinite(vectors).all(axis=(0, 2))
    if fine.sum() < 2:
        return None
    vectors = vectors[:, fine]
    found = SeedEffect(_distance(vectors), paraphrases=are_paraphrases(prompts))
    if len(prompts) < 2:
        return found
    sight = reading.sights["recogniser"]
    answers = {
        name: sight.observations.labels(name).probabilities[places] for name in sight.attributes
    }
    # A picture may be embedded in which a person recognises nobody.
    known = {name: np.isfinite(one).all(axis=(0, 2)) & fine for name, one in answers.items()}
    return replace(
        found,
        pictures=variance_components(vectors),
        attributes={
            name: variance_components(one[:, known[name]])
            for name, one in answers.items()
            if known[name].sum() > 1
        },
    )


def embedded(images: ImageSet, recogniser: Any, store: Store | None) -> NDArray[np.float64]:
    """Return the embeddings of pictures, shape (n, e)."""
    return np.asarray(embed(images, recogniser, store=store).vectors, dtype=float)


def _distance(vectors: NDArray[np.float64]) -> Any:
    """Return the mean cosine distance between pictures of one prompt and different seeds.

    For unit vectors, it is half the mean squared distance of distinct pairs, and so the variance
    with divisor s - 1, whose bootstrap over the seeds needs no pairs. `vectors` has shape
    (p, s, e).
    """
    p, s, _ = vectors.shape
    apart = ((vectors - vectors.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=0)
    return replace(bootstrap(apart * s / (s - 1)), n=p * s)
