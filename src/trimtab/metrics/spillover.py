"""Spillover: changes of attributes that were not meant to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.metrics.comparison import Comparison
from trimtab.statistics import CONFIDENCE, EQUIVALENCE, holm

if TYPE_CHECKING:
    from trimtab.recognition import Labels


@dataclass(frozen=True)
class Spillover:
    """The change of one other attribute; see `spillover`.

    `group` is the group that changed most (the first of two), with its `difference` and interval,
    at `confidence`. `p` tests the whole attribute, `p_holm` is adjusted for all attributes, and
    `equivalent` is `Comparison.equivalent` at `margin`.
    """

    attribute: str
    group: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    equivalent: bool
    margin: float = EQUIVALENCE
    confidence: float = CONFIDENCE


def spillover(
    pairs: Mapping[str, tuple[Labels, Labels]],
    *,
    margin: float = EQUIVALENCE,
    confidence: float = CONFIDENCE,
) -> list[Spillover]:
    """Return the changes of attributes that were not meant to change.

    Parameters
    ----------
    pairs : mapping of str to (Labels, Labels)
        Attribute name -> labels before and after, paired as in `Comparison.between`.
    margin : float, optional
        Margin within which shares are equivalent.
    confidence : float, optional
        Confidence of the intervals.

    Returns
    -------
    list of Spillover
        One row per attribute, in order; Holm's correction covers all of them.

    Raises
    ------
    UsageError
        As `Comparison.between`.
    """
    every = {
        name: Comparison.between(before, after, confidence=confidence)
        for name, (before, after) in pairs.items()
    }
    adjusted = holm([one.p for one in every.values()])
    found = []
    for (name, one), p_holm in zip(every.items(), adjusted, strict=True):
        # Two groups mirror each other, unless some pictures are unknown; use the first for both.
        several = len(one.rows) > 2
        row = max(one.rows, key=lambda r: abs(r.difference)) if several else one.rows[0]
        found.append(
            Spillover(
                name,
                row.group,
                one.n,
                row.before,
                row.after,
                row.difference,
                row.low,
                row.high,
                one.p,
                p_holm,
                one.equivalent(margin),
                margin,
                confidence,
            )
        )
    return found
