"""Portraits: how each job is drawn, and the order in which a person is painted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from trimtab.townsfolk import backdrop, clothes, face, hair, headwear, tools
from trimtab.townsfolk.canvas import SIZE, Canvas
from trimtab.townsfolk.figure import Figure, Look, choose_look, measure
from trimtab.townsfolk.world import Person

Painter = Callable[[Canvas, Figure, np.random.Generator], None]
ToolPainter = Callable[[Canvas, Figure, float], None]
Surface = Callable[[Image.Image], Canvas]


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


def someone(
    c: Canvas, f: Figure, k: Look, dress: Painter, hat: Painter | None, rng: np.random.Generator
) -> None:
    """Paint a person from back to front, in the given clothes and headwear."""
    hair.back(c, f, k)
    face.neck(c, f)
    dress(c, f, rng)
    face.head(c, f, k)
    if k.person.age == "old":
        face.lines(c, f)
    face.beard(c, f, k)
    face.mouth(c, f, k, rng)
    face.nose(c, f)
    face.eyes(c, f, k, rng)
    hair.front(c, f, k)
    hair.locks(c, f, k)
    if hat:
        hat(c, f, rng)
    if k.person.glasses:
        headwear.glasses(c, f, rng)
    if k.person.jewellery:
        headwear.jewellery(c, f, rng)


def _aproned(dress: Painter, c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Paint clothes and an apron, whose colour leaves the rest of the picture as it is."""
    dress(c, f, rng)
    clothes.apron(c, f, rng.spawn(1)[0])


def paint_portrait(person: Person, rng: np.random.Generator, surface: Surface) -> Canvas:
    """Paint the portrait of a person."""
    outfit = OUTFITS[person.concept]
    figure, look = measure(person, outfit.brim, rng), choose_look(person, outfit.brim, rng)
    c = surface(backdrop.backdrop(person.backdrop, int(rng.integers(4))).copy())
    if outfit.hint:
        outfit.hint(c, figure, rng)
    dress = partial(_aproned, outfit.clothes) if person.apron else outfit.clothes
    someone(c, figure, look, dress, outfit.hat, rng)
    if outfit.tool:
        outfit.tool(c, figure, SIZE / 2 + figure.side * 43)
    return c
