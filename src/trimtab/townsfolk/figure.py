"""The measurements of a figure, and hair and make-up to match a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageColor

from trimtab.townsfolk.canvas import Colour, Point, darker, mix, pick, spread
from trimtab.townsfolk.world import Person

MONK: tuple[Colour, ...] = tuple(
    ImageColor.getrgb(text)
    for text in (
        "#f6ede4", "#f3e7db", "#f7ead0", "#eadaba", "#d7bd96",
        "#a07e56", "#825c43", "#604134", "#3a312a", "#292420",
    )
)  # fmt: skip
BLACK: Colour = (36, 30, 36)
DARK_BROWN: Colour = (66, 44, 38)
BROWN: Colour = (112, 70, 44)
AUBURN: Colour = (160, 78, 44)
BLOND: Colour = (226, 180, 96)
SAND: Colour = (184, 136, 84)
GREYS: tuple[Colour, ...] = ((196, 198, 204), (222, 222, 224), (176, 180, 188))
HAIR_LIGHT = (BLACK, DARK_BROWN, BROWN, BROWN, AUBURN, BLOND, BLOND, SAND)
HAIR_MIDDLE = (BLACK, BLACK, DARK_BROWN, DARK_BROWN, BROWN, AUBURN)
HAIR_DARK = (BLACK, BLACK, BLACK, DARK_BROWN)
# Soft, to read on the skin.
HAIR_DARKEST: tuple[Colour, ...] = ((70, 60, 66), (84, 64, 56), (62, 58, 74))

WOMEN_LIGHT = ("long", "long", "wavy", "bob", "bun", "ponytail", "curls")
WOMEN_DARK = ("afro", "afro", "braids", "locs", "bun", "wavy", "bob", "long")
MEN_LIGHT = ("side", "side", "crop", "quiff", "bald", "curly")
MEN_DARK = ("fade", "fade", "crop", "bald", "curly", "shortlocs")


@dataclass(frozen=True)
class Figure:
    """The measurements of one figure: head centre and half sizes, build, and side of the tool."""

    cx: float
    cy: float
    w: float
    h: float
    jaw: float
    chin: float
    neck: float
    shoulder: float
    side: int
    woman: bool
    skin: Colour
    shade: Colour

    @property
    def base(self) -> float:
        """Return the height of the base of the neck."""
        return self.cy + self.h + 8.0

    def at(self, u: float, v: float) -> Point:
        """Return a point given in head units: (0, 0) is the centre, (1, 1) the half sizes."""
        return self.cx + u * self.w, self.cy + v * self.h

    def span(self, *points: Point) -> list[Point]:
        """Return several points given in head units."""
        return [self.at(u, v) for u, v in points]

    def sided(self, s: int, points: Sequence[Point]) -> list[Point]:
        """Return points given in head units, unchanged (`s` 1) or mirrored (`s` -1)."""
        return [self.at(s * u, v) for u, v in points]


@dataclass(frozen=True)
class Look:
    """Choices that belong together: hair and make-up; `hat` is true if it covers the head."""

    style: str
    fringe: int
    hair: Colour
    brow: Colour
    beard: str
    lashes: bool
    lips: bool
    hat: bool
    person: Person


def _hair_colour(person: Person, rng: np.random.Generator) -> Colour:
    if person.age == "old":
        return pick(rng, GREYS)
    tone = person.tone
    pool: tuple[Colour, ...] = HAIR_LIGHT if tone <= 4 else HAIR_MIDDLE if tone <= 6 else HAIR_DARK
    pool = HAIR_DARKEST if tone >= 9 else pool
    jitter = 1.0 + spread(rng, 0.08)
    return tuple(min(255, round(v * jitter)) for v in pick(rng, pool))


def _style(person: Person, rng: np.random.Generator) -> str:
    textured = float(rng.random()) < (0.08, 0.5, 0.88)[(person.tone > 4) + (person.tone > 6)]
    turn = float(rng.random())
    if person.gender == "woman":
        if turn < 0.12:
            return "curly" if textured else "pixie"
        return pick(rng, WOMEN_DARK if textured else WOMEN_LIGHT)
    if turn < 0.08:
        return "locs" if textured else "mane"
    style = pick(rng, MEN_DARK if textured else MEN_LIGHT)
    if person.age == "old" and style in ("quiff", "crop", "fade") and rng.random() < 0.6:
        return "receding"
    return style


def choose_look(person: Person, hat: bool, rng: np.random.Generator) -> Look:
    """Choose hair, beard and make-up; if hair is atypical of the gender, the rest is typical."""
    woman = person.gender == "woman"
    style, colour = _style(person, rng), _hair_colour(person, rng)
    against = style in (("pixie", "curly") if woman else ("mane", "locs"))
    beard = "none"
    if not woman and (against or rng.random() < 0.45):
        beard = pick(rng, ("full", "full", "moustache", "goatee", "stubble"))
        if against or (beard == "stubble" and (person.age == "old" or person.tone >= 9)):
            beard = "full"
    lashes = woman and (against or rng.random() < 0.92)
    lips = woman and (against or not lashes or rng.random() < 0.88)
    brow = darker(colour, 0.42) if person.age == "young" else darker(colour, 0.12)
    style = "ponytail" if hat and style == "bun" else style
    return Look(style, int(rng.integers(3)), colour, brow, beard, lashes, lips, hat, person)


def measure(person: Person, hat: bool, rng: np.random.Generator) -> Figure:
    """Choose build and pose; a hat that covers the top of the head shifts the head down."""
    woman = person.gender == "woman"
    skin = MONK[person.tone - 1]
    jitter = spread(rng, 0.02)
    skin = tuple(min(255, max(0, round(v * (1 + jitter)))) for v in skin)
    warm: Colour = (150, 78, 58) if person.tone <= 5 else (26, 14, 16)
    warm = (176, 120, 96) if person.tone >= 9 else warm  # lighter shading for the darkest tones
    return Figure(
        cx=64 + spread(rng, 2.5),
        cy=58 + spread(rng, 2) + (3 if hat else 0),
        w=(21.8 if woman else 22.8) + spread(rng, 0.9),
        h=(26.4 if woman else 27.2) + spread(rng, 0.9),
        jaw=(0.73 if woman else 0.86) + spread(rng, 0.04),
        chin=(0.3 if woman else 0.46) + spread(rng, 0.05),
        neck=(7.6 if woman else 11.0) + spread(rng, 0.5),
        shoulder=(37 if woman else 46) + spread(rng, 2),
        side=1 if rng.random() < 0.5 else -1,
        woman=woman,
        skin=skin,
        shade=mix(skin, warm, 0.3 if 6 <= person.tone <= 8 else 0.2),
    )
