"""The invented style of Veloria: houses, and the ornaments that weddings share with them.

It exists nowhere and copies no culture: roofs that swell to one side like a wave and end in a
spiral, six-sided windows with copper rims, rounded walls in pale colours, bands of diamonds, and
orbs of glass.
"""

from __future__ import annotations

import numpy as np

from trimtab.townsfolk.canvas import Canvas, Colour, Point, darker, lighter, pick, smooth
from trimtab.townsfolk.scenery import STRAW, Light, along, strands

COPPER: Colour = (202, 122, 72)
GLASS: Colour = (96, 206, 200)
PALE: tuple[Colour, ...] = ((214, 234, 222), (228, 218, 240), (248, 226, 208), (226, 234, 244))
WAVES: tuple[Colour, ...] = ((40, 140, 150), (84, 98, 168), (178, 92, 96), (66, 128, 104))


def hexagon(x: float, y: float, r: float, tall: float = 1.0) -> list[Point]:
    """Return a hexagon with a corner at the top."""
    turn = np.arange(6) * np.pi / 3 + np.pi / 2
    return [(x + r * float(np.cos(a)), y - r * tall * float(np.sin(a))) for a in turn]


def hex_window(c: Canvas, x: float, y: float, r: float) -> None:
    """Draw a six-sided window with a copper rim."""
    c.poly(hexagon(x, y, r + 1.4), COPPER)
    c.poly(hexagon(x, y, r), GLASS)
    a = hexagon(x, y, r)
    c.poly([a[1], a[2], (x, y)], lighter(GLASS, 0.5))
    c.poly([a[0], a[1], (x, y)], lighter(GLASS, 0.3))


def hex_door(c: Canvas, x: float, w: float, h: float, colour: Colour) -> None:
    """Draw a door with a pointed top and a copper rim."""
    for grow, fill in ((1.4, COPPER), (0.0, colour)):
        a, top = w / 2 + grow, -h - grow
        c.poly([(x - a, 0), (x - a, top + w * 0.3), (x, top), (x + a, top + w * 0.3), (x + a, 0)],
               fill)  # fmt: skip
    c.dot(x, -h * 0.62, w * 0.18, lighter(GLASS, 0.4))
    c.line([(x, -h * 0.46), (x, 0)], 0.9, darker(colour, 0.3))


def wave(c: Canvas, x0: float, x1: float, y: float, h: float, colour: Colour,
         thatch: bool = False) -> None:  # fmt: skip
    """Draw a roof from x0 to x1 over a wall of height y, which swells to a curl above x1."""
    w = x1 - x0
    back = smooth(
        [
            (x0 - 0.07 * w, y + 2),
            (x0 + 0.1 * w, y - 0.32 * h),
            (x0 + 0.4 * w, y - 0.7 * h),
            (x0 + 0.7 * w, y - 1.02 * h),
            (x0 + 0.9 * w, y - 1.0 * h),
            (x1 + 0.0 * w, y - 0.78 * h),
        ]
    )
    inner = smooth([(x1 + 0.0 * w, y - 0.6 * h), (x1 - 0.1 * w, y - 0.5 * h),
                    (x1 - 0.06 * w, y - 0.25 * h), (x1 + 0.07 * w, y + 2)])  # fmt: skip

    def paint() -> None:
        c.poly([*back, *inner], colour)
        r = 0.17 * h
        cx, cy = x1 - 0.035 * w, y - 0.74 * h
        c.dot(cx, cy, r * 1.35, colour)
        for t in (0.3, 0.52, 0.74):
            a = [(x0 + (0.02 + t * 0.9) * w, y + 1), (x0 + (0.14 + t * 0.72) * w, y - 0.34 * h),
                 (x0 + (0.3 + t * 0.6) * w, y - (0.5 + 0.36 * t) * h)]  # fmt: skip
            c.curve(a, 1.1, lighter(colour, 0.22))
        if thatch:
            n = max(6, int(w / 3))
            foot = along((x0 - 0.04 * w, y + 1), (x1 + 0.05 * w, y + 1), n)
            rim = along((x0 + 0.12 * w, y - 0.3 * h), (x1 - 0.14 * w, y - 0.86 * h), n)
            strands(c, rim, foot, colour)
        trim = darker(colour, 0.3) if thatch else COPPER
        turn = np.linspace(0.2, 3.6 * np.pi, 26)
        curl = [(cx + r * t / 11.3 * float(np.cos(t)), cy + r * t / 11.3 * float(np.sin(t)))
                for t in turn]  # fmt: skip
        c.line(curl, 1.1, trim)
        c.curve([(x0 - 0.07 * w, y + 1.5), (x0 + 0.5 * w, y + 0.6), (x1 + 0.07 * w, y + 1.5)], 1.8,
                trim)  # fmt: skip

    if thatch:
        with c.object("thatch roof"):
            paint()
    else:
        paint()


