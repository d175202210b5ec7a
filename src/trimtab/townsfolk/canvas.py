"""The drawing surface: colours, smooth curves and antialiased shapes, in picture units 0 to 128."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, ...]
Point = tuple[float, float]
T = TypeVar("T")
P = ParamSpec("P")

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


@dataclass(frozen=True)
class DrawnObject:
    """Something visible in a picture, with the box of its visible part.

    `box` is (left, top, right, bottom) in whole pixels of the picture; right and bottom lie just
    outside it. What covers the object is not part of it.
    """

    name: str
    box: tuple[int, int, int, int]


@dataclass
class _Owners:
    """Which object each point of a picture belongs to: the one that was painted there last."""

    map: Image.Image | None
    names: list[str] = field(default_factory=list)
    within: list[tuple[int, ...]] = field(default_factory=list)
    # The objects being painted, outermost first: (1 + index, whether it is left out).
    stack: list[tuple[int, bool]] = field(default_factory=lambda: [(0, False)])


VISIBLE = 10  # pixels; an object of which less can be seen is not reported


class Canvas:
    """An antialiased drawing surface in picture units; colours may carry an alpha.

    Parameters
    ----------
    image : PIL.Image.Image
        The supersampled picture to draw on, `SCALE` times `SIZE` pixels square.
    record : bool
        Whether to note which object paints which point, for `objects`.
    without : collection of str
        Names of objects to leave out of the picture.
    """

    def __init__(
        self, image: Image.Image, *, record: bool = False, without: Collection[str] = ()
    ) -> None:
        self.image = image
        self._draw = ImageDraw.Draw(image, "RGBA")
        self._owners = _Owners(Image.new("I", image.size) if record else None)
        self._trace = ImageDraw.Draw(self._owners.map) if self._owners.map else None
        self._without = without
        self._x = self._y = 0.0
        self._zoom, self._turn = 1.0, 1.0

    def view(self, x: float, y: float, zoom: float, flip: bool = False) -> Canvas:
        """Return a canvas on the same picture with its origin at (x, y), in other units.

        Its unit is `zoom` units of this canvas; `flip` mirrors it, so that right becomes left.
        """
        view = copy(self)
        (view._x, view._y), view._zoom = self._place((x, y)), self._zoom * zoom
        view._turn = -self._turn if flip else self._turn
        return view

    @contextmanager
    def object(self, name: str | None) -> Iterator[None]:
        """Give what is painted within the block to an object.

        An object painted within the block of another one is part of both. With the name None, what
        is painted is no part of the object of the innermost block, such as a hand that holds it.
        """
        owners, stack = self._owners, self._owners.stack
        if name is None:
            owners.stack = stack[:-1] or stack
        else:
            owners.names.append(name)
            owners.within.append(tuple(k for k, _ in stack if k))
            owners.stack = [*stack, (len(owners.names), stack[-1][1] or name in self._without)]
        yield
        owners.stack = stack

    def objects(self) -> tuple[DrawnObject, ...]:
        """Return the objects that can be seen, in the order in which they were painted."""
        owners = self._owners
        if owners.map is None:
            return ()
        points = np.asarray(owners.map)
        seen = []
        for k, name in enumerate(owners.names, 1):
            parts = [k, *(m + 1 for m, outer in enumerate(owners.within) if k in outer)]
            mask = np.isin(points, parts)
            if mask.sum() >= VISIBLE * SCALE**2:
                down, across = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                x0, x1 = int(across[0]) // SCALE, int(across[-1]) // SCALE + 1
                y0, y1 = int(down[0]) // SCALE, int(down[-1]) // SCALE + 1
                seen.append(DrawnObject(name, (x0, y0, x1, y1)))
        return tuple(seen)

    def _place(self, point: Point) -> Point:
        """Return a point in picture units."""
        return self._x + self._turn * self._zoom * point[0], self._y + self._zoom * point[1]

    def _points(self, points: Sequence[Point]) -> list[Point]:
        """Return points in pixels of the supersampled picture."""
        placed = map(self._place, points)
        return [(x * SCALE, y * SCALE) for x, y in placed]

    def _corners(
        self, x0: float, y0: float, x1: float, y1: float
    ) -> tuple[float, float, float, float]:
        """Return a box in pixels of the supersampled picture, left edge first."""
        (x0, y0), (x1, y1) = self._place((x0, y0)), self._place((x1, y1))
        return min(x0, x1) * SCALE, y0 * SCALE, max(x0, x1) * SCALE, y1 * SCALE

    def _width(self, width: float) -> int:
        """Return the width of a line in pixels of the supersampled picture, at least 1."""
        return max(1, round(width * self._zoom * SCALE))

    def _paint(self, shape: str, where: Any, role: str, colour: Colour, **how: Any) -> None:
        """Paint a shape of `PIL.ImageDraw`, and note its owner."""
        owner, left_out = self._owners.stack[-1]
        if left_out:
            return
        getattr(self._draw, shape)(where, **{role: colour}, **how)
        if self._trace and (owner or len(colour) == 3):  # a glaze leaves things whose they are
            getattr(self._trace, shape)(where, **{role: owner}, **how)

    def poly(self, points: Sequence[Point], fill: Colour) -> None:
        """Draw a polygon."""
        self._paint("polygon", self._points(points), "fill", fill)

    def blob(self, points: Sequence[Point], fill: Colour) -> None:
        """Draw a smooth closed shape through the points."""
        self.poly(smooth(points, closed=True), fill)

    def oval(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """Draw an ellipse by centre and radii."""
        self._paint("ellipse", self._corners(x - rx, y - ry, x + rx, y + ry), "fill", fill)

    def dot(self, x: float, y: float, r: float, fill: Colour) -> None:
        """Draw a disc."""
        self.oval(x, y, r, r, fill)

    def ring(self, x: float, y: float, rx: float, ry: float, width: float, fill: Colour) -> None:
        """Draw the outline of an ellipse."""
        box = self._corners(x - rx, y - ry, x + rx, y + ry)
        self._paint("ellipse", box, "outline", fill, width=self._width(width))

    def box(self, x0: float, y0: float, x1: float, y1: float, fill: Colour, r: float = 0.0) -> None:
        """Draw a rectangle, with rounded corners of radius `r`."""
        box = self._corners(x0, y0, x1, y1)
        self._paint("rounded_rectangle", box, "fill", fill, radius=r * self._zoom * SCALE)

    def frame(
        self, x0: float, y0: float, x1: float, y1: float, width: float, fill: Colour, r: float
    ) -> None:
        """Draw the outline of a rounded rectangle."""
        self._paint(
            "rounded_rectangle",
            self._corners(x0, y0, x1, y1),
            "outline",
            fill,
            radius=r * self._zoom * SCALE,
            width=self._width(width),
        )

    def line(self, points: Sequence[Point], width: float, fill: Colour) -> None:
        """Draw a line with round ends."""
        self._paint(
            "line", self._points(points), "fill", fill, width=self._width(width), joint="curve"
        )
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


Painting = Callable[Concatenate[Canvas, P], None]


def part(name: str) -> Callable[[Painting[P]], Painting[P]]:
    """Make what a painter paints an object of the picture, called `name`."""

    def named(painter: Painting[P]) -> Painting[P]:
        @wraps(painter)
        def paint(c: Canvas, /, *args: P.args, **kwargs: P.kwargs) -> None:
            with c.object(name):
                painter(c, *args, **kwargs)

        return paint

    return named
