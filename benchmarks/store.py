"""Measure how long it takes to open a store with many pictures, and to add to it.

Filling the store with small pictures takes most of the time. Reading is measured in new processes,
without the start of Python and imports.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from common import arguments, finish

OPEN_BAR = 1.0  # seconds, for 20,000 pictures
SPEC = {"format": "trimtab-spec", "version": 1, "model": {"name": "none"}, "batch_size": 10}
PROMPTS = ("a photo of a doctor", "a photo of a nurse")
READ = """
import sys, time
from trimtab.storage import PictureIndex, Store
start = time.perf_counter()
store = Store(sys.argv[1])
rows = [row for spec in store.specs() for row in PictureIndex(store).rows(spec)]
print(time.perf_counter() - start, len(rows))
"""


def fill(folder: Path, n: int) -> list[float]:
    """Add pictures in batches of ten; return the seconds per batch, without writing pictures."""
    from trimtab.storage import PictureIndex, Store

    store = Store(folder)
    spec, index, times = store.add_spec(SPEC), PictureIndex(store), []
    image = Image.fromarray(np.zeros((8, 8, 3), np.uint8))
    for prompt in PROMPTS:
        for first in range(0, n // len(PROMPTS), 10):
            rows = [
                index.write(
                    spec, prompt, seed, image, record={"seed": seed}, blocked=False,
                    environment='{"device": "cpu"}',
                )
                for seed in range(first, first + 10)
            ]  # fmt: skip
            start = time.perf_counter()
            index.add(rows)
            times.append(time.perf_counter() - start)
            if first % 1000 == 990:
                index.finish(spec, prompt, first)
    return times


def main() -> int:
    parser = arguments(__doc__.splitlines()[0], model=False)
    parser.add_argument("--pictures", type=int, default=20_000, help="a multiple of 2000")
    parser.add_argument("--runs", type=int, default=5, help="reads, each in a new process")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        adding = fill(Path(folder), options.pictures)
        tenth = len(adding) // 10
        opening = []
        for _ in range(options.runs):
            command = [sys.executable, "-c", READ, folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, found = done.stdout.split()
            assert int(found) == options.pictures
            opening.append(float(seconds))
    figures = {
        "benchmark": "store",
        "pictures": options.pictures,
        "open_seconds": {"median": round(median(opening), 4), "slowest": round(max(opening), 4)},
        "add_ten_rows_seconds": {
            "first_tenth": round(median(adding[:tenth]), 5),
            "last_tenth": round(median(adding[-tenth:]), 5),
        },
    }
    bars = {
        f"{options.pictures} pictures opened in {OPEN_BAR} s": median(opening) <= OPEN_BAR,
        "a part added to a full store as to an empty one (within twice)": (
            median(adding[-tenth:]) <= 2 * median(adding[:tenth])
        ),
    }
    return finish(figures, bars, options.out)


if __name__ == "__main__":
    sys.exit(main())
