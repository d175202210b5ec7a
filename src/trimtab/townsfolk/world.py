"""The attributes of townsfolk, which the renderer draws and the captions name.

All of them are plain data, known exactly for every picture. Gender is *perceived* gender, conveyed
to the viewer by hair, face, beard and build together.
"""

from __future__ import annotations

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


@dataclass(frozen=True)
class Person:
    """The attributes of one townsperson.

    `concept` is one of `CONCEPTS`, `gender` of `GENDERS`, `tone` of `TONES` (Monk scale), `age` of
    `AGES`, and `backdrop` of `BACKDROPS`.
    """

    concept: str
    gender: str
    tone: int
    age: str
    glasses: bool
    jewellery: bool
    backdrop: str

    @property
    def skin(self) -> str:
        """The skin tone group: "lighter" (Monk 1-5) or "darker" (Monk 6-10)."""
        return "lighter" if self.tone in LIGHTER else "darker"

    def to_dict(self) -> dict[str, Any]:
        """Return the attributes as plain values."""
        return asdict(self)
