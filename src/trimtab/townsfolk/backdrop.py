"""The coloured backdrop behind a townsperson, with a hint of the job."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from trimtab.townsfolk.canvas import (
    RED,
    SCALE,
    SIZE,
    WHITE,
    WOOD,
    Canvas,
    Colour,
    lighter,
    part,
    spread,
)
from trimtab.townsfolk.figure import Figure

BACKDROP: dict[str, Colour] = {
    "blue": (158, 200, 236),
    "green": (166, 214, 168),
    "yellow": (248, 224, 140),
    "pink": (246, 184, 200),
    "grey": (196, 200, 208),
}


@lru_cache(maxsize=64)
def backdrop(name: str, step: int) -> Image.Image:
    """Paint the backdrop, lighter behind the head and darker in the corners, in shade `step`."""
    base = np.asarray(BACKDROP[name], dtype=np.float64) * (1 + 0.02 * (step - 1.5))
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    glow = (0.46 * np.exp(-1.1 * (x * x + (y + 0.15) ** 2)))[..., None]
    shade = (1 - 0.06 * np.clip(y + 0.2, 0, 1))[..., None]
    tint = (base + (255 - base) * glow) * shade
    small = Image.fromarray(np.clip(tint, 0, 255).astype(np.uint8))
    return small.resize((SIZE * SCALE, SIZE * SCALE), Image.Resampling.BICUBIC)


@part("cross sign")
def cross_sign(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a white sign with a red cross."""
    x = f.cx - f.side * 45
    c.dot(x, 26, 14, WHITE)
    c.cross(x, 26, 9, RED)


