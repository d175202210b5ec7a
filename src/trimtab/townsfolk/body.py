"""Full figures: bodies in plain and in festive clothes, in the units of the portraits.

A body is painted below the head of a portrait, which a canvas in smaller units then fits into a
scene. The base of the neck is at `Figure.base`, the feet `FEET` below it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trimtab.townsfolk.canvas import (
    Canvas,
    Colour,
    Point,
    darker,
    lighter,
    mirror,
    part,
    pick,
    smooth,
)
from trimtab.townsfolk.clothes import CASUAL, neckline, round_neck, shirt_collar
from trimtab.townsfolk.figure import Figure

FEET = 86.0
HIP = 42.0
SHOES: tuple[Colour, ...] = ((86, 58, 48), (52, 50, 60), (150, 92, 60), (228, 226, 222))
TROUSERS: tuple[Colour, ...] = (
    (64, 86, 128), (92, 96, 110), (134, 104, 78), (70, 104, 96), (104, 78, 110), (58, 62, 76),
)  # fmt: skip


def standing(f: Figure) -> Figure:
    """Return a figure with shoulders narrow enough for a full figure with a large head."""
    return replace(f, shoulder=23.0 if f.woman else 27.5)


def outline(f: Figure, *half: Point) -> list[Point]:
    """Return a shape symmetric about the body, from points (outwards, down) of its right side."""
    return [(f.cx + x, f.base + y) for x, y in (*half, *mirror(half))]


def legs(c: Canvas, f: Figure, cloth: Colour, shoes: Colour) -> None:
    """Draw two legs in trousers, and shoes."""
    hip = f.shoulder * (0.74 if f.woman else 0.7)
    for s in (-1, 1):
        c.oval(f.cx + s * 9.5, f.base + FEET - 2, 7.4, 4.4, shoes)
        c.poly([(f.cx + s * x, f.base + y) for x, y in (
            (0, HIP - 4), (hip, HIP - 4), (13.6, FEET - 4), (4.2, FEET - 4), (0, HIP + 12))],
            cloth)  # fmt: skip
    c.line([(f.cx, f.base + HIP + 6), (f.cx, f.base + HIP + 14)], 1.6, darker(cloth, 0.3))


def bare_legs(c: Canvas, f: Figure, shoes: Colour) -> None:
    """Draw two bare shins and shoes."""
    for s in (-1, 1):
        c.oval(f.cx + s * 8.5, f.base + FEET - 2, 7, 4.2, shoes)
        with c.object(None):
            shin = [(f.cx + s * 7.4, f.base + HIP), (f.cx + s * 7.4, f.base + FEET - 6)]
            c.line(shin, 8.5, f.skin)


def top(c: Canvas, f: Figure, colour: Colour, foot: float = HIP) -> None:
    """Draw the upper body down to `foot`."""
    s = f.shoulder
    waist = s * (0.66 if f.woman else 0.8)
    half = [(f.neck - 1, -3), (f.neck + 4, 1), (s * 0.86, 5), (s, 12), (waist + 1, 27),
            (s * 0.78, foot)]  # fmt: skip
    c.poly(outline(f, *half), colour)


def arm(c: Canvas, f: Figure, s: int, sleeve: Colour, hand: Point | None = None,
        bare: bool = False) -> None:  # fmt: skip
    """Draw an arm on side `s` with its hand at a point (outwards, down from the neck)."""
    x, y = hand or (f.shoulder + 3.5, HIP + 1)
    out = max(f.shoulder + 3.0, x + 2.0) if y > 24 else f.shoulder + 5
    path = [(f.shoulder - 4.5, 10.0), (out, 26.0), (x, y)]
    points = [(f.cx + s * a, f.base + b) for a, b in path]
    if bare:
        with c.object(None):
            c.curve(points, 9.4, f.shade)
        c.line(smooth(points)[:7], 10.4, darker(sleeve, 0.1))
    else:
        c.curve(points, 9.4, darker(sleeve, 0.1))
    with c.object(None):
        c.dot(*points[-1], 5.0, f.skin)


def skirt(c: Canvas, f: Figure, colour: Colour, foot: float, flare: float) -> None:
    """Draw a skirt from the waist down to `foot`, `flare` half as wide there."""
    waist = f.shoulder * 0.66
    c.poly(outline(f, (waist, 25), (waist + (flare - waist) * 0.55, (foot + 25) / 2), (flare, foot),
                   (flare * 0.5, foot + 2.2)), colour)  # fmt: skip
    for u in (-0.4, 0.1, 0.5):
        c.line([(f.cx + u * waist, f.base + 34), (f.cx + u * flare, f.base + foot - 1)], 1.5,
               darker(colour, 0.14))  # fmt: skip


@part("clothes")
def everyday(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw plain clothes: a dress, a skirt or trousers with a top, shirt or jumper."""
    colour, other = pick(rng, CASUAL), pick(rng, TROUSERS)
    shoes, kind, arms = pick(rng, SHOES), int(rng.integers(4)), int(rng.integers(3))
    hands: list[Point | None] = [None, None]
    if arms == 1:  # a hand on the hip
        hands[int(rng.integers(2))] = (f.shoulder * 0.72, HIP - 9)
    if f.woman and kind in (0, 1):
        bare_legs(c, f, shoes)
        if kind == 1:
            top(c, f, colour, 30)
        skirt(c, f, colour if kind == 0 else other, 66, 25)
    else:
        legs(c, f, other, shoes)
    for s, hand in zip((-1, 1), hands, strict=True):
        if hand is None:
            arm(c, f, s, colour, bare=kind == 0)
    top(c, f, colour, 30 if f.woman and kind in (0, 1) else HIP)
    if kind == 0 and f.woman:
        c.box(f.cx - f.shoulder * 0.68, f.base + 25, f.cx + f.shoulder * 0.68, f.base + 29.5,
              darker(colour, 0.25))  # fmt: skip
        round_neck(c, f, lighter(colour, 0.3))
    elif kind == 2:
        neckline(c, f, 9, f.shade)
        shirt_collar(c, f, lighter(colour, 0.35))
        c.line([(f.cx, f.base + 10), (f.cx, f.base + HIP - 2)], 1.6, darker(colour, 0.2))
    else:
        if kind == 3:
            for y in (17.0, 27.0):
                c.box(f.cx - f.shoulder * 0.8, f.base + y, f.cx + f.shoulder * 0.8, f.base + y + 5,
                      lighter(colour, 0.5))  # fmt: skip
        round_neck(c, f, lighter(colour, 0.25))
    for s, hand in zip((-1, 1), hands, strict=True):
        if hand is not None:
            arm(c, f, s, colour, hand, bare=kind == 0)
