"""`Reduction`: the size to which a picture is reduced before it is recognised."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

LONGEST = 100
"""The largest ratio of a picture's sides. What is longer would fill the memory when its short side
is enlarged to a recogniser's size."""


@dataclass(frozen=True)
class Reduction:
    """How to reduce pictures that are larger than a recogniser's input.

    Attributes
    ----------
    width, height : int
        The new size in pixels; both 0 if `shortest` is given.
    shortest : int
        The new length of the shorter side in pixels; 0 if `width` and `height` are given.
    resample : int
        The filter, a `PIL.Image.Resampling`.
    above : int
        Pictures with at most this many pixels stay as they are.
    """

    width: int = 0
    height: int = 0
    shortest: int = 0
    resample: int = int(Image.Resampling.BICUBIC)
    above: int = 4_000_000

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the new width and height of a picture."""
        if not self.shortest:
            return self.width, self.height
        short, long = sorted((width, height))
        other = int(self.shortest * long / short)
        return (self.shortest, other) if width <= height else (other, self.shortest)

    def __call__(self, image: Image.Image) -> Image.Image:
        """Return the reduced picture, or the picture itself if it is small enough."""
        size = self.size(*image.size)
        if image.width * image.height <= self.above or size[0] * size[1] > self.above:
            return image
        return image.resize(size, Image.Resampling(self.resample))

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return asdict(self)