@part("heart")
def hearts(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a heart and a pulse line."""
    x = f.cx - f.side * 46
    c.heart(x, 30, 11, (238, 128, 150))
    c.line([(x - 9, 30), (x - 3, 30), (x, 25), (x + 3, 34), (x + 5, 30), (x + 9, 30)], 2, WHITE)


@part("flame")
def flame(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a friendly flame."""
    x, y = f.cx - f.side * 48, 68 + spread(rng, 3)
    for size, colour in ((1.0, (240, 104, 44)), (0.58, (252, 200, 70))):
        shape = [(0, -26), (7, -12), (13, -3), (12, 12), (0, 19), (-12, 12), (-13, -2), (-6, -8)]
        c.blob([(x + a * size, y + 8 * (1 - size) + b * size) for a, b in shape], colour)


@part("kitchen pans")
def pans(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a pan and a ladle hanging from a rail."""
    x = f.cx - f.side * 47
    iron: Colour = (92, 84, 92)
    copper: Colour = (206, 134, 74)
    c.line([(x - 17, 15), (x + 17, 15)], 2.6, (120, 104, 104))
    c.line([(x - 4, 15), (x - 4, 36)], 3.4, iron)
    c.dot(x - 4, 45, 11, iron)
    c.dot(x - 4, 45, 7.5, (128, 118, 126))
    c.line([(x + 11, 15), (x + 11, 34)], 2.6, copper)
    c.dot(x + 11, 38, 5, copper)


@part("chart")
def chart(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw rising bars on a white board."""
    x = f.cx - f.side * 43
    c.box(x - 19, 16, x + 19, 54, WHITE, 3)
    bars = ((10, (110, 168, 214)), (17, (90, 184, 150)), (25, (240, 160, 80)))
    for k, (height, colour) in enumerate(bars):
        c.box(x - 14 + 10 * k, 49 - height, x - 7 + 10 * k, 49, colour)


@part("brick wall")
def bricks(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw part of a brick wall."""
    x0 = f.cx - f.side * 47
    for row in range(5):
        for k in (-1, 0, 1):
            x = x0 + 14 * k + (7 if row % 2 else 0) - 3
            tint = 0.0 if (row + k) % 2 else 0.14
            c.box(x - 6, 62 + 9 * row, x + 6, 69 + 9 * row, lighter((196, 104, 82), tint), 1)


def field(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw green hills, wheat rows and a sun."""
    with c.object("sun"):
        c.dot(f.cx - f.side * 46, 24, 10, (252, 206, 84))
    c.blob([(-10, 84), (24, 74), (64, 82), (104, 72), (140, 84), (140, 140), (-10, 140)],
           (142, 190, 96))  # fmt: skip
    c.blob([(-10, 98), (30, 90), (64, 96), (100, 90), (140, 98), (140, 140), (-10, 140)],
           (224, 190, 92))  # fmt: skip


@part("blackboard")
def blackboard(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a green blackboard with chalk marks."""
    green: Colour = (52, 112, 88)
    c.box(8, 17, 120, 66, WOOD, 2)
    c.box(11.5, 20.5, 116.5, 62.5, green, 1)
    chalk: Colour = (232, 240, 232)
    for x in (f.cx - 43, f.cx + 43):
        if (x < f.cx) == (f.side > 0):
            c.line([(x - 9, 36), (x - 4, 24), (x + 1, 36)], 2.2, chalk)
            c.line([(x - 6.5, 32), (x - 1.5, 32)], 2, chalk)
            c.ring(x + 8, 32, 4.5, 4.5, 2.2, chalk)
            c.line([(x - 9, 48), (x + 9, 48)], 2.2, chalk)
            c.line([(x - 9, 56), (x + 4, 56)], 2.2, chalk)
        else:
            c.poly([(x - 8, 38), (x + 8, 38), (x, 25)], chalk)
            c.poly([(x - 4.5, 36), (x + 4.5, 36), (x, 29)], green)
            c.cross(x - 5, 51, 4, chalk)
            c.line([(x + 3, 51), (x + 9, 51)], 2.2, chalk)


BOOKS: tuple[Colour, ...] = (
    (196, 84, 76), (84, 134, 170), (222, 172, 84), (108, 152, 108), (150, 108, 160),
    (226, 214, 190),
)  # fmt: skip


def shelves(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw two bookshelves, left and right of the head."""
    start = int(rng.integers(6))
    for left, edge in ((-1.0, -4.0), (102.0, 99.0)):
        with c.object("bookshelf"):
            c.box(edge, 19, edge + 33, 95, (156, 108, 70), 1.5)
            for row in range(2):
                y = 22.5 + 36 * row
                c.box(left, y, left + 27, y + 33, (112, 74, 52))
                for k in range(3):
                    x, tall = left + 1 + 9 * k, 24 + (k * 5 + row * 3 + start) % 3 * 3
                    book = BOOKS[(k + row * 2 + start) % 6]
                    c.box(x, y + 33 - tall, x + 8, y + 33, book)
                    c.box(x, y + 38 - tall, x + 8, y + 40.5 - tall, lighter(book, 0.4))


@part("gears")
def gears(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw two gears."""
    x = f.cx - f.side * 46
    for gx, gy, r, colour in (
        (x, 34, 13, (128, 140, 158)),
        (x - f.side * 3, 63, 9, (160, 150, 140)),
    ):
        turn = float(rng.random())
        for k in range(4):
            a = (k + turn) * np.pi / 4
            dx, dy = np.cos(a) * (r + 2), np.sin(a) * (r + 2)
            c.line([(gx - dx, gy - dy), (gx + dx, gy + dy)], 5, colour)
        c.dot(gx, gy, r - 1, colour)
        c.dot(gx, gy, r * 0.4, lighter(colour, 0.7))


@part("atom")
def atom(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw an atom with three orbits."""
    x, y = f.cx - f.side * 46, 34
    for k in range(3):
        a = np.pi / 3 * k
        t = np.linspace(0, 2 * np.pi, 28)
        ex, ey = 16 * np.cos(t), 5.5 * np.sin(t)
        px, py = x + ex * np.cos(a) - ey * np.sin(a), y + ex * np.sin(a) + ey * np.cos(a)
        c.line(list(zip(px.tolist(), py.tolist(), strict=True)), 2, (112, 96, 190))
    c.dot(x, y, 4, (240, 120, 90))


def sky(c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw white clouds."""
    for x, y, k in ((f.cx - f.side * 44, 62, 1.0), (f.cx + f.side * 46, 22, 0.8)):
        with c.object("cloud"):
            c.box(x - 17 * k, y, x + 17 * k, y + 9 * k, WHITE, 4.5 * k)
            c.dot(x - 5 * k, y, 7.5 * k, WHITE)
            c.dot(x + 5 * k, y + 2 * k, 6 * k, WHITE)
