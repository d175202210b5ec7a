"""A recogniser for tests that tells groups by the colours of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from tiny import tiny_pipeline
from trimtab.generation import generate


def colour(image: Image.Image) -> Any:
    """Mean red, green and blue."""
    return np.asarray(image.convert("RGB"), dtype=float).mean(axis=(0, 1))


class Colours:
    """A recogniser of its own kind: gender by green, all else of two groups by blue.

    `levels` are the mean colours above which a picture shows the second group, `spread` how far
    from them it is sure.
    """

    name = "colours"
    fingerprint = "colours-1"

    def __init__(self, levels: Any, spread: Any) -> None:
        self.levels, self.spread = levels, spread

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> np.ndarray:
        z = np.stack([(colour(image) - self.levels) / self.spread for image in images])
        if len(prompts) > 2:  # is it still a doctor? unless its colours have left all bounds
            doctor = next(i for i, texts in enumerate(prompts) if "doctor" in texts[0])
            found = np.where(np.abs(z).max(axis=1) < 6, doctor, (doctor + 1) % len(prompts))
            return np.eye(len(prompts))[found] * 0.9 + 0.1 / len(prompts)
        one = 1 / (1 + np.exp(4 * z[:, 1 if "woman" in prompts[0][0] else 2]))
        return np.stack([one, 1 - one], axis=1)


def colours_of(prompt: str) -> Colours:
    """Return one for which one in four plain pictures of the tiny model shows the first group."""
    images = generate(tiny_pipeline(), prompt, range(30_000, 30_024), num_inference_steps=8)
    found = np.stack([colour(image) for image in images])
    return Colours(np.quantile(found, 0.25, axis=0), found.std(axis=0))
