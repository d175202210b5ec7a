"""Stage 1: draw the training and held-out pictures.

python -m recipes.townsfolk.draw --train 40000 --held-out 3000
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.random import Generator

from recipes.townsfolk.common import HELD_OUT, TRAIN, WORK
from trimtab.townsfolk import captions
from trimtab.townsfolk.card import BiasCard
from trimtab.townsfolk.render import SIZE, draw
from trimtab.townsfolk.world import Person

SEEDS = {TRAIN: 1, HELD_OUT: 2}
COMPARED = 100  # people compared to tell one card from another


def someone(index: int, split: str, card: BiasCard) -> tuple[Person, Generator, dict[str, object]]:
    """Choose person `index` of a split, and the attributes that its captions name."""
    rng = np.random.default_rng([SEEDS[split], index])
    named = captions.draw_named(rng)
    person = card.person(card.concept(rng), rng, named)
    return person, rng, {"person": person.to_dict(), "named": list(named)}


def one(index: int, split: str, card: BiasCard) -> tuple[np.ndarray, dict[str, object]]:
    """Draw picture `index` of a split, independently of the number of workers."""
    person, rng, row = someone(index, split, card)
    return np.asarray(draw(person, rng)), row


def drawn_already(facts: Path, split: str, n: int, card: BiasCard) -> bool:
    """Return whether a split exists with `n` people, the first of which match this card."""
    rows = json.loads(facts.read_text()) if facts.exists() else []
    return len(rows) == n and all(
        row == someone(index, split, card)[-1] for index, row in enumerate(rows[:COMPARED])
    )


def draw_split(split: str, n: int, card: BiasCard, workers: int) -> None:
    """Draw `n` pictures of a split into the work folder, unless they already exist."""
    file, facts = WORK / f"{split}.npy", WORK / f"{split}.json"
    if drawn_already(facts, split, n, card):
        print(f"{split}: {n} pictures, already drawn")
        return
    WORK.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    images = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(n, SIZE, SIZE, 3))
    rows = []
    with Pool(workers) as pool:
        work = pool.imap(partial(one, split=split, card=card), range(n), chunksize=64)
        for index, (image, row) in enumerate(work):
            images[index] = image
            rows.append(row)
    images.flush()
    part.replace(file)
    facts.write_text(json.dumps(rows))  # written last, to mark the split as complete
    print(f"{split}: {n} pictures")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", type=int, default=40_000)
    parser.add_argument("--held-out", type=int, default=3_000)
    parser.add_argument("--card", default="townsfolk")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    card = BiasCard.load(args.card)
    draw_split(HELD_OUT, args.held_out, card, args.workers)
    draw_split(TRAIN, args.train, card, args.workers)


if __name__ == "__main__":
    main()
