"""Homes: an owner before a house, with what stands beside it."""

from __future__ import annotations

import numpy as np

from trimtab.townsfolk.body import FEET, everyday, standing
from trimtab.townsfolk.canvas import WHITE, Canvas, Colour, darker, lighter, mix, part, pick, spread
from trimtab.townsfolk.figure import choose_look, measure
from trimtab.townsfolk.houses import BUILDERS, WIDTHS
from trimtab.townsfolk.portrait import Surface, someone
from trimtab.townsfolk.scenery import (
    LAWNS,
    LIGHTS,
    PETALS,
    Light,
    bush,
    flower,
    heavens,
    ridge,
    sky,
    tree,
    tufts,
)
from trimtab.townsfolk.world import Home

GROUND = 91.0  # the height at which houses stand, in picture units
# How large each house is drawn: small ones a little nearer.
SIZES = {"mansion": 1.0, "villa": 1.0, "cottage": 1.12, "hut": 1.2}
ZOOM = 0.62  # of the owner, against a portrait
CARS: tuple[Colour, ...] = (
    (206, 60, 58), (58, 112, 178), (240, 190, 70), (70, 142, 118), (232, 234, 238), (84, 86, 100),
)  # fmt: skip


@part("fence")
def fence(c: Canvas, x0: float, x1: float, y: float, colour: Colour) -> None:
    """Draw a fence of pointed boards."""
    for h in (5.0, 9.0):
        c.line([(x0, y - h), (x1, y - h)], 1.4, darker(colour, 0.12))
    x = x0 + 1.5
    while x < x1:
        c.poly([(x - 1.5, y), (x - 1.5, y - 10.5), (x, y - 12.5), (x + 1.5, y - 10.5),
                (x + 1.5, y)], colour)  # fmt: skip
        x += 5


@part("pool")
def pool(c: Canvas, x: float, y: float, rx: float, ry: float, light: Light) -> None:
    """Draw a swimming pool with a stone rim and a ladder."""
    water = mix((70, 186, 222), light.tint, light.share * 0.5)
    c.oval(x, y + 1, rx + 3, ry + 2.4, light.on((206, 194, 178)))
    c.oval(x, y, rx + 3, ry + 2.2, light.on((238, 228, 212)))
    c.oval(x, y, rx, ry, darker(water, 0.16))
    c.oval(x, y + 1, rx - 0.6, ry - 1, water)
    for u, v, w in ((-0.45, -0.1, 5), (0.1, 0.35, 6), (0.35, -0.25, 4), (-0.2, 0.6, 3)):
        a, b = x + u * rx, y + v * ry
        c.curve([(a - w, b), (a - w / 2, b - 0.9), (a, b), (a + w / 2, b + 0.9), (a + w, b)], 1,
                lighter(water, 0.5))  # fmt: skip
    for u in (0.0, 4.5):
        c.curve([(x - rx * 0.62 + u, y - ry * 0.4), (x - rx * 0.62 + u, y - ry - 3),
                 (x - rx * 0.62 + u - 2, y - ry - 2)], 1.1, (214, 220, 226))  # fmt: skip


@part("car")
def car(c: Canvas, colour: Colour) -> None:
    """Draw a car that faces right, with the middle of its foot at the origin."""
    c.oval(0, 0.4, 17, 1.8, (30, 40, 30, 70))
    c.blob([(-16, -3), (-15.5, -8), (-9, -9.5), (0, -10), (8, -9.4), (15, -7.4), (16.4, -3.4),
            (10, -2), (-10, -2)], colour)  # fmt: skip
    c.poly([(-11.5, -9), (-7.5, -15), (2.5, -15), (8.5, -9)], darker(colour, 0.12))
    c.poly([(-9.5, -9.2), (-6.7, -13.7), (-2.6, -13.7), (-2.6, -9.2)], (196, 226, 240))
    c.poly([(-1.2, -9.2), (-1.2, -13.7), (2, -13.7), (6.4, -9.2)], (196, 226, 240))
    c.line([(-2, -9), (-2, -3.5)], 0.8, darker(colour, 0.3))
    c.dot(15, -6, 1.3, (255, 240, 180))
    c.dot(-15.4, -6, 1.1, (190, 40, 40))
    for x in (-9.2, 9.2):
        c.dot(x, -2.4, 3.5, (46, 46, 56))
        c.dot(x, -2.4, 1.6, (190, 196, 204))


