"""Where a concept's text and its pictures disagree about what goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from trimtab.statistics import Share
from trimtab.statistics.numbers import Number

SELDOM, MOSTLY = 0.1, 0.5
"""A share is low if its interval lies below the first, and high if it lies above the second."""
FEWEST = 4  # attributes that can be near or far

Disagreement = Literal["", "close, seldom shown", "not close, mostly shown"]


@dataclass(frozen=True)
class Misalignment:
    """An attribute's place by association and by how often pictures show it.

    Attributes
    ----------
    phrase : str
        The attribute.
    association, detected : float
        Its rank by association and by detected share, 1 for the highest; ties share their mean.
    gap : float
        Rank by share minus rank by association: positive if it is closer in text than in pictures.
    disagreement : {"", "close, seldom shown", "not close, mostly shown"}
        "close, seldom shown": the nearer half in text, and shown by less than a tenth of the
        pictures. "not close, mostly shown": the farther half in text, and shown by more than half.
        Both are with confidence, since the whole interval of the share must lie there, and only
        among at least four attributes.
    """

    phrase: str
    association: Number
    detected: Number
    gap: Number
    disagreement: Disagreement = ""


def misalignments(
    phrases: list[str], association: ArrayLike, detected: list[Share]
) -> tuple[Misalignment, ...]:
    """Compare the ranks of attributes by association with those by detected share.

    Parameters
    ----------
    phrases : list of str
        The k attributes.
    association : array_like, shape (k,)
        Cosines of concept and attribute.
    detected : list of Share
        Shares of the concept's pictures that show the attribute.

    Returns
    -------
    tuple of Misalignment
        In the order of the attributes.
    """
    close = _ranks(association)
    shown = _ranks([one.value for one in detected])
    middle = (len(phrases) + 1) / 2 if len(phrases) >= FEWEST else math.nan
    return tuple(
        Misalignment(phrase, near, seen, seen - near, _disagreement(near - middle, share))
        for phrase, near, seen, share in zip(
            phrases, close.tolist(), shown.tolist(), detected, strict=True
        )
    )


def _ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return ranks, 1 for the highest."""
    found: NDArray[np.float64] = scipy.stats.rankdata(-np.asarray(values, dtype=np.float64))
    return found


def _disagreement(beyond: float, share: Share) -> Disagreement:
    """Return how a share disagrees with a rank, given how far the rank is beyond the middle."""
    if beyond < 0 and share.high < SELDOM:
        return "close, seldom shown"
    if beyond > 0 and share.low > MOSTLY:
        return "not close, mostly shown"
    return ""
