"""The drawing surface: colours, smooth curves and antialiased shapes, in picture units 0 to 128."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]
T = TypeVar("T")

SIZE = 128
SCALE = 3  # supersampling
WHITE: Colour = (250, 250, 247)
GOLD: Colour = (240, 190, 62)
STEEL: Colour = (172, 184, 196)
WOOD: Colour = (176, 122, 72)
RED: Colour = (214, 62, 62)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """Move `a` towards `b` by `share`."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a[:3], b[:3], strict=True))


def darker(a: Colour, share: float = 0.2) -> Colour:
    """Move `a` towards a warm near-black."""
    return mix(a, (30, 20, 40), share)


def lighter(a: Colour, share: float = 0.3) -> Colour:
    """Move `a` towards white."""
    return mix(a, (255, 255, 255), share)


def contrast(a: Colour, b: Colour) -> int:
    """Return the distance of two colours, from 0 (equal) to 765 (black and white)."""
    return sum(abs(x - y) for x, y in zip(a, b, strict=True))


def spread(rng: np.random.Generator, amount: float) -> float:
    """Draw a random number between -amount and amount."""
    return (2.0 * float(rng.random()) - 1.0) * amount


def pick(rng: np.random.Generator, items: Sequence[T]) -> T:
    """Draw one of the items at random, all equally likely."""
    return items[int(rng.random() * len(items))]


@lru_cache(maxsize=256)
def _spline(count: int, closed: bool) -> NDArray[np.float64]:
    """Return the matrix that turns `count` points into a Catmull-Rom curve through them."""
    steps = 7
    spans = count if closed else count - 1
    rows = []
    for i in range(spans):
        near = [i - 1, i, i + 1, i + 2]
        near = [k % count if closed else min(max(k, 0), count - 1) for k in near]
        for t in np.arange(steps + (not closed and i == spans - 1)) / steps:
            weights = (
                -0.5 * t + t * t - 0.5 * t**3,
                1 - 2.5 * t * t + 1.5 * t**3,
                0.5 * t + 2 * t * t - 1.5 * t**3,
                -0.5 * t * t + 0.5 * t**3,
            )
            row = np.zeros(count)
            for k, weight in zip(near, weights, strict=True):
                row[k] += weight
            rows.append(row)
    return np.array(rows)


def smooth(points: Sequence[Point], closed: bool = False) -> list[Point]:
    """Return a smooth curve through the points."""
    curve = _spline(len(points), closed) @ np.asarray(points, dtype=np.float64)
    return [(x, y) for x, y in curve.tolist()]


def mirror(points: Sequence[Point]) -> list[Point]:
    """Return the points mirrored about 0 and in reverse order, to close a shape."""
    return [(-u, v) for u, v in reversed(points)]


def _corners(x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
    """Return a box in pixels of the supersampled picture, left edge first."""
    return min(x0, x1) * SCALE, y0 * SCALE, max(x0, x1) * SCALE, y1 * SCALE


class Canvas:
    """An antialiased drawing surface in picture units; colours may carry an alpha."""

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self._draw = ImageDraw.Draw(image, "RGBA")

    def poly(self, points: Sequence[Point], fill: Colour) -> None:
        """Draw a polygon."""
        self._draw.polygon([(x * SCALE, y * SCALE) for x, y in points], fill=fill)

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """Draw a smooth closed shape through the points."""
        self.poly(smooth(points, closed=True), fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """Draw an ellipse by centre and radii."""
        self._draw.ellipse(_corners(x - rx, y - ry, x + rx, y + ry), fill=fill)

    def dot(self, x: float, y: float, r: float, fill: Colour) -> None:
        """Draw a disc."""
        self.oval(x, y, r, r, fill)

    def ring(self, x: float, y: float, rx: float, ry: float, width: float, fill: Colour) -> None:
        """Draw the outline of an ellipse."""
        box = _corners(x - rx, y - ry, x + rx, y + ry)
        self._draw.ellipse(box, outline=fill, width=round(width * SCALE))

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Colour, r: float = 0.0) -> None:
        """Draw a rectangle, with rounded corners of radius `r`."""
        self._draw.rounded_rectangle(_corners(x0, y0, x1, y1), radius=r * SCALE, fill=fill)

    def frame(
        self, x0: float, y0: float, x1: float, y1: float, width: float, fill: Colour, r: float
    ) -> None:
        """Draw the outline of a rounded rectangle."""
        self._draw.rounded_rectangle(
            _corners(x0, y0, x1, y1), radius=r * SCALE, outline=fill, width=round(width * SCALE)
        )

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a line with round ends."""
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        self._draw.line(scaled, fill=fill, width=round(width * SCALE), joint="curve")
        if len(fill) == 3 and width > 1.2:
            for x, y in (points[0], points[-1]):
                self.dot(x, y, width / 2, fill)

    def curve(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a smooth line through the points, with round ends."""
        self.line(smooth(points), width, fill)

    def cross(self, x: float, y: float, r: float, fill: Colour) -> None:
        """Draw a plus sign."""
        self.box(x - r, y - r * 0.36, x + r, y + r * 0.36, fill)
        self.box(x - r * 0.36, y - r, x + r * 0.36, y + r, fill)

    def heart(self, x: float, y: float, r: float, fill: Colour) -> None:
        """Draw a heart."""
        self.dot(x - r * 0.5, y - r * 0.3, r * 0.58, fill)
        self.dot(x + r * 0.5, y - r * 0.3, r * 0.58, fill)
        self.poly([(x - r * 1.02, y - r * 0.06), (x + r * 1.02, y - r * 0.06), (x, y + r)], fill)
