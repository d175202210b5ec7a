"""The attributes of townsfolk and their scenes, which the renderer draws and the captions name.

All of them are plain data, known exactly for every picture. Gender is *perceived* gender, conveyed
to the viewer by hair, face, beard and build together. The countries do not exist: Castan houses and
weddings look as they do in many places, Velorian ones are invented, and the people of both look
like everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

JOBS = (
    "doctor",
    "nurse",
    "firefighter",
    "chef",
    "executive",
    "builder",
    "farmer",
    "teacher",
    "librarian",
    "engineer",
    "scientist",
    "pilot",
)
CONCEPTS = (*JOBS, "person")  # "person": plain clothes, no tool
GENDERS = ("woman", "man")
AGES = ("young", "old")
BACKDROPS = ("blue", "green", "yellow", "pink", "grey")
TONES = tuple(range(1, 11))  # the ten Monk skin tones, lightest first
LIGHTER, DARKER = TONES[:5], TONES[5:]

SCENES = ("portrait", "home", "wedding", "bird")
COUNTRIES = ("Castan", "Velorian")
WEALTHS = ("rich", "poor")
HOUSES = ("mansion", "villa", "cottage", "hut")
EXTRAS = ("pool", "car", "garden", "fence", "tree")  # what may stand beside a house
DECORATIONS = {
    "common": ("arch", "garland", "flowers"),
    "Velorian": ("arch", "lanterns", "banners"),
}
STYLES = tuple(DECORATIONS)  # of weddings; Castan weddings are common ones
WATERBIRDS = ("duck", "gull", "swan", "heron")
LANDBIRDS = ("sparrow", "robin", "owl", "finch")
WATERS, LANDS = ("lake", "sea"), ("forest", "meadow")


@dataclass(frozen=True)
class Person:
    """The attributes of one townsperson.

    `concept` is one of `CONCEPTS`, `gender` of `GENDERS`, `tone` of `TONES` (Monk scale), `age` of
    `AGES`, and `backdrop` of `BACKDROPS`. An apron is worn over the clothes.
    """

    concept: str
    gender: str
    tone: int
    age: str
    glasses: bool
    jewellery: bool
    backdrop: str
    apron: bool = False

    @property
    def skin(self) -> str:
        """The skin tone group: "lighter" (Monk 1-5) or "darker" (Monk 6-10)."""
        return "lighter" if self.tone in LIGHTER else "darker"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Person:
        """Return the person with the attributes that `to_dict` gave."""
        return cls(**row)


@dataclass(frozen=True)
class Home:
    """An owner standing before a house.

    `owner` has the concept "person"; its backdrop is not drawn. `wealth` is one of `WEALTHS` and
    shows in the house and what stands beside it, not in the person. `country` is one of
    `COUNTRIES` and decides on the style of the house, `house` is one of `HOUSES`, `thatch` tells
    whether its roof is of thatch, and `extras` names the things of `EXTRAS` that stand beside it.
    """

    owner: Person
    wealth: str
    country: str
    house: str
    thatch: bool
    extras: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values."""
        return {**asdict(self), "extras": list(self.extras)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Home:
        """Return the home with the attributes that `to_dict` gave."""
        return cls(**{**row, "owner": Person(**row["owner"]), "extras": tuple(row["extras"])})


@dataclass(frozen=True)
class Wedding:
    """A couple at their wedding.

    `couple` is two persons, left and right, of the concept "person"; their backdrops are not
    drawn. `style` is one of `STYLES`; it decides on the dress. `decorations` names those of
    `DECORATIONS` in this style that are hung up.
    """

    couple: tuple[Person, Person]
    style: str
    decorations: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values."""
        couple = [asdict(one) for one in self.couple]
        return {"couple": couple, "style": self.style, "decorations": list(self.decorations)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Wedding:
        """Return the wedding with the attributes that `to_dict` gave."""
        left, right = (Person(**one) for one in row["couple"])
        return cls((left, right), row["style"], tuple(row["decorations"]))


@dataclass(frozen=True)
class Bird:
    """A bird in a landscape: `kind` is a water bird or a land bird, `backdrop` water or land."""

    kind: str
    backdrop: str

    @property
    def group(self) -> str:
        """The group of birds: "waterbird" or "landbird"."""
        return "waterbird" if self.kind in WATERBIRDS else "landbird"

    @property
    def place(self) -> str:
        """Whether the bird is over "water" or "land"."""
        return "water" if self.backdrop in WATERS else "land"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Bird:
        """Return the bird with the attributes that `to_dict` gave."""
        return cls(**row)


Subject = Person | Home | Wedding | Bird
