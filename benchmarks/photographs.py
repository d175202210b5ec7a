"""Audit photographs of 12 megapixels: memory above the loaded recogniser, and time.

The time is compared with decoding the same files with Pillow, one by one, plus the time of the
recogniser for the decoded pictures, in batches of eight, which is its smallest. An audit that keeps
its result in a store, with a report, is compared with one that does not. Each measurement runs in a
process of its own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

MEMORY = 0.5  # GB above the process with its recogniser loaded
SLOWER = 1.2  # times the reference; and with a store, times the audit without
DISTINCT = 12  # scenes; every photograph has pixels of its own
SIZE = (4000, 3000)


def photographs(folder: Path, n: int) -> None:
    """Write n photographs, each with its own pixels, so that none is taken for another."""
    import numpy as np
    from PIL import Image, ImageDraw

    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    scenes = []
    for _ in range(min(n, DISTINCT)):
        shapes = rng.integers(0, 240, (60, 80, 3), dtype=np.uint8)
        scene = np.asarray(Image.fromarray(shapes).resize(SIZE, Image.Resampling.BICUBIC))
        grain = rng.integers(0, 12, (SIZE[1], SIZE[0], 1), dtype=np.uint8)
        scenes.append(Image.fromarray(scene + grain))
    for i in range(n):
        scene = scenes[i % len(scenes)]
        colour = tuple(int(value) for value in rng.integers(0, 256, 3))
        ImageDraw.Draw(scene).rectangle((0, 0, 400 + i, 400), fill=colour)
        scene.save(folder / f"IMG_{i:04d}.jpg", quality=85)


def peak(who: int) -> float:
    """Return the largest resident memory so far, in GB."""
    kilobytes = resource.getrusage(who).ru_maxrss / (1024 if sys.platform == "darwin" else 1)
    return kilobytes / 1e6


def decoder_peak() -> float:
    """Return the largest resident memory of the decoder's process, in GB."""
    from trimtab.storage import decoder

    process = decoder._shared._process
    assert process is not None
    status = Path(f"/proc/{process.pid}/status")
    if status.exists():  # what getrusage says of children includes this process, before the start
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1e6
    decoder._shared.close()
    return peak(resource.RUSAGE_CHILDREN)


def audit(folder: Path, out: Path | None) -> dict[str, Any]:
    """Measure one audit, as the command line runs it."""
    from trimtab import townsfolk
    from trimtab.recognition import recogniser_for
    from trimtab.report import write_report
    from trimtab.storage import Store
    from trimtab.workflows import audit_images

    own = recogniser_for(None, townsfolk.model_folder() / "recogniser")
    warm(own)
    before, begun = peak(resource.RUSAGE_SELF), time.monotonic()
    store = None if out is None else Store(out)
    result = audit_images(folder, "gender", recogniser=own, to=store)
    if store is not None:
        write_report(result)
    seconds = time.monotonic() - begun
    decoder = decoder_peak()
    return {
        "n": result.n,
        "distinct": len({one.picture for one in result.sources}),
        "seconds": seconds,
        "memory": peak(resource.RUSAGE_SELF) - before + decoder,
        "decoder_memory": decoder,
    }


def reference(folder: Path, n: int) -> dict[str, Any]:
    """Measure Pillow and the recogniser alone."""
    from PIL import Image

    from trimtab import townsfolk
    from trimtab.concepts import attribute
    from trimtab.recognition import Question, recogniser_for

    own = recogniser_for(None, townsfolk.model_folder() / "recogniser")
    phrases = Question.of(attribute("gender")).phrases
    warm(own)
    files = sorted(folder.iterdir())[:n]
    decoding = recognising = 0.0
    for start in range(0, len(files), 8):
        begun = time.monotonic()
        pictures = []
        for file in files[start : start + 8]:
            with Image.open(file) as picture:
                picture.load()
                pictures.append(picture)
        decoded = time.monotonic()
        own.probabilities(pictures, phrases)
        decoding += decoded - begun
        recognising += time.monotonic() - decoded
    return {"n": len(files), "decoding": decoding, "recognising": recognising}


def warm(own: Any) -> None:
    """Let the recogniser load what it needs."""
    from PIL import Image

    own.probabilities([Image.new("RGB", (640, 480))], [["a"], ["b"]])


def run(*words: Any) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, *map(str, words)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Print the figures; return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1000, help="number of photographs")
    parser.add_argument("--sample", type=int, default=200, help="of the reference; the rest scales")
    parser.add_argument("--folder", type=Path, help="where to write the photographs, or find them")
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    parser.add_argument("--measure", choices=("audit", "reference"), help=argparse.SUPPRESS)
    parser.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure == "audit":
        print(json.dumps(audit(given.folder, given.store)))
        return 0
    if given.measure == "reference":
        print(json.dumps(reference(given.folder, given.sample)))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary, "photographs")
        if not folder.is_dir():
            photographs(folder, given.n)
        where = ("--folder", folder)
        alone = run("--measure", "reference", *where, "--sample", min(given.sample, given.n))
        plain = run("--measure", "audit", *where)
        kept = run("--measure", "audit", *where, "--store", Path(temporary, "store"))
    scale = plain["n"] / alone["n"]
    expected = (alone["decoding"] + alone["recognising"]) * scale
    print(f"{plain['n']} photographs of 12 megapixels, {plain['distinct']} distinct")
    print(
        f"Pillow and recogniser alone: {alone['decoding'] * scale:.0f} s + "
        f"{alone['recognising'] * scale:.0f} s (measured on {alone['n']})"
    )
    bars = {
        "time of the audit": (plain["seconds"] / expected, SLOWER, "times that"),
        "time with a store and report": (kept["seconds"] / plain["seconds"], SLOWER, "times that"),
        "memory of the audit": (plain["memory"], MEMORY, "GB"),
        "memory with a store and report": (kept["memory"], MEMORY, "GB"),
    }
    for name, (value, bar, unit) in bars.items():
        print(f"{name:32} {value:.2f} {unit}; bar {bar}{'' if value <= bar else ', MISSED'}")
    print(f"seconds: {plain['seconds']:.0f} without a store, {kept['seconds']:.0f} with")
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        facts = {"alone": alone, "plain": plain, "kept": kept}
        given.out.write_text(json.dumps(facts, indent=2))
    return int(any(value > bar for value, bar, _ in bars.values()))


if __name__ == "__main__":
    sys.exit(main())
