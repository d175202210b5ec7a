"""Spillover: changes of attributes that were not meant to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trimtab.metrics.comparison import Comparison
from trimtab.metrics.expected import Expected, expected
from trimtab.statistics import CONFIDENCE, EQUIVALENCE, holm

if TYPE_CHECKING:
    from trimtab.recognition import Labels


@dataclass(frozen=True)
class Spillover:
    """The change of one other attribute; see `spillover`.

    `group` is the group that changed most (the first of two), with its `difference` and interval,
    at `confidence`. `p` tests the whole attribute, `p_holm` is adjusted for all attributes, and
    `equivalent` is `Comparison.equivalent` at `margin`. `expected` tells how much of the change the
    steered groups bring with them; None if they are unknown.
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
    expected: Expected | None = None


def spillover(
    pairs: Mapping[str, tuple[Labels, Labels]],
    *,
    steered: Sequence[tuple[Labels, Labels]] = (),
    named: tuple[Mapping[str, Labels], Sequence[Labels]] | None = None,
    margin: float = EQUIVALENCE,
    confidence: float = CONFIDENCE,
) -> list[Spillover]:
    """Return the changes of attributes that were not meant to change.

    Parameters
    ----------
    pairs : mapping of str to (Labels, Labels)
        Attribute name -> labels before and after, paired as in `Comparison.between`.
    steered : sequence of (Labels, Labels), optional
        Labels before and after of the attributes that were meant to change, of the same pictures
        in the same order. With them, every row has its `expected` share.
    named : (mapping of str to Labels, sequence of Labels), optional
        Labels of all these attributes, the others and the steered ones, in pictures whose prompts
        name the groups, as in `trimtab.metrics.expected`.
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
        As `Comparison.between`, or if steered labels are of other pictures.
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
                expected(
                    row,
                    pairs[name],
                    steered,
                    None if named is None else (named[0][name], named[1]),
                    confidence=confidence,
                )
                if steered
                else None,
            )
        )
    return found
