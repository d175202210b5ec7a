"""Festive dress for weddings: gowns and suits, and the robes of Veloria.

The Velorian dress exists nowhere: a robe with a collar like a crescent, a panel of diamonds, and a
circlet with a spiral of glass at one side.
"""

from __future__ import annotations

import numpy as np

from trimtab.townsfolk.body import FEET, HIP, arm, legs, outline, top
from trimtab.townsfolk.canvas import WHITE, Canvas, Colour, Point, darker, lighter, part, pick
from trimtab.townsfolk.clothes import lapels, neckline, shirt_collar, tie
from trimtab.townsfolk.figure import Figure
from trimtab.townsfolk.scenery import PETALS, flower
from trimtab.townsfolk.veloria import COPPER, GLASS

GOWNS: tuple[Colour, ...] = ((252, 250, 246), (250, 244, 232), (248, 240, 244))
SUITS: tuple[Colour, ...] = ((48, 54, 78), (62, 60, 66), (76, 58, 64), (44, 70, 92))
ROBES: tuple[Colour, ...] = ((34, 134, 144), (66, 84, 160), (124, 66, 128), (30, 116, 104))
REACH = (30.5, HIP - 3)  # where the hands of a couple meet


@part("veil")
def veil(c: Canvas, f: Figure) -> None:
    """Draw a veil behind the head."""
    half = [(13.0, -68.0), (27, -50), (31, -14), (36, 22), (38, 54), (14, 58)]
    c.blob(outline(f, *half), (255, 255, 255, 190))
    for s in (-1, 1):
        c.curve([(f.cx + s * 26, f.base - 30), (f.cx + s * 31, f.base + 10),
                 (f.cx + s * 32, f.base + 52)], 1.4, (226, 228, 240, 200))  # fmt: skip


