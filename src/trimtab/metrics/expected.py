"""Expected shares: what a new mix of groups alone makes of another attribute.

More women among the doctors bring more jewellery, if women wear more of it in plain pictures, too.
Such a change belongs to the groups. Only what goes beyond it shows that a direction also carries
the other attribute.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal

from trimtab.concepts.values import UNKNOWN
from trimtab.drawing.words import number_of
from trimtab.metrics.comparison import Difference
from trimtab.metrics.intersections import intersection, require_same_pictures
from trimtab.statistics import CONFIDENCE, FEW, Estimate, standardised
from trimtab.statistics.numbers import Number

if TYPE_CHECKING:
    from trimtab.recognition import Labels

Reading = Literal["no change shown", "brought by the groups", "spillover", "cannot tell"]
"""How to read a change of another attribute; see `Expected`."""
Stratum = tuple[str, str]
"""A prompt, and the groups that a picture of it shows."""
NONE = (0, 0)
"""Hits and pictures of a stratum that does not occur."""


@dataclass(frozen=True)
class Expected:
    """A share as expected from the groups' own rates, against the share seen.

    Attributes
    ----------
    share : float
        Expected share: Σ w(g) P(group | g) over prompts and groups g of the steered attributes,
        with the rates P of the plain pictures and the mix w of the steered ones. NaN if a group
        that is shown now has no rate.
    seen : float
        Share seen in the steered pictures that show a known group of each steered attribute.
    difference, low, high : float
        Seen minus expected, with its interval (`trimtab.statistics.standardised`).
    rarest : str
        The group whose rate limits the certainty most, e.g. "woman".
    n : int
        Number of pictures that this rate is from.
    named : bool
        Whether any rate is from pictures whose prompts name the group, because fewer than 20
        plain pictures show it.
    reading : str
        "spillover" if the interval excludes 0. Otherwise "no change shown" if that of the change
        itself contains 0, "brought by the groups" if the interval excludes half of the change and
        more, and "cannot tell" if it does not, or if a rate is missing.
    """

    share: Number
    seen: Number
    difference: Number
    low: float
    high: float
    rarest: str
    n: int
    named: bool
    reading: Reading

    def __str__(self) -> str:
        """Return the reading, with the number of pictures if these are too few."""
        if self.reading != "cannot tell":
            return self.reading
        return f"{self.reading} from {number_of(self.n, 'picture')} of “{self.rarest}”"


def expected(
    change: Difference,
    own: tuple[Labels, Labels],
    steered: Sequence[tuple[Labels, Labels]],
    named: tuple[Labels, Sequence[Labels]] | None = None,
    *,
    confidence: float = CONFIDENCE,
) -> Expected:
    """Return what the groups' own rates make of a share, against what was seen.

    Pictures that are unknown in a steered attribute are left out; those unknown in the other one
    count as not showing its group.

    Parameters
    ----------
    change : Difference
        Change of one group of the other attribute.
    own : (Labels, Labels)
        Labels of the other attribute before and after.
    steered : sequence of (Labels, Labels)
        Labels before and after of each attribute that pictures were steered by, of the same
        pictures in the same order.
    named : (Labels, sequence of Labels), optional
        Labels of the other attribute and of the steered ones in pictures whose prompts name the
        groups, under the prompts of the plain pictures. Their rates are used for groups that are
        rare in plain pictures.
    confidence : float, optional
        Between 0 and 1.

    Raises
    ------
    UsageError
        If labels are of different pictures.
    """
    alone = all(len(set(labels.prompts.tolist())) == 1 for labels in own)
    before, after = (
        _counts(labels, [pair[i] for pair in steered], change.group, alone)
        for i, labels in enumerate(own)
    )
    others = _counts(*named, change.group, alone) if named else {}
    rare = {
        one for one in after
        if before.get(one, NONE)[1] < FEW and others.get(one, NONE)[1] > before.get(one, NONE)[1]
    }  # fmt: skip
    rates = {one: (others if one in rare else before).get(one, NONE) for one in after}
    found = standardised([*after.values()], [*rates.values()], confidence=confidence)
    seen = sum(hits for hits, _ in after.values()) / found.n if found.n else math.nan
    # The part of a rate in the variance of the difference is about w² / n.
    rarest = max(
        after, key=lambda one: after[one][1] / max(rates[one][1], 1e-9) ** 0.5, default=("", "")
    )
    return Expected(
        seen - found.value,
        seen,
        found.value,
        found.low,
        found.high,
        rarest[1],
        rates.get(rarest, NONE)[1],
        bool(rare),
        _reading(change, found),
    )


def _counts(
    own: Labels, steered: Sequence[Labels], group: str, alone: bool
) -> Mapping[Stratum, tuple[int, int]]:
    """Return how many pictures of each stratum show a group, and how many there are."""
    mix = reduce(intersection, steered)
    require_same_pictures(own, mix)
    shows = own.codes == own.groups.index(group)
    prompts = [""] * len(mix) if alone else mix.prompts.tolist()
    places = list(zip(prompts, mix.names.tolist(), strict=True))
    every = Counter(place for place in places if place[1] != UNKNOWN)
    hits = Counter(place for place, hit in zip(places, shows, strict=True) if hit)
    return {place: (hits[place], n) for place, n in every.items()}


def _reading(change: Difference, excess: Estimate) -> Reading:
    if math.isnan(excess.value):
        return "cannot tell"
    if not excess.low <= 0 <= excess.high:
        return "spillover"
    if change.low <= 0 <= change.high:
        return "no change shown"
    if not excess.low <= change.difference / 2 <= excess.high:
        return "brought by the groups"
    return "cannot tell"
