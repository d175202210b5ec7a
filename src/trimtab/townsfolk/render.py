"""Draws townsfolk: flat cartoon portraits with known attributes.

`draw` depends only on the person and the state of the generator. Everything that `Person` does not
fix (pose, build, hair style and colour, mouth, shade of clothes, light) varies with the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from trimtab.townsfolk import backdrop, clothes, face, hair, headwear, tools
from trimtab.townsfolk.canvas import SCALE, SIZE, Canvas, spread
from trimtab.townsfolk.figure import Figure, choose_look, measure
from trimtab.townsfolk.world import Person

__all__ = ["SIZE", "draw"]

Painter = Callable[[Canvas, Figure, np.random.Generator], None]
ToolPainter = Callable[[Canvas, Figure, float], None]


@dataclass(frozen=True)
class Outfit:
    """How one job is drawn; `brim` is true if its headwear covers the top of the head."""

    hint: Painter | None
    clothes: Painter
    hat: Painter | None
    tool: ToolPainter | None
    brim: bool


OUTFITS: dict[str, Outfit] = {
    "doctor": Outfit(backdrop.cross_sign, clothes.doctor, None, tools.clipboard, False),
    "nurse": Outfit(backdrop.hearts, clothes.nurse, headwear.nurse_cap, tools.bottle, False),
    "firefighter": Outfit(backdrop.flame, clothes.firefighter, headwear.helmet, tools.axe, True),
    "chef": Outfit(backdrop.pans, clothes.chef, headwear.toque, tools.spoon, True),
    "executive": Outfit(backdrop.chart, clothes.executive, None, tools.briefcase, False),
    "builder": Outfit(backdrop.bricks, clothes.builder, headwear.builder_hat, tools.hammer, True),
    "farmer": Outfit(backdrop.field, clothes.farmer, headwear.straw_hat, tools.pitchfork, True),
    "teacher": Outfit(backdrop.blackboard, clothes.teacher, None, tools.apple, False),
    "librarian": Outfit(backdrop.shelves, clothes.librarian, None, tools.book, False),
    "engineer": Outfit(backdrop.gears, clothes.engineer, headwear.engineer_hat, tools.wrench, True),
    "scientist": Outfit(backdrop.atom, clothes.scientist, headwear.goggles, tools.flask, False),
    "pilot": Outfit(backdrop.sky, clothes.pilot, headwear.pilot_cap, tools.plane, True),
    "person": Outfit(None, clothes.casual, None, None, False),
}


def draw(person: Person, rng: np.random.Generator) -> Image.Image:
    """Draw one portrait of a person.

    Parameters
    ----------
    person : Person
        The person to draw, with values from `trimtab.townsfolk.world`.
    rng : numpy.random.Generator
        Chooses what `person` leaves open: pose, build, hair, mouth, shades and light.

    Returns
    -------
    PIL.Image.Image
        An RGB picture, `SIZE` pixels square.
    """
    outfit = OUTFITS[person.concept]
    figure, look = measure(person, outfit.brim, rng), choose_look(person, outfit.brim, rng)
    c = Canvas(backdrop.backdrop(person.backdrop, int(rng.integers(4))).copy())
    if outfit.hint:
        outfit.hint(c, figure, rng)
    hair.back(c, figure, look)
    face.neck(c, figure)
    outfit.clothes(c, figure, rng)
    face.head(c, figure, look)
    if person.age == "old":
        face.lines(c, figure)
    face.beard(c, figure, look)
    face.mouth(c, figure, look, rng)
    face.nose(c, figure)
    face.eyes(c, figure, look, rng)
    hair.front(c, figure, look)
    hair.locks(c, figure, look)
    if outfit.hat:
        outfit.hat(c, figure, rng)
    if person.glasses:
        headwear.glasses(c, figure, rng)
    if person.jewellery:
        headwear.jewellery(c, figure, rng)
    if outfit.tool:
        outfit.tool(c, figure, SIZE / 2 + figure.side * 43)
    light = 1.0 + spread(rng, 0.025)
    small = c.image.reduce(SCALE)
    return small.point([min(255, round(v * light)) for v in range(256)] * 3)
