"""Stage 5: train the oracle, on renders only.

python -m recipes.townsfolk.oracle --steps 3000
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from recipes.townsfolk.common import (
    DEVICE,
    HELD_OUT,
    TRAIN,
    WORK,
    Fact,
    augment,
    facts_of,
    fit,
    pictures,
    to_tensor,
)
from trimtab.townsfolk.captions import OBJECTS
from trimtab.townsfolk.oracle import GROUPS, Oracle
from trimtab.townsfolk.world import DECORATIONS, EXTRAS, Bird, Home, Person, Wedding

CHECKPOINT = WORK / "oracle.pt"
NOT_SHOWN = -1


def shown(fact: Fact) -> dict[str, str]:
    """Return the group of every attribute that a picture shows, as the oracle names them."""
    seen = {name for name, *_ in fact.objects}
    match fact.subject:
        case Person() as person:
            found = {
                **_person(person),
                "concept": person.concept,
                "monk_tone": f"monk {person.tone}",
                "backdrop": person.backdrop,
                **{name: _with(name in seen) for name in OBJECTS},
            }
        case Home() as home:
            found = {
                **_person(home.owner),
                "concept": "house",
                "wealth": "wealthy" if home.wealth == "rich" else home.wealth,
                "country": home.country,
                "house": home.house,
                "thatch": _with(home.thatch),
                **{name: _with(name in home.extras) for name in EXTRAS},
            }
        case Wedding() as wedding:
            genders = {one.gender for one in wedding.couple}
            couple = {"woman": "two women", "man": "two men"}
            found = {
                "concept": "wedding",
                "wedding_culture": "Velorian" if wedding.style == "Velorian" else "Castan",
                "couple": couple[genders.pop()] if len(genders) == 1 else "woman and man",
                **{
                    name: _with(name in wedding.decorations)
                    for some in DECORATIONS.values()
                    for name in some
                },
            }
        case Bird() as bird:
            found = {
                "concept": bird.group,
                "bird": bird.kind,
                "bird_background": bird.place,
                "landscape": bird.backdrop,
            }
    return found | {"scene": fact.scene}


def _with(there: bool) -> str:
    return "with" if there else "without"


def _person(person: Person) -> dict[str, str]:
    return {
        "gender": person.gender,
        "skin_tone": person.skin,
        "age": person.age,
        "glasses": _with(person.glasses),
        "jewellery": _with(person.jewellery),
    }


def truths(facts: Sequence[Fact]) -> dict[str, NDArray[np.int64]]:
    """Return the group index of each picture, by attribute; `NOT_SHOWN` where it has none."""
    rows = [shown(fact) for fact in facts]
    return {
        name: np.array([groups.index(row[name]) if name in row else NOT_SHOWN for row in rows])
        for name, groups in GROUPS.items()
    }


@torch.no_grad()
def accuracy(
    model: Oracle, images: NDArray[np.uint8], truth: Mapping[str, NDArray[np.int64]]
) -> dict[str, float]:
    """Return the accuracy on the pictures that show it, by attribute."""
    parts = [model(to_tensor(images[i : i + 128])) for i in range(0, len(images), 128)]
    out = {}
    for name, wanted in truth.items():
        guess = torch.cat([part[name] for part in parts]).argmax(1).cpu().numpy()
        out[name] = round(float((guess == wanted)[wanted != NOT_SHOWN].mean()), 4)
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3_000)
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--lr", type=float, default=2e-3)
    args = parser.parse_args()
    images, truth = pictures(TRAIN), truths(facts_of(TRAIN))
    held_out, known = pictures(HELD_OUT), truths(facts_of(HELD_OUT))

    def loss(model: torch.nn.Module, rng: np.random.Generator) -> torch.Tensor:
        rows = np.sort(rng.choice(len(images), args.batch, replace=False))
        logits = model(augment(to_tensor(images[rows]), rng))
        losses = [
            F.cross_entropy(
                logits[name],
                torch.from_numpy(truth[name][rows]).to(DEVICE),
                ignore_index=NOT_SHOWN,
                reduction="sum",
            )
            for name in GROUPS
        ]
        # Divided by all pictures, so that what few of them show does not weigh more.
        return torch.stack(losses).sum() / args.batch

    def report(model: Oracle) -> str:
        return str(accuracy(model, held_out, known))

    fit(Oracle, loss, report, CHECKPOINT, args, stream=6, every=250, clip=1.0)


if __name__ == "__main__":
    main()
