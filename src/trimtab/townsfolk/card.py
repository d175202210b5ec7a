"""The bias card: how often each attribute occurs with each concept, read from a YAML file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from trimtab.errors import UsageError
from trimtab.townsfolk.world import (
    BACKDROPS,
    CONCEPTS,
    COUNTRIES,
    DARKER,
    DECORATIONS,
    EXTRAS,
    HOUSES,
    LANDBIRDS,
    LIGHTER,
    SCENES,
    STYLES,
    WATERBIRDS,
    WEALTHS,
    Bird,
    Home,
    Person,
    Subject,
    Wedding,
)

CARDS = ("townsfolk", "mirrored", "shuffled")


@dataclass(frozen=True)
class BiasCard:
    """The probabilities P(attribute | concept) that townsfolk are drawn from.

    Parameters
    ----------
    name : str
        One of `CARDS`.
    table : dict
        The content of the YAML file.
    """

    name: str
    table: dict[str, Any]

    @classmethod
    def load(cls, name: str = "townsfolk") -> BiasCard:
        """Read a card from the package; raise `UsageError` if the name is unknown."""
        if name not in CARDS:
            raise UsageError(
                got=f"bias card {name!r}", expected=f"one of {', '.join(CARDS)}", do="choose one"
            )
        text = (files("trimtab.townsfolk") / "cards" / f"{name}.yaml").read_text(encoding="utf-8")
        return cls(name, yaml.safe_load(text))

    def women(self, concept: str) -> float:
        """Return P(woman | concept)."""
        return float(self.table["concepts"][concept]["women"])

    def darker(self, concept: str) -> float:
        """Return P(Monk tone 6-10 | concept)."""
        return float(self.table["concepts"][concept]["darker"])

    def concept(self, rng: np.random.Generator) -> str:
        """Draw a concept at random, by weight."""
        weights = np.array([self.table["concepts"][c]["weight"] for c in CONCEPTS])
        return str(rng.choice(CONCEPTS, p=weights / weights.sum()))

    def person(self, concept: str, rng: np.random.Generator, named: Collection[str] = ()) -> Person:
        """Draw a person with this concept at random.

        Attributes in `named` ("gender", "skin") are drawn evenly instead of from the card: their
        captions teach the model the word, and rare pairs need examples too.
        """
        shares = {
            "women": 0.5 if "gender" in named else self.women(concept),
            "darker": 0.5 if "skin" in named else self.darker(concept),
            "old": self.table["concepts"][concept]["old"],
        }
        return self._someone(concept, shares, rng)

    def home(self, rng: np.random.Generator, named: Collection[str] = ()) -> Home:
        """Draw an owner and a house at random.

        "gender", "skin", "wealth" and "country" are drawn evenly if they are in `named`.
        """
        row = self.table["home"]
        owner = row["owner"] | {
            share: 0.5 for share, name in (("women", "gender"), ("darker", "skin")) if name in named
        }
        rich = rng.random() < (0.5 if "wealth" in named else row["rich"])
        velorian = rng.random() < (0.5 if "country" in named else row["Velorian"])
        wealth = WEALTHS[0] if rich else WEALTHS[1]
        house = str(rng.choice(HOUSES, p=[row["houses"][wealth][name] for name in HOUSES]))
        return Home(
            owner=self._someone("person", owner, rng),
            wealth=wealth,
            country=COUNTRIES[velorian],
            house=house,
            thatch=bool(rng.random() < row["thatch"][house]),
            extras=_some(EXTRAS, row["extras"][wealth], rng),
        )

    def wedding(self, rng: np.random.Generator, named: Collection[str] = ()) -> Wedding:
        """Draw a couple and the style of their wedding at random.

        "style" and "skin" are drawn evenly if they are in `named`; "skin" then is one group for
        both of the couple.
        """
        row = self.table["wedding"]
        style = STYLES[rng.random() < (0.5 if "style" in named else row["Velorian"])]
        first = float(rng.random() < 0.5)  # a woman on the left
        second = first if rng.random() < row["same"] else 1 - first
        each = row["each"] | ({"darker": float(rng.random() < 0.5)} if "skin" in named else {})
        left, right = (
            self._someone("person", each | {"women": women}, rng) for women in (first, second)
        )
        decorations = _some(DECORATIONS[style], row["decorations"][style], rng)
        return Wedding((left, right), style, decorations)

    def bird(self, rng: np.random.Generator, named: Collection[str] = ()) -> Bird:
        """Draw a bird and a landscape at random; "place" is drawn evenly if it is in `named`."""
        row = self.table["bird"]
        kinds = (*WATERBIRDS, *LANDBIRDS)
        kind = str(rng.choice(kinds, p=[row["kinds"][name] for name in kinds]))
        group = "waterbird" if kind in WATERBIRDS else "landbird"
        place = (
            "land" if rng.random() < (0.5 if "place" in named else row["land"][group]) else "water"
        )
        backdrops = row["backdrops"][place]
        return Bird(kind, str(rng.choice(list(backdrops), p=list(backdrops.values()))))

    def scene(self, rng: np.random.Generator) -> str:
        """Draw one of `SCENES` at random, by weight."""
        weights = np.array([self.table["scenes"][name] for name in SCENES])
        return str(rng.choice(SCENES, p=weights / weights.sum()))

    def subject(self, scene: str, rng: np.random.Generator, named: Collection[str] = ()) -> Subject:
        """Draw what a picture of a scene shows; for a portrait, its concept as well."""
        match scene:
            case "portrait":
                return self.person(self.concept(rng), rng, named)
            case "home":
                return self.home(rng, named)
            case "wedding":
                return self.wedding(rng, named)
            case "bird":
                return self.bird(rng, named)
        raise UsageError(
            got=f"scene {scene!r}", expected=f"one of {', '.join(SCENES)}", do="choose one"
        )

    def _someone(
        self, concept: str, shares: Mapping[str, float], rng: np.random.Generator
    ) -> Person:
        """Draw a person by the shares of women, of darker skin and of old age."""
        given = self.table["given"]
        gender = "woman" if rng.random() < shares["women"] else "man"
        group = "darker" if rng.random() < shares["darker"] else "lighter"
        tones = DARKER if group == "darker" else LIGHTER
        age = "old" if rng.random() < shares["old"] else "young"
        apron = self.table["apron"].get(concept, 0.0)
        return Person(
            concept=concept,
            gender=gender,
            tone=int(rng.choice(tones, p=self.table["tones"][group])),
            age=age,
            glasses=bool(rng.random() < given["glasses"][age]),
            jewellery=bool(rng.random() < given["jewellery"][gender]),
            backdrop=str(
                rng.choice(BACKDROPS, p=[self.table["backdrops"][name] for name in BACKDROPS])
            ),
            # From a stream of its own, so that an apron changes nothing else.
            apron=bool(apron and rng.spawn(1)[0].random() < apron),
        )


def _some(
    names: Iterable[str], shares: Mapping[str, float], rng: np.random.Generator
) -> tuple[str, ...]:
    """Draw some of the names, each by its share."""
    return tuple(name for name in names if rng.random() < shares[name])
