"""The clothes of townsfolk: first their parts, then the clothes of each job."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trimtab.townsfolk.canvas import (
    GOLD,
    RED,
    STEEL,
    WHITE,
    Canvas,
    Colour,
    Point,
    darker,
    lighter,
    part,
    pick,
    smooth,
)
from trimtab.townsfolk.figure import Figure


def torso(c: Canvas, f: Figure, colour: Colour) -> None:
    """Draw shoulders and chest in one colour, with a soft fold along each arm."""
    x, y, s, n = f.cx, f.base, f.shoulder, f.neck
    half = [
        (n - 1, y - 3),
        (n + 5, y + 1.5),
        (s * 0.78, y + 7),
        (s * 0.96, y + 15),
        (s + 3, y + 42),
    ]
    left = smooth([(x - a, b) for a, b in reversed(half)])
    right = smooth([(x + a, b) for a, b in half])
    c.poly(left + right, colour)
    for sign in (-1, 1):
        arm = [
            (x + sign * s * 0.66, y + 21),
            (x + sign * s * 0.7, y + 29),
            (x + sign * s * 0.68, 130),
        ]
        c.curve(arm, 1.6, darker(colour, 0.22))


def pair(c: Canvas, f: Figure, tips: Sequence[Point], colour: Colour) -> None:
    """Draw a shape on both sides; its points are (outwards, down) from the base of the neck."""
    for sign in (-1, 1):
        c.poly([(f.cx + sign * a, f.base + b) for a, b in tips], colour)


def neckline(c: Canvas, f: Figure, depth: float, fill: Colour, extra: float = 1.0) -> None:
    """Draw a V of `fill` under the neck."""
    n = f.neck + extra
    c.poly([(f.cx - n, f.base - 4), (f.cx + n, f.base - 4), (f.cx, f.base + depth)], fill)


def round_neck(c: Canvas, f: Figure, colour: Colour) -> None:
    """Draw a round neck opening of skin with a ribbed collar."""
    c.oval(f.cx, f.base - 1.5, f.neck + 4, 7.5, colour)
    c.oval(f.cx, f.base - 3, f.neck + 1.8, 6, f.shade)


def shirt_collar(c: Canvas, f: Figure, colour: Colour) -> None:
    """Draw two collar points."""
    n = f.neck
    pair(c, f, [(n + 2, -5.5), (0.6, 3.5), (n * 0.62, 10), (n + 4.5, 1.5)], colour)


def lapels(c: Canvas, f: Figure, colour: Colour, depth: float) -> None:
    """Draw two long lapels over an opening."""
    n = f.neck
    tips = [(n + 0.5, -5), (n + 6.5, 1), (n + 9, 12), (n + 5, 14), (0, depth), (0, depth - 4)]
    pair(c, f, tips, colour)


@part("tie")
def tie(c: Canvas, f: Figure, colour: Colour) -> None:
    """Draw a tie with its knot."""
    x, y = f.cx, f.base
    c.poly([(x - 3.6, y + 1), (x + 3.6, y + 1), (x + 2.4, y + 6), (x - 2.4, y + 6)], colour)
    blade = [(x - 2.4, y + 6), (x + 2.4, y + 6), (x + 5, y + 30), (x, y + 38), (x - 5, y + 30)]
    c.poly(blade, darker(colour, 0.1))


def doctor(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a white coat over a blue shirt, and a stethoscope."""
    shirt = pick(rng, ((120, 176, 222), (104, 160, 210), (138, 186, 226)))
    torso(c, f, WHITE)
    neckline(c, f, 34, shirt, 4)
    neckline(c, f, 9, f.shade)
    shirt_collar(c, f, lighter(shirt, 0.35))
    lapels(c, f, (222, 228, 236), 34)
    tube = (50, 62, 84)
    n, x, y = f.neck, f.cx, f.base
    with c.object("stethoscope"):
        c.curve([(x - n - 3, y - 3), (x - n - 5, y + 9), (x - 8, y + 21), (x - 9, y + 30)], 3, tube)
        c.curve([(x + n + 3, y - 3), (x + n + 6, y + 8), (x + 11, y + 17)], 3, tube)
        c.dot(x + 10.5, y + 20.5, 5.2, tube)
        c.dot(x + 10.5, y + 20.5, 3.4, STEEL)


