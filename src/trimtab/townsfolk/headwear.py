"""Headwear of the jobs, and glasses and jewellery for everyone."""

from __future__ import annotations

import numpy as np

from trimtab.townsfolk.canvas import (
    GOLD,
    RED,
    STEEL,
    WHITE,
    Canvas,
    Colour,
    darker,
    lighter,
    part,
    pick,
)
from trimtab.townsfolk.figure import Figure


@part("nurse cap")
def nurse_cap(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a white folded cap with a red cross."""
    c.blob(f.span((-0.8, -0.6), (-0.88, -1.22), (0, -1.42), (0.88, -1.22), (0.8, -0.6), (0, -0.76)),
           WHITE)  # fmt: skip
    c.curve(f.span((-0.78, -0.66), (0, -0.82), (0.78, -0.66)), 2.4, (196, 212, 224))
    c.cross(*f.at(0, -1.06), 5, RED)


@part("helmet")
def helmet(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a red fire helmet with a golden shield."""
    red = pick(rng, ((208, 46, 42), (216, 56, 44), (196, 40, 46)))
    c.blob(f.span((-1.12, -0.55), (-1.05, -1.1), (-0.55, -1.5), (0, -1.6), (0.55, -1.5),
                  (1.05, -1.1), (1.12, -0.55), (0, -0.6)), red)  # fmt: skip
    c.curve(f.span((0, -1.58), (0, -0.9)), 4, lighter(red, 0.25))
    c.blob(f.span((-1.46, -0.46), (-1.1, -0.68), (0, -0.76), (1.1, -0.68), (1.46, -0.46),
                  (0, -0.5)), darker(red, 0.25))  # fmt: skip
    c.poly(f.span((-0.36, -1.22), (0.36, -1.22), (0.36, -0.82), (0, -0.62), (-0.36, -0.82)), GOLD)
    c.dot(*f.at(0, -1.0), 3, red)


@part("chef hat")
def toque(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a tall white chef's hat."""
    fold: Colour = (220, 226, 234)
    for u, v, r in ((-0.72, -1.6, 11), (0.72, -1.6, 11), (0, -1.75, 13)):
        c.dot(*f.at(u, v), r, WHITE)
    c.poly(f.span((-1.05, -1.5), (1.05, -1.5), (0.98, -0.55), (-0.98, -0.55)), WHITE)
    for u in (-0.42, 0.0, 0.42):
        c.line(f.span((u, -1.5), (u * 0.9, -1.0)), 1.8, fold)
    c.blob(f.span((-1.06, -0.98), (0, -1.06), (1.06, -0.98), (1.04, -0.5), (0, -0.6),
                  (-1.04, -0.5)), (238, 242, 246))  # fmt: skip
    c.curve(f.span((-1.04, -0.92), (0, -1.0), (1.04, -0.92)), 1.6, fold)


@part("hard hat")
def hard_hat(c: Canvas, f: Figure, colour: Colour, mark: Colour) -> None:
    """Draw a hard hat with a ridge and a brim."""
    c.blob(f.span((-1.1, -0.55), (-1.06, -1.02), (-0.6, -1.42), (0, -1.5), (0.6, -1.42),
                  (1.06, -1.02), (1.1, -0.55), (0, -0.6)), colour)  # fmt: skip
    c.blob(f.span((-0.2, -0.7), (-0.24, -1.4), (0, -1.6), (0.24, -1.4), (0.2, -0.7)), mark)
    c.blob(f.span((-1.32, -0.5), (-1.0, -0.68), (0, -0.78), (1.0, -0.68), (1.32, -0.5), (0, -0.54)),
           darker(colour, 0.18))  # fmt: skip


def builder_hat(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a yellow hard hat."""
    hard_hat(c, f, (252, 204, 42), (255, 226, 110))


def engineer_hat(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a white hard hat with a blue ridge."""
    hard_hat(c, f, (240, 243, 246), (70, 120, 206))


@part("straw hat")
def straw_hat(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a wide straw hat with a ribbon."""
    straw = pick(rng, ((230, 190, 104), (236, 200, 120), (222, 180, 96)))
    c.blob(f.span((-1.95, -0.46), (-1.2, -0.78), (0, -0.86), (1.2, -0.78), (1.95, -0.46),
                  (1.0, -0.52), (0, -0.58), (-1.0, -0.52)), darker(straw, 0.1))  # fmt: skip
    c.blob(f.span((-1.0, -0.72), (-0.92, -1.3), (0, -1.52), (0.92, -1.3), (1.0, -0.72),
                  (0, -0.8)), straw)  # fmt: skip
    band = f.span(
        (-0.99, -0.95), (0, -1.06), (0.99, -0.95), (1.0, -0.72), (0, -0.82), (-1.0, -0.72)
    )
    c.blob(band, (176, 70, 56))


@part("pilot cap")
def pilot_cap(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a peaked navy cap with a golden badge."""
    navy: Colour = (40, 56, 110)
    c.blob(f.span((-1.36, -1.12), (-0.8, -1.46), (0, -1.58), (0.8, -1.46), (1.36, -1.12),
                  (1.0, -0.85), (-1.0, -0.85)), navy)  # fmt: skip
    c.poly(f.span((-1.02, -1.0), (1.02, -1.0), (1.02, -0.62), (-1.02, -0.62)), (28, 38, 78))
    c.blob(f.span((-0.98, -0.66), (0, -0.76), (0.98, -0.66), (0.8, -0.46), (0, -0.4),
                  (-0.8, -0.46)), (22, 24, 38))  # fmt: skip
    c.curve(f.span((-1.0, -0.7), (0, -0.8), (1.0, -0.7)), 2.2, GOLD)
    x, y = f.at(0, -1.1)
    c.poly([(x - 10, y - 3), (x, y - 1), (x + 10, y - 3), (x + 6, y + 3), (x - 6, y + 3)], GOLD)
    c.dot(x, y, 4.4, GOLD)


@part("goggles")
def goggles(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw laboratory goggles pushed up on the forehead."""
    rim: Colour = (54, 60, 80)
    c.curve(f.span((-1.06, -0.62), (0, -0.74), (1.06, -0.62)), 3.6, rim)
    for u in (-0.42, 0.42):
        x, y = f.at(u, -0.72)
        c.oval(x, y, 8.2, 6.4, rim)
        c.oval(x, y, 5.8, 4.2, (120, 206, 232))
        c.line([(x - 2.4, y + 1), (x + 1, y - 2)], 1.6, (222, 246, 252))


@part("glasses")
def glasses(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw glasses in one of three shapes, with light frames on the darkest skin tones."""
    dark = sum(f.skin) < 330
    frames: tuple[Colour, ...] = (
        ((236, 196, 96), (232, 236, 240), (120, 208, 206))
        if dark
        else ((40, 40, 58), (120, 46, 52), (42, 78, 140))
    )
    colour, kind = pick(rng, frames), int(rng.integers(3))
    for s in (-1, 1):
        x, y = f.at(s * 0.44, 0.04)
        c.oval(x, y, 7, 6, (255, 255, 255, 26))
        if kind == 0:
            c.ring(x, y, 8, 8, 2.0, colour)
        elif kind == 1:
            c.frame(x - 8.2, y - 6, x + 8.2, y + 7, 2.1, colour, 2.5)
        else:
            c.ring(x, y, 8.6, 6.8, 2.0, colour)
            c.curve([(x - 8, y - 3), (x, y - 6.4), (x + 8, y - 3)], 2.4, colour)
        c.line([(x + s * 8, y - 1), f.at(s * 1.02, -0.04)], 2, colour)
    c.line(f.span((-0.08, -0.02), (0.08, -0.02)), 2.2, colour)


def jewellery(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw earrings and a necklace with a pendant, in gold or silver."""
    metal = GOLD if rng.random() < 0.65 else lighter(STEEL, 0.45)
    hoops = rng.random() < 0.5
    for s in (-1, 1):
        x, y = f.at(s * 1.06, 0.42)
        with c.object("earring"):
            if hoops:
                c.ring(x, y + 2.5, 4.2, 4.8, 2.2, darker(metal, 0.1))
            else:
                c.oval(x, y + 2, 3.2, 4.4, darker(metal, 0.3))
                c.oval(x - 0.3, y + 1.6, 2.5, 3.6, metal)
    n, y = f.neck, f.base
    with c.object("necklace"):
        c.curve([(f.cx - n, y - 5), (f.cx - n * 0.5, y + 1), (f.cx, y + 3), (f.cx + n * 0.5, y + 1),
                 (f.cx + n, y - 5)], 2.4, metal)  # fmt: skip
        c.dot(f.cx, y + 5, 3.2, metal)