@part("garden")
def garden(c: Canvas, x0: float, x1: float, y: float, light: Light,
           rng: np.random.Generator) -> None:  # fmt: skip
    """Draw a bed of bushes and flowers."""
    c.box(x0 - 2, y - 2.5, x1 + 2, y + 4, light.on((138, 98, 72)), 3)
    leaf = light.on((86, 158, 88))
    start, n = int(rng.integers(6)), max(3, int((x1 - x0) / 6))
    for k in range(n):
        x = x0 + (x1 - x0) * k / (n - 1)
        bush(c, x, y + 2, 0.42, leaf)
    for k in range(n):
        x = x0 + (x1 - x0) * k / (n - 1) + spread(rng, 1)
        flower(c, x, y - 2 - 2.5 * (k % 2), 2.3, PETALS[(start + k) % 6])
        flower(c, x + 2.6, y + 2.2, 1.9, PETALS[(start + k + 2) % 6])


def paint_home(home: Home, rng: np.random.Generator, surface: Surface) -> Canvas:
    """Paint an owner before a house."""
    light = pick(rng, LIGHTS)
    side = 1 if rng.random() < 0.5 else -1  # of the owner
    c = surface(sky(light, 84).copy())
    heavens(c, light, 84, rng)
    grass = light.on(pick(rng, LAWNS))
    ridge(c, 66, 7, mix(light.on((126, 176, 142)), light.low, 0.45), rng)
    ridge(c, 76, 4, mix(grass, light.low, 0.25), rng)
    half = WIDTHS[home.house] * SIZES[home.house] / 2
    x = 64 - side * (60 - half - float(rng.random()) * (42 - half) * 0.8)
    has = set(home.extras)
    if "tree" in has:  # beside a small house, above the roof of a large one
        spot, tall = x - side * (half + 2), 1.1
        if half > 32 or not 12 < spot < 116:
            spot, tall = (64 + side * (12 + 8 * float(rng.random())), 1.45 if half > 32 else 1.2)
        tree(c, spot, 88, tall + 0.25 * float(rng.random()), light, rng)
    if "fence" in has:
        colour = light.on(pick(rng, (WHITE, (190, 148, 108), (214, 190, 160))))
        fence(c, -2, 130, 89, colour)
    c.poly([(-1, 87), (129, 87), (129, 129), (-1, 129)], grass)
    c.poly([(-1, 104), (129, 100), (129, 129), (-1, 129)], mix(grass, (255, 255, 200), 0.08))
    tufts(c, 96, 126, darker(grass, 0.16), rng)
    for _ in range(int(rng.integers(5))):
        flower(c, 64 + spread(rng, 60), 100 + 24 * float(rng.random()), 1.6, pick(rng, PETALS))
    path = light.on((226, 206, 172))
    c.poly([(x - 4.5, GROUND - 1), (x + 4.5, GROUND - 1), (64 + side * 34, 129),
            (64 + side * 6, 129)], path)  # fmt: skip
    h = c.view(x, GROUND, SIZES[home.house], flip=rng.random() < 0.5)
    h.oval(0, 0.8, half, 2.4, (40, 60, 40, 60))
    BUILDERS[home.country, home.house](h, light, home.thatch, rng)
    _yard(c, home, x, side, light, rng)
    _owner(c, home, side, rng)
    return c


def _yard(
    c: Canvas, home: Home, x: float, side: int, light: Light, rng: np.random.Generator
) -> None:
    """Draw garden, car and pool on the lawn, beside the path."""
    has, half = set(home.extras), WIDTHS[home.house] * SIZES[home.house] / 2
    edge = 64 - side * 62  # of the picture, away from the owner
    if "garden" in has:
        a, b = sorted((max(3.0, min(125.0, x - side * half)), x - side * 8))
        garden(c, a, b, GROUND + 2, light, rng)
    if "car" in has:  # behind the pool
        y, zoom = (102.5, 0.95) if "pool" in has else (112.0, 1.25)
        spot = edge + side * (25 + 6 * float(rng.random()))
        car(c.view(spot, y, zoom, flip=rng.random() < 0.5), light.on(pick(rng, CARS)))
    if "pool" in has:
        pool(c, edge + side * 27, 116, 24, 8.2, light)


def _owner(c: Canvas, home: Home, side: int, rng: np.random.Generator) -> None:
    """Draw the owner in the foreground."""
    figure, look = measure(home.owner, False, rng), choose_look(home.owner, False, rng)
    figure = standing(figure)
    foot = 125.0
    zoom = ZOOM * (1 + spread(rng, 0.03))
    x = 64 + side * (36 + spread(rng, 2.5))
    v = c.view(x - 64 * zoom, foot - (figure.base + FEET) * zoom, zoom)
    v.oval(figure.cx, figure.base + FEET, 27, 4.5, (30, 40, 30, 80))
    with v.object("person"):
        someone(v, figure, look, everyday, None, rng)
