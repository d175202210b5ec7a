"""Draws townsfolk: flat cartoon portraits and scenes with known attributes.

A picture depends only on its subject and the state of the generator. Everything that the subject
does not fix (pose, build, hair style and colour, mouth, shade of clothes, light) varies with the
generator.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from trimtab.townsfolk.bird import paint_bird
from trimtab.townsfolk.canvas import SCALE, SIZE, Canvas, DrawnObject, spread
from trimtab.townsfolk.home import paint_home
from trimtab.townsfolk.portrait import Surface, paint_portrait
from trimtab.townsfolk.wedding import paint_wedding
from trimtab.townsfolk.world import Bird, Home, Person, Subject, Wedding

__all__ = ["SIZE", "DrawnObject", "Picture", "draw", "picture"]


@dataclass(frozen=True)
class Picture:
    """A drawing, and the objects that can be seen in it, from back to front."""

    image: Image.Image
    objects: tuple[DrawnObject, ...]


def draw(subject: Subject, rng: np.random.Generator) -> Image.Image:
    """Draw one picture of a person, a home, a wedding or a bird.

    Parameters
    ----------
    subject : Person, Home, Wedding or Bird
        What to draw, with values from `trimtab.townsfolk.world`.
    rng : numpy.random.Generator
        Chooses what `subject` leaves open: pose, build, hair, mouth, shades and light.

    Returns
    -------
    PIL.Image.Image
        An RGB picture, `SIZE` pixels square.
    """
    return _finish(*_paint(subject, rng, Canvas))


def picture(
    subject: Subject, rng: np.random.Generator, *, without: Collection[str] = ()
) -> Picture:
    """Draw the same picture as `draw`, and tell which objects can be seen in it and where.

    Parameters
    ----------
    subject, rng
        As in `draw`.
    without : collection of str
        Names of objects to leave out; the rest of the picture stays as it is.

    Returns
    -------
    Picture
        The picture with its objects, each with the box of its visible part.
    """
    c, light = _paint(subject, rng, partial(Canvas, record=True, without=without))
    return Picture(_finish(c, light), c.objects())


def _paint(subject: Subject, rng: np.random.Generator, surface: Surface) -> tuple[Canvas, float]:
    """Paint a subject; return the canvas and the light that falls on the picture."""
    c: Canvas
    match subject:
        case Person():
            c = paint_portrait(subject, rng, surface)
        case Home():
            c = paint_home(subject, rng, surface)
        case Wedding():
            c = paint_wedding(subject, rng, surface)
        case Bird():
            c = paint_bird(subject, rng, surface)
    return c, 1.0 + spread(rng, 0.025)


def _finish(c: Canvas, light: float) -> Image.Image:
    """Return the picture in its final size and light."""
    small = c.image.reduce(SCALE)
    return small.point([min(255, round(v * light)) for v in range(256)] * 3)