def nurse(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw teal scrubs with a V neck and a heart badge."""
    colour = pick(rng, ((44, 168, 170), (52, 176, 168), (40, 156, 172)))
    torso(c, f, colour)
    neckline(c, f, 19, lighter(colour, 0.5), 5)
    neckline(c, f, 14, f.shade, 2)
    x, y = f.cx - f.side * 16, f.base + 20
    c.box(x - 7, y - 6, x + 7, y + 9, WHITE, 2)
    c.heart(x, y + 1.5, 5, RED)


def firefighter(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a dark coat with yellow reflective stripes and a high collar."""
    colour = pick(rng, ((62, 64, 76), (70, 66, 72), (56, 62, 80)))
    torso(c, f, colour)
    neckline(c, f, 8, f.shade)
    n, s, y = f.neck, f.shoulder, f.base + 20
    c.box(f.cx - s * 0.97, y, f.cx + s * 0.97, y + 8, (248, 216, 48))
    c.box(f.cx - s * 0.97, y + 2.7, f.cx + s * 0.97, y + 5.2, (226, 232, 236))
    collar = [(n + 1, -7), (n + 7, -1), (n + 4, 9), (0.8, 9), (n * 0.7, 1)]
    pair(c, f, collar, lighter(colour, 0.14))
    for sign in (-1, 1):
        strap = [(f.cx + sign * s * 0.5, f.base + 5), (f.cx + sign * s * 0.42, y)]
        c.line(strap, 5, (248, 216, 48))
    c.line([(f.cx, f.base + 9), (f.cx, 130)], 2.4, darker(colour, 0.4))


def chef(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a double-breasted white jacket and a neckerchief."""
    scarf = pick(rng, ((222, 66, 58), (214, 78, 48), (206, 52, 72)))
    torso(c, f, WHITE)
    edge = [(f.cx - 13, f.base + 2), (f.cx - 11, f.base + 20), (f.cx - 11, 130)]
    c.curve(edge, 1.6, (198, 206, 216))
    for sign in (-1, 1):
        for k in range(3):
            c.dot(f.cx + sign * 7.5, f.base + 13 + 9.5 * k, 2.2, (70, 76, 92))
    n, x, y = f.neck, f.cx, f.base
    with c.object("neckerchief"):
        c.blob([(x - n - 4, y - 4), (x, y + 2), (x + n + 4, y - 4), (x + n + 1, y + 4), (x, y + 9),
                (x - n - 1, y + 4)], scarf)  # fmt: skip
        c.dot(x, y + 6, 3.4, darker(scarf, 0.18))


def executive(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a dark suit over a white shirt with a tie."""
    suit = pick(rng, ((62, 66, 82), (72, 72, 80), (58, 58, 74)))
    band = pick(rng, ((196, 48, 62), (172, 52, 96), (208, 72, 48)))
    torso(c, f, suit)
    neckline(c, f, 34, WHITE, 4)
    neckline(c, f, 5, f.shade)
    tie(c, f, band)
    shirt_collar(c, f, WHITE)
    lapels(c, f, lighter(suit, 0.14), 34)
    x, y = f.cx - f.side * 17, f.base + 18
    c.poly([(x - 4, y + 3), (x - 3, y - 3), (x, y), (x + 3, y - 3), (x + 4, y + 3)], WHITE)


def builder(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw an orange vest with pale stripes over a grey shirt."""
    shirt = pick(rng, ((128, 140, 154), (112, 128, 146), (142, 146, 152)))
    vest: Colour = (246, 122, 40)
    torso(c, f, shirt)
    round_neck(c, f, darker(shirt, 0.2))
    s = f.shoulder
    half = [(f.neck + 4, 0), (s * 0.66, 5), (s * 0.62, 20), (s * 0.7, 42), (1, 42), (1, 24)]
    pale: Colour = (244, 240, 150)
    with c.object("safety vest"):
        pair(c, f, half, vest)
        for sign in (-1, 1):
            strap = [(f.cx + sign * s * 0.48, f.base + 4.5), (f.cx + sign * s * 0.42, 130)]
            c.line(strap, 4.4, pale)
            c.box(f.cx + sign * 1, f.base + 23, f.cx + sign * s * 0.64, f.base + 28, pale)


def farmer(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw denim dungarees over a red checked shirt."""
    shirt = pick(rng, ((206, 70, 62), (196, 60, 68), (212, 88, 60)))
    denim = pick(rng, ((74, 108, 164), (66, 100, 156), (84, 116, 166)))
    check = (*lighter(shirt, 0.45), 150)
    torso(c, f, shirt)
    for k in (-0.72, -0.34, 0.34, 0.72):
        c.line([(f.cx + k * f.shoulder, f.base + 6), (f.cx + k * f.shoulder, 130)], 2, check)
    c.line([(f.cx - f.shoulder, f.base + 15), (f.cx + f.shoulder, f.base + 15)], 2, check)
    neckline(c, f, 8, f.shade)
    shirt_collar(c, f, lighter(shirt, 0.18))
    with c.object("dungarees"):
        c.box(f.cx - 18, f.base + 18, f.cx + 18, 131, denim, 2)
        c.box(f.cx - 8, f.base + 25, f.cx + 8, 131, lighter(denim, 0.16), 2)
        for sign in (-1, 1):
            strap = [(f.cx + sign * (f.neck + 9), f.base + 2), (f.cx + sign * 14, f.base + 21)]
            c.line(strap, 5.5, denim)
            c.dot(f.cx + sign * 14, f.base + 22, 2.6, GOLD)


def teacher(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a mustard cardigan over a pale blouse."""
    knit = pick(rng, ((222, 160, 52), (214, 148, 60), (230, 170, 64)))
    torso(c, f, knit)
    neckline(c, f, 36, (236, 240, 246), 5)
    neckline(c, f, 6, f.shade)
    shirt_collar(c, f, WHITE)
    for sign in (-1, 1):
        band = [(f.cx + sign * (f.neck + 6), f.base - 1), (f.cx + sign * 1.5, 129)]
        c.line(band, 3.6, darker(knit, 0.22))
    for k in range(2):
        c.dot(f.cx, f.base + 15 + 9 * k, 1.6, (150, 170, 200))


def librarian(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a plum knitted vest with diamonds over a cream shirt."""
    vest = pick(rng, ((132, 62, 112), (122, 66, 124), (142, 60, 100)))
    cream: Colour = (240, 228, 206)
    torso(c, f, cream)
    s = f.shoulder
    half = [(f.neck + 4, 1), (s * 0.68, 6), (s * 0.62, 20), (s * 0.68, 42), (0, 42), (0, 16)]
    pair(c, f, half, vest)
    neckline(c, f, 18, cream, 4)
    neckline(c, f, 5, f.shade)
    shirt_collar(c, f, (250, 242, 226))
    for k in (-1, 0, 1):
        x, y = f.cx + 11.5 * k, f.base + 27
        c.poly([(x, y - 7), (x + 4.6, y), (x, y + 7), (x - 4.6, y)], lighter(vest, 0.42))


def engineer(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a royal-blue boiler suit with a zip and an orange collar lining."""
    suit = pick(rng, ((50, 98, 192), (44, 90, 180), (60, 106, 196)))
    torso(c, f, suit)
    neckline(c, f, 12, (240, 240, 244), 4)
    neckline(c, f, 4, f.shade)
    shirt_collar(c, f, lighter(suit, 0.22))
    c.line([(f.cx, f.base + 9), (f.cx, 130)], 2.4, (206, 216, 230))
    for sign in (-1, 1):
        x = f.cx + sign * 15
        c.box(x - 7, f.base + 19, x + 7, f.base + 31, darker(suit, 0.2), 1.5)
        c.box(x - 7.5, f.base + 17.5, x + 7.5, f.base + 21.5, lighter(suit, 0.2), 1.5)


def scientist(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a white lab coat, buttoned, over a violet roll-neck."""
    knit = pick(rng, ((122, 84, 176), (132, 92, 186), (112, 78, 166)))
    torso(c, f, WHITE)
    neckline(c, f, 24, knit, 6)
    c.box(f.cx - f.neck - 2, f.base - 6, f.cx + f.neck + 2, f.base + 3, lighter(knit, 0.15), 3)
    lapels(c, f, (216, 226, 236), 24)
    c.line([(f.cx, f.base + 23), (f.cx, 130)], 1.6, (190, 200, 212))
    x, y = f.cx - f.side * 17, f.base + 20
    c.box(x - 6, y, x + 6, y + 12, (220, 228, 236), 1.5)
    c.line([(x - 2, y - 4), (x - 2, y + 3)], 2.4, (60, 120, 210))
    c.line([(x + 2.5, y - 3), (x + 2.5, y + 3)], 2.4, RED)


def pilot(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a navy jacket with gold epaulettes, wings and a black tie."""
    navy = pick(rng, ((36, 52, 104), (32, 48, 96), (42, 58, 112)))
    torso(c, f, navy)
    neckline(c, f, 26, WHITE, 3)
    neckline(c, f, 4, f.shade)
    tie(c, f, (30, 32, 46))
    shirt_collar(c, f, WHITE)
    lapels(c, f, lighter(navy, 0.13), 26)
    for sign in (-1, 1):
        x0, x1, y = f.cx + sign * f.shoulder * 0.5, f.cx + sign * f.shoulder * 0.9, f.base
        c.poly([(x0, y + 3), (x1, y + 8.5), (x1, y + 14.5), (x0, y + 8)], GOLD)
        c.dot(f.cx + sign * 5, f.base + 31, 1.9, GOLD)
    x, y = f.cx - f.side * 18, f.base + 20
    c.poly([(x - 9, y - 3), (x, y), (x + 9, y - 3), (x + 6, y + 2.5), (x, y + 4), (x - 6, y + 2.5)],
           GOLD)  # fmt: skip


@part("apron")
def apron(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw an apron with a bib and a pocket."""
    cloth = pick(rng, ((52, 92, 140), (40, 122, 112), (150, 54, 62), (120, 84, 60)))
    for sign in (-1, 1):
        c.line([(f.cx + sign * (f.neck + 3), f.base), (f.cx + sign * 13, f.base + 17)], 3.4, cloth)
    bib = [(14.0, 14.0), (15, 24), (f.shoulder * 0.62, 30), (f.shoulder * 0.66, 42)]
    c.poly([(f.cx + sign * x, f.base + y) for sign, row in ((1, bib), (-1, bib[::-1]))
            for x, y in row], cloth)  # fmt: skip
    c.box(f.cx - 14, f.base + 14, f.cx + 14, f.base + 17.5, lighter(cloth, 0.25))
    c.box(f.cx - 9, f.base + 27, f.cx + 9, 131, lighter(cloth, 0.14), 2)


CASUAL: tuple[Colour, ...] = (
    (232, 120, 104), (106, 168, 142), (128, 148, 206), (226, 180, 96), (170, 130, 186),
    (94, 150, 176), (206, 120, 150), (150, 170, 104),
)  # fmt: skip


def casual(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a T-shirt, striped jumper or hooded top."""
    colour, kind = pick(rng, CASUAL), int(rng.integers(3))
    torso(c, f, colour)
    if kind == 1:
        for k in (17, 27):
            y = f.base + k
            c.box(f.cx - f.shoulder * 0.64, y, f.cx + f.shoulder * 0.64, y + 4.5,
                  lighter(colour, 0.55))  # fmt: skip
    if kind == 2:
        c.oval(f.cx, f.base + 1, f.neck + 9, 10, darker(colour, 0.15))
        for sign in (-1, 1):
            c.line([(f.cx + sign * 6, f.base + 9), (f.cx + sign * 7, f.base + 21)], 2, WHITE)
    round_neck(c, f, lighter(colour, 0.2) if kind < 2 else darker(colour, 0.3))
