"""Weddings: a couple among decorations, in the common or in the Velorian style."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from trimtab.townsfolk import finery
from trimtab.townsfolk.body import FEET, standing
from trimtab.townsfolk.canvas import (
    Canvas,
    Colour,
    Point,
    darker,
    lighter,
    mix,
    part,
    pick,
    smooth,
    spread,
)
from trimtab.townsfolk.figure import Figure, choose_look, measure
from trimtab.townsfolk.portrait import Painter, Surface, someone
from trimtab.townsfolk.scenery import (
    LAWNS,
    LIGHTS,
    PETALS,
    Light,
    along,
    bush,
    flower,
    heavens,
    ridge,
    sky,
    tree,
    tufts,
)
from trimtab.townsfolk.veloria import COPPER, GLASS, band, hexagon, orb
from trimtab.townsfolk.world import Wedding

Dress = Callable[[Canvas, Figure, int, np.random.Generator], None]

ZOOM = 0.65  # of the couple, against a portrait
APART = 19.9  # of each from the middle
FLOOR = 124.0
ORBS: tuple[Colour, ...] = (GLASS, (250, 196, 104), (212, 140, 210), (128, 176, 240))
FLAGS: tuple[Colour, ...] = (
    (242, 130, 140), (250, 206, 110), (134, 190, 220), (160, 206, 150), (214, 164, 214),
)  # fmt: skip


def paint_wedding(wedding: Wedding, rng: np.random.Generator, surface: Surface) -> Canvas:
    """Paint a couple at their wedding."""
    light = pick(rng, LIGHTS)
    velorian, has = wedding.style == "Velorian", set(wedding.decorations)
    c = surface(sky(light, 88).copy())
    places = (_terrace, _glass_hall) if velorian else (_park, _ballroom)
    pick(rng, places)(c, light, rng)
    c.oval(64, FLOOR, 58, 7, mix(light.on((250, 240, 226)), (255, 255, 255), 0.1))
    if "banners" in has:
        colour = pick(rng, finery.ROBES)
        for s in (-1, 1):
            banner(c.view(64 + s * 55, 0, 1.0, flip=s < 0), colour)
    if "arch" in has:
        (fern_arch if velorian else flower_arch)(c, rng)
    if "garland" in has:
        garland(c, rng)
    if "lanterns" in has:
        lanterns(c, rng)
    if "flowers" in has:
        for s in (-1, 1):
            flower_stand(c, 64 + s * 52, FLOOR, rng)
    _couple(c, wedding, rng)
    return c


def _park(c: Canvas, light: Light, rng: np.random.Generator) -> None:
    """Draw a park with trees."""
    heavens(c, light, 80, rng)
    grass = light.on(pick(rng, LAWNS))
    ridge(c, 70, 6, mix(light.on((126, 176, 142)), light.low, 0.45), rng)
    for k in range(5):
        x, y = 8 + 28 * k + spread(rng, 8), 88 + spread(rng, 2)
        tree(c, x, y, 0.8 + 0.3 * float(rng.random()), light, rng)
    c.box(-2, 87, 130, 130, grass)
    for k in range(12):
        bush(c, -2 + 12 * k, 91, 0.8, mix(grass, (70, 130, 80), 0.5))
    tufts(c, 96, 126, darker(grass, 0.16), rng)


def _terrace(c: Canvas, light: Light, rng: np.random.Generator) -> None:
    """Draw a terrace above a lake, with a balustrade of copper and hexagons."""
    heavens(c, light, 70, rng)
    water = light.on((112, 186, 206))
    ridge(c, 62, 5, mix(light.on((120, 150, 170)), light.low, 0.45), rng)
    c.box(-2, 72, 130, 130, water)
    for _ in range(8):
        x, y = 64 + spread(rng, 62), 74 + 12 * float(rng.random())
        c.line([(x - 5, y), (x + 5, y)], 0.9, lighter(water, 0.4))
    stone = light.on(pick(rng, ((226, 218, 236), (214, 232, 224), (244, 226, 210))))
    for x in range(-4, 134, 11):
        c.poly(hexagon(x, 90, 5.6), stone)
        c.poly(hexagon(x, 90, 3.2), water)
    c.box(-2, 82.5, 130, 86, stone)
    c.box(-2, 94, 130, 130, stone)
    band(c, -2, 130, 84.3, 22)
    c.line([(-2, 95), (130, 95)], 1.6, darker(stone, 0.12))
    for k in range(-4, 5):
        c.line([(64 + k * 12, 96), (64 + k * 26, 129)], 1, darker(stone, 0.08))
    for y in (101, 110):
        c.line([(-2, y), (130, y)], 1, darker(stone, 0.08))


def _ballroom(c: Canvas, light: Light, rng: np.random.Generator) -> None:
    """Draw a bright hall with tall windows, curtains and a floor of boards."""
    wall = pick(rng, ((248, 232, 222), (232, 238, 232), (240, 230, 240), (250, 240, 214)))
    c.box(-2, -2, 130, 98, wall)
    for y in (82.0, 96.0):
        c.line([(-2, y), (130, y)], 1.4, darker(wall, 0.1))
    cloth = pick(rng, ((206, 120, 128), (126, 160, 176), (196, 164, 108), (150, 140, 184)))
    for x in (22.0, 64.0, 106.0):
        with c.object("window"):
            c.box(x - 13, 14, x + 13, 80, lighter(wall, 0.7), 12)
            c.box(x - 11, 16, x + 11, 78, light.low, 10)
            c.poly([(x - 11, 60), (x + 11, 50), (x + 11, 78), (x - 11, 78)],
                   mix(light.on((140, 190, 130)), light.low, 0.4))  # fmt: skip
            c.line([(x, 16), (x, 78)], 1.4, lighter(wall, 0.7))
            for y in (36.0, 57.0):
                c.line([(x - 11, y), (x + 11, y)], 1.2, lighter(wall, 0.7))
        with c.object("curtain"):
            for s in (-1, 1):
                c.blob([(x + s * 4, 10), (x + s * 15, 10), (x + s * 16, 84), (x + s * 11, 84),
                        (x + s * 12, 52), (x + s * 9, 30)], cloth)  # fmt: skip
                c.curve([(x + s * 10, 14), (x + s * 13.4, 50), (x + s * 13.6, 82)], 1.1,
                        darker(cloth, 0.16))  # fmt: skip
            c.box(x - 17, 7, x + 17, 11, darker(cloth, 0.2), 1.5)
    floor: Colour = pick(rng, ((214, 176, 136), (196, 158, 126), (224, 196, 160)))
    c.box(-2, 98, 130, 130, floor)
    for k in range(-5, 6):
        c.line([(64 + k * 11, 98), (64 + k * 19, 130)], 0.9, darker(floor, 0.12))


def _glass_hall(c: Canvas, light: Light, rng: np.random.Generator) -> None:
    """Draw a pale hall with large six-sided windows, and a floor of hexagons."""
    wall = pick(rng, ((218, 232, 226), (228, 220, 240), (246, 228, 214)))
    c.box(-2, -2, 130, 96, wall)
    for x, y, r in ((22.0, 40.0, 17.0), (64.0, 32.0, 20.0), (106.0, 40.0, 17.0)):
        with c.object("window"):
            c.poly(hexagon(x, y, r + 2.2), COPPER)
            c.poly(hexagon(x, y, r), light.low)
            a = hexagon(x, y, r)
            c.poly([a[0], a[1], a[2], (x, y)], light.high)
            c.poly([a[2], a[3], (x, y)], mix(light.on((112, 186, 206)), light.low, 0.3))
    c.box(-2, 76, 130, 96, darker(wall, 0.07))
    c.line([(-2, 76), (130, 76)], 1.8, COPPER)
    band(c, -2, 130, 82, 20)
    floor = lighter(wall, 0.35)
    c.box(-2, 96, 130, 130, floor)
    for row in range(4):
        y, wide = 99 + row * 9.0, 9.0 + row * 2
        for k in range(-8, 9):
            x = 64 + (k + 0.5 * (row % 2)) * wide * 1.8
            c.poly(hexagon(x, y, wide * 0.9, 0.42), darker(floor, 0.05 + 0.05 * ((k + row) % 2)))


# --- decorations -------------------------------------------------------------------------------


@part("arch")
def flower_arch(c: Canvas, rng: np.random.Generator) -> None:
    """Draw an arch covered in leaves and flowers."""
    path = smooth([(14, 122), (14, 60), (28, 22), (64, 8), (100, 22), (114, 60), (114, 122)])
    c.line(path, 4, (236, 226, 210))
    start = int(rng.integers(6))
    hues = [PETALS[(start + k) % 6] for k in (0, 2, 3)]
    for k in range(3, len(path) - 2):
        x, y = path[k]
        c.dot(x + spread(rng, 2), y + spread(rng, 2), 5.2, (104, 160, 96))
        c.dot(x + spread(rng, 3), y + spread(rng, 3), 3.2, (132, 184, 110))
    for k in range(3, len(path) - 2):
        x, y = path[k]
        flower(c, x + spread(rng, 3), y + spread(rng, 2.4), 3.6, hues[k % 3])


@part("garland")
def garland(c: Canvas, rng: np.random.Generator) -> None:
    """Draw two strings of flags from side to side."""
    start = int(rng.integers(5))
    t = np.linspace(0, 1, 9)
    sag = 64 * t * (1 - t)
    for k, (x, y) in enumerate(((-2 + 68 * t, 6 - 4 * t + sag), (62 + 68 * t, 2 + 4 * t + sag))):
        line = list(zip(x.tolist(), y.tolist(), strict=True))
        c.line(line, 1.1, (240, 234, 226))
        for j in range(8):
            (x0, y0), (x1, y1) = line[j], line[j + 1]
            c.poly([(x0 + 0.8, y0), (x1 - 0.8, y1), ((x0 + x1) / 2, (y0 + y1) / 2 + 9)],
                   FLAGS[(start + j + k) % 5])  # fmt: skip


@part("flowers")
def flower_stand(c: Canvas, x: float, y: float, rng: np.random.Generator) -> None:
    """Draw a tall vase of flowers."""
    c.poly([(x - 4, y - 22), (x + 4, y - 22), (x + 6, y), (x - 6, y)], (244, 240, 234))
    c.box(x - 5, y - 23.5, x + 5, y - 21, (222, 210, 196), 1)
    start = int(rng.integers(6))
    for u, v, r in ((-6, 27, 5), (6, 27, 5), (0, 31, 6.5)):
        c.dot(x + u, y - v, r, (98, 156, 92))
    for k, (u, v) in enumerate(((-7, 26), (7, 26), (-4, 32), (4, 33), (0, 27), (0, 37))):
        flower(c, x + u, y - v, 4.2, PETALS[(start + k % 3) % 6])


def _fern(s: int) -> list[Point]:
    """Return the stem of a fern that rises on side `s` and curls in at the top."""
    turn = np.linspace(0, 2.6 * np.pi, 22)
    r = 13.0 * (1 - turn / (2.9 * np.pi))
    x, y = 31 + r * np.cos(turn), 24 - r * np.sin(turn)
    stem = [(50.0, 124.0), (50.5, 96.0), (49.5, 66.0), (47.0, 40.0)]
    return [(64 + s * a, b) for a, b in (*stem, *zip(x.tolist(), y.tolist(), strict=True))]


@part("arch")
def fern_arch(c: Canvas, rng: np.random.Generator) -> None:
    """Draw two tall copper stems with leaves, which curl in at the top like ferns."""
    leaf = pick(rng, ((48, 150, 140), (90, 120, 190), (150, 100, 160)))
    for s in (-1, 1):
        stem = _fern(s)
        for k, (x, y) in enumerate(along(stem[0], stem[3], 11)):
            for t in (-1, 1):
                c.blob([(x, y), (x + t * 4, y - 5), (x + t * 9, y - 6), (x + t * 5, y - 1)],
                       lighter(leaf, 0.18 * (k % 2)))  # fmt: skip
        c.line(smooth(stem), 3.4, COPPER)
        c.dot(*stem[-1], 3.2, (250, 206, 120))


@part("banner")
def banner(c: Canvas, colour: Colour) -> None:
    """Draw a long banner that hangs from the top, with a spiral and a pointed foot."""
    c.line([(-9, 7), (9, 7)], 2.4, COPPER)
    c.poly([(-7.5, 7), (7.5, 7), (7.5, 66), (0, 76), (-7.5, 66)], colour)
    c.poly([(-5.5, 7), (5.5, 7), (5.5, 65), (0, 72), (-5.5, 65)], lighter(colour, 0.16))
    turn = np.linspace(0.3, 4.4 * np.pi, 34)
    for y, size in ((24, 5.0), (46, 3.6)):
        r = size * turn / turn[-1]
        u, v = r * np.cos(turn), y + r * np.sin(turn)
        c.line(list(zip(u.tolist(), v.tolist(), strict=True)), 1.3, (250, 214, 140))
    c.poly([(0, 57), (2.6, 60), (0, 63), (-2.6, 60)], (250, 214, 140))


@part("lanterns")
def lanterns(c: Canvas, rng: np.random.Generator) -> None:
    """Draw glowing orbs of glass that hang on threads."""
    start = int(rng.integers(4))
    for k, x in enumerate((22, 36, 50, 64, 78, 92, 106)):
        drop = (16.0, 7.0, 13.0, 4.0, 12.0, 6.0, 15.0)[k] + spread(rng, 2)
        colour = ORBS[(start + k) % 4]
        c.dot(x, drop + 3.6, 6.4, (*lighter(colour, 0.5), 90))
        orb(c, x, -1, drop + 1, 3.7, colour)


# --- the couple --------------------------------------------------------------------------------


def _couple(c: Canvas, wedding: Wedding, rng: np.random.Generator) -> None:
    """Draw the couple, hand in hand."""
    middle = 64 + spread(rng, 3)
    for s, one in zip((1, -1), wedding.couple, strict=True):
        figure, look = measure(one, False, rng), choose_look(one, False, rng)
        figure = standing(figure)
        zoom = ZOOM * (1 + spread(rng, 0.02))
        v = c.view(middle - s * APART - figure.cx * zoom, FLOOR - (figure.base + FEET) * zoom, zoom)
        v.oval(figure.cx, figure.base + FEET, 32, 5, (60, 50, 60, 60))
        with v.object("person"):
            dress: Dress
            hat: Painter | None
            if wedding.style == "Velorian":
                dress, hat = finery.robe, finery.circlet
            elif one.gender == "woman":
                finery.veil(v, figure)
                dress, hat = finery.gown, finery.tiara
            else:
                dress, hat = finery.suit, None
            someone(v, figure, look, partial(_dressed, dress, s), hat, rng)


def _dressed(dress: Dress, s: int, c: Canvas, f: Figure, rng: np.random.Generator) -> None:
    """Draw a dress whose wearer reaches out to side `s`."""
    dress(c, f, s, rng)
