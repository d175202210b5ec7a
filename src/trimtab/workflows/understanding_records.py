"""The parts of what `understand` finds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from trimtab.recognition.detection import Box
from trimtab.statistics import Estimate, Share
from trimtab.statistics.numbers import Number


@dataclass(frozen=True)
class Closeness:
    """The cosine of two text embeddings (TERU).

    Attributes
    ----------
    cosine : float
        From -1 to 1.
    rarity : float
        How rarely an unrelated word is as close, 0 to 1; as `trimtab.metrics.rarity`.
    """

    cosine: Number
    rarity: Number


@dataclass(frozen=True)
class Unrelated:
    """How close unrelated words are to the concept, for one text encoder.

    Attributes
    ----------
    n : int
        Number of words.
    low, median, high : float
        The 5 %, 50 % and 95 % quantiles of their cosines, in the sentences of all attributes.
    """

    n: int
    low: Number
    median: Number
    high: Number


@dataclass(frozen=True)
class Association:
    """What connects the concept with an attribute, in text and in pictures.

    Attributes
    ----------
    phrase : str
        The attribute: a group such as "woman", or a word such as "stethoscope".
    kind : str
        The title of the attribute or of the list that it comes from.
    sentence : str
        The text compared with the prompt, and the prompt of its own pictures.
    text : dict of str to Closeness
        By name of the text encoder.
    pictures : Estimate, optional
        Mean cosine of the concept's pictures and its own (VERU); None if it has none.
    detected : Share, optional
        Share of the concept's pictures that show it; None if nobody looked for it.
    corrected : Estimate, optional
        That share among the pictures in which it could be told, corrected for the error of the
        recogniser; None if that is not known.
    by : {"recogniser", "detector", ""}
        Who looked for it.
    """

    phrase: str
    kind: str
    sentence: str
    text: dict[str, Closeness] = field(default_factory=dict)
    pictures: Estimate | None = None
    detected: Share | None = None
    corrected: Estimate | None = None
    by: Literal["recogniser", "detector", ""] = ""


@dataclass(frozen=True)
class Found:
    """An object found in a picture.

    Attributes
    ----------
    seed : int
        The picture's seed.
    score : float
        0 to 1.
    box : tuple of float
        Left, top, right and bottom, in pixels.
    """

    seed: int
    score: Number
    box: Box


@dataclass(frozen=True)
class ObjectKind:
    """How often a kind of object was found.

    Attributes
    ----------
    phrase : str
        What it is.
    pictures : Share
        Share of the pictures that show it.
    count : int
        Number of boxes in all pictures.
    examples : tuple of Found
        The surest findings, one in each of some pictures, the surest first.
    """

    phrase: str
    pictures: Share
    count: int
    examples: tuple[Found, ...] = ()
