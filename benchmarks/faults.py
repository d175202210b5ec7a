"""Damage many files of every format that is read, and read them: none may end the reading.

Each file is a whole one in which bytes were changed, removed, inserted or exchanged with those of
another, or that was cut off. They are read in batches with `ImageSet.from_folder` and `Subjects`,
as an audit does, so that a fault in a batch would show as an exception or as a missing status.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.generation import ImageSet
from trimtab.recognition.subjects import Subjects
from trimtab.storage import Reduction
from trimtab.storage.formats import FORMATS

Bytes = NDArray[np.uint8]


def wholes() -> list[tuple[str, Bytes]]:
    """Return whole files: every format in several modes, with EXIF data, profile and frames."""
    rng = np.random.default_rng(0)
    rgb = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize((48, 36))
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    grey = Image.fromarray(rng.integers(0, 65536, (36, 48), dtype=np.uint16))
    modes = [rgb, rgb.convert("RGBA"), rgb.convert("L"), rgb.convert("P"), rgb.convert("1"), grey,
             rgb.convert("CMYK"), rgb.convert("F")]  # fmt: skip
    options: list[dict[str, Any]] = [
        {}, {"exif": exif, "icc_profile": bytes(36) + b"acsp" + bytes(200)},
        {"save_all": True, "append_images": [rgb.rotate(90)]}, {"compression": "tiff_lzw"},
        {"compression": "jpeg"}, {"progressive": True, "subsampling": 0}, {"lossless": True},
    ]  # fmt: skip
    found: dict[bytes, str] = {}
    for format in (*FORMATS, "MPO"):
        for picture in modes:
            for some in options:
                if some.get("compression") == "jpeg" and picture.mode != "RGB":
                    continue  # libtiff's writer crashes
                buffer = io.BytesIO()
                try:
                    picture.save(buffer, format, **some)
                except Exception:
                    continue  # the format does not take this mode or option
                found[buffer.getvalue()] = format
    return [(format, np.frombuffer(data, np.uint8)) for data, format in found.items()]


def damaged(data: Bytes, other: Bytes, rng: np.random.Generator) -> Bytes:
    """Return a file with one to four kinds of damage."""
    data = data.copy()
    for _ in range(rng.integers(1, 5)):
        at = int(rng.integers(0, max(1, len(data))))
        if rng.random() < 0.5:  # most decisions of a decoder depend on the head
            at = int(min(len(data) - 1, rng.integers(0, 128)))
        n = int(rng.integers(1, 9))
        match int(rng.integers(0, 7)):
            case 0 | 1:
                part = data[at : at + n]
                part[:] = rng.integers(0, 256, len(part))
            case 2:  # a size or an offset
                data[at : at + 4] = rng.choice([0, 1, 127, 128, 255])
            case 3:
                data = np.concatenate([data[:at], data[at + n :]])
            case 4:
                more = rng.integers(0, 256, n).astype(np.uint8)
                data = np.concatenate([data[:at], more, data[at:]])
            case 5:
                part = other[at : at + 16 * n]
                data = np.concatenate([data[:at], part, data[at + len(part) :]])
            case _:
                data = data[: max(1, at)]
        if not len(data):
            return np.zeros(1, np.uint8)
    return data


def main() -> None:
    """Read the files and print what became of them; fail if one got no status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=100_000, help="number of files")
    parser.add_argument("--batch", type=int, default=500, help="files in a folder at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    rng, sources = np.random.default_rng(given.seed), wholes()
    by_format: dict[str, list[int]] = collections.defaultdict(list)
    for i, (format, _) in enumerate(sources):
        by_format[format].append(i)
    formats = list(by_format)
    status: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    reasons: collections.Counter[str] = collections.Counter()
    begun, done = time.monotonic(), 0
    while done < given.n:
        n = min(given.batch, given.n - done)
        folder = Path(tempfile.mkdtemp())
        names = []
        for i in range(n):
            names.append(formats[(done + i) % len(formats)])
            _, data = sources[rng.choice(by_format[names[-1]])]
            _, other = sources[rng.integers(len(sources))]
            (folder / f"{i:06d}.png").write_bytes(damaged(data, other, rng).tobytes())
        subjects = Subjects(ImageSet.from_folder(folder), Reduction(64, 64, above=4096))
        rows = [last for last, _ in subjects.chunks([])]
        assert rows[-1] == n
        for name, one, reason in zip(names, subjects.status(), subjects.reasons, strict=True):
            status[name][str(one)] += 1
            assert one == "known" or reason
            if one == "unreadable":
                reasons[" ".join(w for w in reason.split() if not w.strip("()").isdigit())] += 1
        shutil.rmtree(folder)
        done += n
        print(f"{done:,} files, {time.monotonic() - begun:.0f} s", flush=True)
    total: collections.Counter[str] = sum(status.values(), collections.Counter())
    head = ("known", "blocked", "unreadable")
    print(f"\n{'format':10}" + "".join(f"{name:>12}" for name in head))
    for name, row in [*sorted(status.items()), ("all", total)]:
        print(f"{name:10}" + "".join(f"{row[one]:>12,}" for one in head))
    print(f"\n{len(reasons)} different reasons; decoders that crashed or hung:")
    for reason, n in reasons.most_common():
        if "crashed" in reason or "takes more" in reason or "too much memory" in reason:
            print(f"  {n:,} {reason}")
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        facts = {"files": done, "status": {k: dict(v) for k, v in status.items()}}
        facts |= {"reasons": dict(reasons), "seconds": round(time.monotonic() - begun)}
        given.out.write_text(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
