"""The tool of each job, raised on one side."""

from __future__ import annotations

from trimtab.townsfolk.canvas import (
    GOLD,
    RED,
    STEEL,
    WHITE,
    WOOD,
    Canvas,
    Colour,
    darker,
    lighter,
    part,
)
from trimtab.townsfolk.figure import Figure


def hold(c: Canvas, f: Figure, x: float, y: float, sleeve: Colour) -> None:
    """Draw a raised forearm with its fist at (x, y), over the handle of a tool."""
    with c.object(None):  # the hand is no part of what it holds
        c.line([(x + f.side * 3, 133), (x, y + 12)], 13, darker(sleeve, 0.12))
        c.line([(x, y + 8.5), (x, y + 9)], 11, lighter(sleeve, 0.2))
        c.oval(x, y, 6.2, 6.6, f.skin)
        for k in (-2.2, 1.2):
            c.line([(x - f.side * 4.6, y + k), (x - f.side * 0.5, y + k)], 1.2, f.shade)


@part("clipboard")
def clipboard(c: Canvas, f: Figure, x: float) -> None:
    """Draw a clipboard."""
    c.box(x - 13, 82, x + 13, 116, WOOD, 2.5)
    c.box(x - 10, 87, x + 10, 113, WHITE, 1)
    c.box(x - 5, 79.5, x + 5, 86, (120, 132, 148), 2)
    for y in (93, 99):
        c.line([(x - 6, y), (x + 6, y)], 2, (150, 164, 184))
    hold(c, f, x, 115, WHITE)


@part("medicine bottle")
def bottle(c: Canvas, f: Figure, x: float) -> None:
    """Draw a medicine bottle."""
    c.box(x - 9, 84, x + 9, 112, (242, 150, 60), 3)
    c.box(x - 10.5, 76, x + 10.5, 85, WHITE, 2)
    c.box(x - 9, 90, x + 9, 105, WHITE)
    c.cross(x, 97.5, 5.5, RED)
    hold(c, f, x, 113, (44, 168, 170))


@part("axe")
def axe(c: Canvas, f: Figure, x: float) -> None:
    """Draw a fire axe."""
    s = f.side
    c.line([(x, 66), (x, 122)], 4.6, WOOD)
    c.blob([(x - 4, 68), (x + s * 5, 67), (x + s * 15, 61), (x + s * 17, 73), (x + s * 15, 85),
            (x + s * 5, 79), (x - 4, 78)], RED)  # fmt: skip
    c.curve([(x + s * 15, 62), (x + s * 17.5, 73), (x + s * 15, 84)], 3.4, (226, 232, 238))
    hold(c, f, x, 110, (62, 64, 76))


@part("wooden spoon")
def spoon(c: Canvas, f: Figure, x: float) -> None:
    """Draw a wooden spoon."""
    beech: Colour = (190, 130, 74)
    c.line([(x, 78), (x, 122)], 4.4, beech)
    c.oval(x, 72, 8.5, 11.5, beech)
    c.oval(x, 71.5, 5.4, 8, (160, 104, 56))
    hold(c, f, x, 110, WHITE)


@part("briefcase")
def briefcase(c: Canvas, f: Figure, x: float) -> None:
    """Draw a brown briefcase."""
    c.frame(x - 8, 88, x + 8, 104, 3.4, (92, 56, 36), 4)
    c.box(x - 18, 96, x + 18, 126, (150, 92, 54), 4)
    c.box(x - 18, 106, x + 18, 109.5, (110, 66, 40))
    c.box(x - 4, 104, x + 4, 112, GOLD, 1.5)


@part("hammer")
def hammer(c: Canvas, f: Figure, x: float) -> None:
    """Draw a hammer."""
    s = f.side
    iron: Colour = (104, 114, 130)
    c.line([(x, 72), (x, 122)], 5, WOOD)
    c.box(x - s * 11, 65, x + s * 9, 77, iron, 2)
    c.box(x - s * 14, 63.5, x - s * 7, 78.5, (132, 144, 160), 1.5)
    c.poly([(x + s * 8, 66), (x + s * 16, 69), (x + s * 16, 74), (x + s * 8, 76)], iron)
    hold(c, f, x, 110, (128, 140, 154))


