"""What a detector finds in a picture, and how its findings are compared with true boxes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from trimtab.errors import UsageError

Box = tuple[float, float, float, float]
"""Left, top, right and bottom, in pixels."""


class Detection(NamedTuple):
    """An object that a detector found.

    Attributes
    ----------
    phrase : str
        What it is.
    score : float
        From 0 to 1.
    box : tuple of float
        Left, top, right and bottom, in pixels.
    """

    phrase: str
    score: float
    box: Box


@runtime_checkable
class Detector(Protocol):
    """Any object that finds in pictures what phrases name.

    As in a `Recogniser`, `name` and `fingerprint` are optional. So are two others: `threshold`
    (float), the least score that counts unless another one is given when findings are read; and
    `phrases` (sequence of str), all that the detector knows, if that is fixed.
    """

    def detect(
        self, images: Sequence[Image.Image], phrases: Sequence[str]
    ) -> list[list[Detection]]:
        """Return what is found in each picture, best first.

        Parameters
        ----------
        images : sequence of PIL.Image
            n pictures.
        phrases : sequence of str
            What to look for, such as "stethoscope". A detector that names by itself what it sees
            also takes none.

        Returns
        -------
        list of list of Detection
            One list for each picture, empty where nothing is found.
        """
        ...


def distinct(phrases: Sequence[str]) -> list[str]:
    """Return phrases, each once, with single spaces.

    Raises
    ------
    UsageError
        If they are one text, or one of them is empty.
    """
    if isinstance(phrases, str):
        raise UsageError(
            got=f"the text {phrases!r} as phrases",
            expected="a list of phrases",
            do=f"use phrases=[{phrases!r}]",
        )
    found = [" ".join(str(phrase).split()) for phrase in phrases]
    if "" in found:
        raise UsageError(got="an empty phrase", expected="one or more words", do="leave it out")
    return list(dict.fromkeys(found))


def overlap(first: ArrayLike, second: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union of boxes, shape (n, m).

    Parameters
    ----------
    first : array_like, shape (n, 4)
        Boxes as in `Box`.
    second : array_like, shape (m, 4)
        Boxes as in `Box`.
    """
    a, b = (np.asarray(one, dtype=np.float64).reshape(-1, 4) for one in (first, second))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=1) for one in (a, b)]
    union = areas[0][:, None] + areas[1][None] - both
    found: NDArray[np.float64] = np.divide(both, union, out=np.zeros_like(both), where=union > 0)
    return found


def average_precision(
    found: Sequence[Sequence[Detection]],
    true: Sequence[Sequence[tuple[str, Box]]],
    *,
    least_overlap: float = 0.5,
) -> dict[str, float]:
    """Return the average precision of each kind of object that occurs; their mean is the mAP.

    Findings of all pictures are taken in the order of their scores. One is right if a true box of
    its kind, not yet found, overlaps it enough; of several, the one that overlaps most. The average
    precision is the area under precision against recall, where each precision is the largest at
    this or a higher recall (PASCAL VOC from 2010 on, all points).

    Parameters
    ----------
    found : sequence of sequence of Detection
        The findings in each picture.
    true : sequence of sequence of (str, box)
        The true objects in each picture.
    least_overlap : float, optional
        The intersection over union that counts as found.

    References
    ----------
    M. Everingham et al., The PASCAL visual object classes challenge: a retrospective, International
    Journal of Computer Vision 111, 2015.
    """
    return {
        kind: _average_precision(
            [[one for one in some if one.phrase == kind] for some in found],
            [[box for name, box in some if name == kind] for some in true],
            least_overlap,
        )
        for kind in sorted({name for some in true for name, _ in some})
    }


def _average_precision(
    found: Sequence[Sequence[Detection]], true: Sequence[Sequence[Box]], least: float
) -> float:
    scores: list[float] = []
    right: list[bool] = []
    for some, boxes in zip(found, true, strict=True):
        left = np.ones(len(boxes), dtype=bool)
        for one in sorted(some, key=lambda each: -each.score):
            overlaps = np.where(left, overlap([one.box], boxes)[0], 0.0)
            best = int(overlaps.argmax()) if len(boxes) else 0
            hit = bool(len(boxes) and overlaps[best] >= least)
            if hit:
                left[best] = False
            scores.append(one.score)
            right.append(hit)
    hits = np.cumsum(np.array(right, dtype=bool)[np.argsort(-np.array(scores), kind="stable")])
    recall = hits / sum(map(len, true))
    precision = hits / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.diff(recall, prepend=0.0) @ envelope)