def band(c: Canvas, x0: float, x1: float, y: float, n: int) -> None:
    """Draw a band of copper diamonds."""
    for x, _ in along((x0 + 2.5, y), (x1 - 2.5, y), n):
        c.poly([(x - 1.9, y), (x, y - 1.9), (x + 1.9, y), (x, y + 1.9)], COPPER)


def round_wall(c: Canvas, x0: float, x1: float, y: float, colour: Colour) -> None:
    """Draw a wall that bulges towards its foot."""
    c.blob(
        [
            (x0, y),
            ((x0 + x1) / 2, y - 1),
            (x1, y),
            (x1 + 1.6, y * 0.4),
            (x1 + 1.4, -1),
            (x1, 0.6),
            (x0, 0.6),
            (x0 - 1.4, -1),
            (x0 - 1.6, y * 0.4),
        ],
        colour,
    )


def orb(c: Canvas, x: float, y: float, drop: float, r: float, colour: Colour) -> None:
    """Draw a glass orb that hangs on a thread."""
    c.line([(x, y), (x, y + drop)], 0.8, COPPER)
    c.dot(x, y + drop + r, r, colour)
    c.dot(x - r * 0.3, y + drop + r * 0.7, r * 0.35, lighter(colour, 0.7))


def mansion(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a hall between two towers."""
    wall, roof = light.on(pick(rng, PALE)), light.on(pick(rng, WAVES))
    side = darker(wall, 0.08)
    c.box(-38, -44, -24, -20, side, 2)
    c.box(24, -36, 38, -20, side, 2)
    wave(c, -38, -24, -43, 15, roof)
    wave(c, 24, 38, -35, 14, roof)
    round_wall(c, -39, -22, -26, side)
    round_wall(c, 22, 39, -26, side)
    round_wall(c, -25, 25, -32, wall)
    wave(c, -25, 25, -31, 32, roof)
    band(c, -23, 23, -26.5, 10)
    for x in (-16.0, 16.0):
        hex_window(c, x, -16, 4.4)
    hex_window(c, 0, -41, 4.0)
    for x, y in ((-31, -34), (31, -29), (-32, -12), (32, -12)):
        hex_window(c, x, y, 3.3)
    band(c, -39, -26, -22, 3)
    band(c, 26, 39, -22, 3)
    hex_door(c, 0, 9.5, 20, darker(roof, 0.2))
    for x in (-9.0, 9.0):
        orb(c, x, -24, 2.5, 1.9, (250, 200, 110))


def villa(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a long house with a terrace under a wide roof."""
    wall, roof = light.on(pick(rng, PALE)), light.on(pick(rng, WAVES))
    round_wall(c, -40, 12, -21, wall)
    round_wall(c, 8, 36, -34, darker(wall, 0.06))
    wave(c, 8, 37, -33, 19, roof)
    wave(c, -40, 12, -20, 23, roof)
    band(c, -38, 6, -16.5, 9)
    for x in (-31.0, -21.0, -11.0):
        hex_window(c, x, -8.5, 4.0)
    hex_window(c, 22, -25, 5.0)
    hex_door(c, 20, 8.5, 16, darker(roof, 0.2))
    band(c, 11, 35, -18.2, 6)
    hex_window(c, 31, -9, 3)
    for x in (-2.5, 3.5):
        c.line([(x, -14), (x, 0)], 1.6, COPPER)
    c.line([(-4, -5.5), (6, -5.5)], 1.1, COPPER)


def cottage(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a small round-walled house."""
    wall = light.on(pick(rng, PALE))
    roof = light.on(pick(rng, STRAW) if thatch else pick(rng, WAVES))
    round_wall(c, -23, 23, -25, wall)
    wave(c, -24, 24, -24, 27, roof, thatch)
    band(c, -22, 22, -20, 8)
    hex_window(c, -14, -10.5, 4.2)
    hex_window(c, 15, -10.5, 4.2)
    hex_door(c, 1, 9, 17, darker(roof, 0.35) if thatch else darker(roof, 0.2))
    orb(c, 9, -18, 2, 1.7, (250, 200, 110))


def hut(c: Canvas, light: Light, thatch: bool, rng: np.random.Generator) -> None:
    """Draw a tidy round-walled hut of one room, of clay."""
    clay = light.on(pick(rng, ((226, 190, 156), (216, 182, 160), (222, 200, 168))))
    roof = light.on(pick(rng, STRAW) if thatch else darker(pick(rng, WAVES), 0.1))
    round_wall(c, -17, 17, -20, clay)
    wave(c, -18, 18, -19, 21, roof, thatch)
    hex_window(c, 8.5, -9.5, 3.2)
    hex_door(c, -5, 8, 14, light.on((126, 88, 70)))
    c.line([(-17, -3), (17, -3)], 1.2, darker(clay, 0.16))
