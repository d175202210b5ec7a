"""Landscapes for the scenes: sky and light, hills, trees, flowers and water."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from trimtab.townsfolk.canvas import (
    SCALE,
    SIZE,
    WHITE,
    Canvas,
    Colour,
    Point,
    darker,
    lighter,
    mix,
    part,
    pick,
    spread,
)


@dataclass(frozen=True)
class Light:
    """The colours of the sky, above and at the horizon, and how they tint the land."""

    high: Colour
    low: Colour
    tint: Colour
    share: float

    def on(self, colour: Colour) -> Colour:
        """Return a colour of the land as it looks in this light."""
        return mix(colour, self.tint, self.share)


LIGHTS = (
    Light((104, 176, 232), (206, 234, 246), (255, 255, 230), 0.04),  # noon
    Light((128, 192, 226), (232, 242, 228), (255, 250, 200), 0.08),  # a mild day
    Light((150, 178, 226), (255, 224, 212), (255, 196, 180), 0.13),  # morning
    Light((126, 134, 200), (255, 200, 152), (250, 160, 110), 0.18),  # evening
    Light((170, 190, 206), (226, 232, 234), (190, 200, 214), 0.18),  # clouds
)


LAWNS: tuple[Colour, ...] = ((150, 196, 108), (134, 188, 116), (170, 200, 112))


@lru_cache(maxsize=32)
def sky(light: Light, horizon: int) -> Image.Image:
    """Paint the sky: a gradient down to the height of the horizon."""
    y = np.clip(np.arange(SIZE, dtype=np.float64) / horizon, 0, 1)[:, None, None]
    rows = np.asarray(light.high) + (np.asarray(light.low) - np.asarray(light.high)) * y**1.2
    small = Image.fromarray(np.repeat(rows.astype(np.uint8), 4, axis=1))
    return small.resize((SIZE * SCALE, SIZE * SCALE), Image.Resampling.BICUBIC)


@part("sun")
def sun(c: Canvas, x: float, y: float, r: float, light: Light) -> None:
    """Draw the sun with a halo."""
    for k in (2.0, 1.5):
        c.dot(x, y, r * k, (255, 250, 220, 50))
    c.dot(x, y, r, mix((255, 240, 170), light.low, 0.2))


@part("cloud")
def cloud(c: Canvas, x: float, y: float, k: float, light: Light) -> None:
    """Draw a cloud."""
    fill = mix(WHITE, light.low, 0.3)
    c.box(x - 14 * k, y, x + 14 * k, y + 6 * k, fill, 3 * k)
    c.dot(x - 5 * k, y, 6 * k, fill)
    c.dot(x + 4 * k, y + 1 * k, 5 * k, fill)


def heavens(c: Canvas, light: Light, horizon: float, rng: np.random.Generator) -> None:
    """Draw the sun, or some clouds, or both."""
    if light.high != LIGHTS[-1].high and rng.random() < 0.5:
        low = horizon * (0.5 if light is LIGHTS[3] else 0.25)
        sun(c, 64 + spread(rng, 52), low + spread(rng, 6), 6.5, light)
    for _ in range(int(rng.integers(1, 4))):
        cloud(c, 64 + spread(rng, 58), 16 + spread(rng, 10), 0.6 + 0.4 * float(rng.random()), light)


def ridge(c: Canvas, y: float, swing: float, fill: Colour, rng: np.random.Generator) -> None:
    """Draw rolling land below about `y`, down to the foot of the picture."""
    xs = (-16, 12, 44, 78, 112, 144)
    top = [(float(x), y + spread(rng, swing)) for x in xs]
    c.blob([*top, (150, y + 30), (150, 150), (-22, 150), (-22, y + 30)], fill)


@part("tree")
def tree(c: Canvas, x: float, y: float, k: float, light: Light, rng: np.random.Generator) -> None:
    """Draw a tree with its foot at (x, y): round, tall or a fir."""
    leaf = light.on(pick(rng, ((92, 160, 86), (76, 146, 92), (116, 172, 80), (64, 132, 84))))
    bark = light.on((124, 84, 60))
    kind = int(rng.integers(3))
    c.poly([(x - 2.6 * k, y), (x - 1.6 * k, y - 18 * k), (x + 1.6 * k, y - 18 * k),
            (x + 2.6 * k, y)], bark)  # fmt: skip
    if kind == 2:
        for j, (w, h) in enumerate(((12, 12), (10, 22), (7.5, 31))):
            c.poly(
                [
                    (x - w * k, y - h * k + 4 * k),
                    (x, y - (h + 15) * k),
                    (x + w * k, y - h * k + 4 * k),
                ],
                lighter(darker(leaf, 0.12), 0.07 * j),
            )
        return
    wide, tall = ((1.0, 1.0), (0.74, 1.35))[kind]
    deep = darker(leaf, 0.16)
    for u, v, r in ((-8, 20, 8), (8, 20, 8), (0, 25, 10.5), (-4, 33, 7.5), (5, 32, 7.5)):
        c.oval(x + u * k * wide, y - v * k * tall, r * k * wide, r * k * tall, deep)
    for u, v, r in ((-7, 24, 6), (1, 30, 8), (6, 26, 5)):
        c.oval(x + u * k * wide, y - v * k * tall, r * k * wide, r * k * tall, leaf)
    c.oval(x - 3 * k * wide, y - 34 * k * tall, 3.6 * k * wide, 3 * k, lighter(leaf, 0.2))


def bush(c: Canvas, x: float, y: float, k: float, leaf: Colour) -> None:
    """Draw a bush with its foot at (x, y)."""
    for u, v, r in ((-6, 4, 5.4), (6, 4, 5.4), (0, 6, 7)):
        c.dot(x + u * k, y - v * k, r * k, darker(leaf, 0.14))
    for u, v, r in ((-4, 6, 3.6), (3, 8, 4.4)):
        c.dot(x + u * k, y - v * k, r * k, leaf)


PETALS: tuple[Colour, ...] = (
    (236, 96, 112), (250, 202, 82), (246, 246, 244), (196, 122, 206), (250, 146, 92),
    (244, 150, 184),
)  # fmt: skip


def flower(c: Canvas, x: float, y: float, r: float, petal: Colour) -> None:
    """Draw a flower of five petals, seen from above."""
    for k in range(5):
        a = k * 2 * np.pi / 5 + x
        c.dot(x + r * 0.62 * float(np.cos(a)), y + r * 0.62 * float(np.sin(a)), r * 0.55, petal)
    heart: Colour = (252, 220, 110) if petal[2] > 100 or petal[0] < 240 else (160, 90, 50)
    c.dot(x, y, r * 0.4, heart)


def tufts(c: Canvas, y0: float, y1: float, fill: Colour, rng: np.random.Generator) -> None:
    """Draw tufts of grass at random between two heights."""
    for _ in range(9):
        x, y = 64 + spread(rng, 62), y0 + (y1 - y0) * float(rng.random())
        for u in (-1.8, 0.0, 1.8):
            c.line([(x + u * 0.4, y), (x + u, y - 3.2)], 0.9, fill)


STRAW: tuple[Colour, ...] = ((222, 184, 104), (208, 168, 96), (230, 196, 122))


def strands(c: Canvas, rim: list[Point], foot: list[Point], colour: Colour) -> None:
    """Draw strands of thatch between the upper and the lower edge of a roof."""
    for k, (a, b) in enumerate(zip(rim, foot, strict=True)):
        c.line([a, b], 0.9, darker(colour, 0.22) if k % 2 else lighter(colour, 0.3))


def along(a: Point, b: Point, n: int) -> list[Point]:
    """Return `n` points evenly spread from a to b."""
    return [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for t in np.linspace(0, 1, n)]
