"""What captions claim, and of which pictures it is true, for the contrastive loss."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from recipes.townsfolk.common import Fact
from trimtab.townsfolk.captions import OBJECTS
from trimtab.townsfolk.world import (
    AGES,
    BACKDROPS,
    CONCEPTS,
    COUNTRIES,
    EXTRAS,
    GENDERS,
    HOUSES,
    LANDBIRDS,
    LANDS,
    STYLES,
    WATERBIRDS,
    WATERS,
    WEALTHS,
    Bird,
    Home,
    Person,
    Subject,
    Wedding,
)

ABSENT = -1


class Claim(NamedTuple):
    """A caption: the subject that it describes, what it names of it, and objects it mentions."""

    subject: Subject
    named: tuple[str, ...]
    mentioned: tuple[str, ...] = ()


def values(subject: Subject) -> dict[str, Any]:
    """Return the value of everything that a caption of a subject may name."""
    match subject:
        case Person():
            found = vars(subject) | {"scene": "portrait", "skin": subject.skin}
            if subject.concept == "person":
                del found["concept"]  # which says nothing
            return found
        case Home():
            owner = subject.owner
            people = {"gender": owner.gender, "skin": owner.skin, "age": owner.age}
            return vars(subject) | people | {"scene": "home"}
        case Wedding():
            genders = tuple(sorted(one.gender for one in subject.couple))
            skins = {one.skin for one in subject.couple}
            skin = {"skin": skins.pop()} if len(skins) == 1 else {}
            return vars(subject) | {"scene": "wedding", "couple": genders} | skin
        case Bird():
            return vars(subject) | {
                "scene": "bird", "group": subject.group, "place": subject.place,
            }  # fmt: skip


NAMES = (
    "scene", "concept", "gender", "skin", "tone", "age", "glasses", "jewellery", "backdrop",
    "wealth", "country", "house", "thatch", "extras", "style", "couple", "decorations", "group",
    "kind", "place",
)  # fmt: skip
COLUMNS = {name: column for column, name in enumerate((*NAMES, *OBJECTS))}


class Codes:
    """Encodes what pictures show and what captions claim, with one column for each of `COLUMNS`."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, Any], int] = {}

    def shown(self, facts: Sequence[Fact]) -> NDArray[np.int64]:
        """Return what each picture shows, (n, columns); `ABSENT` where it has no value."""
        found = np.full((len(facts), len(COLUMNS)), ABSENT)
        for row, fact in enumerate(facts):
            self._fill(found[row], fact.subject)
            for name, *_ in fact.objects:
                if name in OBJECTS:
                    found[row, COLUMNS[name]] = 1
        return found

    def claimed(self, claims: Sequence[Claim]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return what each caption says, (m, columns), and the mask of what it claims at all."""
        found = np.full((len(claims), len(COLUMNS)), ABSENT)
        mask = np.zeros(found.shape, dtype=bool)
        for row, claim in enumerate(claims):
            self._fill(found[row], claim.subject)
            mask[row, COLUMNS["scene"]] = True
            mask[row, [COLUMNS[name] for name in claim.named]] = True
            for name in claim.mentioned:
                found[row, COLUMNS[name]] = 1
                mask[row, COLUMNS[name]] = True
        return found, mask & (found != ABSENT)

    def _fill(self, row: NDArray[np.int64], subject: Subject) -> None:
        for name, value in values(subject).items():
            if name in COLUMNS and name not in OBJECTS:
                row[COLUMNS[name]] = self._numbers.setdefault((name, value), len(self._numbers))


def truth(
    shown: NDArray[np.int64], claimed: NDArray[np.int64], mask: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which captions are true of which pictures, (n, m)."""
    found: NDArray[np.bool_] = ((shown[:, None] == claimed[None]) | ~mask[None]).all(-1)
    return found


def flipped(claim: Claim, rng: np.random.Generator) -> Claim:
    """Return a caption with one named attribute changed, as a hard negative."""
    changes = FLIPS[type(claim.subject)]
    names = [name for name in claim.named if name in changes] or [next(iter(changes))]
    name = str(rng.choice(names))
    named = (*claim.named, name) if name not in claim.named else claim.named
    return Claim(changes[name](claim.subject, rng), named)


def _other(value: str, choices: Collection[str], rng: np.random.Generator) -> str:
    return str(rng.choice([one for one in choices if one != value]))


def _not(person: Person, name: str, rng: np.random.Generator) -> Person:
    match name:
        case "gender":
            return replace(person, gender=_other(person.gender, GENDERS, rng))
        case "age":
            return replace(person, age=_other(person.age, AGES, rng))
        case "concept":
            return replace(person, concept=_other(person.concept, CONCEPTS[:-1], rng))
        case "backdrop":
            return replace(person, backdrop=_other(person.backdrop, BACKDROPS, rng))
        case "skin" | "tone":
            return replace(person, tone=11 - person.tone)
    return replace(person, **{name: not getattr(person, name)})


def _owner(name: str) -> Callable[..., Home]:
    return lambda home, rng: replace(home, owner=_not(home.owner, name, rng))


def _one_more(home: Home, rng: np.random.Generator) -> Home:
    extra = str(rng.choice(EXTRAS))
    kept = tuple(one for one in home.extras if one != extra)
    return replace(home, extras=kept if extra in home.extras else (*kept, extra))


def _with_other_tones(wedding: Wedding, rng: np.random.Generator) -> Wedding:
    left, right = (_not(one, "skin", rng) for one in wedding.couple)
    return replace(wedding, couple=(left, right))


def _with_other_partner(wedding: Wedding, rng: np.random.Generator) -> Wedding:
    left, right = wedding.couple
    return replace(wedding, couple=(left, _not(right, "gender", rng)))


FLIPS: dict[type, dict[str, Callable[..., Any]]] = {
    Person: {
        name: lambda person, rng, name=name: _not(person, name, rng)
        for name in (
            "gender", "concept", "skin", "tone", "age", "glasses", "jewellery", "backdrop",
        )
    },
    Home: {
        "wealth": lambda home, rng: replace(home, wealth=_other(home.wealth, WEALTHS, rng)),
        "country": lambda home, rng: replace(home, country=_other(home.country, COUNTRIES, rng)),
        "house": lambda home, rng: replace(home, house=_other(home.house, HOUSES, rng)),
        "thatch": lambda home, rng: replace(home, thatch=not home.thatch),
        "extras": _one_more,
        **{name: _owner(name) for name in ("gender", "skin", "age")},
    },
    Wedding: {
        "style": lambda wedding, rng: replace(wedding, style=_other(wedding.style, STYLES, rng)),
        "couple": _with_other_partner,
        "skin": _with_other_tones,
    },
    Bird: {
        "kind": lambda bird, rng: replace(
            bird, kind=_other(bird.kind, (*WATERBIRDS, *LANDBIRDS), rng)
        ),
        "group": lambda bird, rng: replace(
            bird, kind=str(rng.choice(LANDBIRDS if bird.group == "waterbird" else WATERBIRDS))
        ),
        "backdrop": lambda bird, rng: replace(
            bird, backdrop=_other(bird.backdrop, (*WATERS, *LANDS), rng)
        ),
        "place": lambda bird, rng: replace(
            bird, backdrop=str(rng.choice(LANDS if bird.place == "water" else WATERS))
        ),
    },
}  # fmt: skip