def tiara(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw the comb that holds the veil: a row of small flowers."""
    petal = pick(rng, ((255, 255, 255), (252, 226, 232), (255, 240, 206)))
    for u in (-0.66, -0.33, 0.0, 0.33, 0.66):
        x, y = f.at(u, -0.98 + 0.22 * u * u)
        flower(c, x, y, 4.6, petal)


@part("gown")
def gown(c: Canvas, f: Figure, s: int, rng: np.random.Generator) -> None:
    """Draw a white gown to the floor, and a bouquet in the hand away from side `s`."""
    cloth = pick(rng, GOWNS)
    fold, kind = darker(cloth, 0.12), int(rng.integers(3))
    sleeves = rng.random() < 0.5
    flare = (40.0, 33.0, 29.0)[kind]
    half = [(f.shoulder * 0.6, 26.0), (flare * 0.72, 44), (flare * 0.95, 70), (flare, FEET)]
    c.blob(outline(f, (8, 22), *half, (flare * 0.5, FEET + 3)), cloth)
    for u in (-0.62, -0.2, 0.24, 0.66):
        c.curve([(f.cx + u * 13, f.base + 34), (f.cx + u * flare * 0.8, f.base + 60),
                 (f.cx + u * flare, f.base + FEET - 1)], 1.6, fold)  # fmt: skip
    if kind == 0:
        for y in (FEET - 8, FEET - 20):
            c.curve([(f.cx - flare * 0.93, f.base + y - 2), (f.cx, f.base + y + 3),
                     (f.cx + flare * 0.93, f.base + y - 2)], 1.4, fold)  # fmt: skip
    arm(c, f, s, cloth, REACH, bare=not sleeves)
    if sleeves:
        top(c, f, cloth, 30)
        neckline(c, f, 11, f.skin, 3)
    else:
        shoulders = [(f.neck - 1, -3.0), (f.neck + 5, 1), (f.shoulder - 1, 7), (18, 16)]
        with c.object(None):
            c.poly(outline(f, *shoulders), f.skin)
        c.blob(outline(f, (4, 13), (17, 9), (15, 27), (13, 31)), cloth)
    c.line([(f.cx - 13, f.base + 29), (f.cx + 13, f.base + 29)], 3.4, fold)
    hand: Point = (9.0, 33.0)
    arm(c, f, -s, cloth, hand, bare=not sleeves)
    with c.object(None):
        _bouquet(c, f.cx - s * 8, f.base + 28, rng)


@part("bouquet")
def _bouquet(c: Canvas, x: float, y: float, rng: np.random.Generator) -> None:
    """Draw a bouquet."""
    start = int(rng.integers(6))
    c.poly([(x - 3, y + 4), (x + 3, y + 4), (x + 1.5, y + 15), (x - 1.5, y + 15)], (108, 160, 92))
    for k in range(7):
        a = k * 2 * np.pi / 7
        c.dot(x + 9 * float(np.cos(a)), y + 7.6 * float(np.sin(a)), 4, (98, 156, 92))
    spots = ((-6, -3), (6, -3), (0, -6), (-6.5, 3.5), (6.5, 3.5), (0, 5), (0, 0))
    for k, (u, v) in enumerate(spots):
        flower(c, x + u, y + v, 5, PETALS[(start + k % 3) % 6])


@part("suit")
def suit(c: Canvas, f: Figure, s: int, rng: np.random.Generator) -> None:
    """Draw a dark suit with a tie or bow tie and a flower in the buttonhole."""
    cloth = pick(rng, SUITS)
    band = pick(rng, ((166, 48, 72), (60, 110, 150), (190, 150, 92), (70, 120, 96)))
    bow = rng.random() < 0.5
    legs(c, f, darker(cloth, 0.12), (38, 34, 40))
    for side in (-1, 1):
        arm(c, f, side, cloth, REACH if side == s else None)
    top(c, f, cloth, HIP + 6)
    neckline(c, f, 27, WHITE, 2)
    neckline(c, f, 3, f.shade)
    if not bow:
        tie(c.view(f.cx * 0.3, f.base * 0.3, 0.7), f, band)
    shirt_collar(c, f, WHITE)
    if bow:
        for t in (-1, 1):
            c.poly([(f.cx, f.base + 4), (f.cx + t * 7.5, f.base), (f.cx + t * 7.5, f.base + 8)],
                   band)  # fmt: skip
        c.dot(f.cx, f.base + 4, 2.2, darker(band, 0.3))
    lapels(c, f, lighter(cloth, 0.16), 27)
    c.line([(f.cx, f.base + 26), (f.cx, f.base + HIP + 5)], 1.4, darker(cloth, 0.35))
    c.dot(f.cx + 1.5, f.base + 33, 1.5, lighter(cloth, 0.4))
    flower(c, f.cx - s * 15, f.base + 15, 4, pick(rng, PETALS))


@part("robe")
def robe(c: Canvas, f: Figure, s: int, rng: np.random.Generator) -> None:
    """Draw a Velorian robe: flowing and full, or as a long coat over trousers."""
    cloth = pick(rng, ROBES)
    deep, pale = darker(cloth, 0.25), lighter(cloth, 0.55)
    if f.woman:
        flare = 34.0
        c.blob(outline(f, (8, 20), (16, 28), (24, 50), (31, 72), (flare, FEET),
                       (16, FEET + 3)), cloth)  # fmt: skip
        c.poly(outline(f, (5, 26), (13, FEET + 1)), pale)
        c.curve([(f.cx - flare + 1, f.base + FEET - 5), (f.cx, f.base + FEET - 1),
                 (f.cx + flare - 1, f.base + FEET - 5)], 3, COPPER)  # fmt: skip
    else:
        legs(c, f, deep, (84, 56, 48))
        c.poly(outline(f, (20, 26), (25, 60), (27, 72), (7, 74), (3, 30)), cloth)
        for t in (-1, 1):
            c.line([(f.cx + t * 26, f.base + 70), (f.cx + t * 8, f.base + 72)], 3, COPPER)
    for side in (-1, 1):
        arm(c, f, side, cloth, REACH if side == s else None)
        x, y = REACH if side == s else (f.shoulder + 3.5, HIP + 1)
        c.line(
            [(f.cx + side * (x - 3.5), f.base + y - 9), (f.cx + side * (x + 4.5), f.base + y - 7)],
            3,
            COPPER,
        )
    top(c, f, cloth, 34)
    c.poly(outline(f, (5, 4), (6, 34)), pale)
    for y in (16.0, 25.0, *((44.0, 54.0, 64.0, 74.0) if f.woman else ())):
        c.poly([(f.cx - 4, f.base + y), (f.cx, f.base + y - 4), (f.cx + 4, f.base + y),
                (f.cx, f.base + y + 4)], COPPER)  # fmt: skip
    wide = f.shoulder * 0.74
    c.box(f.cx - wide, f.base + 30, f.cx + wide, f.base + 36, COPPER, 2)
    c.dot(f.cx, f.base + 33, 4, GLASS)
    c.dot(f.cx - 1, f.base + 32, 1.4, WHITE)
    neckline(c, f, 5, f.shade)
    with c.object(None), c.object("crescent collar"):
        n = f.neck
        horn = [(f.shoulder + 6, -9.0), (f.shoulder + 1, 4), (14, 13), (0, 16)]
        back = [(0.0, 8.0), (n + 2, 4), (f.shoulder - 6, -3)]
        rim = [(f.cx + x, f.base + y) for x, y in (*horn[:-1], horn[-1])]
        left = [(2 * f.cx - x, y) for x, y in reversed(rim[:-1])]
        inner = [(f.cx + x, f.base + y) for x, y in back]
        inner = [*[(2 * f.cx - x, y) for x, y in reversed(inner)], *inner[1:]]
        c.poly([*rim, *left, *inner], COPPER)
        for u in (-0.8, -0.42, 0.0, 0.42, 0.8):
            c.dot(f.cx + u * f.shoulder * 0.8, f.base + 12 - 9 * u * u, 1.9, lighter(GLASS, 0.3))


@part("circlet")
def circlet(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a copper circlet with a glass orb, and a spiral of glass at one side."""
    glass = pick(rng, (GLASS, (250, 190, 96), (214, 140, 216)))
    s = f.side
    c.curve(f.span((-1.08, -0.52), (-0.6, -0.7), (0, -0.76), (0.6, -0.7), (1.08, -0.52)), 4.2,
            COPPER)  # fmt: skip
    c.dot(*f.at(0, -0.76), 4.4, COPPER)
    c.dot(*f.at(0, -0.76), 3.0, glass)
    x, y = f.at(0, -0.76)
    c.dot(x - 1, y - 1, 1.0, WHITE)
    x, y = f.at(s * 0.92, -0.82)
    c.dot(x, y, 9.5, COPPER)
    c.dot(x, y, 8.0, glass)
    turn = np.linspace(0.4, 3.7 * np.pi, 26)
    u, v = x + s * 6.4 * turn / 11.6 * np.cos(turn), y - 6.4 * turn / 11.6 * np.sin(turn)
    c.line(list(zip(u.tolist(), v.tolist(), strict=True)), 1.7, darker(COPPER, 0.15))
