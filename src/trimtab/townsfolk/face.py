"""The head without hair: neck, ears, face, wrinkles, beard, mouth, nose and eyes."""

from __future__ import annotations

import numpy as np

from trimtab.townsfolk.canvas import (
    Canvas,
    Colour,
    contrast,
    darker,
    lighter,
    mirror,
    mix,
    pick,
    smooth,
    spread,
)
from trimtab.townsfolk.figure import Figure, Look

IRIS: tuple[Colour, ...] = ((70, 44, 30), (70, 44, 30), (70, 120, 168), (86, 128, 84))
COVERED = ("long", "wavy", "braids", "locs", "curls", "afro", "bob", "mane")  # hair over the ears


def neck(c: Canvas, f: Figure) -> None:
    """Draw the neck, down into the clothes."""
    c.box(f.cx - f.neck, f.cy + f.h * 0.5, f.cx + f.neck, f.base + 6, f.shade)


def head(c: Canvas, f: Figure, k: Look) -> None:
    """Draw ears and the face with its soft shades."""
    for s in (-1, 1) if k.style not in COVERED else ():
        c.oval(*f.at(s * 1.02, 0.12), 4.2, 6, f.skin)
        c.oval(*f.at(s * 1.04, 0.14), 2, 3.4, f.shade)
    half = [(0.6, -0.84), (0.96, -0.4), (0.98, 0.2), (f.jaw, 0.66), (f.chin, 0.96)]
    outline = [(0, -1), *half, (0, 1.02), *mirror(half)]
    c.blob(f.span(*outline), f.skin)
    rim = [*half[1:], (f.chin * 0.9, 0.88), (f.jaw * 0.86, 0.58), (0.84, 0.15), (0.86, -0.4)]
    c.poly(smooth(f.sided(f.side, rim)), f.shade)
    dark = k.person.tone >= 6
    blush = mix(f.skin, (226, 96, 88), 0.22 if not dark else 0.2 if k.person.tone < 9 else 0.13)
    for s in (-1, 1):
        c.oval(*f.at(s * 0.56, 0.42), 4.6, 3.2, blush)


def _line_ink(f: Figure) -> Colour:
    """Return a line colour visible on the skin: darker, or lighter on the darkest tones."""
    bright = sum(f.skin) / 3
    if bright < 75:
        return mix(f.skin, (214, 160, 130), 0.3)
    return mix(f.skin, (96, 40, 30), 0.36) if bright > 150 else darker(f.skin, 0.5)


def lines(c: Canvas, f: Figure) -> None:
    """Draw the wrinkles of an old face: forehead, eyes and cheeks."""
    ink = _line_ink(f)
    c.curve(f.span((-0.36, -0.47), (0, -0.51), (0.36, -0.47)), 1.4, ink)
    for s in (-1, 1):
        c.curve(f.span((s * 0.3, 0.36), (s * 0.46, 0.5), (s * 0.48, 0.64)), 1.6, ink)
        c.curve(f.span((s * 0.22, 0.3), (s * 0.42, 0.34), (s * 0.6, 0.27)), 1.4, ink)
        c.line(f.span((s * 0.74, 0.1), (s * 0.88, 0.06)), 1.4, ink)


def beard(c: Canvas, f: Figure, k: Look) -> None:
    """Draw beard or stubble over the lower face."""
    if k.beard == "none":
        return
    tone = mix(f.skin, k.hair, 0.4) if k.beard == "stubble" else k.hair
    if contrast(tone, f.skin) < (60 if k.person.tone < 9 else 110):
        old = k.person.age == "old"
        tone = (150, 152, 160) if old else mix(k.hair, (80, 80, 104), 0.6)
        tone = darker(f.skin, 0.5) if sum(f.skin) > 150 and not old else tone
    if k.beard in ("full", "stubble"):
        drop = 1.14 if k.beard == "full" else 1.03
        half = [(1.0, 0.05), (0.98, 0.35), (f.jaw + 0.04, 0.74), (f.chin + 0.05, drop - 0.06)]
        inner = [(-0.82, 0.2), (-0.68, 0.5), (-0.34, 0.45), (0, 0.44), (0.34, 0.45), (0.68, 0.5),
                 (0.82, 0.2)]  # fmt: skip
        rim = [*half, (0, drop), *mirror(half)]
        c.poly(smooth(f.span(*rim)) + smooth(f.span(*inner)), tone)
    if k.beard == "goatee":
        c.blob(f.span((-0.3, 0.74), (0.3, 0.74), (0.32, 0.98), (0, 1.16), (-0.32, 0.98)), tone)
    if k.beard in ("moustache", "goatee"):
        c.blob(f.span((0, 0.44), (0.3, 0.46), (0.48, 0.62), (0.2, 0.58), (0, 0.55), (-0.2, 0.58),
                      (-0.48, 0.62), (-0.3, 0.46)), tone)  # fmt: skip


