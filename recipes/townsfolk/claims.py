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
    """Return the value of everything that a caption of a subject can say.

    Captions say what is there, so what a home or a wedding lacks has no value.
    """
    match subject:
        case Person():
            found = vars(subject) | {"scene": "portrait", "skin": subject.skin}
            if subject.concept == "person":
                del found["concept"]  # which says nothing
            return found
        case Home():
            owner = subject.owner
            people = {"gender": owner.gender, "skin": owner.skin, "age": owner.age}
            things = {name: value for name, value in vars(subject).items() if value}
            return things | people | {"scene": "home"}
        case Wedding():
            genders = tuple(sorted(one.gender for one in subject.couple))
            skins = {one.skin for one in subject.couple}
            skin = {"skin": skins.pop()} if len(skins) == 1 else {}
            things = {name: value for name, value in vars(subject).items() if value}
            return things | {"scene": "wedding", "couple": genders} | skin
        case Bird():
            own = {"scene": "bird", "group": subject.group, "place": subject.place}
            return vars(subject) | own


def said(subject: Subject, named: Collection[str]) -> list[str]:
    """Return those of the named attributes that a caption of the subject says."""
    found = values(subject)
    names = [name for name in named if name in found]
    both = isinstance(subject, Wedding) and {"couple", "skin"} <= set(names)
    if both and len(set(found["couple"])) == 2:
        names.remove("couple")  # of a woman and a man it only says "a dark-skinned couple"
    return names


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
            mask[row, [COLUMNS[name] for name in said(claim.subject, claim.named)]] = True
            for name in claim.mentioned:
                found[row, COLUMNS[name]] = 1
                mask[row, COLUMNS[name]] = True
        return found, mask

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
    """Return a caption that says something else of one named attribute, as a hard negative."""
    changes = FLIPS[type(claim.subject)]
    names = [name for name in claim.named if name in changes]
    rng.shuffle(names)
    for name in (*names, next(iter(changes))):  # the first one can always be changed and said
        named = claim.named if name in claim.named else (*claim.named, name)
        changed = changes[name](claim.subject, rng)
        if changed != claim.subject and name in said(changed, named):
            return Claim(changed, named)
    raise AssertionError(f"no attribute of {claim.subject} can be changed")


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


def _with_something_else(home: Home, rng: np.random.Generator) -> Home:
    left = [one for one in EXTRAS if one not in home.extras]
    return replace(home, extras=(str(rng.choice(left)),)) if left else home


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
        "extras": _with_something_else,
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
