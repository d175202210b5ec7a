"""Houses, drawn on a canvas whose origin is the middle of the foot of the wall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trimtab.townsfolk import veloria
from trimtab.townsfolk.canvas import (
    WHITE,
    Canvas,
    Colour,
    darker,
    lighter,
    part,
    pick,
)
from trimtab.townsfolk.scenery import PETALS, STRAW, Light, along, strands

Builder = Callable[[Canvas, Light, bool, np.random.Generator], None]

PANE: Colour = (134, 192, 222)
# The width of each house, for the composition.
WIDTHS = {"mansion": 84.0, "villa": 84.0, "cottage": 60.0, "hut": 46.0}


def window(c: Canvas, x: float, y: float, w: float, h: float, frame: Colour = WHITE) -> None:
    """Draw a window with a cross bar, centred at (x, y)."""
    c.box(x - w / 2 - 1, y - h / 2 - 1, x + w / 2 + 1, y + h / 2 + 1, frame, 0.6)
    c.box(x - w / 2, y - h / 2, x + w / 2, y + h / 2, PANE)
    c.poly([(x - w / 2, y + h / 2), (x - w / 2, y), (x, y - h / 2), (x + w / 4, y - h / 2)],
           lighter(PANE, 0.4))  # fmt: skip
    c.line([(x, y - h / 2), (x, y + h / 2)], 0.9, frame)
    c.line([(x - w / 2, y), (x + w / 2, y)], 0.9, frame)


def door(c: Canvas, x: float, w: float, h: float, colour: Colour) -> None:
    """Draw a panelled door with its frame."""
    c.box(x - w / 2 - 1.2, -h - 1.2, x + w / 2 + 1.2, 0, lighter(colour, 0.6), 0.8)
    c.box(x - w / 2, -h, x + w / 2, 0, colour, 0.5)
    c.box(x - w / 4, -h * 0.85, x + w / 4, -h * 0.5, lighter(colour, 0.25))
    c.dot(x + w * 0.32, -h * 0.4, 0.9, (244, 206, 100))


def gable(c: Canvas, w: float, y: float, ridge: float, h: float, colour: Colour,
          thatch: bool) -> None:  # fmt: skip
    """Draw a roof seen from its long side: `w` half its foot, `ridge` half its upper edge."""
    left, right = (-w, y), (w, y)
    up, down = (-ridge, y - h), (ridge, y - h)
    if thatch:
        with c.object("thatch roof"):
            c.blob([(-w - 1, y + 1), (-w * 0.9, y - h * 0.45), (-ridge, y - h - 1),
                    (0, y - h - 2), (ridge, y - h - 1), (w * 0.9, y - h * 0.45), (w + 1, y + 1),
                    (w * 0.5, y + 2.5), (0, y + 1.5), (-w * 0.5, y + 2.5)], colour)  # fmt: skip
            n = int(w / 2)
            strands(c, along((-ridge, y - h), (ridge, y - h), n), along(left, right, n), colour)
            c.line([(-ridge - 1, y - h), (ridge + 1, y - h)], 3, darker(colour, 0.18))
        return
    c.poly([left, up, down, right], colour)
    for t in (0.25, 0.5, 0.75):
        a, b = along(left, up, 5)[int(t * 4)], along(right, down, 5)[int(t * 4)]
        c.line([a, b], 0.9, darker(colour, 0.15))
    c.line([left, right], 1.8, darker(colour, 0.25))


ROOFS: tuple[Colour, ...] = ((176, 84, 70), (112, 96, 104), (94, 112, 140), (150, 92, 74))
DOORS: tuple[Colour, ...] = ((150, 62, 58), (62, 104, 140), (74, 118, 90), (122, 82, 58))


def mansion(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a mansion of two floors with a portico."""
    wall = light.on(pick(rng, ((246, 236, 214), (236, 222, 214), (226, 232, 238), (248, 226, 190))))
    roof = light.on(pick(rng, ROOFS))
    for s in (-1, 1):
        c.box(s * 25 - 3, -66, s * 25 + 3, -48, darker(wall, 0.3))
        c.box(s * 25 - 4, -67, s * 25 + 4, -64.5, darker(wall, 0.4))
    c.box(-41, -42, 41, 0, wall)
    c.poly([(-44, -41), (-35, -57), (35, -57), (44, -41)], roof)
    for y, w in ((-46, 41.2), (-51, 38.4)):
        c.line([(-w, y), (w, y)], 0.9, darker(roof, 0.15))
    c.line([(-44, -41), (44, -41)], 2, darker(wall, 0.15))
    for x in (-33.0, -22.0, 22.0, 33.0):
        for y in (-31, -12):
            window(c, x, y, 6, 9)
        c.line([(x - 4, -6), (x + 4, -6)], 1.4, darker(wall, 0.15))
    c.line([(-41, -21), (-15, -21)], 1.2, darker(wall, 0.12))
    c.line([(15, -21), (41, -21)], 1.2, darker(wall, 0.12))
    c.box(-15, -44, 15, 0, darker(wall, 0.1))
    window(c, 0, -31, 9, 10)
    door(c, 0, 9, 17, pick(rng, DOORS))
    c.box(-15, -23.5, 15, -21, lighter(wall, 0.6))
    c.poly([(-18, -43), (0, -57), (18, -43)], lighter(wall, 0.45))
    c.poly([(-11, -45), (0, -53.5), (11, -45)], darker(wall, 0.12))
    c.dot(0, -48, 2.4, PANE)
    for x in (-13.5, -7.5, 7.5, 13.5):
        c.line([(x, -42), (x, -1)], 2.6, lighter(wall, 0.75))
    for k in (0, 1):
        c.box(-17 - 2 * k, -1.6 + 1.6 * k, 17 + 2 * k, 0.4 + 1.6 * k, darker(wall, 0.06 + 0.1 * k))


