"""Birds over water or land."""

from __future__ import annotations

import numpy as np

from trimtab.townsfolk.canvas import (
    WHITE,
    Canvas,
    Colour,
    darker,
    lighter,
    mix,
    pick,
    smooth,
    spread,
)
from trimtab.townsfolk.plumage import BIRDS
from trimtab.townsfolk.portrait import Surface
from trimtab.townsfolk.scenery import (
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
from trimtab.townsfolk.world import Bird

HORIZON = {"lake": 60, "sea": 56, "forest": 80, "meadow": 72}


def paint_bird(bird: Bird, rng: np.random.Generator, surface: Surface) -> Canvas:
    """Paint a bird in its landscape: it floats, wades, stands, or sits on a perch."""
    light = pick(rng, LIGHTS)
    c = surface(sky(light, HORIZON[bird.backdrop]).copy())
    ground = {"lake": _lake, "sea": _sea, "forest": _forest, "meadow": _meadow}[bird.backdrop]
    colour = ground(c, light, rng)
    painter, leg, size = BIRDS[bird.kind]
    zoom = size * (1.06 + spread(rng, 0.1))
    x, flip = 64 + spread(rng, 9), rng.random() < 0.5
    y = 106 + spread(rng, 4)
    wet = bird.place == "water"
    if bird.group == "landbird":
        y = _perch(c, x, y, bird, light, rng)
    elif not wet:
        c.oval(x, y, 26 * zoom, 4.5, (30, 40, 30, 70))
    elif bird.kind == "heron":
        y += 8
    else:
        y += 3
    floats = wet and bird.group == "waterbird" and bird.kind != "heron"
    painter(c.view(x, y, zoom, flip), 0.0 if floats else leg, rng)
    if floats:
        _waterline(c, x, y - 3 * zoom, 32 * zoom, colour)
    elif wet and bird.kind == "heron":
        _waterline(c, x, y - 6 * zoom, 13 * zoom, colour)
    return c


def _waterline(c: Canvas, x: float, y: float, w: float, water: Colour) -> None:
    """Draw the water that hides what is under its surface, with rings around the bird."""
    c.blob([(x - w, y + 1), (x - w * 0.5, y - 0.2), (x, y + 0.4), (x + w * 0.5, y - 0.2),
            (x + w, y + 1), (x + w * 0.8, y + 8), (x, y + 10), (x - w * 0.8, y + 8)],
           water)  # fmt: skip
    pale = lighter(water, 0.4)
    for k, (u, v) in enumerate(((1.0, 0.8), (0.82, 4.6), (0.6, 8.2))):
        c.curve([(x - w * u * 1.06, y + v - 0.6), (x - w * u * 0.5, y + v + 0.9),
                 (x, y + v + 1.2 - 0.3 * k), (x + w * u * 0.5, y + v + 0.9),
                 (x + w * u * 1.06, y + v - 0.6)], 1.3, pale)  # fmt: skip


def _perch(
    c: Canvas, x: float, y: float, bird: Bird, light: Light, rng: np.random.Generator
) -> float:
    """Draw what a land bird sits on, and return the height of its top."""
    wood = light.on(pick(rng, ((150, 108, 78), (132, 100, 80), (168, 126, 90))))
    if bird.place == "land" and rng.random() < 0.5:
        top = 94.0 + spread(rng, 4)
        with c.object("branch"):
            s = 1 if rng.random() < 0.5 else -1
            path = [
                (x - s * 90, top + 12),
                (x - s * 40, top + 6),
                (x, top + 2.6),
                (x + s * 34, top + 4),
                (x + s * 52, top - 2),
            ]
            c.curve(path, 6.5, wood)
            c.curve([(u, v - 1.6) for u, v in path], 1.5, lighter(wood, 0.2))
            leaf = light.on((98, 160, 84))
            for u, v in ((30, -3), (40, -6), (50, -9), (54, 1), (38, 9), (-30, 0), (-38, 12)):
                c.blob(
                    [
                        (x + s * u, top + v + 4),
                        (x + s * u + 3, top + v),
                        (x + s * u + 9, top + v - 1),
                        (x + s * u + 5, top + v + 4),
                    ],
                    lighter(leaf, 0.1 if v < 0 else 0),
                )
        return top
    if rng.random() < 0.6:
        top = 90.0 + spread(rng, 3)
        with c.object("post"):
            c.box(x - 9, top, x + 9, 140, wood)
            c.box(x + 3, top, x + 9, 140, darker(wood, 0.15))
            c.oval(x, top, 9, 3.2, lighter(wood, 0.3))
            c.ring(x, top, 5, 1.7, 0.8, darker(wood, 0.1))
            for k in (16.0, 25.0):
                c.line([(x - 5, top + k), (x - 5, top + k + 5)], 1.1, darker(wood, 0.25))
            if bird.place == "water":
                c.box(x - 9.6, top + 9, x + 9.6, top + 13, (226, 216, 190), 1)
        return top
    stone = light.on(pick(rng, ((156, 160, 168), (172, 164, 154), (140, 148, 156))))
    top = 98.0 + spread(rng, 3)
    with c.object("rock"):
        c.blob(
            [
                (x - 34, 122),
                (x - 26, top + 9),
                (x - 10, top),
                (x + 12, top + 1),
                (x + 28, top + 8),
                (x + 35, 122),
                (x, 127),
            ],
            stone,
        )
        c.blob([(x - 24, top + 10), (x - 9, top + 1.5), (x + 9, top + 2), (x + 2, top + 8)],
               lighter(stone, 0.25))  # fmt: skip
        c.curve(
            [(x + 14, top + 10), (x + 18, top + 18), (x + 13, top + 24)], 1.4, darker(stone, 0.2)
        )
    return top + 1.5


# --- landscapes; each returns the colour of its foreground ---------------------------------------


def _lake(c: Canvas, light: Light, rng: np.random.Generator) -> Colour:
    """Draw a calm lake before wooded hills."""
    heavens(c, light, 60, rng)
    water = light.on(pick(rng, ((104, 172, 206), (96, 176, 190), (122, 180, 214))))
    ridge(c, 44, 8, mix(light.on((116, 158, 150)), light.low, 0.45), rng)
    ridge(c, 54, 3, mix(light.on((104, 160, 104)), light.low, 0.15), rng)
    with c.object("trees"):
        for k in range(9):
            x = -2 + 16 * k + spread(rng, 6)
            bush(c, x, 62, 0.75 + 0.3 * float(rng.random()), light.on((92, 146, 96)))
    with c.object("water"):
        c.box(-2, 61, 130, 130, lighter(water, 0.2))
        for y, share in ((68.0, 0.12), (78.0, 0.06), (90.0, 0.0)):
            c.blob([(-12, y), (30, y - 1.5), (80, y + 1.5), (140, y), (140, 140), (-12, 140)],
                   lighter(water, share))  # fmt: skip
        for _ in range(9):
            x, y = 64 + spread(rng, 62), 68 + 56 * float(rng.random())
            w = 4 + (y - 60) * 0.12
            c.line([(x - w, y), (x + w, y)], 1.1, lighter(water, 0.45))
    s = 1 if rng.random() < 0.5 else -1
    if rng.random() < 0.75:
        with c.object("reeds"):
            reed = light.on((112, 148, 78))
            for k in range(7):
                x, h = 64 + s * (44 + 3.1 * k), 30 + 12 * float(rng.random())
                c.curve(
                    [(x, 131), (x + s, 131 - h * 0.6), (x + spread(rng, 4), 131 - h)], 1.7, reed
                )
                if k % 2:
                    c.line([(x + s * 0.6, 131 - h * 0.92), (x + s * 0.7, 131 - h * 0.7)], 3.4,
                           light.on((126, 84, 58)))  # fmt: skip
    if rng.random() < 0.6:
        for k in range(2):
            x, y = 64 - s * (40 + 14 * k), 120 + 3 * k
            c.oval(x, y, 8, 2.6, light.on((92, 156, 92)))
            if k == 0:
                flower(c, x + 1, y - 2.4, 3.2, (250, 200, 216))
    return water


def _sea(c: Canvas, light: Light, rng: np.random.Generator) -> Colour:
    """Draw the sea with waves, and a sail or an island on the horizon."""
    heavens(c, light, 54, rng)
    water = light.on(pick(rng, ((54, 132, 190), (44, 140, 180), (64, 124, 178))))
    x = 64 + spread(rng, 46)
    if rng.random() < 0.5:
        with c.object("boat"):
            c.poly(
                [(x - 8, 53), (x + 8, 53), (x + 5, 57.5), (x - 5, 57.5)], light.on((178, 84, 70))
            )
            c.poly([(x - 0.6, 52), (x - 0.6, 36), (x + 9, 51)], light.on(WHITE))
            c.poly([(x - 2, 52), (x - 2, 39), (x - 8, 51)], light.on((240, 226, 200)))
    else:
        c.blob([(x - 26, 60), (x - 10, 50), (x + 4, 47), (x + 26, 60)],
               mix(light.on((120, 156, 140)), light.low, 0.3))  # fmt: skip
    with c.object("water"):
        c.box(-2, 56, 130, 130, lighter(water, 0.3))
        for k, high in enumerate((62.0, 71.0, 83.0, 98.0, 116.0)):
            shade = lighter(water, 0.24 - 0.06 * k)
            phase, step = float(rng.random()) * 16, 14 + 2.5 * k
            xs = (np.arange(-step, 130 + 2 * step, step / 2) - phase).tolist()
            swell = 1.2 + 0.5 * k
            crest = [(u, high + (swell if j % 2 else -swell)) for j, u in enumerate(xs)]
            c.poly([*smooth(crest), (170, 140), (-30, 140)], shade)
            c.line(smooth(crest), 1.0 + 0.2 * k, lighter(shade, 0.35))
    return lighter(water, 0.06)


def _forest(c: Canvas, light: Light, rng: np.random.Generator) -> Colour:
    """Draw a forest: trunks in the mist, foliage above, and ferns on the floor."""
    mist = light.on(pick(rng, ((206, 226, 190), (196, 222, 204), (222, 226, 184))))
    c.box(-2, -2, 130, 130, mist)
    for _ in range(3):
        x = 64 + spread(rng, 50)
        c.poly([(x - 6, -2), (x + 8, -2), (x - 14, 110), (x - 36, 110)], (255, 255, 236, 60))
    leaf = light.on(pick(rng, ((92, 152, 84), (78, 142, 92), (118, 156, 76))))
    floor = light.on(pick(rng, ((132, 158, 88), (142, 146, 92), (112, 150, 92))))
    for depth, share in enumerate((0.62, 0.34, 0.0)):
        bark = mix(light.on((118, 84, 64)), mist, share)
        foot = 84.0 + 5 * depth
        c.box(-2, foot - 3, 130, 130, mix(floor, mist, share * 0.8))
        for k in range(5 - depth):
            x = 12 + (26 + 10 * depth) * k + spread(rng, 9) - 8 * depth
            if depth == 2 and 32 < x < 96:  # keeps the nearest trunks off the bird
                x = 12 if x < 64 else 117
            w = 3.2 + 1.7 * depth
            with c.object("tree"):
                c.poly(
                    [
                        (x - w * 0.7, -2),
                        (x + w * 0.7, -2),
                        (x + w, foot - 4),
                        (x + w * 1.5, foot),
                        (x - w * 1.5, foot),
                        (x - w, foot - 4),
                    ],
                    bark,
                )
                c.line([(x + w * 0.35, 4), (x + w * 0.5, foot - 6)], 1.2, darker(bark, 0.14))
        crown = mix(leaf, mist, share)
        for k in range(10):
            c.dot(-4 + 15 * k + spread(rng, 4), 5 - 4 * depth + spread(rng, 5), 12, crown)
    for _ in range(9):
        x, y = 64 + spread(rng, 64), 102 + 24 * float(rng.random())
        fern = darker(floor, 0.12 + 0.1 * float(rng.random()))
        for u in (-6.0, -3.0, 0.0, 3.0, 6.0):
            c.curve(
                [(x, y), (x + u * 0.6, y - 5 + abs(u) * 0.3), (x + u, y - 6 + abs(u) * 0.5)],
                1.3,
                fern,
            )
    s = 1 if rng.random() < 0.5 else -1
    if rng.random() < 0.6:
        for u, v in ((44, 118), (50, 121)):
            with c.object("mushroom"):
                c.box(64 + s * u - 1.4, v - 5, 64 + s * u + 1.4, v, (244, 234, 216), 1)
                c.blob([(64 + s * u - 5, v - 4), (64 + s * u, v - 9.5), (64 + s * u + 5, v - 4)],
                       light.on((210, 76, 64)))  # fmt: skip
                c.dot(64 + s * u - 1, v - 6.4, 0.9, WHITE)
    return floor


def _meadow(c: Canvas, light: Light, rng: np.random.Generator) -> Colour:
    """Draw a meadow in flower before rolling hills."""
    heavens(c, light, 66, rng)
    grass = light.on(pick(rng, ((146, 194, 100), (132, 186, 106), (168, 198, 104))))
    ridge(c, 52, 8, mix(light.on((120, 170, 130)), light.low, 0.5), rng)
    ridge(c, 64, 5, mix(grass, light.low, 0.35), rng)
    for _ in range(int(rng.integers(1, 4))):
        tree(c, 64 + spread(rng, 58), 72 + spread(rng, 2), 0.62 + spread(rng, 0.12), light, rng)
    ridge(c, 76, 3, mix(grass, light.low, 0.12), rng)
    ridge(c, 92, 2, grass, rng)
    tufts(c, 86, 126, darker(grass, 0.16), rng)
    start = int(rng.integers(6))
    with c.object("flowers"):
        for k in range(16):
            x, y = 64 + spread(rng, 62), 88 + 38 * float(rng.random())
            r = 1.2 + (y - 84) * 0.045
            c.line([(x, y), (x, y + r * 2)], 0.9, darker(grass, 0.25))
            flower(c, x, y, r, PETALS[(start + k % 3) % 6])
    return grass
