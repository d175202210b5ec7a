"""A process that fills a store with small pictures, ten a batch; started and killed by tests."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from trimtab.storage import PictureIndex, Store

SPEC = {"format": "trimtab-spec", "version": 1, "model": {"name": "none"}, "batch_size": 10}
PROMPT = "a photo of a doctor"


def picture(seed: int) -> Image.Image:
    """Draw what a model would for a seed."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8))


def fill(url: str | Path, seeds: Iterable[int]) -> None:
    """Make what is missing, as generate does."""
    store = Store(url)
    store.choose_threads(1)
    spec, index = store.add_spec(SPEC), PictureIndex(store)
    seeds = list(seeds)
    for at in range(0, len(seeds), 10):
        batch = seeds[at : at + 10]
        done = {row.seed for row in index.rows(spec, PROMPT)}
        if done >= set(batch):
            continue
        rows = [
            index.write(
                spec, PROMPT, seed, picture(seed),
                record={"spec": spec, "seed": seed}, blocked=False, environment="{}",
            )
            for seed in batch
        ]  # fmt: skip
        index.add(rows)
    for first in {seed - seed % 1000 for seed in seeds}:
        index.finish(spec, PROMPT, first)
    store.save_result("done", {"n": len(seeds)})


if __name__ == "__main__":
    fill(sys.argv[1], range(int(sys.argv[2]), int(sys.argv[3])))