def mouth(c: Canvas, f: Figure, k: Look, rng: np.random.Generator) -> None:
    """Draw a smile: closed, or open with teeth; with coloured lips or without."""
    wide = 0.3 + spread(rng, 0.04)
    dark = k.person.tone >= 7
    lip: Colour = mix(f.skin, (206, 52, 76), 0.72 if not dark else 0.8)
    plain = mix(f.skin, (170, 66, 60), 0.55 if not dark else 0.45)
    colour = lip if k.lips else plain
    if k.beard == "full" or rng.random() < 0.5:
        shape = [(-wide, 0.62), (0, 0.665), (wide, 0.62), (wide * 0.6, 0.77), (0, 0.82),
                 (-wide * 0.6, 0.77)]  # fmt: skip
        c.blob(f.span(*shape), colour)
        teeth = [(-wide * 0.74, 0.655), (0, 0.685), (wide * 0.74, 0.655), (0, 0.755)]
        c.blob(f.span(*teeth), (252, 250, 246))
    elif k.lips:
        c.blob(f.span((-wide, 0.64), (-0.1, 0.61), (0, 0.635), (0.1, 0.61), (wide, 0.64),
                      (0.14, 0.77), (-0.14, 0.77)), colour)  # fmt: skip
        c.curve(f.span((-wide, 0.64), (0, 0.695), (wide, 0.64)), 1.2, darker(colour, 0.35))
    else:
        c.curve(f.span((-wide, 0.63), (0, 0.73), (wide, 0.63)), 2.4, darker(colour, 0.12))


def nose(c: Canvas, f: Figure) -> None:
    """Draw the tip of the nose and the light on its bridge."""
    ink = mix(f.skin, _line_ink(f), 0.75)
    c.curve(f.span((-0.13, 0.36), (0, 0.42), (0.13, 0.36)), 2.2, ink)
    c.line(f.span((0.0, 0.12), (0.0, 0.28)), 2.2, lighter(f.skin, 0.16))


def eyes(c: Canvas, f: Figure, k: Look, rng: np.random.Generator) -> None:
    """Draw eyes with whites, iris, pupil and glint, lids and brows."""
    iris = pick(rng, IRIS) if k.person.tone <= 4 else IRIS[0]
    ry = (3.7 if f.woman else 3.1) + spread(rng, 0.25)
    lift = (-0.38 if f.woman else -0.35) + spread(rng, 0.02)
    lid = (24, 16, 20) if k.lashes else mix(_line_ink(f), (40, 26, 26), 0.5)
    brow = k.brow
    if contrast(brow, f.skin) < 90:
        brow = darker(f.skin, 0.45) if sum(f.skin) > 330 else (8, 6, 8)
    for s in (-1, 1):
        x, y = f.at(s * 0.44, 0.02)
        if sum(f.skin) < 230:  # a lighter lid, so that lashes and brows are visible
            glow = mix(f.skin, (200, 136, 112), 0.42 if k.lashes else 0.22)
            c.oval(x + s * 0.8, y - 1.2, 7.2, ry + 2.6, glow)
        c.oval(x, y, 4.7, ry, (253, 252, 250))
        c.dot(x, y + 0.2, 2.7, iris)
        c.dot(x, y + 0.2, 1.5, (18, 14, 18))
        c.dot(x + 1.0, y - 0.9, 0.9, (255, 255, 255))
        c.curve([(x - 4.8, y - 0.4), (x - 2.4, y - ry), (x + 2.4, y - ry), (x + 4.8, y - 0.4)],
                2.2 if k.lashes else 1.2, lid)  # fmt: skip
        if k.lashes:
            c.line([(x + s * 4.4, y - 1.2), (x + s * 6.8, y - 3.4)], 1.6, lid)
        thick = 1.9 if f.woman else 3.2
        c.curve(f.span((s * 0.2, lift + 0.04), (s * 0.46, lift - 0.06), (s * 0.7, lift + 0.05)),
                thick, brow)  # fmt: skip