@part("pitchfork")
def pitchfork(c: Canvas, f: Figure, x: float) -> None:
    """Draw a pitchfork."""
    c.line([(x, 66), (x, 126)], 4.4, (160, 108, 62))
    steel: Colour = (96, 106, 120)
    c.curve([(x - 11, 40), (x - 10, 58), (x, 65), (x + 10, 58), (x + 11, 40)], 3.2, steel)
    c.line([(x, 40), (x, 66)], 3.2, steel)
    hold(c, f, x, 108, (206, 70, 62))


@part("apple")
def apple(c: Canvas, f: Figure, x: float) -> None:
    """Draw a red apple."""
    hold(c, f, x, 112, (222, 160, 52))
    c.blob([(x, 88), (x + 9, 85), (x + 13, 94), (x + 7, 107), (x, 106), (x - 7, 107), (x - 13, 94),
            (x - 9, 85)], (220, 50, 54))  # fmt: skip
    c.curve([(x, 88), (x + 1, 83), (x + 3, 80)], 2.4, (104, 70, 44))
    c.oval(x + 6, 81.5, 5, 2.6, (104, 168, 80))
    c.oval(x - 6, 93, 2, 4, (246, 150, 146))


@part("book")
def book(c: Canvas, f: Figure, x: float) -> None:
    """Draw a closed book held upright."""
    c.box(x - 12.5, 81, x + 12.5, 115, (44, 104, 140), 2)
    c.box(x + 9 * f.side, 83, x + 12.5 * f.side, 113, (244, 238, 222))
    c.box(x - 7, 88, x + 5, 96, GOLD, 1)
    hold(c, f, x, 114, (240, 228, 206))


@part("wrench")
def wrench(c: Canvas, f: Figure, x: float) -> None:
    """Draw a spanner."""
    steel: Colour = (126, 140, 160)
    c.line([(x, 76), (x, 122)], 6, steel)
    c.poly([(x - 9, 57), (x - 4.5, 60), (x - 4.5, 68), (x + 4.5, 68), (x + 4.5, 60), (x + 9, 57),
            (x + 12, 62), (x + 12, 71), (x + 4, 80), (x - 4, 80), (x - 12, 71), (x - 12, 62)],
           steel)  # fmt: skip
    c.line([(x, 80), (x, 100)], 1.6, lighter(steel, 0.4))
    hold(c, f, x, 110, (50, 98, 192))


@part("flask")
def flask(c: Canvas, f: Figure, x: float) -> None:
    """Draw a conical flask of green liquid."""
    green: Colour = (70, 196, 110)
    glass: Colour = (226, 242, 248)
    c.poly([(x - 4.5, 72), (x + 4.5, 72), (x + 4.5, 84), (x + 15, 107), (x - 15, 107),
            (x - 4.5, 84)], glass)  # fmt: skip
    c.poly([(x - 8.5, 93), (x + 8.5, 93), (x + 14.5, 106.5), (x - 14.5, 106.5)], green)
    c.box(x - 6.5, 70, x + 6.5, 74, (150, 178, 198), 1.5)
    c.dot(x - 2, 99, 2.2, (176, 236, 180))
    c.dot(x + 4, 86, 1.9, green)
    hold(c, f, x, 113, WHITE)


@part("model plane")
def plane(c: Canvas, f: Figure, x: float) -> None:
    """Draw a model aeroplane."""
    s = -f.side
    blue: Colour = (90, 150, 214)
    c.line([(x, 92), (x, 112)], 3, STEEL)
    c.blob([(x + s * 19, 88), (x + s * 12, 84), (x - s * 12, 85), (x - s * 17, 88),
            (x - s * 12, 93), (x + s * 12, 93)], WHITE)  # fmt: skip
    c.poly([(x - s * 17, 89), (x - s * 20, 76), (x - s * 14, 76), (x - s * 8, 86)], RED)
    c.poly([(x + s * 5, 89), (x - s * 3, 89), (x - s * 10, 101), (x - s * 4, 101)], blue)
    for k in (-5, 1, 7):
        c.dot(x + s * k, 87.5, 1.4, blue)
    hold(c, f, x, 112, (36, 52, 104))
