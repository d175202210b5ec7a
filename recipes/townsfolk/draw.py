"""Stage 1: draw the training and held-out pictures of all scenes, with the boxes of objects.

python -m recipes.townsfolk.draw --train 40000 --held-out 3000
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from recipes.townsfolk.common import HELD_OUT, TRAIN, WORK
from trimtab.townsfolk.card import BiasCard
from trimtab.townsfolk.render import SIZE, picture
from trimtab.townsfolk.scene_captions import draw_named
from trimtab.townsfolk.world import Subject

SEEDS = {TRAIN: 1, HELD_OUT: 2}
COMPARED = 100  # subjects compared to tell one card from another


def chosen(index: int, split: str, card: BiasCard) -> tuple[Subject, Generator, dict[str, Any]]:
    """Choose subject `index` of a split, and the attributes that its captions name."""
    rng = np.random.default_rng([SEEDS[split], index])
    scene = card.scene(rng)
    named = draw_named(scene, rng)
    subject = card.subject(scene, rng, named)
    return subject, rng, {"scene": scene, "subject": subject.to_dict(), "named": list(named)}


def one(index: int, split: str, card: BiasCard) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw picture `index` of a split, independently of the number of workers."""
    subject, rng, row = chosen(index, split, card)
    drawn = picture(subject, rng)
    objects = [[thing.name, *thing.box] for thing in drawn.objects]
    return np.asarray(drawn.image), row | {"objects": objects}


def drawn_already(facts: Path, split: str, n: int, card: BiasCard) -> bool:
    """Return whether a split exists with `n` subjects, the first of which match this card."""
    rows = json.loads(facts.read_text()) if facts.exists() else []
    return len(rows) == n and all(
        row == chosen(index, split, card)[-1] | {"objects": row["objects"]}
        for index, row in enumerate(rows[:COMPARED])
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
    parser.add_argument("--train", type=int, default=60_000)
    parser.add_argument("--held-out", type=int, default=3_000)
    parser.add_argument("--card", default="townsfolk")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    card = BiasCard.load(args.card)
    draw_split(HELD_OUT, args.held_out, card, args.workers)
    draw_split(TRAIN, args.train, card, args.workers)


if __name__ == "__main__":
    main()
