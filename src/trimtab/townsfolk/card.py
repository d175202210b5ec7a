"""The bias card: how often each attribute occurs with each concept, read from a YAML file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
import yaml

from trimtab.errors import UsageError
from trimtab.townsfolk.world import BACKDROPS, CONCEPTS, DARKER, LIGHTER, Person

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
        given = self.table["given"]
        women = 0.5 if "gender" in named else self.women(concept)
        darker = 0.5 if "skin" in named else self.darker(concept)
        gender = "woman" if rng.random() < women else "man"
        group = "darker" if rng.random() < darker else "lighter"
        tones = DARKER if group == "darker" else LIGHTER
        age = "old" if rng.random() < self.table["concepts"][concept]["old"] else "young"
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
        )