def villa(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a low, modern villa of two blocks with large panes."""
    wall = light.on(pick(rng, ((250, 248, 242), (244, 238, 226), (236, 240, 242))))
    wood = light.on(pick(rng, ((186, 132, 86), (156, 112, 80), (120, 118, 124))))
    c.box(-41, -21, 34, 0, wall)
    c.box(-10, -42, 42, -21, wood)
    for x in np.arange(-6.0, 42.0, 4.0).tolist():
        c.line([(x, -42), (x, -21)], 0.8, darker(wood, 0.14))
    for x0, x1 in ((-5, 14), (18, 37)):
        c.box(x0, -38, x1, -25, PANE, 0.6)
        c.poly([(x0, -25), (x0, -31), (x0 + 8, -38), (x0 + 13, -38)], lighter(PANE, 0.45))
        c.line([((x0 + x1) / 2, -38), ((x0 + x1) / 2, -25)], 0.9, WHITE)
    c.box(-13, -45, 45, -41.5, darker(wall, 0.18), 0.8)
    c.box(-44, -23.5, 44, -20.4, darker(wall, 0.12), 0.8)
    c.box(-42, -30.5, -11, -23.5, (214, 236, 242))
    for x in (-42.0, -32.0, -22.0, -12.0):
        c.line([(x, -31), (x, -23)], 1, (150, 160, 170))
    c.line([(-42, -31), (-11, -31)], 1.2, (150, 160, 170))
    c.box(-37, -17.5, -12, -0.5, PANE, 0.6)
    c.poly([(-37, -0.5), (-37, -8), (-27, -17.5), (-20, -17.5)], lighter(PANE, 0.45))
    for x in (-28.7, -20.3):
        c.line([(x, -17.5), (x, 0)], 1, WHITE)
    door(c, 0, 8, 15, pick(rng, DOORS))
    window(c, 18, -10, 16, 8)
    c.line([(40, -21), (40, 0)], 2.2, darker(wall, 0.15))


def cottage(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a small house with shutters and a chimney."""
    wall = light.on(pick(rng, ((248, 236, 208), (240, 216, 190), (222, 232, 220), (246, 242, 234))))
    roof = light.on(pick(rng, STRAW) if thatch else pick(rng, ROOFS))
    shutter = light.on(pick(rng, DOORS))
    c.box(12, -50, 19, -36, light.on((170, 104, 88)))
    c.box(11, -51, 20, -48, light.on((140, 84, 74)))
    with c.object(None), c.object("smoke"):
        for k, (x, y) in enumerate(((16.5, -56), (19, -61), (23, -65))):
            c.dot(x, y, 2.2 + 0.7 * k, (250, 250, 250, 120))
    c.box(-25, -25, 25, 0, wall)
    c.box(-25, -3, 25, 0, darker(wall, 0.2))
    gable(c, 30, -23, 21, 21, roof, thatch)
    door(c, 0, 8.5, 17, shutter)
    for x in (-14.5, 14.5):
        window(c, x, -13, 8, 9)
        for s in (-1, 1):
            c.box(x + s * 6.6 - 1.5, -18, x + s * 6.6 + 1.5, -8, shutter, 0.4)
        c.box(x - 5.5, -7.4, x + 5.5, -5.4, light.on((150, 100, 70)))
        for k in range(4):
            c.dot(x - 4.2 + 2.8 * k, -8, 1.5, PETALS[(k + int(x)) % len(PETALS)])


def hut(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a tidy hut of one room, of boards."""
    wood = light.on(pick(rng, ((190, 142, 98), (168, 128, 96), (204, 160, 112), (156, 140, 126))))
    roof = light.on(pick(rng, STRAW) if thatch else pick(rng, ((146, 100, 78), (128, 134, 140))))
    c.box(-18, -21, 18, 0, wood)
    for x in range(-15, 18, 5):
        c.line([(x, -21), (x, 0)], 0.9, darker(wood, 0.16))
    gable(c, 23, -19, 12, 17, roof, thatch)
    door(c, -6, 8, 14.5, darker(wood, 0.35))
    window(c, 9, -10.5, 7, 7, lighter(wood, 0.5))
    c.box(-19, -1.4, 19, 0.6, darker(wood, 0.3))


BUILDERS: dict[tuple[str, str], Builder] = {
    ("Castan", "mansion"): part("mansion")(mansion),
    ("Castan", "villa"): part("villa")(villa),
    ("Castan", "cottage"): part("cottage")(cottage),
    ("Castan", "hut"): part("hut")(hut),
    ("Velorian", "mansion"): part("mansion")(veloria.mansion),
    ("Velorian", "villa"): part("villa")(veloria.villa),
    ("Velorian", "cottage"): part("cottage")(veloria.cottage),
    ("Velorian", "hut"): part("hut")(veloria.hut),
}
