"""Intersections: two attributes combined into one, with groups such as "woman × darker"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from trimtab.concepts.target import CROSS
from trimtab.errors import UsageError

if TYPE_CHECKING:
    from trimtab.recognition import Labels


def intersection(first: Labels, second: Labels) -> Labels:
    """Return the labels of the intersection of two attributes.

    Each pair of groups is a group, with those of the first attribute varying slowest. A picture is
    unknown if either attribute is.

    Parameters
    ----------
    first, second : Labels
        Labels of the same pictures in the same order; either may be an intersection itself.

    Raises
    ------
    UsageError
        If both are of the same attribute, or of different pictures.
    """
    if first.attribute == second.attribute:
        raise UsageError(
            got=f"{first.attribute} crossed with itself",
            expected="two attributes",
            do="name another one",
        )
    require_same_pictures(first, second)
    soft = first.probabilities[:, :, None] * second.probabilities[:, None, :]
    names = dict.fromkeys(labels.recogniser for labels in (first, second) if labels.recogniser)
    return type(first)(
        f"{first.attribute}{CROSS}{second.attribute}",
        tuple(f"{a}{CROSS}{b}" for a in first.groups for b in second.groups),
        soft.reshape(len(first), len(first.groups) * len(second.groups)),
        first.seeds,
        ~(first.known & second.known),
        threshold=0.0,  # known pictures were determined above
        title=f"{first.title}{CROSS}{second.title}",
        recogniser=", ".join(names),
        prompts=first.prompts,
        missed=first.missed | second.missed,
        files=first.files,
        numbered=first.numbered,
        no_face=first.no_face | second.no_face,
    )


def require_same_pictures(first: Labels, second: Labels) -> None:
    """Reject labels of different pictures.

    Raises
    ------
    UsageError
        If seeds or prompts differ.
    """
    if not (
        np.array_equal(first.seeds, second.seeds) and np.array_equal(first.prompts, second.prompts)
    ):
        raise UsageError(
            got=f"{second.attribute} labels of other pictures than {first.attribute}",
            expected="labels of the same pictures, in the same order",
            do="classify the same pictures by both",
        )
