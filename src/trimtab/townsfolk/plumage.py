"""Birds that face right, on canvases whose origin is the middle of their feet or of the waterline.

Every painter takes the length of leg that can be seen: none for a bird that floats.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from trimtab.townsfolk.canvas import WHITE, Canvas, Colour, darker, lighter, part, pick, spread

BirdPainter = Callable[[Canvas, float, np.random.Generator], None]
BEAK: Colour = (246, 178, 56)
INK: Colour = (40, 38, 48)


def eye(c: Canvas, x: float, y: float, r: float = 1.9, rim: Colour | None = None) -> None:
    """Draw an eye with a glint."""
    if rim:
        c.dot(x, y, r + 0.9, rim)
    c.dot(x, y, r, (24, 20, 26))
    c.dot(x + r * 0.3, y - r * 0.35, r * 0.36, (255, 255, 255))


def legs(c: Canvas, x: float, leg: float, colour: Colour, width: float, webbed: bool) -> None:
    """Draw two legs around x, from a little inside the body down to the feet."""
    for k in (-3.5, 3.5):
        c.line([(x + k, -leg - 3), (x + k, -0.8)], width, colour)
        if webbed:
            c.poly([(x + k - 1.5, -1.6), (x + k + 6, -0.4), (x + k + 5, 1), (x + k - 2, 1)], colour)
        else:
            for t in (-3.0, 1.0, 4.5):
                c.line([(x + k, -1.2), (x + k + t, 0.4)], width * 0.75, colour)


def duck(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a drake with a green head, or a brown duck."""
    drake = rng.random() < 0.65
    body: Colour = (198, 198, 194) if drake else (176, 136, 96)
    breast: Colour = (132, 82, 62) if drake else (150, 110, 78)
    head: Colour = (36, 122, 88) if drake else (160, 120, 84)
    if leg:
        legs(c, 2, leg, (240, 138, 50), 2.4, True)
    b = c.view(0, -leg, 1)
    b.poly([(-22, -19), (-35, -23), (-32, -15), (-22, -10)], darker(body, 0.4) if drake else body)
    b.blob([(-28, -20), (-16, -23), (0, -26), (12, -25), (21, -17), (19, -6), (6, 1), (-12, 0),
            (-24, -8)], body)  # fmt: skip
    b.blob([(10, -26), (19, -23), (22.4, -15), (18, -5), (9, -3), (6, -13)], breast)
    b.blob([(-27, -18), (-10, -22), (5, -19), (3, -10), (-10, -6), (-22, -11)], darker(body, 0.2))
    b.blob([(-19, -12), (-8, -14), (2, -12), (-7, -8.4)], (66, 104, 190))
    b.curve([(-19, -14), (-8, -16), (3, -13)], 1.2, WHITE)
    b.poly([(10, -22), (21, -22), (27, -38), (13, -40)], head)
    if drake:
        b.line([(11.5, -24.5), (21.5, -23.5)], 2.6, WHITE)
    b.blob([(28.5, -44), (36, -41), (41, -37.6), (36, -35.6), (28, -36)],
           BEAK if drake else (226, 140, 62))  # fmt: skip
    b.oval(20.5, -41, 10, 9, head)
    b.oval(18, -45, 5, 3, lighter(head, 0.2))
    eye(b, 24, -43, 1.9, None if drake else (226, 196, 160))


def gull(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a gull with grey wings and black wing tips."""
    wing: Colour = pick(rng, ((154, 168, 186), (136, 150, 168), (172, 184, 196)))
    if leg:
        legs(c, 2, leg, (238, 158, 130), 2.2, True)
    b = c.view(0, -leg, 1)
    b.poly([(-16, -12), (-34, -7), (-32, -3), (-14, -3)], (238, 240, 242))
    b.blob([(-22, -10), (-8, -22), (8, -27), (18, -24), (21, -13), (13, -3), (-4, 0.6), (-16, -3)],
           WHITE)  # fmt: skip
    b.poly([(8, -20), (20, -18), (28, -36), (13, -39)], WHITE)
    b.oval(20, -38, 9, 8, WHITE)
    b.blob([(-6, -2), (8, -4), (16, -10), (10, -2), (0, 0.5)], (222, 228, 234))
    b.blob([(12, -24), (-2, -24), (-16, -17), (-32, -9), (-16, -6), (2, -7), (12, -14)], wing)
    b.poly([(-20, -14.5), (-43, -8), (-40, -5.5), (-18, -6.4)], INK)
    for x in (-33.0, -26.0):
        b.dot(x, -8.2, 1.3, WHITE)
    b.curve([(10, -16), (0, -10), (-14, -8)], 1.3, lighter(wing, 0.5))
    b.blob([(27, -40.5), (36, -38.5), (40, -36), (38, -34), (27, -35)], BEAK)
    b.dot(36, -35.2, 1.4, (218, 72, 60))
    eye(b, 23, -40, 1.9)


def swan(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a white swan with a long neck."""
    white: Colour = (252, 252, 250)
    fold = (214, 222, 234)
    if leg:
        legs(c, 0, leg, (74, 72, 82), 2.6, True)
    b = c.view(-5, -leg, 1)
    bend = spread(rng, 2.5)
    b.curve([(12, -10), (25, -18), (25, -31), (15 + bend, -44), (14 + bend, -55), (21, -63)], 8.6,
            white)  # fmt: skip
    b.curve([(10, -9), (22, -17), (21.5, -31)], 1.2, fold)
    b.blob([(-30, -12), (-39, -24), (-25, -24), (-8, -31), (8, -25), (20, -17), (21, -8), (10, 0.6),
            (-14, 1), (-26, -3)], white)  # fmt: skip
    b.blob([(-33, -20), (-20, -26), (-4, -29), (6, -20), (2, -10), (-12, -7), (-25, -11)], fold)
    b.blob([(-33, -22), (-18, -28), (-3, -31), (7, -22), (3, -13), (-11, -10), (-25, -14)], white)
    for k in range(3):
        b.curve([(-26 + 6 * k, -16), (-18 + 6 * k, -14), (-12 + 6 * k, -16)], 1.3, fold)
    b.blob([(24, -66), (34, -62), (41, -57), (37, -55), (25, -58)], (240, 128, 50))
    b.poly([(23, -66), (31, -64.2), (28, -60), (24, -58)], INK)
    b.oval(20, -63, 7.4, 5.8, white)
    eye(b, 20.5, -64.4, 1.5)


def heron(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a grey heron with a crest and long legs."""
    grey = pick(rng, ((130, 154, 184), (146, 160, 180), (116, 140, 170)))
    pale: Colour = (236, 238, 240)
    for k in (-3.0, 4.0):
        c.line([(k, -30), (k + 0.6, -15), (k, -0.5)], 2.2, (206, 162, 84))
        c.dot(k + 0.6, -15, 1.7, (190, 144, 70))
        for t in (-3.5, 2.0, 5.0):
            c.line([(k, -1.2), (k + t, 0.5)], 1.5, (206, 162, 84))
    b = c.view(-2, -25, 1)
    bend = spread(rng, 2)
    b.poly([(-18, -8), (-35, 3), (-30, 6), (-12, 1)], darker(grey, 0.3))
    b.curve([(9, -10), (21, -20), (17 + bend, -31), (13 + bend, -41), (20, -49)], 6.4, pale)
    b.blob([(-25, -3), (-14, -15), (0, -20), (13, -17), (17, -8), (8, 0), (-8, 2.5)], grey)
    b.blob([(9, -18), (18, -17), (20, -7), (13, 3), (9, -4)], pale)
    b.blob([(-29, 1), (-16, -11), (0, -16), (9, -11), (2, -3), (-12, 1)], darker(grey, 0.18))
    for x, y in ((-12.0, -4.0), (-4.0, -6.0), (-19.0, -1.0)):
        b.curve([(x - 5, y + 2), (x, y), (x + 5, y - 4)], 1.3, lighter(grey, 0.25))
    for y in (-30.0, -24.0):
        b.line([(18.5 + bend * 0.6, y), (18 + bend * 0.5, y + 3)], 1.3, INK)
    b.poly([(25, -53), (47, -47.5), (26, -46.5)], BEAK)
    b.oval(22, -50, 6.6, 4.8, WHITE)
    b.curve([(25, -53.5), (16, -54), (4, -49)], 2.4, INK)
    eye(b, 24, -50.5, 1.5, BEAK)


def songbird(
    c: Canvas, leg: float, back: Colour, belly: Colour, wing: Colour, foot: Colour
) -> Canvas:
    """Draw body, wing, tail and legs of a small, round bird; return its canvas."""
    legs(c, 1, leg, foot, 1.8, False)
    b = c.view(0, -leg, 1)
    b.poly([(-14, -15), (-38, -11), (-39, -6), (-13, -6)], darker(wing, 0.15))
    b.blob([(-21, -13), (-10, -24), (6, -30), (19, -22), (20, -9), (9, 0.5), (-7, 0.5), (-18, -5)],
           back)  # fmt: skip
    b.blob([(6, -21), (20, -21), (20, -9), (9, 0.5), (-7, 0.5), (-12, -5), (0, -9)], belly)
    b.dot(12, -31, 13, back)
    return b


def folded(b: Canvas, wing: Colour, bar: Colour) -> None:
    """Draw a folded wing with a pale bar."""
    b.blob([(4, -20), (-8, -22), (-22, -13), (-30, -8), (-14, -5), (0, -7), (6, -13)], wing)
    b.curve([(3, -12), (-3, -8.6), (-11, -8)], 1.8, bar)
    b.curve([(-2, -16), (-10, -12), (-20, -9.4)], 1.2, darker(wing, 0.3))


def bill(b: Canvas, colour: Colour, size: float) -> None:
    """Draw a short bill."""
    b.poly([(22.5, -34.5), (24.5 + size, -31), (22.5, -28)], colour)
    b.line([(23, -31.2), (23.5 + size, -31)], 0.8, darker(colour, 0.35))


def sparrow(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a sparrow with a brown cap, a pale cheek and a black bib."""
    brown = pick(rng, ((150, 104, 68), (164, 116, 76), (138, 98, 70)))
    b = songbird(c, leg, (206, 188, 162), (232, 222, 206), brown, (190, 140, 110))
    b.blob([(24, -36), (16, -45), (4, -43), (-4, -30), (-8, -22), (6, -28), (14, -35)], brown)
    b.dot(12, -29, 4.6, (244, 238, 226))
    b.blob([(22, -29), (24, -23), (18, -17), (12, -20), (15, -26)], (58, 46, 46))
    bill(b, (92, 84, 84), 6)
    eye(b, 17, -34, 2)
    folded(b, brown, (244, 234, 214))
    for x in (-14.0, -7.0):
        b.line([(x, -17), (x - 6, -12)], 1.6, darker(brown, 0.45))


def robin(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a robin with an orange face and breast."""
    back = pick(rng, ((150, 128, 100), (140, 122, 106), (160, 134, 98)))
    orange = pick(rng, ((236, 112, 50), (226, 98, 48), (242, 126, 58)))
    b = songbird(c, leg, back, (246, 240, 230), darker(back, 0.12), (130, 92, 70))
    b.blob([(14, -41), (23, -37), (25, -28), (22, -15), (14, -8), (6, -14), (6, -24), (9, -34)],
           orange)  # fmt: skip
    bill(b, (80, 70, 70), 6)
    eye(b, 15, -34, 2.2)
    folded(b, darker(back, 0.12), (206, 188, 156))


def finch(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw a yellow finch with a black cap and black wings."""
    yellow = pick(rng, ((252, 212, 56), (248, 200, 48), (250, 222, 92)))
    b = songbird(c, leg, yellow, lighter(yellow, 0.25), (52, 48, 56), (214, 146, 110))
    b.blob([(25, -35), (19, -45), (8, -45), (3, -39), (14, -37)], INK)
    bill(b, (246, 160, 110), 8)
    eye(b, 17, -33, 2)
    folded(b, (52, 48, 56), WHITE)
    b.curve([(1, -15.5), (-6, -13), (-12, -13)], 1.5, WHITE)


def owl(c: Canvas, leg: float, rng: np.random.Generator) -> None:
    """Draw an owl that looks at the viewer."""
    brown = pick(rng, ((146, 104, 74), (160, 126, 96), (126, 96, 82)))
    pale, deep = lighter(brown, 0.62), darker(brown, 0.28)
    b = c.view(0, -1, 1)
    b.poly([(-8, -6), (8, -6), (6, 9), (-6, 9)], deep)
    b.blob([(0, -62), (15, -58), (20, -42), (21, -22), (13, -3), (0, 1), (-13, -3), (-21, -22),
            (-20, -42), (-15, -58)], brown)  # fmt: skip
    b.blob([(0, -38), (11, -34), (13, -18), (8, -5), (0, -2), (-8, -5), (-13, -18), (-11, -34)],
           pale)  # fmt: skip
    for y, xs in ((-25.0, (-6.0, 0.0, 6.0)), (-18.0, (-3.0, 3.0)), (-11.0, (-6.0, 0.0, 6.0))):
        for x in xs:
            b.curve([(x - 2, y - 1.5), (x, y + 1), (x + 2, y - 1.5)], 1.5, brown)
    for s in (-1, 1):
        b.blob([(s * 13, -38), (s * 21, -32), (s * 23, -16), (s * 14, -3), (s * 13, -18)], deep)
        b.poly([(s * 17, -54), (s * 19, -69), (s * 6, -60)], deep)
        b.oval(s * 8.4, -47, 9.6, 10, pale)
        b.dot(s * 7.8, -47, 6.2, (250, 190, 60))
        b.dot(s * 7.6, -47, 3.5, (26, 22, 28))
        b.dot(s * 7.6 + 1.3, -48.5, 1.2, (255, 255, 255))
        for k in (-2.4, 0.0, 2.4):
            b.oval(s * 6 + k, 0.4, 1.3, 2.2, (236, 178, 84))
    b.poly([(-3, -44), (3, -44), (0, -36.5)], (240, 176, 70))


# How each bird is painted, how much of its leg is seen ashore, and how large it is drawn.
BIRDS: dict[str, tuple[BirdPainter, float, float]] = {
    "duck": (part("duck")(duck), 7.0, 1.0),
    "gull": (part("gull")(gull), 11.0, 0.98),
    "swan": (part("swan")(swan), 7.0, 0.98),
    "heron": (part("heron")(heron), 25.0, 0.98),
    "sparrow": (part("sparrow")(sparrow), 8.0, 0.98),
    "robin": (part("robin")(robin), 9.0, 0.98),
    "owl": (part("owl")(owl), 0.0, 0.92),
    "finch": (part("finch")(finch), 8.0, 0.98),
}
